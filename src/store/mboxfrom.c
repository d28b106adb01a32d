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

/* A year, perhaps with a zone in front ("+0100 2026", "CET 2026"): at most two words before it. */
static bool find_year(struct span rest, int *year)
{
	struct span word;

	for (int i = 0; i < 3 && span_next_word(&rest, &word); i++)
		if (word.n == 4 && number(word, 9999, year) && *year >= 1900)
			return true;
	return false;
}

bool mbox_from_line(struct span line, int64_t *time)
{
	static const char days[] = "MonTueWedThuFriSatSun";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct span rest, word, day;
	struct tm tm = { 0 };
	int ignored, year;

	if (!span_starts(line, "From "))
		return false;
	rest = behind_sender(span_from(line, 5));
	if (!span_next_word(&rest, &word) || !three_letters(word, days, &ignored) ||
	    !span_next_word(&rest, &word) || !three_letters(word, months, &tm.tm_mon) ||
	    !span_next_word(&rest, &day) || !number(day, 31, &tm.tm_mday) ||
	    !span_next_word(&rest, &word) || !clock_time(word, &tm) || !find_year(rest, &year))
		return false;
	tm.tm_year = year - 1900;
	*time = timegm(&tm);
	return true;
}
