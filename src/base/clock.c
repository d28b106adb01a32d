/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS (86400 * (int64_t)1000)

static int64_t now_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void clock_sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

const char *clock_text(char out[32], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03dZ", (int)(wall_ms % 1000));
	return out;
}

/* Two or four digits at `at`; -1 when they are none. */
static int digits(struct span s, size_t at, size_t n)
{
	uint64_t v;

	if (at + n > s.n || !span_parse_u64((struct span){ s.p + at, n }, &v))
		return -1;
	return (int)v;
}

static bool read_clock(struct span s, size_t at, struct tm *tm)
{
	tm->tm_hour = digits(s, at, 2);
	tm->tm_min = digits(s, at + 3, 2);
	tm->tm_sec = digits(s, at + 6, 2);
	return tm->tm_hour >= 0 && tm->tm_min >= 0 && tm->tm_sec >= 0 && s.p[at + 2] == ':' &&
	       s.p[at + 5] == ':';
}

static bool parse_rfc3339(struct span s, int64_t *wall_ms, size_t *used)
{
	struct tm tm = { .tm_year = digits(s, 0, 4) - 1900,
		         .tm_mon = digits(s, 5, 2) - 1,
		         .tm_mday = digits(s, 8, 2) };
	int64_t ms = 0, offset = 0, scale = 100;
	size_t at = 19;

	if (s.n < 20 || tm.tm_year < 0 || tm.tm_mon < 0 || tm.tm_mday < 1 || s.p[4] != '-' ||
	    (s.p[10] != 'T' && s.p[10] != ' ') || !read_clock(s, 11, &tm))
		return false;
	if (s.p[at] == '.')
		for (at++; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, scale /= 10)
			ms += (s.p[at] - '0') * scale;
	if (at < s.n && s.p[at] == 'Z') {
		at++;
	} else if (at + 6 <= s.n && (s.p[at] == '+' || s.p[at] == '-')) {
		int h = digits(s, at + 1, 2), m = digits(s, at + 4, 2);

		if (h < 0 || m < 0)
			return false;
		offset = (s.p[at] == '-' ? -1 : 1) * (h * 3600 + m * 60);
		at += 6;
	}
	*wall_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
	*used = at;
	return true;
}

static bool parse_syslog(struct span s, int64_t near_ms, int64_t *wall_ms, size_t *used)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t near = (time_t)(near_ms / 1000);
	struct tm tm = { 0 }, now;
	char name[4] = { 0 };
	const char *month;

	if (s.n < 15 || s.p[3] != ' ')
		return false;
	memcpy(name, s.p, 3);
	month = strstr(months, name);
	if (!month || (month - months) % 3)
		return false;
	localtime_r(&near, &now);
	tm.tm_mon = (int)(month - months) / 3;
	tm.tm_mday = digits(s, s.p[4] == ' ' ? 5 : 4, s.p[4] == ' ' ? 1 : 2);
	tm.tm_year = now.tm_year;
	tm.tm_isdst = -1;
	if (tm.tm_mday < 1 || !read_clock(s, 7, &tm))
		return false;

	struct tm year_before = tm;
	year_before.tm_year--;
	*wall_ms = (int64_t)mktime(&tm) * 1000;
	if (*wall_ms > near_ms + DAY_MS)
		*wall_ms = (int64_t)mktime(&year_before) * 1000;
	*used = 15;
	return true;
}

bool clock_parse(struct span text, int64_t near_ms, int64_t *wall_ms, size_t *used)
{
	return parse_rfc3339(text, wall_ms, used) || parse_syslog(text, near_ms, wall_ms, used);
}
