/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/memory.h"

#include <stdlib.h>

const char *watch_look_name(enum watch_look look)
{
	static const char *const names[WATCH_LOOKS] = {
		[WATCH_UNASKED] = ".",     [WATCH_SILENT] = "no answer",
		[WATCH_NO_WAY] = "no way", [WATCH_UNCLEAR] = "unclear",
		[WATCH_OTHER] = "other",   [WATCH_OLD] = "old",
		[WATCH_MIXED] = "mixed",   [WATCH_NEW] = "NEW",
	};

	return look < WATCH_LOOKS ? names[look] : "?";
}

void watch_table_fini(struct watch_table *t)
{
	free(t->sights);
	*t = (struct watch_table){ 0 };
}

const struct watch_sight *watch_sight_at(const struct watch_table *t, size_t row, size_t column)
{
	return &t->sights[row * t->columns_n + column];
}

enum watch_look watch_classify(const struct strings *addresses, const struct strings *old,
                               const struct strings *new)
{
	bool is_old = false, is_new = false;

	for (size_t i = 0; i < addresses->n; i++) {
		if (strings_has(new, addresses->rows[i]))
			is_new = true;
		else if (strings_has(old, addresses->rows[i]))
			is_old = true;
	}
	if (is_old)
		return is_new ? WATCH_MIXED : WATCH_OLD;
	return is_new ? WATCH_NEW : WATCH_OTHER;
}

void watch_past_fini(struct watch_past *p)
{
	free(p->columns);
	*p = (struct watch_past){ 0 };
}

void watch_past_init(struct watch_past *p, const struct watch_plan *plan)
{
	*p = (struct watch_past){ .n = plan->domains.n + plan->hosts.n };
	p->columns = xcalloc(p->n + 1, sizeof *p->columns);
	if (plan->switched_ms && plan->old_ttl_s)
		p->floor_ms = plan->switched_ms + (int64_t)plan->old_ttl_s * 1000;
}

static void raise(int64_t *until, int64_t at_ms, uint32_t ttl)
{
	int64_t then = at_ms + (int64_t)ttl * 1000;

	if (then > *until)
		*until = then;
}

static bool holds_old(const struct watch_sight *s)
{
	return s->look == WATCH_OLD || s->look == WATCH_MIXED;
}

void watch_remember(struct watch_past *past, const struct watch_table *t)
{
	for (size_t c = 0; c < t->columns_n && c < past->n; c++) {
		struct watch_past_column *p = &past->columns[c];

		for (size_t r = 0; r < t->rows_n; r++) {
			const struct watch_sight *s = watch_sight_at(t, r, c);

			if (s->look == WATCH_NEW)
				p->new_hosts = s->mail_hosts;
			if (!holds_old(s))
				continue;
			p->old_hosts = s->mail_hosts;
			raise(&p->address_until, t->at_ms, s->address_ttl);
			raise(&p->mail_until, t->at_ms, s->mail_ttl);
		}
	}
}

static bool mail_changed(const struct watch_past_column *p)
{
	return p->old_hosts && p->new_hosts && p->old_hosts != p->new_hosts;
}

uint32_t watch_seconds_left(const struct watch_past *past, const struct watch_table *t, size_t row,
                            size_t column)
{
	const struct watch_sight *s = watch_sight_at(t, row, column);

	if (!holds_old(s))
		return 0;
	if (column < past->n && mail_changed(&past->columns[column]) &&
	    s->mail_ttl > s->address_ttl)
		return s->mail_ttl;
	return s->address_ttl;
}

static int64_t old_until(const struct watch_past *past)
{
	int64_t until = past->floor_ms;

	for (size_t c = 0; c < past->n; c++) {
		const struct watch_past_column *p = &past->columns[c];

		if (p->address_until > until)
			until = p->address_until;
		if (mail_changed(p) && p->mail_until > until)
			until = p->mail_until;
	}
	return until;
}

/* Whether this one sight stands in the way of agreement. */
static bool blocks(const struct watch_sight *s, bool resolver, bool ran_out)
{
	switch (s->look) {
	case WATCH_UNASKED:
	case WATCH_NO_WAY:
	case WATCH_NEW:
		return false;
	case WATCH_SILENT:
	case WATCH_UNCLEAR:
		return !resolver || !ran_out;
	case WATCH_OTHER:
	case WATCH_OLD:
	case WATCH_MIXED:
	case WATCH_LOOKS:
		break;
	}
	return true;
}

struct watch_verdict watch_judge(const struct watch_table *t, const struct watch_past *past,
                                 int64_t now_ms)
{
	struct watch_verdict v = { .agree = true, .old_until_ms = old_until(past) };
	bool ran_out = now_ms >= v.old_until_ms;

	for (size_t c = 0; c < t->columns_n; c++) {
		size_t said_new = 0;

		for (size_t r = 0; r < t->rows_n; r++) {
			const struct watch_sight *s = watch_sight_at(t, r, c);

			v.looks[s->look]++;
			/* a resolver alone is no proof: its zone's own servers must have said so */
			said_new += s->look == WATCH_NEW && !t->rows[r].resolver;
			if (blocks(s, t->rows[r].resolver, ran_out))
				v.agree = false;
		}
		v.unplaced += t->columns[c].problem != NULL;
		if (!said_new)
			v.agree = false;
	}
	v.done = v.agree && ran_out;
	return v;
}
