/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * attr -- attributes under one name each; clang 14 knows no [[...]] in C17.
 * They stand after the declarator, which also works on members of a vtable.
 */

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

/* Number of rows in a table that is in scope. */
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
