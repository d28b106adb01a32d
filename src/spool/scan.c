/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/scan.h"

#include "spool/sum.h"

#include <errno.h>

#define WINDOW (1u << 20) /* octets that are read at once */
#define SECTOR 4096u      /* what can't be read is stepped over in these */

/* The part of the file that is in memory. */
struct window {
	struct scan *scan;
	struct buf bytes;
	uint64_t at;                 /* offset of bytes.p[0] */
	struct scan_damage *damages; /* owned */
	uint32_t *groups;            /* owned; of each damage: the group that came before it */
	size_t damages_n, damages_room, groups_room;
};

/* Reads `n` octets at `at`, as far as they are there and can be read; what can't is zeros, which no
 * record is. */
static void read_in(struct window *w, uint64_t at, size_t n)
{
	const struct scan *s = w->scan;
	size_t done = 0;

	buf_reset(&w->bytes);
	w->at = at;
	while (done < n) {
		char *to = buf_room(&w->bytes, n - done);
		ssize_t got = s->disk->pread(s->disk, s->fd, to, n - done, at + done, false);

		if (got == 0)
			break;
		if (got < 0) {
			size_t skipped = SECTOR - (at + done) % SECTOR;

			got = (ssize_t)(skipped < n - done ? skipped : n - done);
			memset(to, 0, (size_t)got);
		}
		buf_grown(&w->bytes, (size_t)got);
		done += (size_t)got;
	}
}

/* `n` octets at `at`, or NULL when the segment has not so many. */
static const char *window(struct window *w, uint64_t at, uint64_t n)
{
	uint64_t limit = w->scan->limit;

	if (n > limit || at > limit - n)
		return NULL;
	if (at < w->at || at + n > w->at + w->bytes.n) {
		uint64_t want = n > WINDOW ? n : WINDOW;

		read_in(w, at, (size_t)(want < limit - at ? want : limit - at));
		if (n > w->bytes.n)
			return NULL;
	}
	return w->bytes.p + (at - w->at);
}

static bool header_at(struct window *w, uint64_t at, struct record *r)
{
	const char *p = window(w, at, RECORD_HEADER);

	return p && record_get((const unsigned char *)p, w->scan->salt, r);
}

static bool is_zero(const char *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* Nothing but zeros from `at` on, which is how a segment that is not full looks behind its end. */
static bool is_blank(struct window *w, uint64_t at, uint64_t to)
{
	while (at < to) {
		uint64_t n = to - at < WINDOW ? to - at : WINDOW;
		const char *p = window(w, at, n);

		if (!p || !is_zero(p, n))
			return !p;
		at += n;
	}
	return true;
}

/* The next header at or behind `at`; the segment's end when there is none. */
static uint64_t next_header(struct window *w, uint64_t at)
{
	struct record r;

	for (; at + RECORD_HEADER <= w->scan->limit; at += RECORD_ALIGN)
		if (header_at(w, at, &r))
			return at;
	return w->scan->limit;
}

static void add_damage(struct window *w, const struct scan_damage *d, uint32_t group)
{
	size_t n = w->damages_n;

	ARRAY_GROW(w->groups, n, w->groups_room);
	ARRAY_GROW(w->damages, w->damages_n, w->damages_room);
	w->groups[n] = group;
	w->damages[w->damages_n++] = *d;
}

/* One record: told, or known to be damaged. */
static void look_at(struct window *w, uint64_t at, const struct record *r)
{
	struct scan *s = w->scan;
	const char *p = window(w, at, RECORD_HEADER + (uint64_t)r->length);

	if (!p || spool_sum(0, p + RECORD_HEADER, r->length) != r->sum) {
		struct scan_damage d = { .offset = at,
			                 .octets = RECORD_HEADER + (uint64_t)r->length,
			                 .known = true,
			                 .head = *r };

		if (d.octets > s->limit - at)
			d.octets = s->limit - at;
		add_damage(w, &d, r->group);
		return;
	}
	s->records++;
	s->ended = r->kind == RECORD_END;
	s->record(s->context, r, at, (struct span){ p + RECORD_HEADER, r->length });
}

static void tell_damages(struct window *w, bool any, uint32_t last_group)
{
	for (size_t i = 0; i < w->damages_n; i++) {
		w->damages[i].unfinished = !any || w->groups[i] >= last_group;
		w->scan->damage(w->scan->context, &w->damages[i]);
	}
}

/* A record's length is covered by its header's sum, but a header may be whole and its payload a
 * torn write's: then the next one is looked for inside. */
static uint64_t behind(struct window *w, uint64_t at, const struct record *r, bool good)
{
	uint64_t next = at + record_extent(r->length);

	if (good)
		return r->last ? group_extent(next) : next;
	return next_header(w, at + RECORD_ALIGN);
}

void scan_run(struct scan *s)
{
	struct window w = { .scan = s };
	uint64_t at = 0;
	uint32_t group = 0; /* of the last header that was seen */
	bool any = false, in_group = true;
	struct record r;

	s->end = s->records = 0;
	s->ended = false;
	while (at + RECORD_HEADER <= s->limit) {
		if (header_at(&w, at, &r)) {
			size_t damages = w.damages_n;

			look_at(&w, at, &r);
			group = r.group;
			any = true;
			at = behind(&w, at, &r, damages == w.damages_n);
			in_group = !r.last;
			if (damages == w.damages_n)
				s->end = r.last ? at : group_extent(at);
		} else {
			uint64_t next = next_header(&w, at);

			if (next == s->limit && !in_group && is_blank(&w, at, next))
				break;
			if (next == s->limit && is_blank(&w, at, next) && !any)
				break;
			/* of a group behind the last one that was seen, or of that one */
			add_damage(&w, &(struct scan_damage){ .offset = at, .octets = next - at },
			           in_group ? group : group + 1);
			at = next;
			in_group = true;
		}
	}
	if (s->end > s->limit)
		s->end = s->limit;
	tell_damages(&w, any, group);
	buf_fini(&w.bytes);
	free(w.damages);
	free(w.groups);
}
