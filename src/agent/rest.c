/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/rest.h"

#include "agent/agent.h"
#include "base/clock.h"
#include "base/file.h"

#include <string.h>

#define LOOK_EVERY_MS 2000
#define SLEEP_MS 1000
#define TELL_EVERY_MS 5000

/* "12.34" -> 1234, "12" -> 1200; false when it is no such number. */
static bool parse_hundredths(struct span text, uint64_t *out)
{
	ptrdiff_t dot = span_find(text, '.');
	uint64_t whole, part = 0;

	if (dot < 0)
		dot = (ptrdiff_t)text.n;
	else if (text.n != (size_t)dot + 3 ||
	         !span_parse_u64(span_from(text, (size_t)dot + 1), &part))
		return false;
	if (!span_parse_u64((struct span){ text.p, (size_t)dot }, &whole) || whole > 1u << 30)
		return false;
	*out = whole * 100 + part;
	return true;
}

void rest_parse_load(struct span text, struct rest_figures *out)
{
	struct span first;

	out->has_load = span_next_part(&text, ' ', &first) && parse_hundredths(first, &out->load);
}

void rest_parse_pressure(struct span text, struct rest_figures *out)
{
	static const char begins[] = "some avg10=";
	struct span first;

	out->has_io = span_starts(text, begins) &&
	              (text = span_from(text, strlen(begins)),
	               span_next_part(&text, ' ', &first)) &&
	              parse_hundredths(first, &out->io);
}

static bool is_above(uint64_t figure, uint64_t bound, bool resting)
{
	if (!bound)
		return false;
	return resting ? figure >= bound - bound / 10 : figure > bound;
}

bool rest_is_due(const struct rest *r, const struct rest_figures *now, struct buf *words)
{
	if (now->has_io && is_above(now->io, r->io, r->resting)) {
		buf_addf(words, "I/O pressure is %llu.%02llu %%, the bound is %llu.%02llu %%",
		         (unsigned long long)now->io / 100, (unsigned long long)now->io % 100,
		         (unsigned long long)r->io / 100, (unsigned long long)r->io % 100);
		return true;
	}
	if (now->has_load && is_above(now->load, r->load, r->resting)) {
		buf_addf(words, "load average is %llu.%02llu, the bound is %llu.%02llu",
		         (unsigned long long)now->load / 100, (unsigned long long)now->load % 100,
		         (unsigned long long)r->load / 100, (unsigned long long)r->load % 100);
		return true;
	}
	return false;
}

static void look(struct agent *a, struct buf *words)
{
	AUTO_BUF struct buf load = { 0 }, pressure = { 0 };
	struct rest_figures now = { 0 };
	struct error ignored;

	buf_reset(words);
	if (file_read_below(a->rootfd, "proc/pressure/io", 4096, &pressure, &ignored) == 0)
		rest_parse_pressure(buf_span(&pressure), &now);
	if (file_read_below(a->rootfd, "proc/loadavg", 4096, &load, &ignored) == 0)
		rest_parse_load(buf_span(&load), &now);
	a->rest.resting = rest_is_due(&a->rest, &now, words);
}

int agent_rest(struct agent *a, struct error *err)
{
	AUTO_BUF struct buf words = { 0 };
	int64_t now = clock_monotonic_ms(), told = 0;

	if ((!a->rest.load && !a->rest.io) ||
	    (a->rest.looked_ms && now - a->rest.looked_ms < LOOK_EVERY_MS))
		return 0;
	for (look(a, &words); a->rest.resting; look(a, &words)) {
		now = clock_monotonic_ms();
		if (!told || now - told >= TELL_EVERY_MS) {
			if (agent_send_notice(a, buf_span(&words), err) < 0)
				return -1;
			told = now;
		}
		clock_sleep_ms(SLEEP_MS);
	}
	a->rest.looked_ms = clock_monotonic_ms();
	return 0;
}

int agent_limits(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct rest rest = { .load = wire_get_u64(r) };

	rest.io = wire_get_u64(r);
	if (wire_read_end(r, "LIMITS", err) < 0)
		return -1;
	a->rest = rest;
	return 0;
}
