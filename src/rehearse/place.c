/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/place.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

int place_open(int root, const char *path, struct error *err)
{
	int fd = file_open_below(root, path, O_PATH | O_CLOEXEC, 0);

	if (fd < 0)
		return error_system(err, "find %s in the sealed root", path);
	return fd;
}

int place_make(int root, const char *path, struct error *err)
{
	AUTO_BUF struct buf walked = { 0 };
	AUTO_CLOSE int fd = fcntl(root, F_DUPFD_CLOEXEC, 3);
	struct span rest = span_of(path), part;

	while (fd >= 0 && span_next_part(&rest, '/', &part)) {
		AUTO_FREE char *name = span_dup(part);

		if (!part.n)
			continue;
		buf_add_char(&walked, '/');
		buf_add_span(&walked, part);
		if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
			return error_system(err, "make %s in the sealed root", path);
		close(fd);
		fd = file_open_below(root, buf_text(&walked), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	}
	if (fd < 0)
		return error_system(err, "make %s in the sealed root", path);
	return fd_take(&fd);
}

int place_write(int root, const char *path, struct span text, struct error *err)
{
	const char *name;
	AUTO_CLOSE int directory = file_open_parent_below(root, path, &name);
	AUTO_CLOSE int fd = -1;

	if (directory < 0)
		return error_system(err, "find the directory of %s in the sealed root", path);
	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
		return error_system(err, "replace %s in the sealed root", path);
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, text.p, text.n) < 0)
		return error_system(err, "write %s in the sealed root", path);
	return 0;
}

int place_mount_at(int place, const char *path, const char *source, const char *type,
                   unsigned long flags, const char *data, struct error *err)
{
	char target[32];

	snprintf(target, sizeof target, "/proc/self/fd/%d", place);
	if (mount(source, target, type, flags, data) < 0)
		return error_system(err, "mount %s at %s in the sealed root", source ? source : "",
		                    path);
	return 0;
}

int place_mount(int root, const char *path, const char *source, const char *type,
                unsigned long flags, const char *data, struct error *err)
{
	AUTO_CLOSE int place = place_open(root, path, err);

	return place < 0 ? -1 : place_mount_at(place, path, source, type, flags, data, err);
}
