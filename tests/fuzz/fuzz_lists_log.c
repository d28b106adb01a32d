/* SPDX-License-Identifier: BSD-2-Clause */

/* Logs of Mailman: the first octet says which log it is, and how the rest is cut. Records come out the
 * same wherever that is. */

#include "fuzz/fuzz.h"

#include "lists/log_line.h"

#include <stdlib.h>

struct seen {
	enum lists_log log;
	struct lists_log_clock clock;
	size_t n;
	uint64_t octets, last;
};

static void hold_inside(struct span part, struct span text)
{
	if (part.n && (part.p < text.p || part.p + part.n > text.p + text.n))
		abort();
}

static void take(void *context, const struct lists_log_record *record)
{
	struct seen *s = context;
	struct lists_log_event e = { 0 };
	int64_t at;

	if (s->n && record->offset <= s->last)
		abort();
	s->last = record->offset;
	s->n++;
	s->octets += record->text.n;
	(void)lists_log_time(&s->clock, record->stamp, &at);
	if (!lists_log_event(s->log, record->text, &e))
		return;
	hold_inside(e.list, record->text);
	hold_inside(e.id, record->text);
	hold_inside(e.sender, record->text);
	hold_inside(e.base, record->text);
	hold_inside(e.words, record->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data + 1, size ? size - 1 : 0 }, rest = all;
	AUTO_LISTS_LOG_READER struct lists_log_reader whole = { 0 };
	AUTO_LISTS_LOG_READER struct lists_log_reader cut = { 0 };
	struct seen a = { 0 }, b = { 0 };
	size_t piece;

	if (!size)
		return 0;
	a.log = b.log = (enum lists_log)(data[0] % LISTS_LOGS);
	piece = data[0] / LISTS_LOGS + 1;
	lists_log_feed(&whole, all, take, &a);
	lists_log_end(&whole, take, &a);
	while (rest.n) {
		size_t n = rest.n < piece ? rest.n : piece;

		lists_log_feed(&cut, (struct span){ rest.p, n }, take, &b);
		rest = span_from(rest, n);
	}
	lists_log_end(&cut, take, &b);
	/* of what is too long, it may matter */
	if (size < LISTS_LOG_RECORD_MAX && (a.n != b.n || a.octets != b.octets))
		abort();
	return 0;
}
