/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mbox_index.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/fingerprint.h"
#include "lists/mbox.h"
#include "lists/mbox_date.h"
#include "lists/mbox_marks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAX (256u << 10) /* octets of one header that are looked at */
#define PART (256u << 10)   /* octets that are read at once: they stay in the processor's cache */
#define PART_FAR (4u << 20) /* the same from a host: fewer questions */
#define UNKNOWN UINT64_MAX

void lists_mbox_index_fini(struct lists_mbox_index *ix)
{
	free(ix->rows);
	free(ix->slots);
	buf_fini(&ix->rest);
	*ix = (struct lists_mbox_index){ 0 };
}

/* ── one header ──────────────────────────────────────────────────────────────────────────────── */

/* What stands from the From_ line to the end of the header, as far as it is there. */
struct header {
	struct span all;    /* from the From_ line on, to the end of what is there */
	size_t body;        /* where the body begins */
	struct span from;   /* the From_ line, without its end */
	struct span second; /* the line behind it */
	struct span id, date, length;
	bool is_whole; /* its end was seen */
};

/* Of a length that the compiler knows: a few octets are compared at once. */
static inline bool is_here(const char *p, const char *end, const char *words, size_t n)
{
	return (size_t)(end - p) >= n && !memcmp(p, words, n);
}

/* A line with its end; false: its end is not there. */
static bool cut_line(struct span *rest, struct span *line)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	*line = (struct span){ rest->p, (size_t)(end - rest->p) + 1 };
	*rest = span_from(*rest, line->n);
	return true;
}

/* `name` has n octets. The colon is looked at first: few lines have one there. */
static inline bool is_field(struct span line, const char *name, size_t n, struct span *value)
{
	if (line.n <= n || line.p[n] != ':' || value->p || !span_starts_nocase(line, name))
		return false;
	*value = span_trim(span_from(line, n + 1));
	return true;
}

static void take_field(struct header *h, struct span line, struct span **open)
{
	if (line.p[0] == ' ' || line.p[0] == '\t') {
		/* a value that begins on the line behind its name */
		if (*open && !(*open)->n)
			**open = span_trim(line);
		return;
	}
	*open = NULL;
	if (is_field(line, "message-id", 10, &h->id))
		*open = &h->id;
	else if (is_field(line, "date", 4, &h->date))
		*open = &h->date;
	else
		(void)is_field(line, "content-length", 14, &h->length);
}

static void read_header(struct header *h, struct span all, bool last)
{
	struct span rest = all, line, *open = NULL;

	*h = (struct header){ .all = all };
	if (!cut_line(&rest, &line)) {
		line = rest;
		rest = span_from(rest, rest.n);
	}
	h->from = span_trim(line);
	for (size_t number = 0;; number++) {
		h->body = all.n - rest.n;
		if (is_here(rest.p, rest.p + rest.n, "From ",
		            5)) { /* the next one begins already */
			h->is_whole = true;
			return;
		}
		if (!cut_line(&rest, &line)) {
			h->is_whole = last || h->body > HEADER_MAX || rest.n > HEADER_MAX;
			if (!rest.n || !last)
				return;
			line = rest;
			rest = span_from(rest, rest.n);
		}
		if (!number)
			h->second = line;
		h->body = all.n - rest.n;
		if (line.p[0] == '\n' || (line.p[0] == '\r' && line.n == 2)) {
			h->is_whole = true;
			return;
		}
		take_field(h, line, &open);
		if (h->body > HEADER_MAX) {
			h->is_whole = true;
			return;
		}
	}
}

static void set_date(struct lists_mbox_row *row, const struct header *h)
{
	if (h->date.p && lists_mbox_date(h->date, &row->at))
		row->flags |= LISTS_MBOX_HAS_DATE;
	else if (lists_mbox_from_date(h->from, &row->at))
		row->flags |= LISTS_MBOX_FROM_DATE;
}

static void set_id(const struct lists_mbox_index *ix, struct lists_mbox_row *row,
                   const struct header *h)
{
	struct span bare = lists_bare_id(h->id);

	if (!bare.n)
		return;
	row->id = lists_fingerprint(ix->key, bare);
	row->id_offset = (uint32_t)(h->id.p - h->all.p);
	row->id_octets = (uint16_t)(h->id.n < UINT16_MAX ? h->id.n : UINT16_MAX);
}

/* The message before ends at `end` of the file. */
static void close_row(struct lists_mbox_index *ix, uint64_t end)
{
	/* its last line end is the mbox's */
	if (ix->n && ix->length != UNKNOWN && ix->length > end - ix->body_at)
		ix->rows[ix->n - 1].flags |= LISTS_MBOX_LONGER;
}

static void add_row(struct lists_mbox_index *ix, const struct header *h, uint64_t at)
{
	struct lists_mbox_row row = { .offset = at, .body_offset = (uint32_t)h->body };
	struct span second = h->second;
	uint64_t length;

	row.from_octets = (uint32_t)(h->second.p ? h->second.p - h->all.p : (ptrdiff_t)h->body);
	if (second.n && second.p[second.n - 1] == '\n')
		second.n--;
	if (lists_mbox_is_separator(h->from, second)) {
		row.flags |= LISTS_MBOX_SEPARATOR;
		ix->separators++;
	}
	if (ix->n && !ix->is_blank)
		row.flags |= LISTS_MBOX_NO_BLANK;
	set_id(ix, &row, h);
	set_date(&row, h);
	ARRAY_GROW(ix->rows, ix->n, ix->room);
	ix->rows[ix->n++] = row;
	ix->length = span_parse_u64(h->length, &length) ? length : UNKNOWN;
	ix->body_at = at + h->body;
}

/* ── the file ────────────────────────────────────────────────────────────────────────────────── */

/* Whether the line that ends right before `p` is empty; `whole`: `begin` begins a line. */
static bool is_after_blank(const struct lists_mbox_index *ix, const char *begin, const char *p,
                           bool whole)
{
	size_t n = (size_t)(p - begin);

	if (!n)
		return ix->is_blank;
	if (n > 1 && p[-2] == '\r')
		return n > 2 ? p[-3] == '\n' : whole;
	return n > 1 ? p[-2] == '\n' : whole || ix->is_bare_cr;
}

/* The same of a line that does not end at `end`, but goes on behind it. */
static bool is_bare_cr(const char *begin, const char *end, bool whole)
{
	if (end == begin || end[-1] != '\r')
		return false;
	return end - begin > 1 ? end[-2] == '\n' : whole;
}

/* From a line's begin on. Returns how much was taken; the rest is wanted again, with more behind it,
 * and begins a line, unless is_middle is set. */
static size_t take_octets(struct lists_mbox_index *ix, struct span all, bool last)
{
	const char *begin = all.p, *p = all.p, *end = all.p + all.n;
	bool whole = !ix->is_middle;
	struct header h;

	while (p < end) {
		if (!ix->is_middle && *p == '>') {
			if (end - p < 7 && !last)
				break;
			ix->quoted += span_starts((struct span){ p, (size_t)(end - p) }, ">From ");
			ix->quoted_again += span_starts((struct span){ p, (size_t)(end - p) },
			                                ">>From ");
		} else if (!ix->is_middle && *p == 'F') {
			if (end - p < 5 && !last)
				break;
			if (is_here(p, end, "From ", 5)) {
				read_header(&h, (struct span){ p, (size_t)(end - p) }, last);
				if (!h.is_whole)
					break;
				ix->is_blank = is_after_blank(ix, begin, p, whole);
				close_row(ix, ix->taken + (uint64_t)(p - begin));
				add_row(ix, &h, ix->taken + (uint64_t)(p - begin));
				ix->in_message = true;
				p += h.body;
				/* what is behind it begins a line */
				ix->is_middle = p == end && end > begin && end[-1] != '\n';
				continue;
			}
		}
		p = lists_mbox_next_mark(p, end);
		ix->is_middle = !p;
		if (!p)
			p = end;
		if (p == end)
			break;
	}
	if (p > begin && !ix->is_middle)
		ix->is_blank = is_after_blank(ix, begin, p, whole);
	ix->is_bare_cr = ix->is_middle && is_bare_cr(begin, end, whole);
	ix->taken += (uint64_t)(p - begin);
	return (size_t)(p - begin);
}

void lists_mbox_index_feed(struct lists_mbox_index *ix, struct span octets)
{
	size_t used;

	if (!ix->key[0] && !ix->key[1])
		lists_fingerprint_key(ix->key);
	ix->octets += octets.n;
	if (octets.n)
		ix->is_cut = octets.p[octets.n - 1] != '\n';
	if (!ix->rest.n) {
		used = take_octets(ix, octets, false);
		buf_add_span(&ix->rest, span_from(octets, used));
		return;
	}
	buf_add_span(&ix->rest, octets);
	buf_drop_front(&ix->rest, take_octets(ix, buf_span(&ix->rest), false));
}

/* The slot of that fingerprint, or the empty one where it belongs. */
static uint32_t *slot_of(const struct lists_mbox_index *ix, uint64_t id)
{
	size_t at = id & (ix->slots_n - 1);

	while (ix->slots[at] && ix->rows[ix->slots[at] - 1].id != id)
		at = (at + 1) & (ix->slots_n - 1);
	return &ix->slots[at];
}

static void make_slots(struct lists_mbox_index *ix)
{
	ix->slots_n = 16;
	while (ix->slots_n < 2 * ix->n)
		ix->slots_n *= 2;
	free(ix->slots);
	ix->slots = xcalloc(ix->slots_n, sizeof *ix->slots);
	for (size_t i = 0; i < ix->n && i < UINT32_MAX; i++) {
		uint32_t *slot = ix->rows[i].id ? slot_of(ix, ix->rows[i].id) : NULL;

		if (slot && *slot) {
			ix->rows[i].flags |= LISTS_MBOX_AGAIN;
			ix->again++;
		} else if (slot) {
			*slot = (uint32_t)i + 1;
		}
	}
}

void lists_mbox_index_end(struct lists_mbox_index *ix)
{
	(void)take_octets(ix, buf_span(&ix->rest), true);
	buf_fini(&ix->rest);
	close_row(ix, ix->octets);
	ix->before = ix->n ? ix->rows[0].offset : ix->octets;
	make_slots(ix);
}

int lists_mbox_index_file(struct lists_mbox_index *ix, int fd, struct error *err)
{
	AUTO_FREE char *part = xmalloc(PART);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, PART, at))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read");
		lists_mbox_index_feed(ix, (struct span){ part, (size_t)n });
		at += n;
	}
	lists_mbox_index_end(ix);
	return 0;
}

int lists_mbox_index_host(struct lists_mbox_index *ix, struct host *h, const char *path,
                          struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t offset = 0, size;

	do {
		if (host_read_part(h, path, offset, PART_FAR, &part, &size, err) < 0)
			return -1;
		lists_mbox_index_feed(ix, buf_span(&part));
		offset += part.n;
	} while (part.n);
	lists_mbox_index_end(ix);
	return 0;
}

uint64_t lists_mbox_index_octets(const struct lists_mbox_index *ix, size_t row)
{
	uint64_t end = row + 1 < ix->n ? ix->rows[row + 1].offset : ix->octets;

	return end - ix->rows[row].offset;
}

size_t lists_mbox_index_find(const struct lists_mbox_index *ix, struct span message_id)
{
	struct span bare = lists_bare_id(message_id);
	uint32_t *slot = ix->slots_n && bare.n ? slot_of(ix, lists_fingerprint(ix->key, bare))
	                                       : NULL;

	return slot && *slot ? *slot - 1 : ix->n;
}

size_t lists_mbox_index_next(const struct lists_mbox_index *ix, size_t row)
{
	size_t i = row + 1;

	while (i < ix->n && ix->rows[i].id != ix->rows[row].id)
		i++;
	return i;
}
