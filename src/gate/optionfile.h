/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * optionfile -- a YAML file of the form "key: value" or "key: [value, ...]", one level deep. What the
 * keys mean is the caller's.
 */

#include "base/error.h"
#include "base/text.h"

#define GATE_OPTION_FILE_MAX 262144u /* octets */

/* Called for each value in the file's order; both borrowed. -1 with *err: the file is refused. */
typedef int gate_option_take(void *context, struct span key, const char *value, struct error *err);

/*
 *   errors  ERROR_RETRY_NEVER, "FILE:LINE: words"
 */
int gate_option_file_read(const char *path, gate_option_take *take, void *context,
                          struct error *err) MUST_CHECK;
