/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* place -- a folder for the state.db of one test. */

#include "unit/files.h"

#include <stdlib.h>

static char dir[64];

static int set_up(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/mailhaul-unit-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	files_remove(dir);
	return 0;
}
