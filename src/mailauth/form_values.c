/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/form.h"

#include <string.h>

#define NESTING_MAX 20u /* comments in comments */

/* Length of the comment at the start of `s`, which is "("; all of it when it does not end. */
static size_t comment_length(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(' && ++depth > NESTING_MAX)
			return s.n;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.n;
}

/* Length of the quoted string at the start of `s`; all of it when it does not end. */
static size_t quoted_length(struct span s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.n;
}

/* Cuts the next piece off: a quoted string as it stands, or one octet; comments and line ends are
 * left out. False at the end. */
static bool next_piece(struct span *rest, struct span *piece)
{
	while (rest->n) {
		char c = *rest->p;
		size_t n = c == '(' ? comment_length(*rest) : c == '"' ? quoted_length(*rest) : 1;

		if (n > rest->n)
			n = rest->n;
		*piece = (struct span){ rest->p, n };
		*rest = span_from(*rest, n);
		if (c != '(' && c != '\r' && c != '\n')
			return true;
	}
	return false;
}

void form_add_unfolded(struct span value, struct buf *out)
{
	AUTO_BUF struct buf made = { 0 };
	struct span rest = value, piece;

	while (next_piece(&rest, &piece))
		buf_add_span(&made, piece);
	buf_add_span(out, span_trim(buf_span(&made)));
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

/* The address that is being read: what stands outside of <>, and inside. */
struct address {
	struct buf bare, angle;
	bool in_angle, has_angle;
};

static bool add_domain(struct address *a, struct strings *domains)
{
	struct span text = span_trim(buf_span(a->has_angle ? &a->angle : &a->bare));
	ssize_t at = -1;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '@')
			at = (ssize_t)i;
	if (at < 1 || (size_t)at + 1 == text.n || a->in_angle)
		return false;
	text = span_trim(span_from(text, (size_t)at + 1));
	for (size_t i = 0; i < text.n; i++)
		if (strchr(" \t\"<>,;:", text.p[i]) || !text.p[i])
			return false;
	if (span_ends(text, "."))
		text.n--;
	strings_add_span(domains, text);
	for (char *p = domains->rows[domains->n - 1]; *p; p++)
		*p = ascii_lower(*p);
	return text.n > 0;
}

static void reset(struct address *a)
{
	buf_reset(&a->bare);
	buf_reset(&a->angle);
	a->in_angle = a->has_angle = false;
}

int form_addresses(struct span value, struct strings *domains)
{
	AUTO_BUF struct buf line = { 0 };
	struct address a = { 0 };
	struct span rest, piece;
	bool good = true;
	int n = 0;

	form_add_unfolded(value, &line);
	buf_add_char(&line, ',');
	rest = buf_span(&line);
	while (next_piece(&rest, &piece)) {
		char c = *piece.p;

		if (c == '<' && !a.in_angle) {
			good &= !a.has_angle;
			a.in_angle = a.has_angle = true;
		} else if (c == '>' && a.in_angle) {
			a.in_angle = false;
		} else if (c == ':' && !a.in_angle) {
			buf_reset(&a.bare); /* a group's name (RFC 6854 allows it in From) */
		} else if ((c == ',' || c == ';') && !a.in_angle) {
			if (a.has_angle || span_trim(buf_span(&a.bare)).n) {
				good &= add_domain(&a, domains);
				n++;
			}
			reset(&a);
		} else {
			buf_add_span(a.in_angle ? &a.angle : &a.bare, piece);
		}
	}
	good &= !a.in_angle;
	buf_fini(&a.bare);
	buf_fini(&a.angle);
	return good ? n : -1;
}

/* ── other values ────────────────────────────────────────────────────────────────────────────── */

bool form_is_message_id(struct span value)
{
	AUTO_BUF struct buf made = { 0 };
	struct span text;
	ssize_t at;

	form_add_unfolded(value, &made);
	text = buf_span(&made);
	at = span_find(text, '@');
	if (text.n < 5 || text.p[0] != '<' || text.p[text.n - 1] != '>' || at < 2 ||
	    (size_t)at + 2 >= text.n)
		return false;
	for (size_t i = 1; i + 1 < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] == 127 || text.p[i] == '<' || text.p[i] == '>' ||
		    (text.p[i] == '@' && (ssize_t)i != at))
			return false;
	return true;
}

static const char days[] = "mon tue wed thu fri sat sun ";
static const char months[] = "jan feb mar apr may jun jul aug sep oct nov dec ";
/* RFC 5322 section 4.3; any single letter, too */
static const char zones[] = "ut  gmt est edt cst cdt mst mdt pst pdt ";

/* Index of a word among words of three letters; -1: it is none of them. */
static int index_of(struct span word, const char *words)
{
	for (int i = 0; words[4 * i]; i++) {
		size_t n = words[4 * i + 2] == ' ' ? 2 : 3;
		size_t k = 0;

		while (k < n && k < word.n && ascii_lower(word.p[k]) == words[4 * i + (int)k])
			k++;
		if (k == n && word.n == n)
			return i;
	}
	return -1;
}

static bool number(struct span text, size_t least, size_t most, uint64_t max, uint64_t *out)
{
	return text.n >= least && text.n <= most && span_parse_u64(text, out) && *out <= max;
}

static bool is_time(struct span word)
{
	struct span part;
	uint64_t n;

	/* second 60: a leap second */
	if (!span_next_part(&word, ':', &part) || !number(part, 2, 2, 23, &n) ||
	    !span_next_part(&word, ':', &part) || !number(part, 2, 2, 59, &n))
		return false;
	return !word.p || (number(word, 2, 2, 60, &n));
}

static bool is_zone(struct span word)
{
	uint64_t n;

	if (word.n == 5 && (word.p[0] == '+' || word.p[0] == '-'))
		return span_parse_u64(span_from(word, 1), &n) && n % 100 < 60;
	return index_of(word, zones) >= 0 ||
	       (word.n == 1 &&
	        ((word.p[0] >= 'A' && word.p[0] <= 'Z') || (word.p[0] >= 'a' && word.p[0] <= 'z')));
}

bool form_is_date(struct span value)
{
	static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	AUTO_BUF struct buf made = { 0 };
	struct span rest, word;
	uint64_t day, year;
	ssize_t comma;
	int month;

	form_add_unfolded(value, &made);
	rest = buf_span(&made);
	comma = span_find(rest, ',');
	if (comma >= 0) {
		if (index_of(span_trim((struct span){ rest.p, (size_t)comma }), days) < 0)
			return false;
		rest = span_from(rest, (size_t)comma + 1);
	}
	if (!span_next_word(&rest, &word) || !number(word, 1, 2, 31, &day) || !day ||
	    !span_next_word(&rest, &word))
		return false;
	month = index_of(word, months);
	if (month < 0 || day > lengths[month])
		return false;
	if (!span_next_word(&rest, &word) || !number(word, 4, 4, 9999, &year) || year < 1900)
		return false;
	return span_next_word(&rest, &word) && is_time(word) && span_next_word(&rest, &word) &&
	       is_zone(word) && !span_next_word(&rest, &word);
}
