/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* files -- what tests do with folders of their own. */

#include "unit/unit.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* How many names are in a directory. */
static inline unsigned files_count(const char *path)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir = opendir(path);

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return n;
}

static inline int files_remove_one(const char *path, const struct stat *st, int flag,
                                   struct FTW *ftw)
{
	return remove(path);
}

/* Removes a directory with all that is below it. */
static inline void files_remove(const char *path)
{
	(void)nftw(path, files_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}
