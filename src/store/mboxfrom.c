/* SPDX-License-Identifier: BSD-2-Clause */

/* mboxfrom -- From_ lines: "From alice@example.org Sun Mar  1 02:13:07 2026". */

#include "store/mbox.h"

#include <string.h>
#include <time.h>

static bool three_letters(struct span word, const char *table, int *index)
{
	if (word.n != 3)
		return false;
	for (int i = 0; table[3 * i]; i++) {
		if (memcmp(table + 3 * i, word.p, 3) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool number(struct span text, uint64_t most, int *out)
{
	uint64_t v;

	if (!span_parse_u64(text, &v) || v > most)
		return false;
	*out = (int)v;
	return true;
}

/* hh:mm or hh:mm:ss */
static bool clock_time(struct span word, struct tm *tm)
{
	struct span rest = word, hour, minute, second;

	if (!span_next_part(&rest, ':', &hour) || !number(hour, 23, &tm->tm_hour) ||
	    !span_next_part(&rest, ':', &minute) || !number(minute, 59, &tm->tm_min))
		return false;
	tm->tm_sec = 0;
	if (span_next_part(&rest, ':', &second) && !number(second, 60, &tm->tm_sec))
		return false;
	return !rest.p;
}

/* Skips the sender, which may be in quotes and hold blanks there. */
static struct span behind_sender(struct span rest)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < rest.n && (quoted || rest.p[n] != ' '); n++) {
		if (quoted && rest.p[n] == '\\' && n + 1 < rest.n)
			n++;
		else if (rest.p[n] == '"')
			quoted = !quoted;
	}
	return span_from(rest, n);
}

/* "+0100": seconds east of Greenwich. */
static bool zone_offset(struct span word, int *offset)
{
	uint64_t v;

	if (word.n != 5 || (word.p[0] != '+' && word.p[0] != '-') ||
	    !span_parse_u64(span_from(word, 1), &v))
		return false;
	*offset = (int)(v / 100 * 3600 + v % 100 * 60);
	if (word.p[0] == '-')
		*offset = -*offset;
	return true;
}

struct from_date {
	struct tm tm;
	bool has_zone;
	int zone_s;
};

/* A year, perhaps with a zone in front or behind ("+0100 2026", "CET 2026", "2026 +0100"): at most
 * two words before it. Dovecot 2.3 reads the time by a zone behind the year only. */
static bool find_year(struct span rest, struct from_date *out)
{
	struct span word;
	int year;

	for (int i = 0; i < 3 && span_next_word(&rest, &word); i++) {
		if (word.n == 4 && number(word, 9999, &year) && year >= 1900) {
			out->tm.tm_year = year - 1900;
			if (span_next_word(&rest, &word) && zone_offset(word, &out->zone_s))
				out->has_zone = true;
			return true;
		}
	}
	return false;
}

static const char days[] = "MonTueWedThuFriSatSun";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* "1 Mar 2026 02:13:07 +0100", behind "Sun," */
static bool read_mail_date(struct span rest, struct from_date *out)
{
	struct span word;
	int year;

	if (!span_next_word(&rest, &word) || !number(word, 31, &out->tm.tm_mday) ||
	    !span_next_word(&rest, &word) || !three_letters(word, months, &out->tm.tm_mon) ||
	    !span_next_word(&rest, &word) || word.n != 4 || !number(word, 9999, &year) ||
	    year < 1900 || !span_next_word(&rest, &word) || !clock_time(word, &out->tm))
		return false;
	out->tm.tm_year = year - 1900;
	out->has_zone = span_next_word(&rest, &word) && zone_offset(word, &out->zone_s);
	return true;
}

static bool read_date(struct span line, struct from_date *out)
{
	struct span rest, word;
	struct tm *tm = &out->tm;
	int ignored;

	*out = (struct from_date){ 0 };
	if (!span_starts(line, "From "))
		return false;
	rest = behind_sender(span_from(line, 5));
	if (!span_next_word(&rest, &word))
		return false;
	if (word.n == 4 && word.p[3] == ',' &&
	    three_letters((struct span){ word.p, 3 }, days, &ignored))
		return read_mail_date(rest, out);
	return three_letters(word, days, &ignored) && span_next_word(&rest, &word) &&
	       three_letters(word, months, &tm->tm_mon) && span_next_word(&rest, &word) &&
	       number(word, 31, &tm->tm_mday) && span_next_word(&rest, &word) &&
	       clock_time(word, tm) && find_year(rest, out);
}

bool mbox_from_line(struct span line, int64_t *time)
{
	struct from_date date;

	if (!read_date(line, &date))
		return false;
	*time = timegm(&date.tm);
	return true;
}

int64_t mbox_from_utc(struct span line)
{
	struct from_date date;

	if (!read_date(line, &date))
		return 0;
	if (date.has_zone)
		return timegm(&date.tm) - date.zone_s;
	date.tm.tm_isdst = -1;
	return mktime(&date.tm);
}
