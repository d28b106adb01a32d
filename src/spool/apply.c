/* SPDX-License-Identifier: BSD-2-Clause */

/* What records say becomes what the index knows; at open, and when a job has come back durable. */

#include "base/clock.h"
#include "spool/inside.h"

static uint32_t first_segment(struct place at, const struct message *m)
{
	uint32_t first = at.segment;

	for (size_t i = 0; i < m->pieces_n; i++)
		if (m->pieces[i].place.segment < first)
			first = m->pieces[i].place.segment;
	return first;
}

/* When, on the clock that does not jump; never later than the delay from now. */
static int64_t due_of(const struct settlement *t)
{
	int64_t left = t->at_ms + t->delay_ms - clock_wall_ms();

	if (!t->delay_ms || left <= 0)
		return 0;
	return clock_monotonic_ms() + (left < t->delay_ms ? left : t->delay_ms);
}

/* What it says of the item alone. */
static void take_over(struct spool *s, struct item *i, struct settlement *t)
{
	struct spool_result r;

	while (settlement_next(t, &r))
		if (r.recipient < i->recipients)
			index_set_state(&s->index, i, r.recipient, r.state);
	i->attempts += t->attempt;
	i->due_ms = due_of(t);
}

void item_gone(struct spool *s, struct item *i)
{
	segment_live(s, i->first_segment, -1);
	index_remove(&s->index, i);
}

void apply_message(struct spool *s, uint64_t id, struct place at, uint32_t length,
                   const struct message *m)
{
	struct item *i = index_find(&s->index, id);

	if (i && (i->recipients != m->recipients || i->octets != m->octets))
		return; /* two messages with one id: the first one counts */
	if (i) {
		segment_live(s, i->first_segment, -1);
	} else {
		i = index_add(&s->index, id, m->recipients);
		i->octets = m->octets;
		i->arrived_ms = m->arrived_ms;
		s->index.octets += m->octets;
	}
	i->place = at;
	i->last = (struct place){ 0 };
	i->length = length;
	i->first_segment = first_segment(at, m);
	segment_live(s, i->first_segment, +1);
	for (size_t n = 0; n < m->settled_n; n++) {
		struct settlement t;

		if (settlement_get(m->settled[n], &t))
			take_over(s, i, &t);
	}
	i->attempts = m->attempts;
	index_queue(&s->index, i);
}

void apply_settlement(struct spool *s, uint64_t id, struct place at, struct settlement *t)
{
	struct item *i = index_find(&s->index, id);

	if (!i)
		return;
	take_over(s, i, t);
	i->last = at;
	if (item_is_done(i))
		item_gone(s, i);
	else
		index_queue(&s->index, i);
}
