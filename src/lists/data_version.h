/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* data_version -- DATA_FILE_VERSION: a Mailman brings older data up to its own when it first touches them,
 * and cannot do the reverse. */

#include "lists/paths.h"

#include <stdbool.h>
#include <stdint.h>

/* 2.1.19's: a list that an older one has saved it recodes when it first loads it, if it is Romanian or Russian;
 * not its requests, nor pages. */
#define LISTS_DATA_VERSION_RECODES 108

/* Of a release, "2.1.39". 0: not known. */
int64_t lists_data_version_of(const char *release);

/* Ports to Python 3 call themselves 2.2.0; Mailman's makers never released a 2.2. Theirs is that of 2.1.39. */
bool lists_release_is_ported(const char *release);

/* Of an installation: what its Mailman/Version.py says, or else the release; 0: not known. -1: the host can't
 * be reached. */
int lists_data_version_read(struct host *h, const struct lists_installation *m, int64_t *version,
                            struct error *err) MUST_CHECK;
