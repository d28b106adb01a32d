/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * model -- a disk in memory that knows what was synced. It can lose the rest as a machine does that
 * stops (sector by sector, in any order; names of files as well), and fail any call as Linux does:
 * a failed sync leaves pages that look clean and are not on the disk.
 */

#include "base/memory.h"
#include "spool/disk.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#define MODEL_FILES 512
#define MODEL_SECTOR 512u

struct model_file {
	char *name;        /* owned; NULL: free */
	bool there, stays; /* in the folder now; after a crash */
	struct buf now, disk;
	struct buf lost; /* an octet a sector: 1 when a failed sync has left it behind */
};

struct model {
	struct spool_disk table; /* first */
	pthread_mutex_t lock;
	struct model_file files[MODEL_FILES];
	unsigned seed;
	uint64_t free; /* octets that room() tells */
	bool locked;
	/* the n-th call that changes the disk fails (from 1; 0: none), and `fail_more` after it */
	unsigned calls, fail_at, fail_more;
	int fail_errno;
	const char *failed; /* which one it was */
	/* called before each sync, without the lock */
	void (*before_sync)(void *context, struct model *m);
	void *context;
};

static struct model *model_of(struct spool_disk *d)
{
	return (struct model *)d;
}

static unsigned model_chance(struct model *m, unsigned n)
{
	m->seed = m->seed * 1103515245u + 12345u;
	return (m->seed >> 16) % n;
}

static bool model_fails(struct model *m, const char *call)
{
	m->calls++;
	if (!m->fail_at || m->calls < m->fail_at || m->calls > m->fail_at + m->fail_more)
		return false;
	m->failed = call;
	errno = m->fail_errno;
	return true;
}

static void model_size(struct model_file *f, size_t size)
{
	if (size > f->now.n) {
		size_t more = size - f->now.n;

		memset(buf_room(&f->now, more), 0, more);
		buf_grown(&f->now, more);
	}
	f->now.n = size;
	while (f->lost.n < size / MODEL_SECTOR + 1)
		buf_add_char(&f->lost, 0);
}

static struct model_file *model_find(struct model *m, const char *name)
{
	for (int i = 0; i < MODEL_FILES; i++)
		if (m->files[i].name && m->files[i].there && !strcmp(m->files[i].name, name))
			return &m->files[i];
	return NULL;
}

static int model_open(struct spool_disk *d, const char *name, int flags)
{
	struct model *m = model_of(d);
	struct model_file *f;
	int fd = -1;

	pthread_mutex_lock(&m->lock);
	f = model_find(m, name);
	if (f && flags & O_EXCL) {
		errno = EEXIST;
	} else if (f) {
		fd = (int)(f - m->files);
	} else if (!(flags & O_CREAT)) {
		errno = ENOENT;
	} else if (!model_fails(m, "open")) {
		for (fd = 0; fd < MODEL_FILES && m->files[fd].name; fd++)
			;
		assert_true(fd < MODEL_FILES);
		m->files[fd].name = xstrdup(name);
		m->files[fd].there = true;
	}
	pthread_mutex_unlock(&m->lock);
	return fd;
}

static void model_close(struct spool_disk *d, int fd)
{
	struct model *m = model_of(d);

	pthread_mutex_lock(&m->lock);
	if (!strcmp(m->files[fd].name, "lock"))
		m->locked = false;
	pthread_mutex_unlock(&m->lock);
}

static int model_lock(struct spool_disk *d, int fd)
{
	struct model *m = model_of(d);

	if (m->locked) {
		errno = EWOULDBLOCK;
		return -1;
	}
	m->locked = true;
	return 0;
}

static ssize_t model_pread(struct spool_disk *d, int fd, void *to, size_t n, uint64_t at, bool now)
{
	struct model *m = model_of(d);
	struct model_file *f = &m->files[fd];

	pthread_mutex_lock(&m->lock);
	if (at >= f->now.n)
		n = 0;
	else if (n > f->now.n - at)
		n = f->now.n - at;
	if (n)
		memcpy(to, f->now.p + at, n);
	pthread_mutex_unlock(&m->lock);
	return (ssize_t)n;
}

static int model_pwritev(struct spool_disk *d, int fd, struct iovec *iov, int n, uint64_t at)
{
	struct model *m = model_of(d);
	struct model_file *f = &m->files[fd];
	bool fails;
	int why;

	pthread_mutex_lock(&m->lock);
	fails = model_fails(m, "write");
	why = errno;
	for (int i = 0; i < n; i++) {
		size_t size = iov[i].iov_len;

		/* a part of it may have got there */
		if (fails && model_chance(m, 3) == 0)
			break;
		if (at + size > f->now.n)
			model_size(f, at + size);
		memcpy(f->now.p + at, iov[i].iov_base, size);
		for (size_t s = at / MODEL_SECTOR; s <= (at + size - 1) / MODEL_SECTOR; s++)
			f->lost.p[s] = 0;
		at += size;
	}
	pthread_mutex_unlock(&m->lock);
	errno = why;
	return fails ? -1 : 0;
}

static int model_allocate(struct spool_disk *d, int fd, uint64_t size)
{
	struct model *m = model_of(d);
	int result = 0;

	pthread_mutex_lock(&m->lock);
	if (model_fails(m, "allocate"))
		result = -1;
	else if (size > m->files[fd].now.n)
		model_size(&m->files[fd], size);
	pthread_mutex_unlock(&m->lock);
	return result;
}

static int model_truncate(struct spool_disk *d, int fd, uint64_t size)
{
	struct model *m = model_of(d);
	int result = 0;

	pthread_mutex_lock(&m->lock);
	if (model_fails(m, "truncate"))
		result = -1;
	else
		model_size(&m->files[fd], size);
	pthread_mutex_unlock(&m->lock);
	return result;
}

/* Each sector that is not on the disk gets there, or not. */
static void model_settle(struct model *m, struct model_file *f, bool all)
{
	size_t size = all || model_chance(m, 2) ? f->now.n : f->disk.n;
	struct buf made = { 0 };

	for (size_t at = 0; at < size; at += MODEL_SECTOR) {
		size_t n = size - at < MODEL_SECTOR ? size - at : MODEL_SECTOR;
		bool lost = at / MODEL_SECTOR < f->lost.n && f->lost.p[at / MODEL_SECTOR];
		bool takes = !lost && (all || model_chance(m, 2));
		const struct buf *from = takes ? &f->now : &f->disk;
		size_t has = at < from->n ? from->n - at : 0;

		has = has < n ? has : n;
		if (has)
			buf_add(&made, from->p + at, has);
		for (; has < n; has++)
			buf_add_char(&made, 0);
	}
	buf_fini(&f->disk);
	f->disk = made;
}

static int model_sync(struct spool_disk *d, int fd)
{
	struct model *m = model_of(d);
	struct model_file *f = &m->files[fd];
	int result = 0;

	if (m->before_sync)
		m->before_sync(m->context, m);
	pthread_mutex_lock(&m->lock);
	if (model_fails(m, "sync")) {
		int why = errno;

		/* some of it has got there; the rest looks clean from now on */
		model_settle(m, f, false);
		for (size_t at = 0; at < f->now.n; at += MODEL_SECTOR) {
			size_t n = f->now.n - at < MODEL_SECTOR ? f->now.n - at : MODEL_SECTOR;

			if (at + n > f->disk.n || memcmp(f->now.p + at, f->disk.p + at, n) != 0)
				f->lost.p[at / MODEL_SECTOR] = 1;
		}
		errno = why;
		result = -1;
	} else {
		model_settle(m, f, true);
	}
	pthread_mutex_unlock(&m->lock);
	return result;
}

static int model_sync_folder(struct spool_disk *d, const char *name)
{
	struct model *m = model_of(d);
	int result = 0;

	if (m->before_sync)
		m->before_sync(m->context, m);
	pthread_mutex_lock(&m->lock);
	if (model_fails(m, "sync folder"))
		result = -1;
	else
		for (int i = 0; i < MODEL_FILES; i++)
			m->files[i].stays = m->files[i].there;
	pthread_mutex_unlock(&m->lock);
	return result;
}

static void model_forget(struct spool_disk *d, int fd)
{
	struct model *m = model_of(d);
	struct model_file *f = &m->files[fd];

	pthread_mutex_lock(&m->lock);
	for (size_t at = 0; at < f->now.n; at += MODEL_SECTOR) {
		size_t n = f->now.n - at < MODEL_SECTOR ? f->now.n - at : MODEL_SECTOR;

		if (!f->lost.p[at / MODEL_SECTOR])
			continue;
		memset(f->now.p + at, 0, n);
		if (at < f->disk.n)
			memcpy(f->now.p + at, f->disk.p + at,
			       n < f->disk.n - at ? n : f->disk.n - at);
	}
	pthread_mutex_unlock(&m->lock);
}

static int model_file_size(struct spool_disk *d, int fd, uint64_t *size)
{
	struct model *m = model_of(d);

	pthread_mutex_lock(&m->lock);
	*size = m->files[fd].now.n;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int model_unlink(struct spool_disk *d, const char *name)
{
	struct model *m = model_of(d);
	struct model_file *f;
	int result = -1;

	pthread_mutex_lock(&m->lock);
	f = model_find(m, name);
	if (!f) {
		errno = ENOENT;
	} else if (!model_fails(m, "unlink")) {
		f->there = false;
		result = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return result;
}

static int model_make_folder(struct spool_disk *d, const char *name)
{
	return 0;
}

static int model_list(struct spool_disk *d, void (*see)(void *context, const char *name),
                      void *context)
{
	struct model *m = model_of(d);

	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < MODEL_FILES; i++)
		if (m->files[i].name && m->files[i].there)
			see(context, m->files[i].name);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int model_room(struct spool_disk *d, uint64_t *free)
{
	*free = model_of(d)->free;
	return 0;
}

static void model_end(struct spool_disk *d)
{
}

static const struct spool_disk model_table = {
	.open = model_open,
	.close = model_close,
	.lock = model_lock,
	.pread = model_pread,
	.pwritev = model_pwritev,
	.allocate = model_allocate,
	.truncate = model_truncate,
	.sync = model_sync,
	.sync_folder = model_sync_folder,
	.forget = model_forget,
	.size = model_file_size,
	.unlink = model_unlink,
	.make_folder = model_make_folder,
	.list = model_list,
	.room = model_room,
	.end = model_end,
};

static inline struct model *model_new(unsigned seed)
{
	struct model *m = xcalloc(1, sizeof *m);

	m->table = model_table;
	m->seed = seed;
	m->free = 1u << 30;
	m->fail_errno = EIO;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static inline void model_free(struct model *m)
{
	for (int i = 0; i < MODEL_FILES; i++) {
		free(m->files[i].name);
		buf_fini(&m->files[i].now);
		buf_fini(&m->files[i].disk);
		buf_fini(&m->files[i].lost);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* What another machine finds on this disk after the first one has stopped. */
static inline struct model *model_crash(struct model *m, unsigned seed)
{
	struct model *made = model_new(seed);

	pthread_mutex_lock(&m->lock);
	made->free = m->free;
	for (int i = 0; i < MODEL_FILES; i++) {
		const struct model_file *from = &m->files[i];
		struct model_file *to = &made->files[i];
		struct model_file copy = *from;

		if (!from->name)
			continue;
		/* a name that was not synced is there or not, whichever way it changed */
		to->there = from->there == from->stays ? from->there : model_chance(made, 2);
		if (!to->there)
			continue;
		to->stays = true;
		to->name = xstrdup(from->name);
		copy.disk = (struct buf){ 0 };
		buf_add_span(&copy.disk, buf_span(&from->disk));
		model_settle(made, &copy, false);
		to->disk = copy.disk;
		buf_add_span(&to->now, buf_span(&to->disk));
		model_size(to, to->now.n);
	}
	pthread_mutex_unlock(&m->lock);
	return made;
}

/* The same machine goes on: a process was killed, nothing is lost. */
static inline void model_kill(struct model *m)
{
	m->locked = false;
	m->fail_at = 0;
	m->before_sync = NULL;
}
