/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/python_token.h"

#include "base/memory.h"

#include <string.h>

void python_reader_init(struct python_reader *r, struct span text)
{
	*r = (struct python_reader){ .rest = text, .line = 1 };
	if (span_starts(text, "\xef\xbb\xbf"))
		r->rest = span_from(text, 3);
}

void python_reader_fini(struct python_reader *r)
{
	free(r->current.tokens);
	*r = (struct python_reader){ 0 };
}

bool python_token_is(const struct python_token *t, const char *text)
{
	return t->kind != PYTHON_TOKEN_STRING && span_is(t->text, text);
}

static bool is_name_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char at(struct span s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

/* Octets of the line's end at `i`, or 0. */
static size_t line_end(struct span s, size_t i)
{
	if (at(s, i) == '\n')
		return 1;
	if (i < s.n && s.p[i] == '\r')
		return at(s, i + 1) == '\n' ? 2 : 1;
	return 0;
}

static size_t comment_length(struct span s)
{
	size_t i = 0;

	while (i < s.n && !line_end(s, i))
		i++;
	return i;
}

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

/* Length of a string's prefix: [uUbB]?[rR]?, with a quote behind it; -1: no string begins here. */
static int prefix_length(struct span s)
{
	int n = 0;

	if (strchr("uUbB", at(s, 0)) && at(s, 0))
		n++;
	if (strchr("rR", at(s, (size_t)n)) && at(s, (size_t)n))
		n++;
	return at(s, (size_t)n) == '\'' || at(s, (size_t)n) == '"' ? n : -1;
}

static size_t quotes_at(struct span s, size_t i)
{
	return at(s, i + 1) == s.p[i] && at(s, i + 2) == s.p[i] ? 3 : 1;
}

/* Octets of the string that begins here, prefix and quotes included; 0: it does not end. */
static size_t string_length(struct span s, unsigned *lines)
{
	size_t i = (size_t)prefix_length(s), n = quotes_at(s, i);
	char quote = s.p[i];

	for (i += n; i < s.n; i++) {
		if (s.p[i] == '\\') {
			i++;
			i += line_end(s, i) == 2;
			*lines += at(s, i) == '\n';
			continue;
		}
		if (s.p[i] == quote && (n == 1 || (quotes_at(s, i) == 3)))
			return i + n;
		if (line_end(s, i) && n == 1)
			return 0;
		*lines += s.p[i] == '\n';
	}
	return 0;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
	} else if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_add_char(out, (char)(0xf0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	}
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, ascii_lower(c));

	return c && found ? (int)(found - digits) : -1;
}

/* `n` hexadecimal digits at `i`; false when they are not there. */
static bool read_hex(struct span s, size_t i, size_t n, uint32_t *value)
{
	*value = 0;
	for (size_t k = 0; k < n; k++) {
		int digit = hex_digit(at(s, i + k));

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

/* Up to three octal digits at `i`; how many there were. */
static size_t read_octal(struct span s, size_t i, uint32_t *value)
{
	size_t n = 0;

	*value = 0;
	while (n < 3 && at(s, i + n) >= '0' && at(s, i + n) <= '7')
		*value = *value << 3 | (uint32_t)(at(s, i + n++) - '0');
	return n;
}

/* The escape behind a backslash, at `i`. Octets that it takes; 0: none that can be undone. */
static size_t undo_escape(struct span s, size_t i, bool unicode, struct buf *out)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	char c = at(s, i);
	const char *found = c ? strchr(from, c) : NULL;
	uint32_t value;
	size_t n = line_end(s, i);

	if (n)
		return n;
	if (found)
		return buf_add_char(out, to[found - from]), 1;
	n = read_octal(s, i, &value);
	if (n || (c == 'x' && read_hex(s, i + 1, 2, &value))) {
		if (unicode)
			add_utf8(out, value & 0x1ff);
		else
			buf_add_char(out, (char)value);
		return n ? n : 3;
	}
	n = c == 'u' ? 4 : 8;
	if (unicode && (c == 'u' || c == 'U')) {
		if (!read_hex(s, i + 1, n, &value) || value > 0x10ffff)
			return 0;
		add_utf8(out, value);
		return n + 1;
	}
	if (c == 'x' || (unicode && c == 'N'))
		return 0;
	/* an escape that Python does not know stays as it is */
	buf_add_char(out, '\\');
	if (i < s.n)
		buf_add_char(out, s.p[i]);
	return 1;
}

bool python_string_value(struct span literal, struct buf *out)
{
	int prefix = prefix_length(literal);
	bool raw, unicode;
	size_t n;

	if (prefix < 0)
		return false;
	n = quotes_at(literal, (size_t)prefix);
	raw = prefix > 0 && ascii_lower(literal.p[prefix - 1]) == 'r';
	unicode = prefix > 0 && ascii_lower(literal.p[0]) == 'u';
	if (literal.n < (size_t)prefix + 2 * n)
		return false;
	struct span s = { literal.p + prefix + n, literal.n - (size_t)prefix - 2 * n };

	for (size_t i = 0; i < s.n;) {
		size_t used = line_end(s, i);

		if (used) {
			buf_add_char(out, '\n');
			i += used;
		} else if (s.p[i] != '\\' || raw) {
			buf_add_char(out, s.p[i++]);
		} else {
			used = undo_escape(s, i + 1, unicode, out);
			if (!used)
				return false;
			i += 1 + used;
		}
	}
	return true;
}

/* ── lines ───────────────────────────────────────────────────────────────────────────────────── */

static size_t number_length(struct span s)
{
	size_t i = 0;

	while (is_name_octet(at(s, i)) || at(s, i) == '.' ||
	       ((at(s, i) == '-' || at(s, i) == '+') && i && ascii_lower(s.p[i - 1]) == 'e' &&
	        ascii_lower(at(s, 1)) != 'x'))
		i++;
	return i;
}

static size_t operator_length(struct span s)
{
	static const char *const longer[] = { "**=", "//=", ">>=", "<<=", "**", "//", ">>",
		                              "<<",  "<=",  ">=",  "==",  "!=", "<>", "+=",
		                              "-=",  "*=",  "/=",  "%=",  "&=", "|=", "^=" };

	for (size_t i = 0; i < ROWS(longer); i++)
		if (span_starts(s, longer[i]))
			return strlen(longer[i]);
	return 1;
}

/* Puts blanks, and the comments of lines that hold nothing else, behind it. Columns of the first
 * token's line. */
static unsigned skip_empty_lines(struct python_reader *r)
{
	unsigned column = 0;

	while (r->rest.n) {
		char c = *r->rest.p;
		size_t end = line_end(r->rest, 0);

		if (end) {
			r->line++;
			column = 0;
			r->rest = span_from(r->rest, end);
		} else if (c == '#') {
			r->rest = span_from(r->rest, comment_length(r->rest));
		} else if (c == ' ' || c == '\t' || c == '\f') {
			column = c == ' ' ? column + 1 : c == '\t' ? (column / 8 + 1) * 8 : 0;
			r->rest = span_from(r->rest, 1);
		} else {
			break;
		}
	}
	return column;
}

/* Passes over what is no token. 1: the line ends here; 0: there was none; 2: go on looking. */
static int skip_blank(struct python_reader *r, unsigned depth)
{
	char c = *r->rest.p;
	size_t end = line_end(r->rest, 0);

	if (end) {
		r->line++;
		r->rest = span_from(r->rest, end);
		return depth ? 2 : 1;
	}
	if (c == ' ' || c == '\t' || c == '\f') {
		r->rest = span_from(r->rest, 1);
		return 2;
	}
	if (c == '#') {
		r->rest = span_from(r->rest, comment_length(r->rest));
		return 2;
	}
	end = c == '\\' ? line_end(r->rest, 1) : 0;
	if (end) {
		r->line++;
		r->rest = span_from(r->rest, 1 + end);
		return 2;
	}
	return 0;
}

/* Kind and length of the token here; false: a string that does not end. */
static bool take_token(struct python_reader *r, struct python_token *t)
{
	struct span s = r->rest;
	unsigned line = r->line;
	size_t n = 0;

	if (prefix_length(s) >= 0) {
		n = string_length(s, &r->line);
		*t = (struct python_token){ .kind = PYTHON_TOKEN_STRING };
		if (!n)
			return false;
	} else if (is_digit(at(s, 0)) || (at(s, 0) == '.' && is_digit(at(s, 1)))) {
		n = number_length(s);
		*t = (struct python_token){ .kind = PYTHON_TOKEN_NUMBER };
	} else if (is_name_octet(at(s, 0))) {
		while (is_name_octet(at(s, n)))
			n++;
		*t = (struct python_token){ .kind = PYTHON_TOKEN_NAME };
	} else {
		n = operator_length(s);
		*t = (struct python_token){ .kind = PYTHON_TOKEN_OPERATOR };
	}
	t->line = line;
	t->text = (struct span){ s.p, n };
	r->rest = span_from(s, n);
	return true;
}

static bool is_bracket(const struct python_token *t, const char *which)
{
	return t->kind == PYTHON_TOKEN_OPERATOR && t->text.n == 1 && *t->text.p &&
	       strchr(which, *t->text.p);
}

/* What could not be read: the rest of this line of the file is passed over. */
static void give_line_up(struct python_reader *r)
{
	r->current.bad = true;
	r->rest = span_from(r->rest, comment_length(r->rest));
}

bool python_next_line(struct python_reader *r, const struct python_line **line)
{
	struct python_line *l = &r->current;
	unsigned depth = 0;

	l->n = 0;
	l->bad = false;
	l->indent = skip_empty_lines(r);
	while (r->rest.n) {
		struct python_token t;
		int blank = skip_blank(r, depth);

		if (blank == 1)
			break;
		if (blank)
			continue;
		if (l->n == PYTHON_LINE_TOKENS_MAX || !take_token(r, &t)) {
			give_line_up(r);
			continue;
		}
		if (is_bracket(&t, ")]}") && depth)
			depth--;
		t.depth = depth;
		if (is_bracket(&t, "([{"))
			depth++;
		ARRAY_GROW(l->tokens, l->n, r->room);
		l->tokens[l->n++] = t;
	}
	l->bad = l->bad || depth;
	*line = l;
	return l->n || r->rest.n || l->bad;
}
