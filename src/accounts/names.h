/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * names -- which names from the old side may become an account, a domain or a path on the new one.
 *
 * The old side may be hostile: what it calls things ends up in argument lists, colon-separated files
 * and paths. What does not pass here is listed for a person and never made.
 */

#include "base/text.h"

#include <stdbool.h>

/* Fit for useradd(8): [a-z_][a-z0-9_-]*[$]?, letters of either case and dots allowed inside (old
 * servers have them), at most 32 octets, not only digits. */
bool account_name_good(const char *name);

/* Fit for the comment field: no colon, no control octet, at most 255 octets. */
bool account_gecos_good(const char *gecos);

/* An absolute path without "." or ".." components, control octets, colons or a trailing slash, at
 * most 1024 octets. "/" itself is not good. */
bool account_path_good(const char *path);

/* Letters, digits, hyphens, underscores and dots, at most 253 octets, no empty label; or an address
 * in brackets. */
bool account_domain_good(const char *domain);

/* A hash as shadow(5) and chpasswd(8) take it: printable ASCII without colon or blank, at most 512
 * octets, neither empty nor locked ("!", "*"). */
bool account_hash_good(const char *hash);
