/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/reader.h"

#include <string.h>

void imap_reader_init(struct imap_reader *r)
{
	*r = (struct imap_reader){ 0 };
	imap_body_init(&r->body);
}

void imap_reader_fini(struct imap_reader *r)
{
	buf_fini(&r->text);
	imap_body_fini(&r->body);
}

static int refuse(struct error *err, const char *what)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "the IMAP server sent %s",
	                 what);
}

static void begin(struct imap_reader *r)
{
	buf_reset(&r->text);
	imap_body_reset(&r->body);
	r->has_body = r->literal_is_body = r->complete = false;
	r->line_at = 0;
}

/* Offset of the '{' of "{123}", "{123+}" or "~{123}" at the end of the line; -1: there is none. */
static ssize_t find_literal(struct span line, uint64_t *size)
{
	size_t at, end;

	if (!line.n || line.p[line.n - 1] != '}')
		return -1;
	end = line.n - 1;
	if (end && line.p[end - 1] == '+')
		end--;
	for (at = end; at > 0 && line.p[at - 1] >= '0' && line.p[at - 1] <= '9';)
		at--;
	if (at == end || !at || line.p[at - 1] != '{')
		return -1;
	if (!span_parse_u64((struct span){ line.p + at, end - at }, size))
		*size = UINT64_MAX;
	return (ssize_t)at - 1;
}

/* What stands in front of the literal names it. Some servers write the section's origin too. */
static bool is_message(struct span before)
{
	before = span_trim(before);
	if (before.n && before.p[before.n - 1] == '~')
		before = span_trim((struct span){ before.p, before.n - 1 });
	for (const char *const *name =
	             (const char *const[]){ "BODY[]", "BODY[]<0>", "RFC822", NULL };
	     *name; name++) {
		size_t n = strlen(*name);

		/* at the begin of a line it stands behind another literal */
		if (before.n >= n &&
		    span_is_nocase((struct span){ before.p + before.n - n, n }, *name) &&
		    (before.n == n || before.p[before.n - n - 1] == ' ' ||
		     before.p[before.n - n - 1] == '('))
			return true;
	}
	return false;
}

static bool is_fetch(struct span text)
{
	struct span rest = text, word;

	return span_next_word(&rest, &word) && span_is(word, "*") && span_next_word(&rest, &word) &&
	       span_next_word(&rest, &word) && span_is_nocase(word, "FETCH");
}

/* "* OK text" and tagged answers end with words for people, whatever those look like. */
static bool ends_with_words(struct span text)
{
	static const char *const status[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };
	struct span rest = text, word;

	if (!span_next_word(&rest, &word) || !span_is(word, "*"))
		return true;
	(void)span_next_word(&rest, &word);
	for (size_t i = 0; i < ROWS(status); i++)
		if (span_is_nocase(word, status[i]))
			return true;
	return false;
}

/* A line is whole. A literal follows, or the response is complete. */
static int end_line(struct imap_reader *r, struct error *err)
{
	struct span line;
	uint64_t size;
	ssize_t at;

	if (r->text.n > r->line_at && r->text.p[r->text.n - 1] == '\r')
		r->text.n--;
	line = span_from(buf_span(&r->text), r->line_at);
	at = find_literal(line, &size);
	if (at < 0 || ends_with_words(buf_span(&r->text))) {
		r->complete = true;
		return 0;
	}
	r->literal_is_body = is_message((struct span){ line.p, (size_t)at }) &&
	                     is_fetch(buf_span(&r->text));
	if (r->literal_is_body && r->has_body)
		return refuse(err, "two messages in one answer");
	if (!r->literal_is_body && r->text.n + size > IMAP_RESPONSE_MAX)
		return refuse(err, "an answer without end");
	if (size > (r->literal_is_body ? IMAP_MESSAGE_MAX : IMAP_LITERAL_MAX))
		return refuse(err, r->literal_is_body ? "the size of a message that nobody has"
		                                      : "a literal that is too long");
	buf_add_text(&r->text, "\r\n");
	if (r->literal_is_body) {
		r->has_body = true;
		r->body_at = r->text.n;
	}
	r->literal_left = size;
	r->line_at = r->text.n + (r->literal_is_body ? 0 : (size_t)size);
	return 0;
}

static int take_literal(struct imap_reader *r, struct span octets, size_t *used, struct error *err)
{
	size_t n = octets.n < r->literal_left ? octets.n : (size_t)r->literal_left;

	*used += n;
	r->literal_left -= n;
	if (r->literal_is_body)
		return imap_body_add(&r->body, (struct span){ octets.p, n }, err);
	buf_add(&r->text, octets.p, n);
	return 0;
}

int imap_reader_feed(struct imap_reader *r, struct span octets, size_t *used, struct error *err)
{
	*used = 0;
	if (r->complete)
		begin(r);
	while (*used < octets.n) {
		struct span rest = span_from(octets, *used);
		ssize_t lf;

		if (r->literal_left) {
			if (take_literal(r, rest, used, err) < 0)
				return -1;
			continue;
		}
		lf = span_find(rest, '\n');
		if (r->text.n + (lf < 0 ? rest.n : (size_t)lf) > IMAP_RESPONSE_MAX)
			return refuse(err, "a line without end");
		buf_add(&r->text, rest.p, lf < 0 ? rest.n : (size_t)lf);
		*used += lf < 0 ? rest.n : (size_t)lf + 1;
		if (lf < 0)
			break;
		if (end_line(r, err) < 0)
			return -1;
		if (r->complete)
			return 1;
	}
	return 0;
}
