/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/mbox.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/flags.h"
#include "mail/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW (256u << 10)
#define FROM_LINE_MAX 1000u
/* Of one header line with its continuations; what is longer is content, whatever its name. */
#define FIELD_MAX (64u << 10)
#define KEYWORDS_MAX 256u

struct mbox_walker {
	mbox_read_fn *read;
	void *context;
	uint64_t size;
	char *place; /* owned */
	const struct mbox_visitor *visitor;
	char *window; /* owned */
	uint64_t window_at;
	size_t window_n;
	/* the message under way */
	struct mbox_message m;
	struct digest_state digest;
	uint64_t content_length;
	bool has_content_length;
	char held[2]; /* a line end held back: the last one of a message is no content */
	unsigned held_n;
	struct buf field; /* of the header, with its continuations */
	bool giant;       /* the field under way was too long to be held */
};

static const char *const bookkeeping[] = {
	"X-UID", "Status", "X-Status", "X-Keywords", "X-IMAP", "X-IMAPbase", "Content-Length",
};

bool mbox_is_bookkeeping(struct span header_name)
{
	for (size_t i = 0; i < ROWS(bookkeeping); i++)
		if (span_is_nocase(header_name, bookkeeping[i]))
			return true;
	return false;
}

static int fill(struct mbox_walker *w, uint64_t at, struct error *err)
{
	ssize_t n;
	size_t want = w->size - at < WINDOW ? (size_t)(w->size - at) : WINDOW, have = 0;

	/* what is there already is not read again */
	if (at >= w->window_at && at < w->window_at + w->window_n) {
		have = (size_t)(w->window_at + w->window_n - at);
		memmove(w->window, w->window + (at - w->window_at), have);
	}
	w->window_n = 0;
	n = w->read(w->context, w->window + have, want - have, at + have);
	if (n < 0 || (size_t)n < want - have) {
		int why = n < 0 ? errno : 0;

		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, why,
		                 "%s: %s at octet %llu", w->place,
		                 n < 0 ? "can't be read" : "became shorter while it was read",
		                 (unsigned long long)at);
	}
	w->window_at = at;
	w->window_n = want;
	return 0;
}

/* Octets from `at`: at least `least` of them, unless the file ends before. `least` <= WINDOW. */
static int look(struct mbox_walker *w, uint64_t at, size_t least, struct span *out,
                struct error *err)
{
	size_t skip;

	if (at >= w->size) {
		*out = SPAN("");
		return 0;
	}
	if (w->size - at < least)
		least = (size_t)(w->size - at);
	if (at < w->window_at || at + least > w->window_at + w->window_n)
		if (fill(w, at, err) < 0)
			return -1;
	skip = (size_t)(at - w->window_at);
	*out = (struct span){ w->window + skip, w->window_n - skip };
	return 0;
}

/* 1: a From_ line is at `at`; 0: none. *line is without LF, borrowed until the next look. */
static int from_at(struct mbox_walker *w, uint64_t at, struct span *line, int64_t *time,
                   struct error *err)
{
	struct span text, rest;

	if (look(w, at, 5, &text, err) < 0)
		return -1;
	if (!span_starts(text, "From "))
		return 0;
	if (look(w, at, FROM_LINE_MAX, &text, err) < 0)
		return -1;
	if (text.n > FROM_LINE_MAX)
		text.n = FROM_LINE_MAX;
	rest = text;
	return span_next_line(&rest, line) && mbox_from_line(*line, time);
}

static int give_now(struct mbox_walker *w, struct span bytes, struct error *err)
{
	if (!bytes.n)
		return 0;
	digest_add(&w->digest, bytes.p, bytes.n);
	w->m.size += bytes.n;
	if (!w->visitor->content)
		return 0;
	return w->visitor->content(w->visitor->context, bytes, err);
}

static int give_held(struct mbox_walker *w, struct error *err)
{
	struct span held = { w->held, w->held_n };

	w->held_n = 0;
	return give_now(w, held, err);
}

/* All but the line end behind it. */
static int give(struct mbox_walker *w, struct span bytes, struct error *err)
{
	struct span held = { w->held, w->held_n };

	if (!bytes.n)
		return 0;
	/* a CR at the end of one piece, and its LF at the beginning of the next */
	if (w->held_n == 1 && w->held[0] == '\r' && span_is(bytes, "\n")) {
		w->held[w->held_n++] = '\n';
		return 0;
	}
	if (give_now(w, held, err) < 0)
		return -1;
	w->held_n = span_ends(bytes, "\r\n")                           ? 2
	            : span_ends(bytes, "\n") || span_ends(bytes, "\r") ? 1
	                                                               : 0;
	bytes.n -= w->held_n;
	memcpy(w->held, bytes.p + bytes.n, w->held_n);
	return give_now(w, bytes, err);
}

static void read_flags(struct mbox_message *m, struct span value)
{
	static const struct {
		char status, letter;
	} rows[] = { { 'T', 'D' }, { 'F', 'F' }, { 'A', 'R' }, { 'R', 'S' }, { 'D', 'T' } };
	AUTO_BUF struct buf have = { 0 };

	buf_add_text(&have, ":2,");
	buf_add_text(&have, m->flags);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == 'O')
			m->seen_before = true;
		for (size_t k = 0; k < ROWS(rows); k++)
			if (rows[k].status == value.p[i])
				buf_add_char(&have, rows[k].letter);
	}

	AUTO_BUF struct buf letters = { 0 };
	mail_suffix_flags(buf_span(&have), &letters);
	snprintf(m->flags, sizeof m->flags, "%s", buf_text(&letters));
}

static void read_keywords(struct mbox_message *m, struct span value)
{
	AUTO_STRINGS struct strings names = { 0 };
	struct span word;

	while (names.n < KEYWORDS_MAX && span_next_word(&value, &word))
		strings_add_span(&names, word);
	strings_sort(&names);
	buf_reset(&m->keywords);
	for (size_t i = 0; i < names.n; i++)
		buf_addf(&m->keywords, "%s%s", i ? " " : "", names.rows[i]);
}

static bool read_u32(struct span *value, uint32_t *out)
{
	struct span word;
	uint64_t v;

	if (!span_next_word(value, &word) || !span_parse_u64(word, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static void read_bookkeeping(struct mbox_walker *w, struct span name, struct span value)
{
	struct mbox_message *m = &w->m;
	uint32_t uidvalidity, uidnext;

	if (span_is_nocase(name, "X-UID")) {
		(void)read_u32(&value, &m->uid);
	} else if (span_is_nocase(name, "Status") || span_is_nocase(name, "X-Status")) {
		read_flags(m, value);
	} else if (span_is_nocase(name, "X-Keywords")) {
		read_keywords(m, value);
	} else if (span_is_nocase(name, "Content-Length")) {
		w->has_content_length = span_parse_u64(value, &w->content_length);
	} else if (read_u32(&value, &uidvalidity) && read_u32(&value, &uidnext)) {
		m->uidvalidity = uidvalidity;
		m->uidnext = uidnext;
		m->internal = m->internal || (m->offset == 0 && span_is_nocase(name, "X-IMAP"));
	}
}

/* One whole header field with its line ends, or a line of the header section that is none. */
static int end_field(struct mbox_walker *w, struct error *err)
{
	struct span field = buf_span(&w->field), name;
	ssize_t colon = span_find(field, ':');
	int result = 0;

	if (!field.n)
		return 0;
	name = span_trim((struct span){ field.p, colon < 0 ? 0 : (size_t)colon });
	if (mbox_is_bookkeeping(name)) {
		read_bookkeeping(w, name, span_trim(span_from(field, (size_t)colon + 1)));
		/* if nothing follows, the line end that parts messages is the hidden field's */
		result = give_held(w, err);
	} else {
		if (!w->m.message_id.n && span_is_nocase(name, "Message-ID"))
			header_message_id(field, &w->m.message_id);
		result = give(w, field, err);
	}
	buf_reset(&w->field);
	return result;
}

/* Takes a piece of a line (`starts`: its beginning; it may lack its LF when it is very long). */
static int header_piece(struct mbox_walker *w, struct span piece, bool starts, struct error *err)
{
	if (starts && piece.p[0] != ' ' && piece.p[0] != '\t') {
		if (end_field(w, err) < 0)
			return -1;
		w->giant = false;
	}
	if (w->giant)
		return give(w, piece, err);
	buf_add_span(&w->field, piece);
	if (w->field.n <= FIELD_MAX)
		return 0;
	w->giant = true;
	if (give(w, buf_span(&w->field), err) < 0)
		return -1;
	buf_reset(&w->field);
	return 0;
}

/* Without the line end that parts this message from the next, as Dovecot shows it. */
static int end_content(struct mbox_walker *w, struct error *err)
{
	if (end_field(w, err) < 0)
		return -1;
	if (w->held_n == 1 && w->held[0] == '\r')
		return give_held(w, err);
	w->held_n = 0;
	return 0;
}

/* Where the message whose body starts at `body` ends if its Content-Length tells the truth. */
static int end_by_length(struct mbox_walker *w, uint64_t body, uint64_t *end, struct error *err)
{
	struct span line, text;
	uint64_t at;
	int64_t ignored;
	int found;

	*end = 0;
	if (!w->has_content_length || w->content_length > w->size - body)
		return 0;
	at = body + w->content_length;
	for (int skip = 0; skip < 3 && at <= w->size; skip++) {
		if (at == w->size) {
			*end = at;
			return 0;
		}
		found = from_at(w, at, &line, &ignored, err);
		if (found < 0)
			return -1;
		if (found) {
			*end = at;
			return 0;
		}
		if (look(w, at, 1, &text, err) < 0)
			return -1;
		if (text.p[0] != '\n' && text.p[0] != '\r')
			return 0;
		at++;
	}
	return 0;
}

/* Reads the header section from `at`; *at is then behind it. *ended: at a From_ line already. */
static int walk_header(struct mbox_walker *w, uint64_t *at, bool *ended, struct error *err)
{
	bool starts = true;

	*ended = false;
	while (*at < w->size) {
		struct span text, line;
		int64_t ignored;
		ssize_t lf;
		int found = starts ? from_at(w, *at, &line, &ignored, err) : 0;

		*ended = found > 0;
		if (found)
			return found < 0 ? -1 : 0;
		if (look(w, *at, WINDOW / 2, &text, err) < 0)
			return -1;
		lf = span_find(text, '\n');
		line = (struct span){ text.p, lf < 0 ? text.n : (size_t)lf + 1 };
		*at += line.n;
		if (starts && (span_is(line, "\n") || span_is(line, "\r\n")))
			return end_field(w, err) < 0 ||
			                       give(w, line.n == 1 ? SPAN("\n") : SPAN("\r\n"),
			                            err) < 0
			               ? -1
			               : 0;
		if (header_piece(w, line, starts, err) < 0)
			return -1;
		starts = lf >= 0;
	}
	*ended = true;
	return 0;
}

/* Octets at the end of a piece that are looked at again with the next one: a line end and "From "
 * may stand across the two. */
#define ACROSS 5u

/* The octets of `text` that are surely of this message; *found: behind them stands "From ". */
static size_t body_piece(struct span text, bool is_last, bool *found)
{
	const char *hit = memmem(text.p, text.n, "\nFrom ", 6);

	*found = hit != NULL;
	if (hit)
		return (size_t)(hit - text.p) + 1;
	return is_last ? text.n : text.n - ACROSS;
}

/* Reads the body from `at` to the end of the message; *at is then there. */
static int walk_body(struct mbox_walker *w, uint64_t *at, struct error *err)
{
	uint64_t by_length;
	bool found = true;

	if (end_by_length(w, *at, &by_length, err) < 0)
		return -1;
	while (*at < w->size) {
		struct span text, line;
		int64_t ignored;
		int ends = 0;

		if (found && *at >= by_length)
			ends = from_at(w, *at, &line, &ignored, err);
		if (ends)
			return ends < 0 ? -1 : 0;
		if (look(w, *at, WINDOW / 2, &text, err) < 0)
			return -1;
		found = false;
		if (*at < by_length) {
			if (text.n >= by_length - *at) {
				text.n = (size_t)(by_length - *at);
				found = true;
			}
		} else {
			text.n = body_piece(text, *at + text.n == w->size, &found);
		}
		*at += text.n;
		if (give(w, text, err) < 0)
			return -1;
	}
	return 0;
}

static int walk_message(struct mbox_walker *w, uint64_t *at, struct error *err)
{
	struct span line, text;
	int found = from_at(w, *at, &line, &w->m.from_time, err);
	bool ended;

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: no From_ line at octet %llu", w->place,
		                 (unsigned long long)*at);

	AUTO_FREE char *from_line = span_dup(line);
	w->m.offset = *at;
	w->m.from_line = (struct span){ from_line, line.n };
	w->has_content_length = w->giant = false;
	digest_begin(&w->digest);
	w->held_n = 0;
	buf_reset(&w->field);
	if (look(w, *at, FROM_LINE_MAX, &text, err) < 0)
		return -1;
	*at += span_find(text, '\n') < 0 ? text.n : (size_t)span_find(text, '\n') + 1;
	if (w->visitor->begin && w->visitor->begin(w->visitor->context, &w->m, err) < 0)
		return -1;
	if (walk_header(w, at, &ended, err) < 0 || (!ended && walk_body(w, at, err) < 0) ||
	    end_content(w, err) < 0)
		return -1;
	w->m.end = *at;
	w->m.digest = digest_end(&w->digest);
	return w->visitor->end ? w->visitor->end(w->visitor->context, &w->m, err) : 0;
}

struct mbox_walker *mbox_walker_new(mbox_read_fn *read, void *context, uint64_t size,
                                    const char *place)
{
	struct mbox_walker *w = xcalloc(1, sizeof *w);

	w->read = read;
	w->context = context;
	w->size = size;
	w->place = xstrdup(place);
	w->window = xmalloc(WINDOW);
	return w;
}

void mbox_walker_free(struct mbox_walker *w)
{
	if (!w)
		return;
	buf_fini(&w->m.keywords);
	buf_fini(&w->m.message_id);
	buf_fini(&w->field);
	free(w->place);
	free(w->window);
	free(w);
}

int mbox_walker_one(struct mbox_walker *w, uint64_t *at, const struct mbox_visitor *visitor,
                    struct error *err)
{
	struct buf keywords = w->m.keywords, message_id = w->m.message_id;

	w->m = (struct mbox_message){ .keywords = keywords, .message_id = message_id };
	buf_reset(&w->m.keywords);
	buf_reset(&w->m.message_id);
	w->visitor = visitor;
	return walk_message(w, at, err);
}

int mbox_walk(mbox_read_fn *read, void *context, uint64_t from, uint64_t size, bool one,
              const char *place, const struct mbox_visitor *visitor, struct error *err)
{
	AUTO_MBOX_WALKER struct mbox_walker *w = mbox_walker_new(read, context, size, place);
	int result = 0;

	while (result == 0 && from < size) {
		result = mbox_walker_one(w, &from, visitor, err);
		if (one)
			break;
	}
	return result;
}
