/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/hyperkitty_letters.h"

#include "base/memory.h"
#include "lists/archive_letter.h"
#include "lists/mbox_date.h"
#include "mail/header.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX (256u << 10)
#define SKEW (15 * 86400)
#define EARLIEST (365 * 86400) /* 1971: what is before was no clock that was set */
#define LATEST 253402300799    /* the end of the year 9999 */
#define MADE_ID_DIGITS 40u
#define MADE_ID_HOST "mailhaul.invalid" /* RFC 2606: is nobody's */

void hyperkitty_letters_fini(struct hyperkitty_letters *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].id);
		free(l->rows[i].sender);
	}
	free(l->rows);
	buf_fini(&l->head);
	archive_split_fini(&l->split);
	*l = (struct hyperkitty_letters){ 0 };
}

/* ── a message ───────────────────────────────────────────────────────────────────────────────── */

static bool is_text(struct span id)
{
	for (size_t i = 0; i < id.n;) {
		size_t n = span_utf8_length(span_from(id, i));

		if (!n || (unsigned char)id.p[i] <= 32 || id.p[i] == 127)
			return false;
		i += n;
	}
	return id.n;
}

static char *own_id(const struct buf *id)
{
	size_t n = id->n;

	if (!is_text(buf_span(id)))
		return NULL;
	for (;
	     n > HYPERKITTY_ID_MAX || (n && n < id->n && ((unsigned char)id->p[n] & 0xc0) == 0x80);
	     n--)
		;
	return span_dup((struct span){ id->p, n });
}

static bool is_sane(int64_t at)
{
	return at >= EARLIEST && at <= LATEST;
}

static void choose_date(struct hyperkitty_letters *l, struct hyperkitty_letter *m,
                        struct span header)
{
	struct span value;
	bool dated = header_find(header, "Date", &value) && lists_mbox_date(value, &m->date) &&
	             is_sane(m->date);

	if (!is_sane(m->came))
		m->came = 0;
	if (dated && (!m->came || m->date <= m->came + SKEW))
		return;
	m->dated = m->came ? HYPERKITTY_DATED_CAME : HYPERKITTY_DATED_BEFORE;
	m->date = m->came ? m->came : l->n > 1 ? m[-1].date : EARLIEST;
	l->dates++;
}

/* What makes it the message that it is; what hosts on its way have added is not. */
static void digest_header(struct hyperkitty_letters *l, struct span header)
{
	static const char *const names[] = { "From",         "Date",
		                             "Subject",      "Message-ID",
		                             "Content-Type", "Content-Transfer-Encoding" };

	for (size_t i = 0; i < ROWS(names); i++) {
		struct span value = { "", 0 };

		(void)header_find(header, names[i], &value);
		digest_add(&l->state, value.p, value.n);
		digest_add(&l->state, "", 1);
	}
}

/* Its header is whole. */
static void take_header(struct hyperkitty_letters *l)
{
	struct hyperkitty_letter *m = &l->rows[l->n - 1];
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };

	archive_letter_read(&letter, buf_span(&l->head), false);
	m->id = own_id(&letter.id);
	choose_date(l, m, buf_span(&l->head));
	digest_header(l, buf_span(&l->head));
	l->in_body = true;
}

static void end_message(struct hyperkitty_letters *l)
{
	struct hyperkitty_letter *m = l->n ? &l->rows[l->n - 1] : NULL;

	if (!m)
		return;
	if (!l->in_body)
		take_header(l);
	m->digest = digest_end(&l->state);
	m->octets = l->at - m->at - l->blank_octets; /* which part it from the next */
}

static void begin_message(struct hyperkitty_letters *l, struct span line)
{
	struct hyperkitty_letter m = { .at = l->at + line.n };
	struct span rest = span_trim(line), word;

	ARRAY_GROW(l->rows, l->n, l->room);
	if (!archive_from_line(rest, &m.came) && !lists_mbox_from_date(rest, &m.came))
		m.came = 0;
	if (span_next_word(&rest, &word) && span_next_word(&rest, &word) &&
	    span_find(word, '@') > 0 && word.n < 250 && is_text(word))
		m.sender = span_dup(word);
	l->rows[l->n++] = m;
	digest_begin(&l->state);
	buf_reset(&l->head);
	l->blanks = l->blank_octets = 0;
	l->in_body = false;
}

static void add_body(struct hyperkitty_letters *l, struct span octets, bool ends)
{
	size_t n = octets.n;

	if (ends && n > 1 && octets.p[n - 2] == '\r')
		n--;
	n -= ends;
	if (ends && !l->in_line && !n) {
		l->blanks++;
		l->blank_octets = octets.n;
		return;
	}
	for (; l->blanks; l->blanks--)
		digest_add(&l->state, "\n", 1);
	l->blank_octets = 0;
	digest_add(&l->state, octets.p, n);
	if (ends)
		digest_add(&l->state, "\n", 1);
}

/* Whether what stands at a From_ line of another form is a message all the same. */
static bool begins(struct hyperkitty_letters *l)
{
	const struct lists_mbox_index *ix = l->index;

	while (ix && l->index_at < ix->n && ix->rows[l->index_at].offset < l->at)
		l->index_at++;
	return ix && l->index_at < ix->n && ix->rows[l->index_at].offset == l->at &&
	       ix->rows[l->index_at].id && !(ix->rows[l->index_at].flags & LISTS_MBOX_NO_BLANK);
}

static int take_line(void *context, enum archive_line kind, uint64_t number, struct span octets,
                     struct error *err)
{
	struct hyperkitty_letters *l = context;
	bool ends = octets.n && octets.p[octets.n - 1] == '\n';

	if (kind == ARCHIVE_LINE_STRAY && begins(l))
		kind = ARCHIVE_LINE_FROM;
	if (kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE) {
		end_message(l);
		begin_message(l, octets);
	} else if (!l->n) {
		l->before += octets.n;
	} else {
		l->strays += kind == ARCHIVE_LINE_STRAY;
		if (l->in_body) {
			add_body(l, octets, ends);
		} else {
			if (l->head.n < HEAD_MAX)
				buf_add_span(&l->head, octets);
			if (!l->in_line && !span_trim(octets).n)
				take_header(l);
		}
	}
	l->in_line = !ends;
	l->at += octets.n;
	return 0;
}

/* ── all of them ─────────────────────────────────────────────────────────────────────────────── */

void hyperkitty_letters_begin(struct hyperkitty_letters *l, const struct lists_mbox_index *index)
{
	*l = (struct hyperkitty_letters){ .split = { .take = take_line }, .index = index };
}

void hyperkitty_letters_feed(struct hyperkitty_letters *l, struct span octets)
{
	struct error never = { 0 };

	l->split.context = l;
	l->octets += octets.n;
	/* it fails where take_line() does */
	if (archive_split_feed(&l->split, octets, &never) < 0)
		return;
}

static void make_id(struct hyperkitty_letter *m)
{
	char text[2 * DIGEST_SIZE + 1];

	free(m->id);
	m->id = xasprintf("%.*s@" MADE_ID_HOST, (int)MADE_ID_DIGITS, digest_text(text, &m->digest));
	m->has_made_id = true;
}

static int by_id(const void *x, const void *y)
{
	const struct hyperkitty_letter *a = *(struct hyperkitty_letter *const *)x;
	const struct hyperkitty_letter *b = *(struct hyperkitty_letter *const *)y;
	int order = strcmp(a->id, b->id);

	return order ? order : a < b ? -1 : a > b;
}

/* Of those with one id, the first in the mbox keeps it. */
static void part_ids(struct hyperkitty_letters *l, struct hyperkitty_letter **sorted)
{
	struct hyperkitty_letter *first = NULL;

	qsort(sorted, l->n, sizeof(struct hyperkitty_letter *), by_id);
	for (size_t i = 0; i < l->n; i++) {
		struct hyperkitty_letter *m = sorted[i];

		if (!first || strcmp(first->id, m->id) != 0)
			first = m;
		else if (digest_equal(&first->digest, &m->digest))
			m->is_copy = true;
		else
			m->is_other = true;
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].is_other && !l->rows[i].has_made_id)
			make_id(&l->rows[i]);
}

void hyperkitty_letters_end(struct hyperkitty_letters *l)
{
	AUTO_FREE struct hyperkitty_letter **sorted = NULL;
	struct error never = { 0 };

	l->split.context = l;
	if (archive_split_end(&l->split, &never) < 0)
		return;
	end_message(l);
	sorted = xcalloc(l->n + 1, sizeof(struct hyperkitty_letter *));
	for (size_t i = 0; i < l->n; i++) {
		sorted[i] = &l->rows[i];
		if (!l->rows[i].id)
			make_id(&l->rows[i]);
	}
	/* then those that were made for others of one text */
	for (unsigned i = 0; i < 2 && l->n; i++)
		part_ids(l, sorted);
	for (size_t i = 0; i < l->n; i++) {
		l->copies += l->rows[i].is_copy;
		l->others += l->rows[i].is_other && !l->rows[i].is_copy;
		l->made += l->rows[i].has_made_id && !l->rows[i].is_other && !l->rows[i].is_copy;
	}
}

void hyperkitty_letters_json(const struct hyperkitty_letters *l, size_t row, struct buf *out)
{
	static const char *const dated[] = { "", "as it came", "as the message before it" };
	const struct hyperkitty_letter *m = &l->rows[row];
	json_t *line = json_pack("{s:I, s:I, s:I, s:s, s:I, s:I, s:s, s:s}", "n", (json_int_t)row,
	                         "at", (json_int_t)m->at, "octets", (json_int_t)m->octets, "id",
	                         m->id, "date", (json_int_t)m->date, "came", (json_int_t)m->came,
	                         "dated", dated[m->dated], "sender", m->sender ? m->sender : "");
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(line);
	buf_addf(out, "%s\n", text);
}
