/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* remove -- takes a name out of a directory, and with it all that lies below. */

#include "base/error.h"

#include <stdbool.h>

/*
 * Removes `name`, which is one component, from the open directory. One that is missing is removed.
 *
 *   whole   a directory goes with all that it holds; links in it are removed, not followed, and
 *           another file system in it is not entered. Else a directory must be empty
 */
int tree_remove_name(int dirfd, const char *name, bool whole, struct error *err) MUST_CHECK;
