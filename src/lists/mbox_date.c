/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mbox_date.h"

#include <string.h>

/* Parts of a date that were seen; -1: not yet. */
struct parts {
	int64_t year;
	int day, month, hour, minute, second;
	int64_t zone; /* seconds east of Greenwich */
	bool has_zone;
};

static const struct {
	const char *name;
	int hours;
} zones[] = {
	{ "UT", 0 },   { "UTC", 0 },  { "GMT", 0 },  { "Z", 0 },    { "EST", -5 },
	{ "EDT", -4 }, { "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 },
	{ "PST", -8 }, { "PDT", -7 }, { "CET", 1 },  { "CEST", 2 }, { "BST", 1 },
};

static uint32_t key_of(const char *three)
{
	return (uint32_t)(unsigned char)ascii_lower(three[0]) << 16 |
	       (uint32_t)(unsigned char)ascii_lower(three[1]) << 8 |
	       (uint32_t)(unsigned char)ascii_lower(three[2]);
}

static int month_of(struct span word)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	uint32_t key = word.n >= 3 && word.n <= 9 ? key_of(word.p) : 0;

	for (int i = 0; i < 12 && key; i++)
		if (key == key_of(names + 3 * i))
			return i + 1;
	return -1;
}

/* Up to `most` digits off the front; -1: there is none. */
static int cut_number(struct span *s, size_t most)
{
	int v = 0;
	size_t n = 0;

	while (n < s->n && n < most && s->p[n] >= '0' && s->p[n] <= '9')
		v = 10 * v + (s->p[n++] - '0');
	*s = span_from(*s, n);
	return n ? v : -1;
}

static bool cut_char(struct span *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = span_from(*s, 1);
	return true;
}

static bool read_clock(struct span word, struct parts *p)
{
	p->hour = cut_number(&word, 2);
	if (p->hour < 0 || !cut_char(&word, ':'))
		return false;
	p->minute = cut_number(&word, 2);
	p->second = cut_char(&word, ':') ? cut_number(&word, 2) : 0;
	return p->minute >= 0 && p->second >= 0;
}

/* +hhmm, a name, or one in brackets behind the other. */
static void read_zone(struct span word, struct parts *p)
{
	if (p->has_zone)
		return;
	for (size_t i = 0; i < ROWS(zones) && word.n <= 4; i++)
		if (span_is_nocase(word, zones[i].name)) {
			p->zone = zones[i].hours * 3600;
			p->has_zone = true;
		}
	if (word.n >= 5 && (word.p[0] == '+' || word.p[0] == '-')) {
		struct span digits = span_from(word, 1);
		int hours = cut_number(&digits, 2), minutes;

		(void)cut_char(&digits, ':');
		minutes = cut_number(&digits, 2);
		if (hours < 0 || minutes < 0)
			return;
		p->zone = (word.p[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
		p->has_zone = true;
	}
}

/* RFC 5322 section 4.3: years of two digits, and of three. */
static int64_t whole_year(int year, size_t digits)
{
	if (digits == 2)
		return year < 50 ? 2000 + year : 1900 + year;
	return digits == 3 ? 1900 + year : year;
}

static void read_number(struct span word, struct parts *p)
{
	size_t digits = word.n;
	int v = cut_number(&word, 4);

	if (word.n || v < 0)
		return;
	if (p->day < 0 && digits <= 2)
		p->day = v;
	else if (p->year < 0 && digits <= 4)
		p->year = whole_year(v, digits);
}

static void read_word(struct span word, struct parts *p)
{
	bool is_number = word.n && word.p[0] >= '0' && word.p[0] <= '9';
	int month = word.n && !is_number && p->month < 0 ? month_of(word) : -1;

	if (!word.n)
		return;
	if (p->hour < 0 && span_find(word, ':') > 0) {
		if (!read_clock(word, p))
			p->hour = -1;
	} else if (month > 0) {
		p->month = month;
	} else if (is_number) {
		read_number(word, p);
	} else {
		read_zone(word, p);
	}
}

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_between(int64_t v, int64_t least, int64_t most)
{
	return v >= least && v <= most;
}

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '(' ||
	       c == ')' || !c;
}

static bool two_digits(const char *p, int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*out = 10 * (p[0] - '0') + (p[1] - '0');
	return true;
}

/* "Sun, 22 Nov 2026 15:00:00 +0000", as most are written: each part is where it is to be. */
static bool read_usual(struct span text, struct parts *p)
{
	const char *s = text.p;
	int century, year, hours, minutes;

	if (text.n < 31 || (text.n > 31 && s[31] != ' ') || s[3] != ',' || s[4] != ' ' ||
	    s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || s[19] != ':' || s[22] != ':' ||
	    s[25] != ' ' || (s[26] != '+' && s[26] != '-'))
		return false;
	p->month = month_of((struct span){ s + 8, 3 });
	if (!two_digits(s + 5, &p->day) || !two_digits(s + 12, &century) ||
	    !two_digits(s + 14, &year) || !two_digits(s + 17, &p->hour) ||
	    !two_digits(s + 20, &p->minute) || !two_digits(s + 23, &p->second) ||
	    !two_digits(s + 27, &hours) || !two_digits(s + 29, &minutes))
		return false;
	p->year = 100 * century + year;
	p->zone = (s[26] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static void read_any(struct span text, struct parts *p)
{
	for (size_t i = 0, from = 0; i <= text.n; i++) {
		/* "22-Nov-2026", and a zone that begins with "-" */
		bool ends = i == text.n || is_gap(text.p[i]);

		if (!ends && text.p[i] == '-' && i > from && text.p[from] != '+' && p->hour < 0)
			ends = true;
		if (!ends)
			continue;
		read_word((struct span){ text.p + from, i - from }, p);
		from = i + 1;
	}
}

bool lists_mbox_date(struct span text, int64_t *at)
{
	static const struct parts none = { -1, -1, -1, -1, 0, 0, 0, false };
	struct parts p = none;

	if (text.n > 200)
		text.n = 200;
	if (!read_usual(text, &p)) {
		p = none;
		read_any(text, &p);
	}
	if (!is_between(p.day, 1, 31) || p.month < 0 || !is_between(p.year, 1900, 9999) ||
	    !is_between(p.hour, 0, 23) || !is_between(p.minute, 0, 59) ||
	    !is_between(p.second, 0, 60))
		return false;
	*at = days_of(p.year, p.month, p.day) * 86400 + p.hour * 3600 + p.minute * 60 + p.second -
	      p.zone;
	return true;
}

bool lists_mbox_from_date(struct span line, int64_t *at)
{
	struct span from, address;

	return span_next_word(&line, &from) && span_next_word(&line, &address) &&
	       lists_mbox_date(line, at);
}
