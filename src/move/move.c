/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/move.h"

#include "base/clock.h"
#include "move/lists.h"
#include "state/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FACT_ATTEMPT "cutover.attempt"
#define FACT_PHASE "cutover.phase"

static const char *const phases[] = {
	[MOVE_IDLE] = "idle",           [MOVE_UNDER_WAY] = "under way",
	[MOVE_FINISHED] = "finished",   [MOVE_GOING_BACK] = "going back",
	[MOVE_GONE_BACK] = "gone back",
};

const char *move_phase_name(enum move_phase phase)
{
	return phases[phase];
}

int move_phase_read(struct state *s, enum move_phase *phase, int64_t *attempt, struct error *err)
{
	AUTO_FREE char *name = NULL;

	if (state_get(s, FACT_PHASE, &name, err) < 0 ||
	    state_get_i64(s, FACT_ATTEMPT, 0, attempt, err) < 0)
		return -1;
	*phase = MOVE_IDLE;
	for (size_t i = 0; name && i < ROWS(phases); i++)
		if (!strcmp(phases[i], name))
			*phase = (enum move_phase)i;
	return 0;
}

void move_say(struct move *m, const char *format, ...)
{
	char words[1024];
	va_list args;

	if (!m->tell)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	m->tell(m->listener, words);
}

int move_open(struct move *m, struct error *err)
{
	enum move_phase phase;

	if (survey_accounts(m->state, &m->accounts, err) < 0 ||
	    move_lists_wanted(m->config, m->state, &m->has_lists, err) < 0)
		return -1;
	return move_phase_read(m->state, &phase, &m->attempt, err);
}

void move_fini(struct move *m)
{
	account_pairs_fini(&m->accounts);
}

static int put_phase(struct move *m, enum move_phase phase, struct error *err)
{
	return state_put(m->state, FACT_PHASE, phases[phase], err);
}

/* Starts the next attempt. Attempt and phase change as one: killed between them, the old attempt
 * would look alive again. */
static int begin_attempt(struct move *m, struct error *err)
{
	if (state_begin(m->state, err) < 0)
		return -1;
	if (state_put_i64(m->state, FACT_ATTEMPT, m->attempt + 1, err) < 0 ||
	    put_phase(m, MOVE_UNDER_WAY, err) < 0) {
		state_abandon(m->state);
		return -1;
	}
	m->attempt++;
	return state_commit(m->state, err);
}

/* Whether the way is still back by itself: the switch has not begun. */
static int switch_has_begun(struct move *m, bool *begun, struct error *err)
{
	enum journal_mark mark;

	if (journal_last(m->state, m->attempt, "switch", &mark, err) < 0)
		return -1;
	*begun = mark == JOURNAL_BEGIN || mark == JOURNAL_DONE || mark == JOURNAL_FAILED;
	return 0;
}

static int check_budget(struct move *m, struct error *err)
{
	int64_t frozen_ms, spent_ms;

	if (state_get_i64(m->state, "freeze.began_ms", 0, &frozen_ms, err) < 0)
		return -1;
	spent_ms = frozen_ms ? clock_wall_ms() - frozen_ms : 0;
	if (spent_ms <= (int64_t)m->config->window.budget * 1000)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "the budget of %u s has run out: the window is %lld s long already",
	                 m->config->window.budget, (long long)(spent_ms / 1000));
}

/* How long a lost host is called again before the step has failed. */
#define CALL_AGAIN_MS 60000
#define CALL_EVERY_MS 1000

/* Opens again whichever host was lost, for as long as there is hope. */
static int call_again(struct move *m, int64_t until_ms, struct error *err)
{
	struct host *const hosts[] = { m->old, m->new };

	for (size_t i = 0; i < ROWS(hosts); i++) {
		while (host_is_broken(hosts[i]) && host_reopen(hosts[i], err) < 0) {
			if (err->retry != ERROR_RETRY_REACH || clock_monotonic_ms() > until_ms)
				return -1;
			clock_sleep_ms(CALL_EVERY_MS);
		}
	}
	return 0;
}

/* Acts; an action that a lost connection cut off is done again on a new one. */
static int act(struct move *m, const struct step *step,
               int (*action)(struct move *m, struct error *err), struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + CALL_AGAIN_MS;

	while (action(m, err) < 0) {
		struct error lost = *err;

		if (err->retry != ERROR_RETRY_REACH || clock_monotonic_ms() > until_ms)
			return -1;
		move_say(m, "%s: %s; calling again", step->name, lost.text);
		if (call_again(m, until_ms, err) < 0)
			return -1;
	}
	return 0;
}

static int do_step(struct move *m, const struct step *step, struct error *err)
{
	enum journal_mark mark;
	int64_t began = clock_monotonic_ms();
	bool again; /* a step that was done, and whose proof ages: its marks stand */

	if (journal_last(m->state, m->attempt, step->name, &mark, err) < 0)
		return -1;
	again = mark == JOURNAL_DONE;
	if (again && !step->always)
		return 0;
	if (!again && journal_write(m->state, m->attempt, step->name, JOURNAL_BEGIN, NULL, err) < 0)
		return -1;
	if (act(m, step, step->act, err) < 0) {
		struct error ignored;

		/* the record is for people; what follows does not rest on it */
		(void)!journal_write(m->state, m->attempt, step->name, JOURNAL_FAILED, err->text,
		                     &ignored);
		return error_context(err, "%s", step->name);
	}
	if (!again && journal_write(m->state, m->attempt, step->name, JOURNAL_DONE, NULL, err) < 0)
		return -1;
	move_say(m, "%-18s done in %.1f s", step->name,
	         (double)(clock_monotonic_ms() - began) / 1000);
	return 0;
}

/* A host out of reach can't be taken back either: then it stands, and the person is told. */
static int go_back(struct move *m, const struct error *failed, struct error *err)
{
	move_say(m, "going back: %s", failed->text);
	if (evidence_put(m->state, "cutover", failed->text, NULL, err) < 0)
		return -1;
	if (move_rollback(m, err) < 0)
		return error_context(err, "%s; and going back failed", failed->text);
	return 0;
}

static int do_steps(struct move *m, const char *until, bool *switched, struct error *err)
{
	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *step = &move_steps[i];

		if (switch_has_begun(m, switched, err) < 0)
			return -1;
		if (*switched && i < (unsigned)(move_step_find("switch") - move_steps))
			continue;
		if (move_step_applies(step, m->config, m->has_lists)) {
			if (!*switched && check_budget(m, err) < 0)
				return -1;
			if (do_step(m, step, err) < 0)
				return -1;
		}
		if (until && !strcmp(step->name, until))
			return 0;
	}
	return put_phase(m, MOVE_FINISHED, err);
}

int move_cutover(struct move *m, const char *until, enum move_end *end, struct error *why,
                 struct error *err)
{
	enum move_phase phase;
	bool switched = false;
	int64_t attempt;

	if (move_phase_read(m->state, &phase, &attempt, err) < 0)
		return -1;
	if (phase == MOVE_FINISHED) { /* only what ages is done anew: the account */
		*end = MOVE_END_DONE;
		return do_step(m, move_step_find("account"), err);
	}
	if (phase == MOVE_GOING_BACK) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "a rollback is under way");
		return error_hint(err, "`mailhaul rollback` brings it to its end");
	}
	if (phase != MOVE_UNDER_WAY && begin_attempt(m, err) < 0)
		return -1;
	*end = MOVE_END_DONE;
	if (do_steps(m, until, &switched, why) == 0)
		return 0;
	/* asked again: the step that failed may be the switch itself */
	if (switch_has_begun(m, &switched, err) < 0)
		return -1;
	if (switched) {
		*err = *why;
		return error_hint(err,
		                  "the world is turned already; mend it and give the same command "
		                  "again, or `mailhaul rollback`");
	}
	*end = MOVE_END_WENT_BACK;
	return go_back(m, why, err);
}

static int undo_step(struct move *m, const struct step *step, struct error *err)
{
	enum journal_mark mark;

	if (journal_last(m->state, m->attempt, step->name, &mark, err) < 0)
		return -1;
	if (mark == JOURNAL_NONE || mark == JOURNAL_UNDONE || !step->undo)
		return 0;
	if (journal_write(m->state, m->attempt, step->name, JOURNAL_UNDO_BEGIN, NULL, err) < 0)
		return -1;
	if (act(m, step, step->undo, err) < 0)
		return error_context(err, "undo of %s", step->name);
	if (journal_write(m->state, m->attempt, step->name, JOURNAL_UNDONE, NULL, err) < 0)
		return -1;
	move_say(m, "%-18s undone", step->name);
	return 0;
}

int move_rollback(struct move *m, struct error *err)
{
	if (put_phase(m, MOVE_GOING_BACK, err) < 0)
		return -1;
	for (unsigned i = move_steps_rows; i-- > 0;)
		if (move_step_applies(&move_steps[i], m->config, m->has_lists) &&
		    undo_step(m, &move_steps[i], err) < 0)
			return -1;
	if (state_put_i64(m->state, "freeze.began_ms", 0, err) < 0)
		return -1;
	return put_phase(m, MOVE_GONE_BACK, err);
}
