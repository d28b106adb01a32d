/* SPDX-License-Identifier: BSD-2-Clause */

/* opcodes_text -- the values that protocol 0 writes as lines. */

#include "pickle/reader.h"

/* ── numbers ─────────────────────────────────────────────────────────────────────────────────── */

static int take_digits(struct reader *r, struct span *line)
{
	if (reader_take_line(r, line) < 0)
		return -1;
	if (line->n > NUMBER_DIGITS_MAX)
		return reader_fail(r, "a number of %zu digits", line->n);
	return 0;
}

int act_int(struct reader *r)
{
	struct span line;
	int64_t i;

	if (take_digits(r, &line) < 0)
		return -1;
	/* so protocols 0 and 1 write bool; readers before Python 2.3 take it for a number */
	if (span_is(line, "00") || span_is(line, "01"))
		return reader_push(r, value_bool(line.p[1] == '1'));
	if (!digits_are_good(line))
		return reader_fail(r, "not a number");
	if (digits_get_int(line, &i))
		return reader_push(r, value_int(r->arena, i));
	return reader_push(r, value_long(r->arena, line));
}

int act_long(struct reader *r)
{
	struct span line;
	int64_t i;

	if (take_digits(r, &line) < 0)
		return -1;
	if (line.n && line.p[line.n - 1] == 'L')
		line.n--;
	if (!digits_are_good(line))
		return reader_fail(r, "not a number");
	if (r->protocol >= 3 && digits_get_int(line, &i))
		return reader_push(r, value_int(r->arena, i));
	return reader_push(r, value_long(r->arena, line));
}

int act_float(struct reader *r)
{
	struct span line;
	double f;

	if (reader_take_line(r, &line) < 0)
		return -1;
	if (!text_get_float(line, &f))
		return reader_fail(r, "not a number");
	return reader_push(r, value_float(r->arena, f));
}

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cuts `n` hexadecimal digits off *s. */
static bool take_hex(struct span *s, size_t n, uint32_t *code)
{
	*code = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int digit = hex_value(s->p[i]);

		if (digit < 0)
			return false;
		*code = *code << 4 | (uint32_t)digit;
	}
	*s = span_from(*s, n);
	return true;
}

static void take_octal(struct span *s, char **out)
{
	unsigned code = 0;

	for (unsigned i = 0; i < 3 && s->n && *s->p >= '0' && *s->p <= '7'; i++) {
		code = code * 8 + (unsigned)(*s->p - '0');
		*s = span_from(*s, 1);
	}
	*(*out)++ = (char)(unsigned char)code;
}

/* What follows a backslash in repr() of Python 2's str. */
static bool take_escape(struct span *s, char **out)
{
	static const char from[] = "\\'\"nrtabfv", to[] = "\\'\"\n\r\t\a\b\f\v";
	const char *found;
	uint32_t code;
	char c;

	if (!s->n)
		return false;
	c = *s->p;
	if (c >= '0' && c <= '7') {
		take_octal(s, out);
		return true;
	}
	*s = span_from(*s, 1);
	if (c == 'x') {
		if (!take_hex(s, 2, &code))
			return false;
		*(*out)++ = (char)(unsigned char)code;
		return true;
	}
	found = c ? strchr(from, c) : NULL;
	if (!found) /* no escape: the backslash stays */
		*(*out)++ = '\\';
	*(*out)++ = found ? to[found - from] : c;
	return true;
}

/* The string is as long as was needed of the `room` octets at its end of the arena. */
static int push_decoded(struct reader *r, struct value v, const char *begin, const char *end)
{
	char *length = value_inside(v);
	size_t n = (size_t)(end - begin);

	for (unsigned i = 0; i < 4; i++)
		length[i] = (char)(unsigned char)(n >> (8 * i));
	return reader_check_memory(r) < 0 ? -1 : reader_push(r, v);
}

int act_string(struct reader *r)
{
	struct span line;
	struct value v;
	char *begin, *out, quote;

	if (reader_take_line(r, &line) < 0)
		return -1;
	line = span_trim(line);
	quote = line.n ? line.p[0] : 0;
	if (line.n < 2 || (quote != '\'' && quote != '"') || line.p[line.n - 1] != quote)
		return reader_fail(r, "a string without its quotes");
	line = (struct span){ line.p + 1, line.n - 2 };
	begin = out = value_string_room(r->arena, TAG_STR4, line.n, &v);
	while (line.n) {
		const char *slash = memchr(line.p, '\\', line.n);
		size_t plain = slash ? (size_t)(slash - line.p) : line.n;

		memcpy(out, line.p, plain);
		out += plain;
		line = span_from(line, plain + 1);
		if (slash && !take_escape(&line, &out))
			return reader_fail(r, "a backslash with nothing that belongs to it");
	}
	return push_decoded(r, v, begin, out);
}

static char *add_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* The codec raw-unicode-escape: latin-1, and \uXXXX and \UXXXXXXXX behind an odd number of
 * backslashes. */
int act_unicode(struct reader *r)
{
	struct span line;
	struct value v;
	char *begin, *out;
	size_t slashes = 0;

	if (reader_take_line(r, &line) < 0)
		return -1;
	begin = out = value_string_room(r->arena, TAG_TEXT4, 2 * line.n, &v);
	while (line.n) {
		uint32_t c = (unsigned char)*line.p;
		bool escape = slashes % 2 == 1 && (c == 'u' || c == 'U');

		slashes = c == '\\' ? slashes + 1 : 0;
		line = span_from(line, 1);
		if (escape) {
			out--; /* the backslash */
			if (!take_hex(&line, c == 'u' ? 4 : 8, &c) || c > 0x10ffff)
				return reader_fail(r, "\\u with nothing that belongs to it");
		}
		out = add_utf8(out, c);
	}
	return push_decoded(r, v, begin, out);
}
