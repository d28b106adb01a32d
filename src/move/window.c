/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/window.h"

#include "move/lists.h"

#include <stdarg.h>
#include <stdio.h>

/* Stopping and starting both services, measured in trials on two cores. */
#define SESSIONS_TRIAL_MS 1000
#define STOP_TRIAL_MS 2500
#define START_TRIAL_MS 500
#define PROOFS_MS 3000
#define ADDRESS_TRIAL_MS 500
#define DNS_TRIAL_MS 200
#define PERSON_MS 300000
#define RUNNERS_TRIAL_MS 3000
#define LISTS_GUESS_MS 10000

static void add(struct window *w, int64_t ms, const char *format, ...) PRINTF_LIKE(3, 4);
static void add(struct window *w, int64_t ms, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->parts[w->n].why, sizeof w->parts[w->n].why, format, args);
	va_end(args);
	w->parts[w->n++].ms = ms;
	w->total_ms += ms;
}

/* A pass of theirs, and their comparison, are in what was measured of all. Behind it come a pass that finds
 * nothing, the queues' change of hands, and a last look at what somebody did on old's web pages. */
static int add_lists(const struct config *c, struct state *s, struct window *out, struct error *err)
{
	bool wanted, live = c->old_host.reach != CONFIG_FOLDER;
	int64_t ms;

	if (move_lists_wanted(c, s, &wanted, err) < 0 ||
	    state_get_i64(s, "seed.lists_ms", -1, &ms, err) < 0)
		return -1;
	if (!wanted)
		return 0;
	if (live)
		add(out, RUNNERS_TRIAL_MS,
		    "Mailman's runners finish and stop (at most %u s, flush_wait)",
		    c->window.flush_wait);
	if (ms >= 0)
		add(out, (live ? 2 : 1) * ms,
		    "mailing lists and their queues%s, as a pass of seed was",
		    live ? ", and a last look at them" : "");
	else
		add(out, LISTS_GUESS_MS,
		    "mailing lists and their queues (a guess: none was seeded yet)");
	return 0;
}

int window_predict(const struct config *c, struct state *s, struct window *out, struct error *err)
{
	int64_t seed_ms, verify_ms;

	*out = (struct window){ 0 };
	if (state_get_i64(s, "seed.last_pass_ms", -1, &seed_ms, err) < 0 ||
	    state_get_i64(s, "verify.last_ms", -1, &verify_ms, err) < 0)
		return -1;
	if (c->old_host.reach != CONFIG_FOLDER) {
		add(out, SESSIONS_TRIAL_MS, "open SMTP sessions end (at most %u s, session_grace)",
		    c->window.session_grace);
		add(out, STOP_TRIAL_MS, "the old queue empties and the old services stop (trials)");
		add(out, PROOFS_MS, "two proofs that the old side takes nothing more");
	}
	if (seed_ms >= 0)
		add(out, seed_ms, "the last delta, as long as the last seed pass was");
	else
		add(out, 60000, "the last delta (a guess: nothing has been seeded yet)");
	if (verify_ms >= 0)
		add(out, verify_ms, "verify, as long as the last one took");
	else
		add(out, seed_ms >= 0 ? 2 * seed_ms : 60000,
		    "verify (a guess: there was none yet)");
	if (add_lists(c, s, out, err) < 0)
		return -1;
	if (c->switch_by == CONFIG_SWITCH_DNS)
		add(out, DNS_TRIAL_MS, "dynamic update, answered by the primary (trials)");
	else if (c->switch_by == CONFIG_SWITCH_ADDRESS)
		add(out, ADDRESS_TRIAL_MS, "the address moves and is announced (trials)");
	else
		add(out, PERSON_MS, "you change the records (a guess)");
	add(out, START_TRIAL_MS, "the new services start (trials)");
	return 0;
}
