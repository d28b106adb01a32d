/* SPDX-License-Identifier: BSD-2-Clause */

/* log_record -- the octets of a log become records; their stamps become times. */

#include "lists/log_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define STAMP 20u /* octets of "Nov 22 15:11:21 2026" */

void lists_log_reader_fini(struct lists_log_reader *r)
{
	buf_fini(&r->rest);
	*r = (struct lists_log_reader){ 0 };
}

/* "Nov 22 15:11:21 2026 (": in front of each record, and of no further line of one. */
static bool is_head(const char *p, size_t n)
{
	return n > STAMP + 2 && p[3] == ' ' && p[6] == ' ' && p[9] == ':' && p[12] == ':' &&
	       p[15] == ' ' && p[STAMP] == ' ' && p[STAMP + 1] == '(' && p[0] >= 'A' &&
	       p[0] <= 'Z' && p[16] >= '0' && p[16] <= '9';
}

static void give(struct span all, uint64_t offset, lists_log_record_fn *call, void *context)
{
	struct lists_log_record record = { .offset = offset, .stamp = { all.p, STAMP } };
	struct span rest = span_from(all, STAMP + 2);
	ssize_t close = span_find(rest, ')');

	if (close > 0 && span_parse_u64((struct span){ rest.p, (size_t)close }, &record.pid))
		rest = span_trim(span_from(rest, (size_t)close + 1));
	record.text = span_trim(rest);
	call(context, &record);
}

/* Where the line that begins at `at` ends, behind its LF; 0: its end is not there. */
static size_t line_end(struct span all, size_t at)
{
	const char *end = at < all.n ? memchr(all.p + at, '\n', all.n - at) : NULL;

	return end ? (size_t)(end - all.p) + 1 : 0;
}

/* Octets taken. What is not: the last record, which may go on, and a line without its end. */
static size_t take(struct lists_log_reader *r, struct span all, bool last,
                   lists_log_record_fn *call, void *context)
{
	size_t begin = 0, at = 0; /* of the record; of the line */
	bool in_record = false;

	while (at < all.n) {
		size_t end = line_end(all, at);
		bool head;

		if (!end && !last)
			break;
		head = is_head(all.p + at, (end ? end : all.n) - at);
		if (in_record && (head || at - begin > LISTS_LOG_RECORD_MAX)) {
			give((struct span){ all.p + begin, at - begin }, r->taken + begin, call,
			     context);
			in_record = false;
		}
		if (head) {
			begin = at;
			in_record = true;
		} else if (!in_record) {
			r->lost += (end ? end : all.n) - at;
			begin = end ? end : all.n;
		}
		at = end ? end : all.n;
	}
	if (in_record && (last || at - begin > LISTS_LOG_RECORD_MAX)) {
		give((struct span){ all.p + begin, at - begin }, r->taken + begin, call, context);
		begin = at;
	}
	/* a line that is longer than any record */
	if (all.n - begin > 2 * LISTS_LOG_RECORD_MAX) {
		r->lost += all.n - begin;
		begin = all.n;
	}
	r->taken += begin;
	return begin;
}

void lists_log_feed(struct lists_log_reader *r, struct span octets, lists_log_record_fn *call,
                    void *context)
{
	if (!r->rest.n) {
		size_t used = take(r, octets, false, call, context);

		buf_add_span(&r->rest, span_from(octets, used));
		return;
	}
	buf_add_span(&r->rest, octets);
	buf_drop_front(&r->rest, take(r, buf_span(&r->rest), false, call, context));
}

void lists_log_end(struct lists_log_reader *r, lists_log_record_fn *call, void *context)
{
	(void)take(r, buf_span(&r->rest), true, call, context);
	buf_fini(&r->rest);
}

/* ── times ───────────────────────────────────────────────────────────────────────────────────── */

static bool digits(struct span s, size_t at, size_t n, int *out)
{
	uint64_t v;

	/* the C library's %d is padded by a zero, a system's own by a blank */
	if (!span_parse_u64(span_trim((struct span){ s.p + at, n }), &v))
		return false;
	*out = (int)v;
	return true;
}

static bool read_hour(struct span stamp, struct tm *tm)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char name[4] = { 0 };
	const char *month;

	memcpy(name, stamp.p, 3);
	month = strstr(months, name);
	if (!month || (month - months) % 3 || !digits(stamp, 4, 2, &tm->tm_mday) ||
	    !digits(stamp, 7, 2, &tm->tm_hour) || !digits(stamp, 16, 4, &tm->tm_year))
		return false;
	tm->tm_mon = (int)(month - months) / 3;
	tm->tm_year -= 1900;
	tm->tm_isdst = -1;
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour < 24;
}

bool lists_log_time(struct lists_log_clock *c, struct span stamp, int64_t *at)
{
	int minute, second;

	if (stamp.n != STAMP || !digits(stamp, 10, 2, &minute) || !digits(stamp, 13, 2, &second) ||
	    minute > 59 || second > 60)
		return false;
	/* month, day and hour; the year */
	if (memcmp(c->hour, stamp.p, 9) != 0 || memcmp(c->hour + 9, stamp.p + 16, 4) != 0) {
		struct tm tm = { 0 };

		if (!read_hour(stamp, &tm))
			return false;
		c->begins = (int64_t)mktime(&tm);
		memcpy(c->hour, stamp.p, 9);
		memcpy(c->hour + 9, stamp.p + 16, 4);
	}
	*at = c->begins + 60 * minute + second;
	return true;
}
