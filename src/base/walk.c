/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/walk.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40u
#define DEPTH_MAX 256u

struct walk {
	int fds[DEPTH_MAX]; /* owned; the first is the root, the last is where we stand */
	size_t n;
	char *rest; /* owned; what has still to be walked */
	unsigned links;
};

static int enter(struct walk *w, int fd)
{
	if (fd < 0)
		return -1;
	if (w->n == DEPTH_MAX) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	w->fds[w->n++] = fd;
	return 0;
}

static void leave(struct walk *w, size_t until)
{
	while (w->n > until)
		close(w->fds[--w->n]);
}

static int stands_at(const struct walk *w)
{
	return w->fds[w->n - 1];
}

/* Cuts the next component off w->rest; the caller owns it. NULL at the end. */
static char *next_name(struct walk *w, bool *last)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(from, "/");
	char *name = n ? xstrndup(from, n) : NULL;
	char *rest = xstrdup(from + n);

	free(w->rest);
	w->rest = rest;
	*last = !*rest; /* "a/" is a directory: its last component is the one after the slash */
	return name;
}

/* 1: it was a link, and what it says is walked now; 0: it is none; -1 with errno. */
static int follow(struct walk *w, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(stands_at(w), name, target, sizeof target - 1);

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -1;
	if (++w->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	target[n] = 0;
	if (target[0] == '/')
		leave(w, 1);

	AUTO_FREE char *before = w->rest;
	w->rest = xasprintf("%s%s", target, before);
	return 1;
}

static int open_last(struct walk *w, const char *name, int flags, mode_t mode)
{
	return openat(stands_at(w), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* 1: *fd is the answer; 0: go on; -1 with errno. */
static int step(struct walk *w, int flags, mode_t mode, int *fd)
{
	bool last;
	AUTO_FREE char *name = next_name(w, &last);
	/* open(2): neither flag follows a link in the last place */
	bool is_end = last && (flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL));
	int followed;

	if (!name) {
		*fd = open_last(w, ".", flags & ~(O_CREAT | O_EXCL), 0);
		return *fd < 0 ? -1 : 1;
	}
	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		leave(w, w->n > 1 ? w->n - 1 : 1);
		return 0;
	}
	followed = is_end ? 0 : follow(w, name);
	if (followed)
		return followed < 0 ? -1 : 0;
	if (last) {
		*fd = open_last(w, name, flags, mode);
		return *fd < 0 ? -1 : 1;
	}
	return enter(w, openat(stands_at(w), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int walk_open(int rootfd, const char *path, int flags, mode_t mode)
{
	struct walk w = { .rest = xstrdup(path) };
	int fd = -1, result, e;

	result = enter(&w, fcntl(rootfd, F_DUPFD_CLOEXEC, 0));
	while (result == 0)
		result = step(&w, flags, mode, &fd);
	e = errno;
	leave(&w, 0);
	free(w.rest);
	errno = e;
	return result < 0 ? -1 : fd;
}
