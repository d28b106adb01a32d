/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/below.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "tree/node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

int tree_open_root(int hostfd, const char *root, struct error *err)
{
	int fd = file_open_below(hostfd, root, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0)
		return fd;
	error_system(err, "open %s", root);
	err->scope = ERROR_SCOPE_MAILBOX;
	return -1;
}

/* For kernels before 5.6. */
static int open_by_components(int rootfd, const char *path, int flags)
{
	AUTO_CLOSE int at = fcntl(rootfd, F_DUPFD_CLOEXEC, 0);
	struct span rest = span_of(path), part, next;

	if (at < 0)
		return -1;
	span_next_part(&rest, '/', &part);
	while (span_next_part(&rest, '/', &next)) {
		AUTO_FREE char *name = span_dup(part);
		int below = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (below < 0)
			return -1;
		close(at);
		at = below;
		part = next;
	}

	AUTO_FREE char *last = span_dup(part);
	return openat(at, last, flags | O_NOFOLLOW | O_CLOEXEC);
}

int tree_open_below(int rootfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (!tree_path_fits(path)) {
		errno = EINVAL;
		return -1;
	}
	if (!*path)
		return openat(rootfd, ".", flags | O_CLOEXEC);
	do {
		fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof how);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_components(rootfd, path, flags);
	return fd;
}

int tree_open_parent(int rootfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	if (!*path || !tree_path_fits(path)) {
		errno = EINVAL;
		return -1;
	}
	*name = slash ? slash + 1 : path;
	return tree_open_below(rootfd, parent, O_RDONLY | O_DIRECTORY);
}
