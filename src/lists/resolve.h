/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* resolve -- where a path of a host ends when all symbolic links in it are followed, as the host
 * would. */

#include "base/error.h"
#include "remote/host.h"

/*
 *   out      the path without links, owned by the caller; NULL: not wanted
 *   entry    what is there; its path and target are NULL; NULL: not wanted
 *   returns  1 it is there; 0 it is not, may not be looked at, or its links go in circles; -1 the
 *            host can't be reached
 */
int lists_resolve(struct host *h, const char *path, char **out, struct host_entry *entry,
                  struct error *err) MUST_CHECK;

/* The same of many paths that lie near each other: directories on the way that are no links are put
 * into `known`, and not looked at again. The last component always is. */
int lists_resolve_near(struct host *h, struct strings *known, const char *path, char **out,
                       struct host_entry *entry, struct error *err) MUST_CHECK;
