/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/kernelfs.h"

#include "rehearse/place.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Numbers from the kernel's Documentation/admin-guide/devices.txt. */
static const struct device {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct link {
	const char *name, *to;
} links[] = {
	{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* /dev itself opens no device, so that one made there later is only a file; each of ours is a mount
 * of its own, of a node that stands on `stage`. */
static int add_device(int root, int stage, const struct device *d, struct error *err)
{
	char source[32], path[24];
	AUTO_CLOSE int node = -1, place = -1;

	snprintf(path, sizeof path, "/dev/%s", d->name);
	if (mknodat(stage, d->name, S_IFCHR | 0666, makedev(d->major, d->minor)) < 0)
		return error_system(err, "make %s for the sealed root", path);
	node = openat(stage, d->name, O_PATH | O_CLOEXEC);
	place = file_open_below(root, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (node < 0 || place < 0)
		return error_system(err, "make %s in the sealed root", path);
	snprintf(source, sizeof source, "/proc/self/fd/%d", node);
	return place_mount_at(place, path, source, NULL, MS_BIND, NULL, err);
}

static int fill_dev(int root, int stage, struct error *err)
{
	AUTO_CLOSE int dev = file_open_below(root, "/dev", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (dev < 0)
		return error_system(err, "open /dev in the sealed root");
	for (size_t i = 0; i < ROWS(devices); i++)
		if (add_device(root, stage, &devices[i], err) < 0)
			return -1;
	for (size_t i = 0; i < ROWS(links); i++)
		if (symlinkat(links[i].to, dev, links[i].name) < 0)
			return error_system(err, "make /dev/%s in the sealed root", links[i].name);
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 01777) < 0)
		return error_system(err, "make /dev/pts and /dev/shm in the sealed root");
	return 0;
}

static int mount_dev(int root, int stage, struct error *err)
{
	if (place_mount(root, "/dev", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=16m",
	                err) < 0 ||
	    fill_dev(root, stage, err) < 0)
		return -1;
	/* gid 5 is tty in Debian, so that mesg(1) and write(1) find what they expect */
	if (place_mount(root, "/dev/pts", "devpts", "devpts", MS_NOSUID | MS_NOEXEC,
	                "newinstance,ptmxmode=0666,mode=620,gid=5", err) < 0)
		return -1;
	return place_mount(root, "/dev/shm", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777",
	                   err);
}

/* Makes `path`, a mount or a part of one, its own mount with other flags. */
static int remount(int root, const char *path, unsigned long flags, struct error *err)
{
	AUTO_CLOSE int before = -1;
	char source[32];

	before = file_open_below(root, path, O_PATH | O_CLOEXEC, 0);
	if (before < 0)
		return errno == ENOENT ? 0 : error_system(err, "find %s", path);
	snprintf(source, sizeof source, "/proc/self/fd/%d", before);
	if (place_mount_at(before, path, source, NULL, MS_BIND, NULL, err) < 0)
		return -1;
	return place_mount(root, path, NULL, NULL, MS_REMOUNT | MS_BIND | flags, NULL, err);
}

static int mount_proc(int root, struct error *err)
{
	static const char *const guarded[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
		                               "/proc/bus", "/proc/fs" };
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (place_mount(root, "/proc", "proc", "proc", flags, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(guarded); i++)
		if (remount(root, guarded[i], flags | MS_RDONLY, err) < 0)
			return -1;
	return remount(root, "/proc/sys/net", flags, err);
}

int kernelfs_mount(int root, int stage, struct error *err)
{
	AUTO_CLOSE int run = -1;

	if (mount_dev(root, stage, err) < 0 || mount_proc(root, err) < 0 ||
	    place_mount(root, "/sys", "sysfs", "sysfs",
	                MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, err) < 0 ||
	    place_mount(root, "/run", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755", err) < 0)
		return -1;
	run = file_open_below(root, "/run", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (run < 0 || mkdirat(run, "lock", 01777) < 0)
		return error_system(err, "make /run/lock in the sealed root");
	return place_mount(root, "/tmp", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", err);
}
