/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/texts.h"

#include "mail/header.h"

#include <string.h>

#define LINE_MAX_OCTETS 1024u

void texts_fini(struct texts *t)
{
	buf_fini(&t->line);
	buf_fini(&t->head);
}

static int bad(struct error *err, const char *what)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "what doveadm says of messages: %s", what);
}

/* Adds to the digest, CRLF as LF. */
static void add_octets(struct texts *t, struct span octets)
{
	size_t from = 0;

	if (octets.n && t->cr) {
		if (octets.p[0] != '\n')
			digest_add(&t->digest, "\r", 1);
		t->cr = false;
	}
	for (size_t i = 0; i < octets.n; i++) {
		if (octets.p[i] != '\r')
			continue;
		if (i + 1 == octets.n) {
			digest_add(&t->digest, octets.p + from, i - from);
			t->cr = true;
			return;
		}
		if (octets.p[i + 1] == '\n') {
			digest_add(&t->digest, octets.p + from, i - from);
			from = i + 1;
		}
	}
	digest_add(&t->digest, octets.p + from, octets.n - from);
}

/* The value of "NAME=value " at the front of *rest, which is cut off. */
static bool take_field(struct span *rest, const char *name, struct span *value)
{
	if (!span_next_word(rest, value) || !span_starts(*value, name))
		return false;
	*value = span_from(*value, strlen(name));
	return value->n > 0;
}

/* Reads the front of a row, which is there up to "text=". */
static int begin_row(struct texts *t, struct error *err)
{
	struct span rest = buf_span(&t->line), guid, uid, size;
	AUTO_BUF struct buf told = { 0 };
	uint64_t number;

	if (!take_field(&rest, "mailbox-guid=", &guid) || !take_field(&rest, "uid=", &uid) ||
	    !take_field(&rest, "size.physical=", &size) || !span_is(rest, " text=") ||
	    span_find(guid, '\t') >= 0 || !span_parse_u64(uid, &number) ||
	    !span_parse_u64(size, &t->left))
		return bad(err, "no message begins here");
	buf_addf(&told, "%.*s\t%llu", (int)guid.n, guid.p, (unsigned long long)number);
	buf_reset(&t->line);
	buf_add_span(&t->line, buf_span(&told));
	buf_reset(&t->head);
	digest_begin(&t->digest);
	t->cr = false;
	t->state = TEXTS_OCTETS;
	return 0;
}

static void end_row(struct texts *t)
{
	AUTO_BUF struct buf id = { 0 };
	char hex[2 * DIGEST_SIZE + 1];
	struct digest digest;

	if (t->cr)
		digest_add(&t->digest, "\r", 1);
	digest = digest_end(&t->digest);
	header_message_id(buf_span(&t->head), &id);
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] < ' ')
			id.p[i] = '?';
	buf_addf(&t->line, "\t%s\t", digest_text(hex, &digest));
	buf_add_span(&t->line, buf_span(&id));
	buf_add_char(&t->line, '\n');
	t->state = TEXTS_TAIL; /* told when it ends where it should */
}

/* One octet of a row's front or tail. */
static int take_octet(struct texts *t, char c, struct buf *out, struct error *err)
{
	if (t->state == TEXTS_TAIL) {
		if (c != '\n')
			return bad(err, "a message is longer than it says");
		buf_add_span(out, buf_span(&t->line));
		buf_reset(&t->line);
		t->state = TEXTS_ROW;
		return 0;
	}
	if (c == '\n' || t->line.n >= LINE_MAX_OCTETS)
		return bad(err, "a row without a message");
	buf_add_char(&t->line, c);
	return c == '=' && span_ends(buf_span(&t->line), " text=") ? begin_row(t, err) : 0;
}

int texts_feed(struct texts *t, struct span octets, struct buf *out, struct error *err)
{
	for (;;) {
		if (t->state == TEXTS_OCTETS && !t->left)
			end_row(t);
		if (!octets.n)
			return 0;
		if (t->state != TEXTS_OCTETS) {
			if (take_octet(t, octets.p[0], out, err) < 0)
				return -1;
			octets = span_from(octets, 1);
			continue;
		}

		size_t n = octets.n < t->left ? octets.n : (size_t)t->left;
		size_t room = HEADER_LOOK_MAX - t->head.n;
		add_octets(t, (struct span){ octets.p, n });
		buf_add(&t->head, octets.p, n < room ? n : room);
		t->left -= n;
		octets = span_from(octets, n);
	}
}

bool texts_is_whole(const struct texts *t)
{
	return t->state == TEXTS_ROW && !t->line.n;
}
