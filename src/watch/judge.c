/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const char *watch_look_name(enum watch_look look)
{
	static const char *const names[WATCH_LOOKS] = {
		[WATCH_UNASKED] = ".",     [WATCH_SILENT] = "no answer",
		[WATCH_NO_WAY] = "no way", [WATCH_UNCLEAR] = "unclear",
		[WATCH_OTHER] = "other",   [WATCH_CLOSED] = "closed",
		[WATCH_OLD] = "old",       [WATCH_MIXED] = "mixed",
		[WATCH_NEW] = "NEW",
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

enum watch_look watch_classify(const struct strings *addresses, const struct watch_plan *plan)
{
	bool is_old = false, is_new = false, is_closed = false;

	for (size_t i = 0; i < addresses->n; i++) {
		if (strings_has(&plan->new_addresses, addresses->rows[i]))
			is_new = true;
		else if (strings_has(&plan->old_addresses, addresses->rows[i]))
			is_old = true;
		else if (strings_has(&plan->closed_addresses, addresses->rows[i]))
			is_closed = true;
	}
	if (is_old + is_new + is_closed > 1)
		return WATCH_MIXED;
	return is_old ? WATCH_OLD : is_new ? WATCH_NEW : is_closed ? WATCH_CLOSED : WATCH_OTHER;
}

void watch_past_fini(struct watch_past *p)
{
	for (size_t i = 0; i < p->since_n; i++)
		free(p->since[i].server);
	free(p->since);
	watch_stragglers_fini(&p->stragglers);
	free(p->columns);
	*p = (struct watch_past){ 0 };
}

void watch_past_init(struct watch_past *p, const struct watch_plan *plan)
{
	*p = (struct watch_past){ .n = plan->domains.n + plan->hosts.n,
		                  .switched_ms = plan->switched_ms,
		                  .old_ttl_s = plan->old_ttl_s };
	p->columns = xcalloc(p->n + 1, sizeof *p->columns);
	if (plan->switched_ms && plan->old_ttl_s)
		p->floor_ms = plan->switched_ms + (int64_t)plan->old_ttl_s * 1000;
	if (plan->switched_ms && plan->old_until_ms > p->floor_ms)
		p->floor_ms = plan->old_until_ms;
}

struct watch_since *watch_since_put(struct watch_past *past, const char *server, uint16_t port,
                                    size_t column)
{
	for (size_t i = 0; i < past->since_n; i++) {
		struct watch_since *s = &past->since[i];

		if (s->column == column && s->port == port && !strcmp(s->server, server))
			return s;
	}
	ARRAY_GROW(past->since, past->since_n, past->since_room);
	past->since[past->since_n] = (struct watch_since){ .server = xstrdup(server),
		                                           .port = port,
		                                           .column = column };
	return &past->since[past->since_n++];
}

const struct watch_since *watch_since_of(const struct watch_past *past, const struct watch_row *row,
                                         size_t column)
{
	for (size_t i = 0; i < past->since_n; i++) {
		const struct watch_since *s = &past->since[i];

		if (s->column == column && s->port == row->port && !strcmp(s->server, row->address))
			return s;
	}
	return NULL;
}

int64_t watch_worst_ms(const struct watch_past *past, size_t column)
{
	const struct watch_past_column *c = &past->columns[column];
	int64_t last = c->last_old_ms, until = c->said_until;

	if (!last)
		return 0;
	last += (int64_t)WATCH_STRETCH_S * 1000;
	return last > until ? last : until;
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

/* When an authoritative server changes over, nobody knows when since the last look it did: a cache may
 * have asked it right before this one. */
static void note_answer(struct watch_past_column *p, struct watch_since *s,
                        const struct watch_sight *sight, bool resolver, int64_t at_ms)
{
	if (sight->look < WATCH_OTHER)
		return;
	if (s->gave_old && !holds_old(sight) && !resolver) {
		raise(&p->address_until, at_ms, p->address_ttl);
		raise(&p->mail_until, at_ms, p->mail_ttl);
		raise(&p->said_until, at_ms, p->address_ttl);
		p->last_old_ms = at_ms;
	}
	s->gave_old = holds_old(sight);
	if (s->gave_closed && sight->look != WATCH_CLOSED && !resolver)
		raise(&p->closed_until, at_ms, p->closed_ttl);
	s->gave_closed = sight->look == WATCH_CLOSED;
}

/* What one server says now of the second step. Going back ends it: the next one is another. */
static void note_step(struct watch_past_column *p, const struct watch_sight *sight, bool resolver,
                      int64_t at_ms)
{
	if (sight->look == WATCH_CLOSED)
		raise(&p->closed_until, at_ms, sight->address_ttl);
	if (resolver)
		return;
	if (sight->look == WATCH_CLOSED && sight->address_ttl > p->closed_ttl)
		p->closed_ttl = sight->address_ttl;
	if (sight->look == WATCH_NEW && !p->new_ms)
		p->new_ms = at_ms;
	if (sight->look == WATCH_OLD) {
		p->new_ms = p->closed_until = 0;
		p->closed_ttl = 0;
	}
}

/* Clocks and rounding of TTLs; RFC 2181 section 8 counts whole seconds. */
#define STRETCH_SLACK_MS 2000

static void note_since(struct watch_past *past, const struct watch_table *t, size_t row,
                       size_t column)
{
	const struct watch_sight *sight = watch_sight_at(t, row, column);
	const struct watch_row *server = &t->rows[row];
	struct watch_since *s;
	int64_t until = past->columns[column].said_until;

	if (sight->look == WATCH_UNASKED)
		return;
	s = watch_since_put(past, server->address, server->port, column);
	if (s->look != sight->look || !s->since_ms)
		s->since_ms = t->at_ms;
	s->look = sight->look;
	note_answer(&past->columns[column], s, sight, server->resolver, t->at_ms);
	if (server->resolver && holds_old(sight) && until && !s->stretched_ms &&
	    t->at_ms > until + STRETCH_SLACK_MS)
		s->stretched_ms = t->at_ms;
}

void watch_remember(struct watch_past *past, const struct watch_table *t)
{
	past->looked_ms = t->at_ms;
	if (!past->begun_ms)
		past->begun_ms = t->at_ms;
	for (size_t c = 0; c < t->columns_n && c < past->n; c++) {
		struct watch_past_column *p = &past->columns[c];

		for (size_t r = 0; r < t->rows_n; r++) {
			const struct watch_sight *s = watch_sight_at(t, r, c);

			note_step(p, s, t->rows[r].resolver, t->at_ms);
			if (s->look == WATCH_NEW)
				p->new_hosts = s->mail_hosts;
			if (!holds_old(s))
				continue;
			p->old_hosts = s->mail_hosts;
			raise(&p->address_until, t->at_ms, s->address_ttl);
			raise(&p->mail_until, t->at_ms, s->mail_ttl);
			if (t->rows[r].resolver)
				continue;
			raise(&p->said_until, t->at_ms, s->address_ttl);
			p->last_old_ms = t->at_ms;
			if (s->address_ttl > p->address_ttl)
				p->address_ttl = s->address_ttl;
			if (s->mail_ttl > p->mail_ttl)
				p->mail_ttl = s->mail_ttl;
		}
		for (size_t r = 0; r < t->rows_n; r++)
			note_since(past, t, r, c);
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

/* The same of one name; the floor is for all of them. */
static int64_t column_until(const struct watch_past *past, size_t column)
{
	const struct watch_past_column *p = &past->columns[column];
	int64_t until = p->address_until;

	if (mail_changed(p) && p->mail_until > until)
		until = p->mail_until;
	if (p->new_ms && p->closed_until > until)
		until = p->closed_until;
	/* the switch was before the first look: when a secondary followed it, nobody has seen. Of the second
	 * step, what has been seen of the closed address says it */
	if (past->switched_ms && past->old_ttl_s && past->begun_ms > past->switched_ms &&
	    !p->last_old_ms && !(p->closed_until && p->new_ms))
		raise(&until, past->begun_ms, past->old_ttl_s);
	return until;
}

static int64_t old_until(const struct watch_past *past)
{
	int64_t until = past->floor_ms;

	for (size_t c = 0; c < past->n; c++) {
		int64_t one = column_until(past, c);

		until = one > until ? one : until;
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
	case WATCH_CLOSED:
	case WATCH_OLD:
	case WATCH_MIXED:
	case WATCH_LOOKS:
		break;
	}
	return true;
}

/* Whether the first of two steps is over for this name: nobody is led to the old host any longer. */
static bool is_away(const struct watch_table *t, const struct watch_past *past, size_t column,
                    int64_t now_ms)
{
	bool ran_out = now_ms >= column_until(past, column);
	size_t said = 0;

	for (size_t r = 0; r < t->rows_n; r++) {
		struct watch_sight s = *watch_sight_at(t, r, column);

		/* closed is here what new is at the end */
		if (s.look == WATCH_NEW)
			return false;
		if (s.look == WATCH_CLOSED)
			s.look = WATCH_NEW;
		said += s.look == WATCH_NEW && !t->rows[r].resolver;
		if (blocks(&s, t->rows[r].resolver, ran_out))
			return false;
	}
	return said && ran_out;
}

struct watch_verdict watch_judge(const struct watch_table *t, const struct watch_past *past,
                                 int64_t now_ms)
{
	struct watch_verdict v = { .at_ms = now_ms,
		                   .agree = true,
		                   .old_until_ms = old_until(past) };
	bool ran_out = now_ms >= v.old_until_ms;
	size_t closed = 0, away = 0;

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
		closed += t->columns[c].closed;
		away += t->columns[c].closed && is_away(t, past, c, now_ms);
		if (!said_new)
			v.agree = false;
	}
	v.done = v.agree && ran_out;
	v.away = closed && away == closed;
	return v;
}
