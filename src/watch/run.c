/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/clock.h"

#define SLICE_MS 100 /* between looks at `stopped` */

/* The next moment at which the clock alone may change what all that was seen means: old answers have run
 * out, and who is silent counts no longer; or it was quiet for long enough. 0: there is none. */
static int64_t over_at(const struct watch_verdict *v)
{
	const int64_t moments[] = { v->old_until_ms, v->quiet_until_ms };
	int64_t now = clock_wall_ms(), next = 0;

	for (size_t i = 0; i < ROWS(moments); i++)
		if (moments[i] > now && (!next || moments[i] < next))
			next = moments[i];
	return next;
}

/* Until something new can be known: by the next look, which never comes sooner than told, or by the
 * clock alone. Monotonic. */
static int64_t next_turn(const struct watch_verdict *v, int64_t next_look)
{
	int64_t over = v->done ? 0 : over_at(v);
	int64_t then = clock_monotonic_ms() + (over - clock_wall_ms());

	return over && then < next_look ? then : next_look;
}

/* False when it is not worth to look again. */
static bool sleep_until(int64_t then, int64_t deadline_ms, bool (*stopped)(void),
                        enum watch_end *end)
{
	while (clock_monotonic_ms() < then) {
		if (stopped && stopped()) {
			*end = WATCH_STOPPED;
			return false;
		}
		if (deadline_ms && clock_monotonic_ms() >= deadline_ms) {
			*end = WATCH_DEADLINE;
			return false;
		}
		clock_sleep_ms(SLICE_MS);
	}
	return true;
}

static bool is_reached(enum watch_goal goal, const struct watch_verdict *v)
{
	switch (goal) {
	case WATCH_UNTIL_AGREE:
		return v->agree;
	case WATCH_UNTIL_AWAY:
		return v->away;
	case WATCH_UNTIL_DONE:
	case WATCH_ONCE:
		break;
	}
	return v->done;
}

/* What all that was seen means now; a quiet old address has to be one for as long as is asked. */
static void judge(const struct watch_plan *plan, const struct watch_past *past,
                  const struct watch_table *table, struct watch_verdict *v)
{
	int64_t now = clock_wall_ms(), from;

	*v = watch_judge(table, past, now);
	if (!plan->quiet_s)
		return;
	from = v->old_until_ms > past->stragglers.last_ms ? v->old_until_ms
	                                                  : past->stragglers.last_ms;
	if (!from)
		from = past->begun_ms;
	v->quiet_until_ms = from + (int64_t)plan->quiet_s * 1000;
	v->done &= now >= v->quiet_until_ms && !past->stragglers.unread;
}

struct going {
	const struct watch_plan *plan;
	const struct watch_hooks *hooks;
	struct watch *watch;
	struct watch_past past;
};

static int look_once(struct going *g, struct watch_table *table, const struct watch_table *before,
                     struct watch_verdict *v, struct error *err)
{
	const struct watch_hooks *hooks = g->hooks;
	struct watch_round round = { .now = table, .before = before, .past = &g->past };

	g->past.looking = true;
	if (watch_keep_save(g->plan->keep, g->plan, &g->past, err) < 0)
		return -1;
	watch_look(g->watch, hooks->stopped, table);
	if (hooks->stopped && hooks->stopped())
		return 0; /* a part of a table says nothing */
	if (hooks->gather && hooks->gather(hooks->context, &g->past.stragglers, err) < 0)
		return -1;
	g->past.looking = false;
	watch_remember(&g->past, table);
	judge(g->plan, &g->past, table, v);
	round.verdict = *v;
	if (watch_keep_save(g->plan->keep, g->plan, &g->past, err) < 0)
		return -1;
	if (hooks->seen)
		hooks->seen(hooks->context, &round);
	return 0;
}

/* Turns that need no question: the clock goes on, and somebody may still come to the old address. */
static int turn(struct going *g, enum watch_goal goal, const struct watch_table *table,
                struct watch_verdict *v, struct error *err)
{
	struct watch_round round = { .now = table, .before = table, .past = &g->past };

	if (g->hooks->gather && g->hooks->gather(g->hooks->context, &g->past.stragglers, err) < 0)
		return -1;
	judge(g->plan, &g->past, table, v);
	round.verdict = *v;
	if (is_reached(goal, v) && g->hooks->seen)
		g->hooks->seen(g->hooks->context, &round);
	return 0;
}

/* One look, and turns until the next is due. 1: over, *end says how. */
static int go_round(struct going *g, enum watch_goal goal, int64_t deadline_ms,
                    struct watch_table *now, const struct watch_table *before, enum watch_end *end,
                    struct watch_verdict *v, struct error *err)
{
	bool (*stopped)(void) = g->hooks->stopped;
	int result = look_once(g, now, before, v, err);
	/* from its end: a server that is asked late in one look may be asked early in the next */
	int64_t next = clock_monotonic_ms() + (int64_t)g->plan->interval_s * 1000;

	while (result == 0) {
		*end = WATCH_STOPPED;
		if (stopped && stopped())
			return 1;
		*end = WATCH_REACHED;
		if (is_reached(goal, v))
			return 1;
		*end = WATCH_DEADLINE;
		if (goal == WATCH_ONCE || (deadline_ms && clock_monotonic_ms() >= deadline_ms))
			return 1;
		if (!sleep_until(next_turn(v, next), deadline_ms, stopped, end))
			return 1;
		if (clock_monotonic_ms() >= next)
			return 0;
		result = turn(g, goal, now, v, err);
	}
	return -1;
}

/* One that was started again does not ask sooner than the one before would have. */
static bool wait_for_turn(const struct going *g, enum watch_goal goal, int64_t deadline_ms,
                          enum watch_end *end)
{
	int64_t interval_ms = (int64_t)g->plan->interval_s * 1000;
	int64_t wait = g->past.looked_ms + interval_ms - clock_wall_ms();

	if (goal == WATCH_ONCE)
		return true; /* a person who looks once wants to see it now */
	/* killed in the middle of a look; or the clock was set back */
	if (g->past.looking || wait > interval_ms)
		wait = interval_ms;
	if ((!g->past.looked_ms && !g->past.looking) || wait <= 0)
		return true;
	return sleep_until(clock_monotonic_ms() + wait, deadline_ms, g->hooks->stopped, end);
}

int watch_until(const struct watch_plan *plan, enum watch_goal goal, int64_t deadline_ms,
                const struct watch_hooks *hooks, enum watch_end *end, struct watch_verdict *verdict,
                struct error *err)
{
	AUTO_WATCH_TABLE struct watch_table even = { 0 };
	AUTO_WATCH_TABLE struct watch_table odd = { 0 };
	struct watch_table *now = &even, *before = NULL;
	struct going g = { .plan = plan, .hooks = hooks };
	int result = 0;

	watch_past_init(&g.past, plan);
	watch_keep_load(plan->keep, plan, &g.past);
	if (!wait_for_turn(&g, goal, deadline_ms, end))
		result = 1;
	else
		result = watch_open(&g.watch, plan, err);
	while (result == 0) {
		result = go_round(&g, goal, deadline_ms, now, before, end, verdict, err);
		before = now;
		now = now == &even ? &odd : &even;
	}
	watch_close(g.watch);
	watch_past_fini(&g.past);
	return result < 0 ? -1 : 0;
}
