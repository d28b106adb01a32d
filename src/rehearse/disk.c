/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/disk.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOP_TRIES 64 /* another program may take the free device between question and use */

static int person(struct error *err, const char *hint)
{
	err->retry = ERROR_RETRY_PERSON;
	return error_hint(err, "%s", hint);
}

static int backing_open(uint64_t size, struct error *err)
{
	const char *directory = getenv("TMPDIR");
	AUTO_CLOSE int fd = -1;

	if (!directory || !directory[0])
		directory = "/var/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd < 0) {
		error_system(err, "make a file without a name in %s", directory);
		return person(err, "let TMPDIR name a directory on a file system that can "
		                   "(ext4, xfs, btrfs, tmpfs)");
	}
	if (ftruncate(fd, (off_t)size) < 0)
		return error_system(err, "make a file of %llu octets in %s",
		                    (unsigned long long)size, directory);
	return fd_take(&fd);
}

/* Opens loop device N through a node of our own, which is gone again on return. */
static int loop_open(int n, const char *node)
{
	int fd;

	if (mknod(node, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)n)) < 0)
		return -1;
	fd = open(node, O_RDWR | O_CLOEXEC);
	return fd;
}

/* The name that sysfs gives the file behind loop device N; "" when there is none. */
static void backing_name(int block, int n, char name[128])
{
	char path[40];
	AUTO_CLOSE int fd = -1;
	ssize_t got;

	snprintf(path, sizeof path, "loop%d/loop/backing_file", n);
	fd = openat(block, path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, name, 127);
	name[got > 0 ? got : 0] = 0;
}

/* Joins a free loop device and the file. Returns the device, open, with its node still there. */
static int loop_attach(int backing, const char *node, int block, struct disk *d, struct error *err)
{
	AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (unsigned)backing,
		                      .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };

	if (control < 0) {
		error_system(err, "open /dev/loop-control");
		return person(err, "the kernel's loop devices are needed (modprobe loop)");
	}
	for (int i = 0; i < LOOP_TRIES; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		int fd = n < 0 ? -1 : loop_open(n, node);

		if (n < 0)
			return error_system(err, "find a free loop device");
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			d->loop = n;
			backing_name(block, n, d->backing);
			return fd;
		}
		int e = errno;

		if (fd >= 0)
			close(fd);
		unlink(node);
		errno = e;
		if (e != EBUSY && e != ENXIO && e != EAGAIN)
			return error_system(err, "attach loop device %d", n);
	}
	errno = EBUSY;
	return error_system(err, "attach a loop device");
}

static int format(const char *node, struct error *err)
{
	/* Nothing that the kernel would fill in later: a throw-away disk of 4 GB takes 2 MB.
	 * No blocks kept for root: the size asked for is the size there is. */
	const char *const argv[] = { "mkfs.ext4",
		                     "-q",
		                     "-F",
		                     "-b",
		                     "4096",
		                     "-m",
		                     "0",
		                     "-O",
		                     "has_journal",
		                     "-E",
		                     "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
		                     node,
		                     NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };

	if (process_run(argv, NULL, &r, err) < 0)
		return err->sys_errno == ENOENT ? person(err, "install the package e2fsprogs") : -1;
	return process_expect_good(argv, &r, err);
}

int disk_mount(struct disk *out, uint64_t size, const char *at, const char *node, int block,
               struct error *err)
{
	AUTO_CLOSE int backing = -1;
	AUTO_CLOSE int loop = -1;
	int result;

	*out = (struct disk){ .loop = -1 };
	if (size == 0) {
		if (mount("tmpfs", at, "tmpfs", MS_NODEV, "mode=755") < 0)
			return error_system(err, "mount a disk in memory");
		return 0;
	}
	backing = backing_open(size, err);
	if (backing < 0)
		return -1;
	loop = loop_attach(backing, node, block, out, err);
	if (loop < 0)
		return -1;
	result = format(node, err);
	/* nodev: a device node on this disk is only a file. The one place where devices open is
	 * the host's /dev, and the real disk is not there. */
	if (result == 0 && mount(node, at, "ext4", MS_NODEV | MS_NOATIME, "noinit_itable") < 0)
		result = error_system(err, "mount the throw-away disk");
	unlink(node);
	return result;
}

bool disk_is_gone(const struct disk *d)
{
	AUTO_CLOSE int block = open("/sys/block", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char now[sizeof d->backing];

	if (d->loop < 0 || !d->backing[0])
		return true;
	backing_name(block, d->loop, now);
	return strcmp(now, d->backing) != 0;
}

/* How many the kernel made by itself when it started; 0: none, or it does not tell. */
static uint64_t loops_of_kernel(void)
{
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	uint64_t n;

	if (file_read("/sys/module/loop/parameters/max_loop", 64, &text, &ignored) < 0 ||
	    !span_parse_u64(span_trim(buf_span(&text)), &n))
		return 0;
	return n;
}

void disk_list_loops(struct strings *names)
{
	DIR *d = opendir("/sys/block");
	uint64_t own = loops_of_kernel(), n;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "loop", 4) != 0)
			continue;
		/* one above these was made for somebody's need, maybe another set's that ends
		 * before ours: whoever has it last takes it away */
		if (own && text_parse_u64(e->d_name + 4, &n) && n >= own)
			continue;
		strings_add(names, e->d_name);
	}
	if (d)
		closedir(d);
}

void disk_forget(const struct disk *d, const struct strings *before)
{
	AUTO_CLOSE int control = -1;
	char name[24];

	snprintf(name, sizeof name, "loop%d", d->loop);
	if (d->loop < 0 || strings_has(before, name))
		return;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	/* in use again by someone else: EBUSY, and it stays */
	if (control >= 0)
		(void)ioctl(control, LOOP_CTL_REMOVE, d->loop);
}
