/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/disk.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct system_disk {
	struct spool_disk table; /* first: the two are one pointer */
	int dirfd;
	bool give_away; /* root works in another's folder: new files are to be that one's */
	uid_t uid;
	gid_t gid;
};

static int dirfd_of(struct spool_disk *d)
{
	return ((struct system_disk *)d)->dirfd;
}

/* The gate that wrote the folder may have been turned against us: nothing outside is reached. */
static int disk_open(struct spool_disk *d, const char *name, int flags)
{
	const struct system_disk *s = (struct system_disk *)d;
	AUTO_CLOSE int fd = file_open_below(s->dirfd, name, flags | O_NOFOLLOW, 0600);

	if (fd >= 0 && flags & O_CREAT && s->give_away && fchown(fd, s->uid, s->gid) < 0)
		return -1;
	return fd_take(&fd);
}

static void disk_close(struct spool_disk *d, int fd)
{
	close(fd);
}

static int disk_lock(struct spool_disk *d, int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static ssize_t disk_pread(struct spool_disk *d, int fd, void *to, size_t n, uint64_t at, bool now)
{
	struct iovec iov = { to, n };
	ssize_t got;

	if (now) {
		got = preadv2(fd, &iov, 1, (off_t)at, RWF_NOWAIT);
		/* a kernel or a file system that can't say: let a thread that may wait do it */
		if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
			errno = EAGAIN;
		return got;
	}
	do {
		got = pread(fd, to, n, (off_t)at);
	} while (got < 0 && errno == EINTR);
	return got;
}

static int disk_pwritev(struct spool_disk *d, int fd, struct iovec *iov, int n, uint64_t at)
{
	while (n) {
		ssize_t done = pwritev(fd, iov, n < IOV_MAX ? n : IOV_MAX, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += (uint64_t)done;
		while (n && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static int disk_allocate(struct spool_disk *d, int fd, uint64_t size)
{
	int result;

	do {
		result = fallocate(fd, 0, 0, (off_t)size);
	} while (result < 0 && errno == EINTR);
	return result;
}

static int disk_truncate(struct spool_disk *d, int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size);
}

static int disk_sync(struct spool_disk *d, int fd)
{
	return fdatasync(fd);
}

static int disk_sync_folder(struct spool_disk *d, const char *name)
{
	AUTO_CLOSE int fd = file_open_below(dirfd_of(d), name, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? -1 : fsync(fd);
}

static void disk_forget(struct spool_disk *d, int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int disk_size(struct spool_disk *d, int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	*size = (uint64_t)st.st_size;
	return 0;
}

static int disk_unlink(struct spool_disk *d, const char *name)
{
	return unlinkat(dirfd_of(d), name, 0);
}

static int disk_make_folder(struct spool_disk *d, const char *name)
{
	const struct system_disk *s = (struct system_disk *)d;

	if (mkdirat(s->dirfd, name, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	if (s->give_away)
		return fchownat(s->dirfd, name, s->uid, s->gid, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int disk_list(struct spool_disk *d, void (*see)(void *context, const char *name),
                     void *context)
{
	int fd = openat(dirfd_of(d), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(dir)))
		see(context, entry->d_name);
	if (errno) {
		int why = errno;

		closedir(dir);
		errno = why;
		return -1;
	}
	closedir(dir);
	return 0;
}

static int disk_room(struct spool_disk *d, uint64_t *free)
{
	struct statvfs st;

	if (fstatvfs(dirfd_of(d), &st) < 0)
		return -1;
	*free = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

static void disk_end(struct spool_disk *d)
{
	close(dirfd_of(d));
	free(d);
}

static const struct spool_disk system_table = {
	.open = disk_open,
	.close = disk_close,
	.lock = disk_lock,
	.pread = disk_pread,
	.pwritev = disk_pwritev,
	.allocate = disk_allocate,
	.truncate = disk_truncate,
	.sync = disk_sync,
	.sync_folder = disk_sync_folder,
	.forget = disk_forget,
	.size = disk_size,
	.unlink = disk_unlink,
	.make_folder = disk_make_folder,
	.list = disk_list,
	.room = disk_room,
	.end = disk_end,
};

/* The folder's own name has to be durable too, or the spool is gone with the machine. */
static int make_durable(const char *path, struct error *err)
{
	AUTO_FREE char *parent = xasprintf("%s/..", path);

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : error_system(err, "make %s", path);
	AUTO_CLOSE int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_system(err, "fsync the folder of %s", path);
	return 0;
}

int spool_disk_system(const char *path, bool make, struct spool_disk **out, struct error *err)
{
	struct system_disk *d;
	struct stat st;

	if (make && make_durable(path, err) < 0)
		return -1;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_system(err, "open %s", path);
	d = xcalloc(1, sizeof *d);
	d->table = system_table;
	d->give_away = geteuid() == 0 && st.st_uid != 0;
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	d->dirfd = fd_take(&fd);
	*out = &d->table;
	return 0;
}
