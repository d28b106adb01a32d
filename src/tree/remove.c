/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/remove.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* One descriptor each. */
#define DEPTH_MAX 200u

static int remove_at(int dirfd, const char *name, dev_t device, unsigned depth, struct error *err);

static int empty(int fd, dev_t device, unsigned depth, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_CLOSE int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir = own < 0 ? NULL : fdopendir(own);

	if (!dir)
		return error_system(err, "open a directory in it");
	(void)fd_take(&own);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_add(&names, entry->d_name);
	closedir(dir);
	for (size_t i = 0; i < names.n; i++)
		if (remove_at(fd, names.rows[i], device, depth, err) < 0)
			return -1;
	return 0;
}

static int remove_at(int dirfd, const char *name, dev_t device, unsigned depth, struct error *err)
{
	struct stat st;

	/* not rmdir(2) first: on a file system that is mounted there it would say EBUSY */
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_system(err, "remove a name in it");

	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_system(err, "remove a name in it");
	if (st.st_dev != device)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, EBUSY,
		                 "another file system is mounted in it");
	if (depth == DEPTH_MAX)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0,
		                 "it is more than %u levels deep", DEPTH_MAX);
	if (empty(fd, device, depth + 1, err) < 0)
		return -1;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_system(err, "remove a directory in it");
	return 0;
}

int tree_remove_name(int dirfd, const char *name, bool whole, struct error *err)
{
	struct stat st;

	if (whole) {
		if (fstat(dirfd, &st) < 0)
			return error_system(err, "stat its directory");
		return remove_at(dirfd, name, st.st_dev, 0, err);
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_system(err, "remove it");
	if (unlinkat(dirfd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return error_system(err, "remove it");
	return 0;
}
