/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/render.h"

#include "base/file.h"
#include "base/memory.h"
#include "lists/render_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MARK ".mailhaul-render" /* in a folder that is ours */
#define BESIDE ".mailhaul-new"  /* behind the folder's name, while it is made */
#define LEVELS 20

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

void render_result_fini(struct render_result *r)
{
	strings_fini(&r->named);
	strings_fini(&r->kept);
	*r = (struct render_result){ 0 };
}

void render_run_fini(struct render_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		free(run->messages[i].id);
		free(run->messages[i].subject);
		free(run->messages[i].author);
		free(run->messages[i].refers);
	}
	for (size_t i = 0; i < run->volumes_n; i++) {
		free(run->volumes[i].name);
		free(run->volumes[i].messages);
		free(run->volumes[i].depths);
	}
	free(run->messages);
	free(run->volumes);
	free(run->old_used);
	lists_mbox_index_fini(&run->index);
	if (run->mbox >= 0)
		(void)close(run->mbox);
}

/* ── the folder ──────────────────────────────────────────────────────────────────────────────── */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int remove_tree(const char *path, struct error *err)
{
	if (nftw(path, remove_one, LEVELS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", path);
	return 0;
}

/* Nothing there, an empty folder, or one of ours. */
static int check_folder(const char *path, bool *there, struct error *err)
{
	AUTO_FREE char *mark = xasprintf("%s/" MARK, path);
	struct stat st;

	*there = lstat(path, &st) == 0;
	if (!*there)
		return errno == ENOENT ? 0 : error_system(err, "%s", path);
	if (S_ISDIR(st.st_mode) && (access(mark, F_OK) == 0 || rmdir(path) == 0)) {
		*there = access(path, F_OK) == 0;
		return 0;
	}
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "%s is there, and was not made by `lists archive render`", path);
	return error_hint(err, "name a folder that is not there yet");
}

static int sync_parent(const char *path, struct error *err)
{
	AUTO_FREE char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	AUTO_CLOSE int fd = -1;

	if (slash)
		slash[slash == parent] = '\0';
	fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? error_system(err, "%s", path) : 0;
}

/* In one step, whether the folder is there or not; the old one is removed behind it. */
static int put_in_place(const char *beside, const char *path, bool there, struct error *err)
{
	if (syscall(SYS_renameat2, AT_FDCWD, beside, AT_FDCWD, path,
	            there ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
		return error_system(err, "put %s in its place", path);
	if (sync_parent(path, err) < 0)
		return -1;
	return there ? remove_tree(beside, err) : 0;
}

static int is_busy(const char *beside, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	                 "%s is being made by another call", beside);
}

/* Whether the folder that `fd` is of still has that name. */
static bool is_there(const char *path, int fd)
{
	struct stat named, held;

	return lstat(path, &named) == 0 && fstat(fd, &held) == 0 && named.st_ino == held.st_ino &&
	       named.st_dev == held.st_dev;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Made anew, and locked while it is written: a second call finds it so, and ends. What a call that was killed has
 * left is locked by nobody. */
static int open_beside(const char *beside, int *dir, struct error *err)
{
	AUTO_CLOSE int left = open_folder(beside);

	if (left >= 0 && (flock(left, LOCK_EX | LOCK_NB) < 0 || !is_there(beside, left)))
		return is_busy(beside, err);
	if (left >= 0 && remove_tree(beside, err) < 0)
		return -1;
	if (mkdir(beside, 0755) < 0)
		return errno == EEXIST ? is_busy(beside, err) : error_system(err, "%s", beside);
	*dir = open_folder(beside);
	if (*dir < 0)
		return error_system(err, "%s", beside);
	return flock(*dir, LOCK_EX | LOCK_NB) < 0 || !is_there(beside, *dir) ? is_busy(beside, err)
	                                                                     : 0;
}

static int write_mark(int dir, struct error *err)
{
	AUTO_CLOSE int fd = openat(dir, MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? error_system(err, "%s", MARK) : 0;
}

static int write_all(struct render_run *run, struct error *err)
{
	AUTO_FREE char *path = xstrdup(run->o->to), *beside = NULL;
	AUTO_CLOSE int dir = -1;
	bool there;

	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	beside = xasprintf("%s" BESIDE, path);
	if (check_folder(path, &there, err) < 0 || open_beside(beside, &dir, err) < 0)
		return -1;
	if (write_mark(dir, err) < 0 || render_write(run, dir, err) < 0 ||
	    render_keep_old(run, dir, err) < 0)
		return error_context(err, "%s", beside);
	if (syncfs(dir) < 0)
		return error_system(err, "make %s durable", beside);
	return put_in_place(beside, path, there, err);
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static int run_all(struct render_run *run, struct error *err)
{
	run->mbox = open(run->o->mbox, O_RDONLY | O_CLOEXEC);
	if (run->mbox < 0)
		return error_system(err, "%s", run->o->mbox);
	if (lists_mbox_index_file(&run->index, run->mbox, err) < 0)
		return error_context(err, "%s", run->o->mbox);
	if (run->index.n >= RENDER_NONE)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EFBIG, "%s",
		                 run->o->mbox);
	run->r->octets = run->index.octets;
	run->r->from_lines = run->index.n;
	if (run->index.before)
		strings_addf(&run->r->named, "%llu octets before the first message: are on no page",
		             (unsigned long long)run->index.before);
	if (render_look(run, err) < 0)
		return -1;
	render_thread(run);
	run->r->volumes = run->volumes_n;
	if (!run->o->to) {
		run->r->messages = run->n - run->r->strays;
		return 0;
	}
	return write_all(run, err);
}

int render(const struct render_options *o, struct render_result *r, struct error *err)
{
	struct render_run run = { .o = o, .r = r, .mbox = -1 };
	int result = run_all(&run, err);

	render_run_fini(&run);
	return result;
}
