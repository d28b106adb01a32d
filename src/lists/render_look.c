/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/render_inside.h"

#include "base/memory.h"
#include "lists/archive_letter.h"
#include "lists/archive_volume.h"
#include "lists/fingerprint.h"
#include "lists/mbox_date.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAX (256u << 10)
#define LATEST 253402300799 /* the end of the year 9999 */
#define BY_MONTH 1
#define REFERENCES_MAX 30u

int render_read(const struct render_run *run, uint64_t offset, size_t n, struct buf *out,
                struct error *err)
{
	buf_reset(out);
	while (out->n < n) {
		ssize_t got = pread(run->mbox, buf_room(out, n - out->n), n - out->n,
		                    (off_t)(offset + out->n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_system(err, "%s", run->o->mbox);
		if (!got)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
			                 "%s became shorter while it was read", run->o->mbox);
		buf_grown(out, (size_t)got);
	}
	return 0;
}

uint64_t render_octets(const struct render_run *run, size_t message)
{
	size_t next = message + 1;

	while (next < run->n && run->messages[next].part_of != RENDER_NONE)
		next++;
	return (next < run->n ? run->index.rows[next].offset : run->index.octets) -
	       run->index.rows[message].offset;
}

uint32_t render_volume_of(struct render_run *run, struct span name)
{
	struct render_volume v = { 0 };

	/* from the last: mail comes month by month */
	for (size_t i = run->volumes_n; i--;)
		if (span_is(name, run->volumes[i].name))
			return (uint32_t)i;
	v.name = span_dup(name);
	ARRAY_GROW(run->volumes, run->volumes_n, run->volumes_room);
	run->volumes[run->volumes_n] = v;
	return (uint32_t)run->volumes_n++;
}

/* One that clearly begins no message belongs to the text before; with a Message-ID it is one all the same. */
static bool is_stray(const struct render_run *run, size_t i)
{
	const struct lists_mbox_row *row = &run->index.rows[i];

	return i && !(row->flags & LISTS_MBOX_SEPARATOR) && !row->id;
}

static char *text_of(const struct buf *text)
{
	return xstrndup(buf_text(text), text->n < 400 ? text->n : 400);
}

static void add_reference(struct render_run *run, struct render_message *m, const char *id)
{
	if (*id)
		m->refers[m->refers_n++] = lists_fingerprint(run->index.key, span_of(id));
}

/* Of a long list the last ones are the nearest. */
static void look_at_references(struct render_run *run, struct render_message *m,
                               const struct archive_letter *letter)
{
	size_t n = letter->references.n, from = n > REFERENCES_MAX ? n - REFERENCES_MAX : 0;

	if (!letter->in_reply_to.n && !n)
		return;
	m->refers = xcalloc(n - from + 1, sizeof *m->refers);
	m->answers = letter->in_reply_to.n != 0;
	add_reference(run, m, buf_text(&letter->in_reply_to));
	for (size_t i = from; i < n; i++)
		add_reference(run, m, letter->references.rows[i]);
}

static int look_at(struct render_run *run, size_t i, int64_t before, struct buf *octets,
                   struct error *err)
{
	const struct lists_mbox_row *row = &run->index.rows[i];
	struct render_message *m = &run->messages[i];
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };
	bool dated = row->flags & (LISTS_MBOX_HAS_DATE | LISTS_MBOX_FROM_DATE);

	if (render_read(run, row->offset,
	                row->body_offset < HEADER_MAX ? row->body_offset : HEADER_MAX, octets,
	                err) < 0)
		return -1;
	archive_letter_read(&letter, buf_span(octets), false);
	if (letter.id.n)
		m->id = xstrdup(buf_text(&letter.id));
	m->subject = text_of(&letter.subject);
	m->author = text_of(letter.author.n ? &letter.author : &letter.email);
	look_at_references(run, m, &letter);
	m->date = row->at;
	/* a Date that can be none: the From_ line was written when the message came */
	if (dated && (m->date <= 0 || m->date > LATEST)) {
		struct span line = { octets->p, row->from_octets };

		dated = lists_mbox_from_date(span_trim(line), &m->date) && m->date > 0 &&
		        m->date <= LATEST;
	}
	if (!dated)
		m->date = before;
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct render_volume *)x)->name,
	              ((const struct render_volume *)y)->name);
}

/* Volumes in the order of their names, whatever message came first. */
static void sort_volumes(struct render_run *run)
{
	AUTO_FREE uint32_t *now = xcalloc(run->volumes_n + 1, sizeof *now);
	AUTO_FREE char **names = xcalloc(run->volumes_n + 1, sizeof *names);

	for (size_t i = 0; i < run->volumes_n; i++)
		names[i] = run->volumes[i].name;
	if (run->volumes_n)
		qsort(run->volumes, run->volumes_n, sizeof *run->volumes, by_name);
	for (size_t i = 0; i < run->volumes_n; i++) {
		const struct render_volume key = { .name = names[i] };
		const struct render_volume *found = bsearch(&key, run->volumes, run->volumes_n,
		                                            sizeof key, by_name);

		now[i] = (uint32_t)(found - run->volumes);
	}
	for (size_t i = 0; i < run->n; i++) {
		struct render_message *m = &run->messages[i];
		struct render_volume *v = &run->volumes[m->volume = now[m->volume]];

		if (m->part_of != RENDER_NONE)
			continue;
		if (v->n == v->room) {
			v->room = v->room ? 2 * v->room : 64;
			v->messages = xrealloc(v->messages, v->room * sizeof *v->messages);
		}
		v->messages[v->n++] = (uint32_t)i;
		v->last = m->date > v->last ? m->date : v->last;
	}
}

int render_look(struct render_run *run, struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };
	int64_t before = 1;

	run->n = run->index.n;
	run->messages = xcalloc(run->n + 1, sizeof *run->messages);
	for (size_t i = 0; i < run->n; i++) {
		struct render_message *m = &run->messages[i];

		m->row = (uint32_t)i;
		m->parent = m->before = m->after = m->volume = RENDER_NONE;
		m->part_of = is_stray(run, i) ? (uint32_t)i - 1 : RENDER_NONE;
		if (m->part_of != RENDER_NONE && run->messages[i - 1].part_of != RENDER_NONE)
			m->part_of = run->messages[i - 1].part_of;
		run->r->strays += m->part_of != RENDER_NONE;
		if (look_at(run, i, before, &octets, err) < 0)
			return -1;
		before = m->date;
	}
	render_number(run);
	for (size_t i = 0; i < run->n; i++) {
		AUTO_BUF struct buf name = { 0 };

		if (run->messages[i].volume != RENDER_NONE)
			continue;
		archive_volume_of(run->messages[i].date, BY_MONTH, &name);
		run->messages[i].volume = render_volume_of(run, buf_span(&name));
	}
	sort_volumes(run);
	return 0;
}
