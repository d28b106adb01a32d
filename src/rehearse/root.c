/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/root.h"

#include "rehearse/identity.h"
#include "rehearse/kernelfs.h"
#include "rehearse/mounts.h"
#include "rehearse/place.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the parts are put together. Every Linux has this directory, nothing of the real host's data
 * is ever below it, and in our own mount namespace nobody else sees that it is covered. */
#define STAGE "/sys"
#define STAGE_DISK STAGE "/disk"
#define STAGE_ROOT STAGE "/root"
#define STAGE_NODE STAGE "/node"
#define STAGE_DEVICES STAGE "/devices"

static int stage_open(uint64_t size, struct disk *disk, struct error *err)
{
	AUTO_CLOSE int block = open("/sys/block", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_system(err, "make the mounts private");
	if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID, "mode=700,size=1m") < 0 ||
	    mkdir(STAGE_DISK, 0700) < 0 || mkdir(STAGE_ROOT, 0755) < 0 ||
	    mkdir(STAGE_DEVICES, 0755) < 0)
		return error_system(err, "prepare a place to build the root");
	if (disk_mount(disk, size, STAGE_DISK, STAGE_NODE, block, err) < 0)
		return error_context(err, "throw-away disk");
	return 0;
}

/* A directory on the throw-away disk with owner and mode of `like`. */
static int make_like(const char *path, int like, struct error *err)
{
	struct stat s;

	if (fstat(like, &s) < 0 || mkdir(path, 0700) < 0 || chown(path, s.st_uid, s.st_gid) < 0 ||
	    chmod(path, s.st_mode & 07777) < 0)
		return error_system(err, "make a directory on the throw-away disk");
	return 0;
}

/* An overlay over the directory `lower` at `target`, with its layers in `layers` on the disk. */
static int overlay_mount(int lower, const char *layers, int target, const char *path,
                         struct error *err)
{
	char upper[64], data[192];
	int result;

	snprintf(upper, sizeof upper, "%s/upper", layers);
	/* The lower directory as "." needs none of overlayfs's quoting. redirect_dir: a directory
	 * of the real host can be renamed. xino: one device number, as on a real disk. */
	snprintf(data, sizeof data,
	         "lowerdir=.,upperdir=%s/upper,workdir=%s/work,redirect_dir=on,xino=auto", layers,
	         layers);
	if (mkdir(layers, 0700) < 0)
		return error_system(err, "make the layers of %s", path);
	if (make_like(upper, lower, err) < 0)
		return -1;
	snprintf(upper, sizeof upper, "%s/work", layers);
	if (mkdir(upper, 0700) < 0 || fchdir(lower) < 0)
		return error_system(err, "make the layers of %s", path);
	result = place_mount_at(target, path, "overlay", "overlay", MS_NODEV, data, err);
	if (chdir("/") < 0)
		return error_system(err, "leave %s", path);
	return result;
}

static int mount_main(const char *from, struct error *err)
{
	AUTO_CLOSE int lower = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int target = open(STAGE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (lower < 0 || target < 0)
		return error_system(err, "open %s", from);
	if (overlay_mount(lower, STAGE_DISK "/main", target, "/", err) == 0)
		return 0;
	if (err->sys_errno == ENODEV) {
		err->retry = ERROR_RETRY_PERSON;
		error_hint(err, "the kernel's overlayfs is needed (modprobe overlay)");
	}
	return -1;
}

/* A single file that is mounted (a container's /etc/hosts, say): read-only, as it is. */
static int mount_file(int source, int target, const char *path, struct error *err)
{
	char from[32];

	snprintf(from, sizeof from, "/proc/self/fd/%d", source);
	return place_mount_at(target, path, from, NULL, MS_BIND, NULL, err);
}

static int mount_read_only(int root, int source, const char *path, struct error *err)
{
	AUTO_CLOSE int target = place_open(root, path, err);

	if (target < 0 || mount_file(source, target, path, err) < 0)
		return -1;
	return place_mount(root, path, NULL, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV,
	                   NULL, err);
}

/* One more file system of the real host, which has it at `from`. Where overlayfs does not take it as a
 * lower layer (vfat, some network file systems), it is shown read-only. */
static int mount_further(int root, const char *from, const char *path, size_t number,
                         struct error *err)
{
	AUTO_CLOSE int lower = open(from, O_PATH | O_CLOEXEC);
	AUTO_CLOSE int target = place_open(root, path, err);
	char layers[48];
	struct stat s;

	if (lower < 0 || target < 0)
		return 0; /* covered, or removed by now: the host does not see it either */
	if (fstat(lower, &s) < 0)
		return error_system(err, "look at %s", path);
	if (!S_ISDIR(s.st_mode))
		return mount_read_only(root, lower, path, err);
	snprintf(layers, sizeof layers, STAGE_DISK "/mount-%zu", number);
	if (overlay_mount(lower, layers, target, path, err) == 0)
		return 0;
	return mount_read_only(root, lower, path, err);
}

/* `below`: the folder that becomes "/"; what is mounted elsewhere is none of its host's. */
static int mount_others(int root, const char *below, const struct mount_list *mounts,
                        struct error *err)
{
	size_t n = strcmp(below, "/") == 0 ? 0 : strlen(below);

	for (size_t i = 0; i < mounts->n; i++) {
		const char *path = mounts->rows[i].path;

		if (strncmp(path, below, n) == 0 && path[n] == '/' && path[n + 1] &&
		    mount_further(root, path, path + n, i, err) < 0)
			return error_context(err, "carry %s", path);
	}
	return 0;
}

/* Before the stage covers /sys, and after the namespace got mount numbers of its own. */
static int mounts_read(struct mount_list *out, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	AUTO_MOUNT_LIST struct mount_list all = { 0 };

	if (file_read("/proc/self/mountinfo", 16u << 20, &text, err) < 0)
		return -1;
	mount_list_parse(&all, buf_span(&text));
	for (size_t i = 0; i < all.n; i++) {
		struct mount_row *row = &all.rows[i];

		if (!mount_is_visible(row->id, row->path))
			continue;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = *row;
		*row = (struct mount_row){ 0 };
	}
	return 0;
}

static int mount_fresh(int root, const char *path, unsigned number, struct error *err)
{
	AUTO_CLOSE int target = place_make(root, path, err);
	char source[48];

	if (target < 0)
		return -1;
	snprintf(source, sizeof source, STAGE_DISK "/fresh-%u", number);
	if (make_like(source, target, err) < 0)
		return -1;
	return place_mount_at(target, path, source, NULL, MS_BIND, NULL, err);
}

/* A directory of the real host at the same path: the one hole in the seal, made on purpose. */
static int mount_shared(int root, const char *path, bool writable, struct error *err)
{
	AUTO_CLOSE int source = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int target = -1;
	char from[32];

	if (source < 0)
		return error_system(err, "open %s", path);
	target = place_make(root, path, err);
	if (target < 0)
		return -1;
	if (!writable)
		return mount_read_only(root, source, path, err);
	snprintf(from, sizeof from, "/proc/self/fd/%d", source);
	return place_mount_at(target, path, from, NULL, MS_BIND | MS_REC, NULL, err);
}

static int mount_listed(int root, const struct description_host *h, struct error *err)
{
	AUTO_CLOSE int devices = open(STAGE_DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < h->fresh_count; i++)
		if (mount_fresh(root, h->fresh[i], i, err) < 0)
			return error_context(err, "fresh %s", h->fresh[i]);
	if (kernelfs_mount(root, devices, err) < 0)
		return -1;
	for (unsigned i = 0; i < h->show_count; i++)
		if (mount_shared(root, h->show[i], false, err) < 0)
			return error_context(err, "show %s", h->show[i]);
	for (unsigned i = 0; i < h->share_count; i++)
		if (mount_shared(root, h->share[i], true, err) < 0)
			return error_context(err, "share %s", h->share[i]);
	return 0;
}

/* pivot_root(2), "pivot_root(".", ".")": old and new root on one place, no directory is needed. */
static int pivot(int root, struct error *err)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_system(err, "enter the sealed root");
	return 0;
}

int root_enter(const char *set, const struct description_host *h, struct disk *disk,
               struct error *err)
{
	AUTO_MOUNT_LIST struct mount_list mounts = { 0 };
	AUTO_FREE char *from = h->root ? realpath(h->root, NULL) : xstrdup("/");
	AUTO_CLOSE int root = -1;
	mode_t mask = umask(0);

	if (!from)
		return error_system(err, "find %s", h->root);
	if (mounts_read(&mounts, err) < 0 || stage_open(h->disk_size, disk, err) < 0 ||
	    mount_main(from, err) < 0)
		return -1;
	root = open(STAGE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_system(err, "open the sealed root");
	if (mount_others(root, from, &mounts, err) < 0 || mount_listed(root, h, err) < 0 ||
	    identity_write(root, set, h, err) < 0 || pivot(root, err) < 0)
		return -1;
	umask(mask);
	return 0;
}
