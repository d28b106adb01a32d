/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/response.h"

#include "base/cleanup.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What is left of a response. Its message's literal is in the reader's body, and not in the text. */
struct scan {
	struct span rest;
	const char *body_at; /* NULL: there is none */
};

void imap_response_fini(struct imap_response *p)
{
	buf_fini(&p->name);
	buf_fini(&p->text);
	buf_fini(&p->others);
	*p = (struct imap_response){ 0 };
}

/* ── tokens ──────────────────────────────────────────────────────────────────────────────────── */

static bool take_char(struct scan *s, char c)
{
	if (!s->rest.n || s->rest.p[0] != c)
		return false;
	s->rest = span_from(s->rest, 1);
	return true;
}

static void skip_blanks(struct scan *s)
{
	while (take_char(s, ' '))
		;
}

static bool is_delimiter(char c)
{
	return c == ' ' || c == '(' || c == ')' || c == '"' || c == '\r' || c == '\n';
}

/* Up to a blank, a parenthesis or a quote; what stands in [...] belongs to it. */
static struct span take_atom(struct scan *s)
{
	bool inside = false;
	size_t n = 0;

	for (; n < s->rest.n; n++) {
		char c = s->rest.p[n];

		if (c == '[')
			inside = true;
		else if (c == ']')
			inside = false;
		else if (!inside && is_delimiter(c))
			break;
	}
	struct span atom = { s->rest.p, n };
	s->rest = span_from(s->rest, n);
	return atom;
}

static bool take_u64(struct scan *s, uint64_t *value)
{
	size_t n = 0;

	while (n < s->rest.n && s->rest.p[n] >= '0' && s->rest.p[n] <= '9')
		n++;
	if (!span_parse_u64((struct span){ s->rest.p, n }, value))
		return false;
	s->rest = span_from(s->rest, n);
	return true;
}

static bool take_u32(struct scan *s, uint32_t *value)
{
	uint64_t v;

	if (!take_u64(s, &v) || v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

static bool take_quoted(struct scan *s, struct buf *out)
{
	for (size_t i = 0; i < s->rest.n; i++) {
		if (s->rest.p[i] == '"') {
			s->rest = span_from(s->rest, i + 1);
			return true;
		}
		if (s->rest.p[i] == '\\' && i + 1 < s->rest.n)
			i++;
		buf_add_char(out, s->rest.p[i]);
	}
	return false;
}

/* "{N}" CRLF and N octets; a message's octets are elsewhere. */
static bool take_literal(struct scan *s, struct span *out)
{
	uint64_t n;

	if (!take_u64(s, &n))
		return false;
	(void)take_char(s, '+');
	if (!take_char(s, '}') || !span_starts(s->rest, "\r\n"))
		return false;
	s->rest = span_from(s->rest, 2);
	if (s->rest.p == s->body_at)
		n = 0;
	if (n > s->rest.n)
		return false;
	*out = (struct span){ s->rest.p, (size_t)n };
	s->rest = span_from(s->rest, (size_t)n);
	return true;
}

/* A string or an atom. *nil (may be NULL): it was NIL. */
static bool take_string(struct scan *s, struct buf *out, bool *nil)
{
	struct span found;

	buf_reset(out);
	if (nil)
		*nil = false;
	if (take_char(s, '"'))
		return take_quoted(s, out);
	if (s->rest.n && s->rest.p[0] == '~')
		(void)take_char(s, '~');
	if (take_char(s, '{')) {
		if (!take_literal(s, &found))
			return false;
		buf_add_span(out, found);
		return true;
	}
	found = take_atom(s);
	if (nil && span_is_nocase(found, "NIL")) {
		*nil = true;
		return true;
	}
	buf_add_span(out, found);
	return found.n > 0;
}

/* Steps over one value: an atom, a string, or "(...)" with all that is in it. */
static bool skip_value(struct scan *s)
{
	unsigned depth = 0;

	do {
		AUTO_BUF struct buf ignored = { 0 };

		skip_blanks(s);
		if (take_char(s, '('))
			depth++;
		else if (depth && take_char(s, ')'))
			depth--;
		else if (!take_string(s, &ignored, NULL))
			return false;
	} while (depth);
	return true;
}

/* "(...)": what is between. Nothing here has parentheses inside. */
static bool take_list(struct scan *s, struct span *out)
{
	ssize_t end;

	if (!take_char(s, '('))
		return false;
	end = span_find(s->rest, ')');
	if (end < 0)
		return false;
	*out = (struct span){ s->rest.p, (size_t)end };
	s->rest = span_from(s->rest, (size_t)end + 1);
	return true;
}

/* ── numbers of a folder ─────────────────────────────────────────────────────────────────────── */

static void take_number(struct span name, struct scan *s, struct imap_numbers *n)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
		{ "UIDVALIDITY", offsetof(struct imap_numbers, uidvalidity) },
		{ "UIDNEXT", offsetof(struct imap_numbers, uidnext) },
		{ "MESSAGES", offsetof(struct imap_numbers, messages) },
	};
	uint64_t value;

	if (span_is_nocase(name, "NOMODSEQ"))
		n->nomodseq = true;
	skip_blanks(s);
	if (!take_u64(s, &value))
		return;
	if (span_is_nocase(name, "HIGHESTMODSEQ"))
		n->modseq = value;
	for (size_t i = 0; i < ROWS(rows) && value <= UINT32_MAX; i++) {
		uint32_t small = (uint32_t)value;

		if (!span_is_nocase(name, rows[i].name))
			continue;
		memcpy((char *)n + rows[i].offset, &small, sizeof small);
		n->readable = true;
	}
}

static bool parse_folder(struct scan *s, struct imap_response *p)
{
	p->kind = IMAP_FOLDER;
	if (!take_string(s, &p->name, NULL))
		return false;
	skip_blanks(s);
	if (!take_char(s, '('))
		return false;
	for (skip_blanks(s); s->rest.n && !take_char(s, ')'); skip_blanks(s)) {
		struct span name = take_atom(s);

		skip_blanks(s);
		if (!name.n)
			return false;
		struct scan value = *s;
		take_number(name, &value, &p->numbers);
		if (!skip_value(s))
			return false;
	}
	return true;
}

/* ── the others ──────────────────────────────────────────────────────────────────────────────── */

static enum imap_status status_of(struct span word)
{
	static const char *const names[] = { NULL, "OK", "NO", "BAD", "BYE", "PREAUTH" };

	for (unsigned i = 1; i < ROWS(names); i++)
		if (span_is_nocase(word, names[i]))
			return (enum imap_status)i;
	return IMAP_STATUS_NONE;
}

static void parse_status(struct scan *s, struct imap_response *p)
{
	skip_blanks(s);
	if (take_char(s, '[')) {
		ssize_t end = span_find(s->rest, ']');
		struct scan code = *s;

		if (end >= 0) {
			code.rest.n = (size_t)end;
			s->rest = span_from(s->rest, (size_t)end + 1);
			p->code = take_atom(&code);
			skip_blanks(&code);
			p->code_rest = code.rest;
			take_number(p->code, &code, &p->numbers);
		}
	}
	p->words = span_trim(s->rest);
}

static bool parse_list(struct scan *s, struct imap_response *p)
{
	AUTO_BUF struct buf separator = { 0 };
	bool nil;

	skip_blanks(s);
	if (!take_list(s, &p->attributes))
		return false;
	skip_blanks(s);
	if (!take_string(s, &separator, &nil))
		return false;
	p->separator = nil || separator.n != 1 ? 0 : separator.p[0];
	skip_blanks(s);
	return take_string(s, &p->name, NULL) || s->rest.n == 0;
}

/* (("INBOX." ".") (...)) or NIL. */
static bool take_namespaces(struct scan *s, bool personal, struct imap_response *p)
{
	AUTO_BUF struct buf prefix = { 0 }, separator = { 0 };
	bool nil;

	skip_blanks(s);
	if (!take_char(s, '('))
		return skip_value(s);
	for (skip_blanks(s); !take_char(s, ')'); skip_blanks(s)) {
		if (!take_char(s, '(') || !take_string(s, &prefix, NULL))
			return false;
		skip_blanks(s);
		if (!take_string(s, &separator, &nil))
			return false;
		if (personal && !p->has_namespace) {
			p->has_namespace = true;
			p->separator = nil || separator.n != 1 ? 0 : separator.p[0];
			buf_add_span(&p->name, buf_span(&prefix));
		} else if (!personal && prefix.n) {
			buf_add_span(&p->others, buf_span(&prefix));
			buf_add_char(&p->others, '\n');
		}
		/* extensions */
		for (skip_blanks(s); !take_char(s, ')'); skip_blanks(s))
			if (!skip_value(s))
				return false;
	}
	return true;
}

static bool parse_namespace(struct scan *s, struct imap_response *p)
{
	return take_namespaces(s, true, p) && take_namespaces(s, false, p) &&
	       take_namespaces(s, false, p);
}

static void parse_vanished(struct scan *s, struct imap_response *p)
{
	skip_blanks(s);
	if (span_starts_nocase(s->rest, "(EARLIER)")) {
		p->earlier = true;
		s->rest = span_from(s->rest, strlen("(EARLIER)"));
	}
	p->words = span_trim(s->rest);
}

/* ESEARCH (TAG "a3") UID ALL 1:5,9 (RFC 4731). */
static void parse_esearch(struct scan *s, struct imap_response *p)
{
	p->is_set = true;
	p->words = (struct span){ "", 0 };
	skip_blanks(s);
	if (s->rest.n && s->rest.p[0] == '(' && !skip_value(s))
		return;
	for (;;) {
		struct span name;

		skip_blanks(s);
		name = take_atom(s);
		if (!name.n)
			return;
		skip_blanks(s);
		if (span_is_nocase(name, "ALL")) {
			p->words = take_atom(s);
			return;
		}
		if (!span_is_nocase(name, "UID") && !skip_value(s))
			return;
	}
}

/* ── FETCH ───────────────────────────────────────────────────────────────────────────────────── */

static bool take_content(struct scan *s, struct imap_response *p)
{
	const char *body_at = s->body_at;
	bool nil, quoted = s->rest.n && s->rest.p[0] == '"';

	if (!take_string(s, &p->text, &nil))
		return false;
	if (nil)
		p->content = IMAP_CONTENT_NIL;
	else if (quoted)
		p->content = IMAP_CONTENT_TEXT;
	else if (body_at)
		p->content = IMAP_CONTENT_THERE;
	return true;
}

static bool take_item(struct span name, struct scan *s, struct imap_response *p)
{
	AUTO_BUF struct buf text = { 0 };
	bool nil;

	if (span_is_nocase(name, "UID"))
		return take_u32(s, &p->uid);
	if (span_is_nocase(name, "RFC822.SIZE"))
		return (p->has_size = take_u64(s, &p->size)) || skip_value(s);
	if (span_is_nocase(name, "FLAGS"))
		return (p->has_flags = take_list(s, &p->flags)) || skip_value(s);
	if (span_is_nocase(name, "INTERNALDATE")) {
		if (!take_string(s, &text, &nil))
			return false;
		p->has_date = !nil && imap_date_parse(buf_span(&text), &p->date);
		return true;
	}
	if (span_is_nocase(name, "BODY[]") || span_is_nocase(name, "BODY[]<0>") ||
	    span_is_nocase(name, "RFC822"))
		return take_content(s, p);
	return skip_value(s);
}

static bool parse_fetch(struct scan *s, struct imap_response *p)
{
	skip_blanks(s);
	if (!take_char(s, '('))
		return false;
	for (skip_blanks(s); !take_char(s, ')'); skip_blanks(s)) {
		struct span name = take_atom(s);

		skip_blanks(s);
		if (!name.n || !take_item(name, s, p))
			return false;
	}
	return true;
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

static bool parse_numbered(uint32_t number, struct scan *s, struct imap_response *p)
{
	struct span word;

	skip_blanks(s);
	word = take_atom(s);
	p->number = number;
	if (span_is_nocase(word, "EXISTS"))
		p->kind = IMAP_EXISTS;
	if (span_is_nocase(word, "EXPUNGE"))
		p->kind = IMAP_EXPUNGE;
	if (!span_is_nocase(word, "FETCH"))
		return true;
	p->kind = IMAP_FETCH;
	return parse_fetch(s, p);
}

static bool parse_named(struct span word, struct scan *s, struct imap_response *p)
{
	static const struct {
		const char *name;
		enum imap_kind kind;
	} rows[] = {
		{ "CAPABILITY", IMAP_CAPABILITY },
		{ "ENABLED", IMAP_ENABLED },
		{ "NAMESPACE", IMAP_NAMESPACE },
		{ "LIST", IMAP_LIST },
		{ "LSUB", IMAP_LSUB },
		{ "STATUS", IMAP_FOLDER },
		{ "VANISHED", IMAP_VANISHED },
		{ "SEARCH", IMAP_SEARCH },
		{ "ESEARCH", IMAP_SEARCH },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (span_is_nocase(word, rows[i].name))
			p->kind = rows[i].kind;
	skip_blanks(s);
	if (p->kind == IMAP_LIST || p->kind == IMAP_LSUB)
		return parse_list(s, p);
	if (p->kind == IMAP_FOLDER)
		return parse_folder(s, p);
	if (p->kind == IMAP_NAMESPACE)
		return parse_namespace(s, p);
	p->words = span_trim(s->rest);
	if (p->kind == IMAP_VANISHED)
		parse_vanished(s, p);
	if (p->kind == IMAP_SEARCH && span_is_nocase(word, "ESEARCH"))
		parse_esearch(s, p);
	return true;
}

static bool parse_untagged(struct scan *s, struct imap_response *p)
{
	uint32_t number;
	struct span word;

	skip_blanks(s);
	if (take_u32(s, &number))
		return parse_numbered(number, s, p);
	word = take_atom(s);
	p->status = status_of(word);
	if (p->status == IMAP_STATUS_NONE)
		return parse_named(word, s, p);
	p->kind = IMAP_WORDS;
	parse_status(s, p);
	return true;
}

static bool parse(struct scan *s, struct imap_response *p)
{
	struct span tag = take_atom(s);

	if (span_is(tag, "*"))
		return parse_untagged(s, p);
	if (span_is(tag, "+")) {
		p->kind = IMAP_CONTINUE;
		p->words = span_trim(s->rest);
		return true;
	}
	p->kind = IMAP_TAGGED;
	p->tag = tag;
	skip_blanks(s);
	p->status = status_of(take_atom(s));
	if (!tag.n || p->status == IMAP_STATUS_NONE)
		return false;
	parse_status(s, p);
	return true;
}

int imap_response_parse(const struct imap_reader *r, struct imap_response *out, struct error *err)
{
	struct scan s = { .rest = buf_span(&r->text),
		          .body_at = r->has_body ? r->text.p + r->body_at : NULL };
	struct imap_response made = { .name = out->name, .text = out->text, .others = out->others };

	buf_reset(&made.name);
	buf_reset(&made.text);
	buf_reset(&made.others);
	*out = made;
	if (parse(&s, out))
		return 0;

	AUTO_BUF struct buf words = { 0 };
	struct span start = buf_span(&r->text);

	start.n = start.n < 120 ? start.n : 120;
	buf_add_printable(&words, start);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "the IMAP server's answer is not understood: %s", buf_text(&words));
}
