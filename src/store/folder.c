/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/folder.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "mail/flags.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A client may rename a message again while it is being looked for. */
#define LOOKS_MAX 20

int folder_open_root(int rootfd, const char *root, struct error *err)
{
	int fd = file_open_below(rootfd, root, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0)
		return fd;
	error_system(err, "open %s", root);
	err->scope = ERROR_SCOPE_MAILBOX;
	return -1;
}

int folder_open_below(int dirfd, const char *path)
{
	AUTO_CLOSE int at = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	struct span rest = span_of(path), part;

	if (at < 0 || !*path)
		return fd_take(&at);
	while (span_next_part(&rest, '/', &part)) {
		AUTO_FREE char *name = span_dup(part);
		int below;

		if (!mail_name_fits(part)) {
			errno = EINVAL;
			return -1;
		}
		below = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			return -1;
		close(at);
		at = below;
	}
	return fd_take(&at);
}

int folder_open_parent(int dirfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	const char *last = slash ? slash + 1 : path;

	if (!mail_name_fits(span_of(last)) || (slash && !*parent)) {
		errno = EINVAL;
		return -1;
	}
	*name = last;
	return folder_open_below(dirfd, parent);
}

int folder_open_file(int dirfd, const char *name, struct stat *st)
{
	/* O_NONBLOCK: a FIFO under the name must not hang us */
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		return -1;
	if (!S_ISREG(st->st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return fd_take(&fd);
}

void folder_message_fini(struct folder_message *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m->name);
	*m = (struct folder_message){ .fd = -1 };
}

static int find_in(int folderfd, const char *directory, const char *base, char **name)
{
	AUTO_CLOSE int fd = openat(folderfd, directory,
	                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	size_t n = strlen(base);
	int why;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return -1;
	(void)fd_take(&fd); /* the stream's now */
	*name = NULL;
	for (errno = 0; !*name && (entry = readdir(dir)); errno = 0)
		if (!strncmp(entry->d_name, base, n) &&
		    (entry->d_name[n] == 0 || entry->d_name[n] == ':'))
			*name = xstrdup(entry->d_name);
	why = errno;
	closedir(dir);
	if (*name)
		return 0;
	/* a directory that can't be read to its end is not one without that name */
	errno = why ? why : ENOENT;
	return -1;
}

int folder_find_name(int folderfd, const char *base, char **name, bool *in_new)
{
	/* new/ before cur/: a message only ever goes that way, so it can't slip past */
	for (int look = 0; look < 2; look++) {
		*in_new = true;
		if (find_in(folderfd, "new", base, name) == 0)
			return 0;
		if (errno != ENOENT)
			return -1;
		*in_new = false;
		if (find_in(folderfd, "cur", base, name) == 0)
			return 0;
		if (errno != ENOENT)
			return -1;
	}
	errno = ENOENT;
	return -1;
}

static int open_named(int folderfd, struct folder_message *m)
{
	AUTO_CLOSE int dir = openat(folderfd, m->in_new ? "new" : "cur",
	                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return -1;
	m->fd = folder_open_file(dir, m->name, &m->st);
	return m->fd < 0 ? -1 : 0;
}

int folder_open_message(int folderfd, const char *base, const char *suffix, bool in_new,
                        struct folder_message *out)
{
	*out = (struct folder_message){ .fd = -1 };
	out->name = xasprintf("%s%s", base, suffix);
	out->in_new = in_new;
	for (int look = 0; look < LOOKS_MAX; look++) {
		if (open_named(folderfd, out) == 0)
			return 0;
		if (errno != ENOENT)
			break;
		free(out->name);
		out->name = NULL;
		if (folder_find_name(folderfd, base, &out->name, &out->in_new) < 0)
			break;
	}

	int why = errno;
	folder_message_fini(out);
	errno = why;
	return -1;
}
