/* SPDX-License-Identifier: BSD-2-Clause */

/* commit -- what was written becomes durable, comes into place, and that becomes durable too. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/batch.h"
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void batch_pending_fini(struct pending *p)
{
	free(p->root);
	free(p->from_dir);
	free(p->from);
	free(p->to_dir);
	free(p->to);
	*p = (struct pending){ 0 };
}

int batch_open(struct write_batch *b, const char *root, const char *path, struct error *err)
{
	AUTO_CLOSE int rootfd = folder_open_root(b->rootfd, root, err);
	int fd;

	if (rootfd < 0)
		return -1;
	fd = folder_open_below(rootfd, path);
	if (fd < 0)
		return error_system(err, "open %s/%s", root, path);
	return fd;
}

int batch_open_aside(int tmpfd)
{
	return openat(tmpfd, BATCH_ASIDE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void batch_leave_aside(struct write_batch *b)
{
	if (b->aside_fd >= 0)
		close(b->aside_fd);
	b->aside_fd = -1;
	b->at_used = true;
}

void write_sync_with(struct write_batch *b, struct sync_list *changed)
{
	sync_move(&b->contents, changed);
}

/* ── aside ───────────────────────────────────────────────────────────────────────────────────── */

/* That it is ours which came there: whoever owns the folder can put another in its place. */
static int check_placed(struct write_batch *b, const struct batch_aside *a, struct error *err)
{
	AUTO_CLOSE int fd = batch_open(b, a->root, a->to_dir, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_dev != a->dev || st.st_ino != a->inode)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
		                 "%s/%s was exchanged while it was filled", a->root, a->to_dir);
	sync_add(&b->directories, fd);
	return 0;
}

/* What cannot be placed as a whole is placed file by file. */
static int place_aside(struct write_batch *b, struct batch_aside *a, struct error *err)
{
	const char *name = strrchr(a->to_dir, '/');
	AUTO_FREE char *above = xstrndup(a->to_dir, name ? (size_t)(name - a->to_dir) : 0);
	AUTO_CLOSE int tmpfd = batch_open(b, a->root, a->from_dir, err);
	AUTO_CLOSE int folderfd = tmpfd < 0 ? -1 : batch_open(b, a->root, above, err);
	/* whoever took cur/ away took the folder away */
	AUTO_CLOSE int curfd = folderfd < 0 ? -1 : batch_open(b, a->root, a->to_dir, err);

	if (curfd < 0)
		return -1;
	if (renameat(tmpfd, BATCH_ASIDE, folderfd, name ? name + 1 : a->to_dir) < 0)
		return 0;
	a->in_place = true;
	sync_add(&b->directories, tmpfd);
	sync_add(&b->directories, folderfd);
	return check_placed(b, a, err);
}

static int place_asides(struct write_batch *b, struct error *err)
{
	for (size_t i = 0; i < b->asides_n; i++)
		if (place_aside(b, &b->asides[i], err) < 0)
			return -1;
	return 0;
}

/* In place, or left: then it is empty by now. */
static void drop_asides(struct write_batch *b)
{
	struct error ignored;

	for (size_t i = 0; i < b->asides_n; i++) {
		struct batch_aside *a = &b->asides[i];
		AUTO_CLOSE int tmpfd = a->in_place ? -1
		                                   : batch_open(b, a->root, a->from_dir, &ignored);

		if (tmpfd >= 0)
			(void)unlinkat(tmpfd, BATCH_ASIDE, AT_REMOVEDIR);
		free(a->root);
		free(a->from_dir);
		free(a->to_dir);
	}
	b->asides_n = 0;
	batch_leave_aside(b);
}

/* ── one by one ──────────────────────────────────────────────────────────────────────────────── */

static bool is_placed(const struct write_batch *b, const struct pending *p)
{
	return p->aside && b->asides[p->aside - 1].in_place;
}

/* Two open directories, kept from row to row while they stay the same. */
struct place {
	const char *root, *dir;
	size_t aside;
	int fd;
};

/* The directory, or the one of ours in it. */
static int open_place(struct write_batch *b, const char *root, const char *dir, size_t aside,
                      struct error *err)
{
	AUTO_CLOSE int fd = batch_open(b, root, dir, err);
	int ours;

	if (fd < 0 || !aside)
		return fd_take(&fd);
	ours = batch_open_aside(fd);
	return ours < 0 ? error_system(err, "open %s/%s/" BATCH_ASIDE, root, dir) : ours;
}

static int place_enter(struct write_batch *b, struct place *p, const char *root, const char *dir,
                       size_t aside, struct error *err)
{
	if (p->fd >= 0 && p->aside == aside && !strcmp(p->root, root) && !strcmp(p->dir, dir))
		return 0;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = open_place(b, root, dir, aside, err);
	if (p->fd < 0)
		return -1;
	p->root = root;
	p->dir = dir;
	p->aside = aside;
	sync_add(&b->directories, p->fd);
	return 0;
}

static int rename_all(struct write_batch *b, size_t *done, struct error *err)
{
	struct place from = { .fd = -1 }, to = { .fd = -1 };
	int result = 0;

	for (*done = 0; result == 0 && *done < b->n;) {
		const struct pending *p = &b->rows[*done];

		if (is_placed(b, p))
			++*done;
		else if (place_enter(b, &from, p->root, p->from_dir, p->aside, err) < 0 ||
		         place_enter(b, &to, p->root, p->to_dir, 0, err) < 0)
			result = -1;
		else if (renameat(from.fd, p->from, to.fd, p->to) < 0)
			result = error_system(err, "rename into %s/%s", p->root, p->to_dir);
		else
			++*done;
	}
	if (from.fd >= 0)
		close(from.fd);
	if (to.fd >= 0)
		close(to.fd);
	return result;
}

/* Forgets all rows; of those after the first `placed`, the temporary files are removed. */
static void clear(struct write_batch *b, size_t placed)
{
	struct place from = { .fd = -1 };
	struct error ignored;

	sync_ahead_end(&b->ahead);
	b->unsynced = 0;
	for (size_t i = placed; i < b->n; i++) {
		const struct pending *p = &b->rows[i];

		if (!is_placed(b, p) &&
		    place_enter(b, &from, p->root, p->from_dir, p->aside, &ignored) == 0)
			(void)unlinkat(from.fd, p->from, 0);
	}
	if (from.fd >= 0)
		close(from.fd);
	drop_asides(b);
	for (size_t i = 0; i < b->n; i++)
		batch_pending_fini(&b->rows[i]);
	sync_fini(&b->contents);
	sync_fini(&b->directories);
	b->n = 0;
	b->number = 0;
}

static void keep_inodes(struct write_batch *b, const struct pending *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ARRAY_GROW(b->inodes, b->inodes_n, b->inodes_room);
		b->inodes[b->inodes_n++] = rows[i].inode;
	}
}

static void forget_told(struct write_batch *b)
{
	b->inodes_n -= b->inodes_told;
	if (b->inodes_n)
		memmove(b->inodes, b->inodes + b->inodes_told, b->inodes_n * sizeof *b->inodes);
	b->inodes_told = 0;
}

const uint64_t *write_inodes(const struct write_batch *b)
{
	return b->inodes;
}

/* What is pending, here and now. */
static int commit(struct write_batch *b, struct error *err)
{
	size_t placed = 0;
	int result = -1;

	if (sync_all(&b->contents, err) == 0 && place_asides(b, err) == 0 &&
	    rename_all(b, &placed, err) == 0)
		result = sync_all(&b->directories, err);
	if (result == 0)
		keep_inodes(b, b->rows, b->n);
	clear(b, placed);
	return result;
}

/* ── ahead ───────────────────────────────────────────────────────────────────────────────────── */

/* What the child has to tell; less than PIPE_BUF, so it comes whole or not at all. */
struct told {
	int result;
	struct error err;
};

/* The child has a copy of all that it needs; what it shares are open files, so an error of the disk
 * that one of these has to tell (store/sync.h) is told to it. */
static void run_child(struct write_batch *b, int tofd, pid_t parent)
{
	struct told told = { 0 };

	/* nothing comes into place behind the back of whoever looks after the agent has died */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* whoever listens at the other end of the parent's pipes must see their end when it dies */
	for (int i = 0; i <= STDERR_FILENO; i++)
		close(i);
	b->ahead = 0;
	told.result = commit(b, &told.err);
	_exit(fd_write_all(tofd, &told, sizeof told) < 0);
}

/* The rows are the child's business now; they are kept so that nobody takes its files for left over. */
static void hand_over(struct write_batch *b)
{
	b->under_way.rows = b->rows;
	b->under_way.n = b->n;
	b->rows = NULL;
	b->n = b->room = 0;
	/* whether the child has placed them, the parent need not know */
	for (size_t i = 0; i < b->asides_n; i++)
		b->asides[i].in_place = true;
	drop_asides(b);
	sync_fini(&b->contents);
	sync_fini(&b->directories);
	if (b->at_fd >= 0)
		sync_add_device(&b->contents, b->at_fd);
}

/* False: no child can be had. */
static bool start_child(struct write_batch *b)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	b->under_way.child = fork();
	if (b->under_way.child == 0) {
		close(ends[0]);
		run_child(b, ends[1], parent);
	}
	close(ends[1]);
	if (b->under_way.child < 0) {
		b->under_way.child = 0;
		close(ends[0]);
		return false;
	}
	b->under_way.fd = ends[0];
	hand_over(b);
	return true;
}

static bool read_told(int fd, struct told *told)
{
	size_t at = 0;

	while (at < sizeof *told) {
		ssize_t n = read(fd, (char *)told + at, sizeof *told - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* Waits for what is under way; *placed grows by its files. */
static int finish_under_way(struct write_batch *b, size_t *placed, struct error *err)
{
	struct told told;
	bool heard;

	*placed += b->under_way.placed;
	b->under_way.placed = 0;
	if (!b->under_way.child)
		return 0;
	heard = read_told(b->under_way.fd, &told);
	fd_close_at(&b->under_way.fd);
	while (waitpid(b->under_way.child, NULL, 0) < 0 && errno == EINTR)
		;
	b->under_way.child = 0;
	if (heard && told.result == 0) {
		*placed += b->under_way.n;
		keep_inodes(b, b->under_way.rows, b->under_way.n);
	}
	for (size_t i = 0; i < b->under_way.n; i++)
		batch_pending_fini(&b->under_way.rows[i]);
	free(TAKE(b->under_way.rows));
	b->under_way.n = 0;
	if (!heard)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		                 "the process that made a batch durable was lost");
	if (told.result < 0)
		*err = told.err;
	return told.result;
}

/* ── both ────────────────────────────────────────────────────────────────────────────────────── */

static int check_closed(struct write_batch *b, struct error *err)
{
	if (!b->open)
		return 0;
	write_drop(b);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "commit in the middle of a file");
}

int write_commit_ahead(struct write_batch *b, size_t *placed, struct error *err)
{
	size_t n = b->n;

	*placed = 0;
	forget_told(b);
	if (check_closed(b, err) < 0 || finish_under_way(b, placed, err) < 0)
		return -1;
	b->inodes_told = *placed;
	if (!n || start_child(b))
		return 0;
	b->under_way.placed = n;
	return commit(b, err);
}

int write_commit(struct write_batch *b, size_t *placed, struct error *err)
{
	size_t n = b->n;

	*placed = 0;
	forget_told(b);
	if (check_closed(b, err) < 0 || finish_under_way(b, placed, err) < 0 || commit(b, err) < 0)
		return -1;
	*placed += n;
	b->inodes_told = *placed;
	return 0;
}

void write_batch_free(struct write_batch *b)
{
	struct error ignored = { 0 };
	size_t placed = 0;

	if (!b)
		return;
	write_drop(b);
	(void)!finish_under_way(b, &placed, &ignored);
	clear(b, 0);
	batch_pending_fini(&b->now);
	if (b->at_fd >= 0)
		close(b->at_fd);
	free(b->at_root);
	free(b->at_dir);
	free(b->rows);
	free(b->asides);
	free(b->inodes);
	free(b);
}
