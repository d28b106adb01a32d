/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/clock.h"

#define SLICE_MS 100 /* between looks at `stopped` */

/* Until the next look; sooner when only the clock is still to say that it is over. */
static int64_t next_look(const struct watch_plan *plan, const struct watch_verdict *v)
{
	int64_t wait = (int64_t)plan->interval_s * 1000;
	int64_t left = v->old_until_ms - clock_wall_ms();

	if (v->agree && !v->done && left < wait)
		wait = left > 0 ? left : 0;
	return clock_monotonic_ms() + wait;
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
	return goal == WATCH_UNTIL_AGREE ? v->agree : v->done;
}

static void look_once(struct watch *w, const struct watch_hooks *hooks, struct watch_past *past,
                      struct watch_table *table, const struct watch_table *before,
                      struct watch_verdict *v)
{
	struct watch_round round = { .now = table, .before = before, .past = past };

	watch_look(w, hooks->stopped, table);
	if (hooks->stopped && hooks->stopped())
		return; /* a part of a table says nothing */
	watch_remember(past, table);
	*v = round.verdict = watch_judge(table, past, clock_wall_ms());
	if (hooks->seen)
		hooks->seen(hooks->context, &round);
}

int watch_until(const struct watch_plan *plan, enum watch_goal goal, int64_t deadline_ms,
                const struct watch_hooks *hooks, enum watch_end *end, struct watch_verdict *verdict,
                struct error *err)
{
	AUTO_WATCH struct watch *w = NULL;
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	AUTO_WATCH_TABLE struct watch_table even = { 0 };
	AUTO_WATCH_TABLE struct watch_table odd = { 0 };
	struct watch_table *now = &even, *before = NULL;

	if (watch_open(&w, plan, err) < 0)
		return -1;
	watch_past_init(&past, plan);
	for (;;) {
		look_once(w, hooks, &past, now, before, verdict);
		*end = WATCH_STOPPED;
		if (hooks->stopped && hooks->stopped())
			return 0;
		*end = WATCH_REACHED;
		if (is_reached(goal, verdict))
			return 0;
		*end = WATCH_DEADLINE;
		if (goal == WATCH_ONCE || (deadline_ms && clock_monotonic_ms() >= deadline_ms))
			return 0;
		if (!sleep_until(next_look(plan, verdict), deadline_ms, hooks->stopped, end))
			return 0;
		before = now;
		now = now == &even ? &odd : &even;
	}
}
