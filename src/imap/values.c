/* SPDX-License-Identifier: BSD-2-Clause */

/* values -- sets of UIDs, dates and flags, as they stand in responses. */

#include "base/cleanup.h"
#include "imap/response.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool take_char(struct span *rest, char c)
{
	if (!rest->n || rest->p[0] != c)
		return false;
	*rest = span_from(*rest, 1);
	return true;
}

static void skip_blanks(struct span *rest)
{
	while (take_char(rest, ' '))
		;
}

static bool take_u64(struct span *rest, uint64_t *value)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	if (!span_parse_u64((struct span){ rest->p, n }, value))
		return false;
	*rest = span_from(*rest, n);
	return true;
}

static bool take_u32(struct span *rest, uint32_t *value)
{
	uint64_t v;

	if (!take_u64(rest, &v) || v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

bool imap_set_next(struct span *set, uint32_t *first, uint32_t *last)
{
	struct span rest = *set;

	if (!take_u32(&rest, first) || !*first)
		return false;
	*last = *first;
	if (take_char(&rest, ':') && (!take_u32(&rest, last) || !*last))
		return false;
	if (rest.n && !take_char(&rest, ','))
		return false;
	*set = rest;
	if (*last < *first) {
		uint32_t swap = *last;

		*last = *first;
		*first = swap;
	}
	return true;
}

static bool take_digits(struct span *rest, char behind, int *value)
{
	uint64_t v;

	if (!take_u64(rest, &v) || v > 9999 || (behind && !take_char(rest, behind)))
		return false;
	*value = (int)v;
	return true;
}

static int month_of(struct span word)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; i < 12 && word.n == 3; i++)
		if (ascii_lower(word.p[0]) == names[3 * i] &&
		    ascii_lower(word.p[1]) == names[3 * i + 1] &&
		    ascii_lower(word.p[2]) == names[3 * i + 2])
			return i;
	return -1;
}

bool imap_date_parse(struct span text, int64_t *seconds)
{
	struct span rest = span_trim(text);
	struct tm tm = { 0 };
	int year, zone = 0;
	bool west = false;

	if (!take_digits(&rest, '-', &tm.tm_mday) || rest.n < 4 || rest.p[3] != '-')
		return false;
	tm.tm_mon = month_of((struct span){ rest.p, 3 });
	rest = span_from(rest, 4);
	if (tm.tm_mon < 0 || !take_digits(&rest, ' ', &year) ||
	    !take_digits(&rest, ':', &tm.tm_hour) || !take_digits(&rest, ':', &tm.tm_min) ||
	    !take_digits(&rest, 0, &tm.tm_sec))
		return false;
	skip_blanks(&rest);
	if (take_char(&rest, '-'))
		west = true;
	else
		(void)take_char(&rest, '+');
	if (rest.n && !take_digits(&rest, 0, &zone))
		return false;
	if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 60 ||
	    tm.tm_sec > 61)
		return false;
	tm.tm_year = year - 1900;
	zone = (zone / 100 * 60 + zone % 100) * 60;
	*seconds = (int64_t)timegm(&tm) - (west ? -zone : zone);
	return true;
}

/* A keyword that dovecot-keywords can hold: one line, no blank. */
static bool is_keyword(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= ' ' || word.p[i] == 127)
			return false;
	return word.n > 0 && word.n < 256 && word.p[0] != '\\';
}

static void add_keywords(struct strings *words, struct buf *out)
{
	strings_sort(words);
	for (size_t i = 0; i < words->n; i++) {
		if (i && !strcmp(words->rows[i], words->rows[i - 1]))
			continue;
		if (out->n)
			buf_add_char(out, ' ');
		buf_add_text(out, words->rows[i]);
	}
}

void imap_flags_sort(struct span flags, struct buf *letters, struct buf *keywords,
                     struct strings *strange)
{
	static const char *const system[] = { "\\Draft",    "\\Flagged", NULL,
		                              "\\Answered", "\\Seen",    "\\Deleted" };
	static const char system_letters[] = "DFPRST";
	bool has[ROWS(system)] = { false };
	AUTO_STRINGS struct strings words = { 0 };
	struct span rest = flags, word;

	while (span_next_word(&rest, &word)) {
		bool known = span_is_nocase(word, "\\Recent") || span_is(word, "\\*");

		for (size_t i = 0; i < ROWS(system); i++)
			if (system[i] && span_is_nocase(word, system[i]))
				known = has[i] = true;
		if (known)
			continue;
		if (is_keyword(word)) {
			strings_add_span(&words, word);
		} else if (strange && strange->n < 100) {
			AUTO_FREE char *name = span_dup(word);

			if (!strings_has(strange, name))
				strings_add(strange, name);
		}
	}
	buf_reset(letters);
	buf_reset(keywords);
	for (size_t i = 0; i < ROWS(system); i++)
		if (has[i])
			buf_add_char(letters, system_letters[i]);
	add_keywords(&words, keywords);
}
