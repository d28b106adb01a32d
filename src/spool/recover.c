/* SPDX-License-Identifier: BSD-2-Clause */

/* The index is made from what is in the folder. */

#include "spool/inside.h"
#include "spool/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define COPY_MAX (64u << 20) /* octets of one damaged place that are set aside */

struct found {
	uint32_t number;
	uint64_t salt, size;
	int fd;
};

struct recovery {
	struct spool *spool;
	struct found *rows; /* owned; in the order of numbers */
	size_t n, room;
	struct cut *cuts; /* owned */
	size_t cuts_n, cuts_room;
	uint32_t floor;
	uint64_t next_id;
	/* of the segment that is being scanned */
	const struct found *now;
	bool kept;
};

static void see_name(void *context, const char *name)
{
	struct recovery *r = context;
	struct found f = { .fd = -1 };

	if (!segment_name_parse(name, &f.number, &f.salt))
		return;
	ARRAY_GROW(r->rows, r->n, r->room);
	r->rows[r->n++] = f;
}

static int by_number(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void recovery_fini(struct recovery *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].fd >= 0)
			r->spool->disk->close(r->spool->disk, r->rows[i].fd);
	free(r->rows);
	free(r->cuts);
}

/* ── beginnings ──────────────────────────────────────────────────────────────────────────────── */

static int refuse_later(const char *name, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "%s is of a later version of mailhaul-gate", name);
}

static void take_begin(struct recovery *r, const struct begin *b)
{
	if (b->floor > r->floor)
		r->floor = b->floor;
	if (b->next_id > r->next_id)
		r->next_id = b->next_id;
	for (size_t i = 0; i < b->cuts_n; i++) {
		ARRAY_GROW(r->cuts, r->cuts_n, r->cuts_room);
		r->cuts[r->cuts_n++] = b->cuts[i];
	}
}

/* A first record that can't be read is for the scan to tell of; one of a later version ends it. */
static int read_begin(struct recovery *r, const struct found *f, const char *name,
                      struct error *err)
{
	struct spool_disk *disk = r->spool->disk;
	unsigned char header[RECORD_HEADER];
	AUTO_BUF struct buf payload = { 0 };
	AUTO_BEGIN struct begin b = { 0 };
	struct error ignored = { 0 };
	struct record head;

	if (disk->pread(disk, f->fd, header, sizeof header, 0, false) != (ssize_t)sizeof header)
		return 0;
	if (!memcmp(header, "MhS", 3) && header[3] > '1' && header[3] <= '9')
		return refuse_later(name, err);
	if (!record_get(header, f->salt, &head) || head.kind != RECORD_BEGIN)
		return 0;
	segment_note(r->spool, f->number, f->salt, 0);
	if (read_record(r->spool, (struct place){ f->number, 0 }, head.length, RECORD_BEGIN, 0,
	                true, &payload, &ignored) != SPOOL_OK)
		return 0;
	if (begin_get(buf_span(&payload), &b))
		take_begin(r, &b);
	else if (b.format > RECORD_FORMAT)
		return refuse_later(name, err);
	return 0;
}

static int open_one(struct recovery *r, struct found *f, struct error *err)
{
	struct spool_disk *disk = r->spool->disk;
	char name[SEGMENT_NAME_SIZE];

	segment_name(name, f->number, f->salt);
	f->fd = disk->open(disk, name, O_RDWR);
	if (f->fd < 0 && r->spool->view)
		f->fd = disk->open(disk, name, O_RDONLY);
	if (f->fd < 0 && errno == ENOENT && r->spool->view)
		return 0; /* given out since the folder was listed */
	if (f->fd < 0 || disk->size(disk, f->fd, &f->size) < 0)
		return error_system(err, "open %s", name);
	/* What a killed process had written and not synced is read from memory here; it has to be
	 * on the disk before it counts. Then memory is left, so that the disk itself is heard. */
	if (!r->spool->view) {
		if (disk->sync(disk, f->fd) < 0)
			return error_system(err, "fdatasync %s", name);
		disk->forget(disk, f->fd);
	}
	return read_begin(r, f, name, err);
}

/* ── damage ──────────────────────────────────────────────────────────────────────────────────── */

static int copy_octets(struct spool_disk *disk, int from, int to, uint64_t at, uint64_t n)
{
	AUTO_FREE char *bytes = xmalloc(65536);
	uint64_t done = 0;

	while (done < n) {
		size_t want = n - done < 65536 ? (size_t)(n - done) : 65536;
		ssize_t got = disk->pread(disk, from, bytes, want, at + done, false);
		struct iovec iov;

		if (got <= 0) {
			/* what can't be read is a hole in the copy */
			got = (ssize_t)want;
			memset(bytes, 0, want);
		}
		iov = (struct iovec){ bytes, (size_t)got };
		if (disk->pwritev(disk, to, &iov, 1, done) < 0)
			return -1;
		done += (uint64_t)got;
	}
	return disk->sync(disk, to);
}

/* Under a name that says where it was; one that is there is from an earlier open. */
static int set_aside(struct recovery *r, const struct scan_damage *d)
{
	struct spool_disk *disk = r->spool->disk;
	uint64_t n = d->octets < COPY_MAX ? d->octets : COPY_MAX;
	AUTO_FREE char *name = xasprintf("damaged/%08x-%08llx%s", r->now->number,
	                                 (unsigned long long)d->offset,
	                                 d->unfinished ? "-unfinished" : "");
	int fd, result;

	if (disk->make_folder(disk, "damaged") < 0 || disk->sync_folder(disk, ".") < 0)
		return -1;
	fd = disk->open(disk, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	result = copy_octets(disk, r->now->fd, fd, d->offset, n);
	disk->close(disk, fd);
	if (result < 0)
		(void)disk->unlink(disk, name);
	return result < 0 ? -1 : disk->sync_folder(disk, "damaged");
}

/* Some recipients have it, and nobody knows which: a person has to say. */
static void hold_unknown(struct spool *s, uint64_t id)
{
	struct item *i = index_find(&s->index, id);
	char text[17];

	if (!i)
		return;
	for (uint32_t n = 0; n < i->recipients; n++)
		if (item_states(i)[n] == SPOOL_PENDING)
			index_set_state(&s->index, i, n, SPOOL_HELD);
	index_queue(&s->index, i);
	spool_tell(s, "message %s is held: what became of it can't be read",
	           spool_id_text(text, id));
}

static const char *kind_of(const struct scan_damage *d)
{
	static const char *const names[] = { "octets",          "beginning",         "message",
		                             "part of message", "result of message", "end" };

	return names[d->known && d->head.kind <= RECORD_END ? d->head.kind : 0];
}

static void see_damage(void *context, const struct scan_damage *d)
{
	struct recovery *r = context;
	struct spool *s = r->spool;
	char id[17] = "";

	/* a gate that has the spool open is just writing it */
	if (s->view && d->unfinished)
		return;
	if (d->known && d->head.id)
		spool_id_text(id, d->head.id);
	spool_tell(s, "segment %08x offset %llu: %s %s%s%s, %llu octets", r->now->number,
	           (unsigned long long)d->offset, d->unfinished ? "unfinished" : "damaged",
	           kind_of(d), *id ? " " : "", id, (unsigned long long)d->octets);
	s->damaged += !d->unfinished;
	if (d->known && d->head.kind == RECORD_SETTLE && !d->unfinished)
		hold_unknown(s, d->head.id);
	if (!s->view && set_aside(r, d) < 0) {
		spool_tell(s, "segment %08x: its damage can't be copied, so it is kept: %s",
		           r->now->number, strerror(errno));
		r->kept = true;
	}
}

/* ── records ─────────────────────────────────────────────────────────────────────────────────── */

static void see_record(void *context, const struct record *r, uint64_t offset, struct span payload)
{
	struct recovery *recovery = context;
	struct spool *s = recovery->spool;
	struct place at = { recovery->now->number, (uint32_t)offset };
	AUTO_MESSAGE struct message m = { 0 };
	struct settlement t;

	if (r->id >= recovery->next_id)
		recovery->next_id = r->id + 1;
	if (r->kind == RECORD_MESSAGE && message_get(payload, &m))
		apply_message(s, r->id, at, r->length, &m);
	else if (r->kind == RECORD_SETTLE && settlement_get(payload, &t))
		apply_settlement(s, r->id, at, &t);
}

static uint64_t limit_of(const struct recovery *r, const struct found *f)
{
	uint64_t limit = f->size;

	for (size_t i = 0; i < r->cuts_n; i++)
		if (r->cuts[i].segment == f->number && r->cuts[i].offset < limit)
			limit = r->cuts[i].offset;
	return limit;
}

static void scan_one(struct recovery *r, struct found *f)
{
	struct spool_disk *disk = r->spool->disk;
	struct segment *g;
	struct scan scan = {
		.disk = disk,
		.fd = f->fd,
		.salt = f->salt,
		.limit = limit_of(r, f),
		.record = see_record,
		.damage = see_damage,
		.context = r,
	};

	r->now = f;
	r->kept = false;
	/* before its messages, which count on it */
	segment_note(r->spool, f->number, f->salt, 0);
	scan_run(&scan);
	segment_note(r->spool, f->number, f->salt, scan.end);
	g = segment_find(r->spool, f->number);
	g->kept = r->kept;
	/* room that was set aside and not used; what is damaged was copied */
	if (!r->spool->view && !r->kept && scan.end < f->size)
		(void)disk->truncate(disk, f->fd, scan.end);
	/* for readers: who only looks may find the name gone by then */
	g->fd = f->fd;
	f->fd = -1;
}

/* Those that an earlier life removed, and the machine's stop has brought back. */
static void remove_below_floor(struct recovery *r)
{
	struct spool_disk *disk = r->spool->disk;
	char name[SEGMENT_NAME_SIZE];

	if (r->spool->view)
		return;
	for (size_t i = 0; i < r->n && r->rows[i].number < r->floor; i++)
		(void)disk->unlink(disk, segment_name(name, r->rows[i].number, r->rows[i].salt));
}

static int run(struct recovery *r, struct error *err)
{
	struct spool *s = r->spool;

	if (s->disk->list(s->disk, see_name, r) < 0)
		return error_system(err, "list the spool's folder");
	if (r->n)
		qsort(r->rows, r->n, sizeof *r->rows, by_number);
	for (size_t i = 0; i < r->n; i++)
		if (open_one(r, &r->rows[i], err) < 0)
			return -1;
	remove_below_floor(r);
	/* read_begin() has noted some that do not count */
	segments_fini(s);
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].number >= r->floor && r->rows[i].fd >= 0)
			scan_one(r, &r->rows[i]);
	return 0;
}

int recover(struct spool *s, struct cut **cuts, size_t *cuts_n, uint32_t *next_number,
            struct error *err)
{
	struct recovery r = { .spool = s };
	int result = run(&r, err);

	if (result == 0) {
		*cuts = TAKE(r.cuts);
		*cuts_n = r.cuts_n;
		*next_number = r.n ? r.rows[r.n - 1].number + 1 : 1;
		if (*next_number < r.floor)
			*next_number = r.floor;
		if (s->next_id < r.next_id)
			s->next_id = r.next_id;
	}
	recovery_fini(&r);
	return result;
}
