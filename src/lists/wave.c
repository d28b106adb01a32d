/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/wave.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/leaving.h"
#include "lists/notes.h"
#include "lists/runners.h"
#include "lists/take.h"
#include "mta/mta.h"
#include "state/journal.h"
#include "state/mailing_lists.h"

#include <stdlib.h>
#include <string.h>

/* That we have stopped old's runners; over a crash too. */
#define STOPPED_OLD "lists.wave.stopped"
#define STARTED_MTA "lists.wave.started-mta"
#define STEP_OPEN "open lists"
#define STEP_CLOSE "close lists"
#define ROUNDS_MAX 5

static void PRINTF_LIKE(2, 3) say(const struct lists_wave *w, const char *format, ...)
{
	AUTO_FREE char *words = NULL;
	va_list arguments;

	if (!w->tell)
		return;
	va_start(arguments, format);
	if (vasprintf(&words, format, arguments) < 0)
		abort();
	va_end(arguments);
	w->tell(w->context, words);
}

static char *names_of(const struct lists_wave *w)
{
	AUTO_BUF struct buf words = { 0 };

	for (size_t i = 0; i < w->lists->n; i++)
		buf_addf(&words, "%s%s", i ? " " : "", w->lists->rows[i]);
	return buf_take(&words);
}

static struct lists_leaving leaving_of(const struct lists_wave *w)
{
	return (struct lists_leaving){
		.old = w->from,
		.new = w->to,
		.old_site = w->old,
		.new_site = w->new,
		.state = w->state,
		.route = w->route,
		.home = w->home,
		.passed_on = w->passed_on,
	};
}

/* ── runners ─────────────────────────────────────────────────────────────────────────────────── */

static int stop_both(const struct lists_wave *w, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners old = { 0 };

	if (lists_runners_look(w->from, &old, err) < 0)
		return -1;
	if (old.n && state_put(w->state, STOPPED_OLD, "yes", err) < 0)
		return -1;
	if (lists_runners_stop(w->from, w->old, w->wait_ms, err) < 0)
		return -1;
	return lists_runners_stop(w->to, w->new, w->wait_ms, err);
}

static int start_old(const struct lists_wave *w, struct error *err)
{
	const struct lists_leaving leaving = leaving_of(w);
	AUTO_FREE char *stopped = NULL;
	bool any;

	if (state_get(w->state, STOPPED_OLD, &stopped, err) < 0)
		return -1;
	if (!stopped || strcmp(stopped, "yes") != 0)
		return 0;
	if (lists_leaving_any_stays(&leaving, &any, err) < 0)
		return -1;
	if (!any) {
		say(w, "no list is left on old: Mailman stays stopped there");
		return 0;
	}
	return lists_runners_start(w->from, w->old, err) < 0
	               ? -1
	               : state_put(w->state, STOPPED_OLD, "no", err);
}

/* New's MTA, which `prepare` has stopped: a list that lives there needs it, and one that we have started
 * rests again when none does. */
static int keep_mta(const struct lists_wave *w, bool needed, struct error *err)
{
	AUTO_FREE char *started = NULL;
	const struct mta_ops *ops;
	bool running;

	if (host_reach(w->to) == HOST_FOLDER)
		return 0;
	if (mta_find(w->to, &ops, err) < 0 || state_get(w->state, STARTED_MTA, &started, err) < 0)
		return -1;
	if (!ops || mta_is_running(w->to, &running, err) < 0)
		return ops ? -1 : 0;
	if (needed && !running) {
		say(w, "new's mail server is started");
		return state_put(w->state, STARTED_MTA, "yes", err) < 0 ? -1
		                                                        : mta_start(w->to, err);
	}
	if (needed || !started || strcmp(started, "yes") != 0)
		return 0;
	if (running && mta_stop(w->to, err) < 0)
		return -1;
	return state_put(w->state, STARTED_MTA, "no", err);
}

/* New's run as soon as a list lives there. */
static int start_new(const struct lists_wave *w, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	bool any = false;

	if (mailing_lists_load(w->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		any = any || known.rows[i].phase == MAILING_LIST_OPENED;
	if (keep_mta(w, any, err) < 0)
		return -1;
	return any ? lists_runners_start(w->to, w->new, err) : 0;
}

static int start_both(const struct lists_wave *w, struct error *err)
{
	return start_new(w, err) < 0 ? -1 : start_old(w, err);
}

/* ── opening ─────────────────────────────────────────────────────────────────────────────────── */

static int differs(const struct lists_wave *w, const struct lists_carry_result *r,
                   struct error *err)
{
	for (size_t i = 0; i < r->failed.n; i++)
		say(w, "%s", r->failed.rows[i]);
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%zu things of these lists are not as they should be, the first: %s",
	                 r->failed.n, r->failed.rows[0]);
}

/* Those that are not opened; one that is was brought before. */
static int check_brought(const struct lists_wave *w, struct strings *rest, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(w->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < w->lists->n; i++) {
		const struct mailing_list *l = mailing_list_named(&known, w->lists->rows[i]);

		if (!l || l->phase < MAILING_LIST_SEEDED)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "list %s was not carried yet: `mailhaul lists carry %s`",
			                 w->lists->rows[i], w->lists->rows[i]);
		if (l->phase != MAILING_LIST_OPENED)
			strings_add(rest, w->lists->rows[i]);
	}
	return 0;
}

static int bring(const struct lists_wave *w, const struct strings *lists, const char *back,
                 struct error *err)
{
	const struct lists_carry_options options = {
		.from = back ? w->to : w->from,
		.to = back ? w->from : w->to,
		.old = back ? w->new : w->old,
		.new = back ? w->old : w->new,
		.state = w->state,
		.lists = lists,
		.leave_queues = true,
		.is_part = true,
		.back = back,
	};
	const struct lists_notes told = { w->state, w->began_ms, w->tell, w->context };
	AUTO_LISTS_CARRY struct lists_carry_result done = { 0 }, compared = { 0 };

	if (!lists->n)
		return 0;
	if (lists_carry(&options, &done, err) < 0)
		return -1;
	if (done.failed.n)
		return differs(w, &done, err);
	if (lists_carry_verify(&options, &compared, err) < 0)
		return -1;
	if (compared.failed.n)
		return differs(w, &compared, err);
	return lists_notes_tell(&told, &done.notes, err) < 0
	               ? -1
	               : lists_notes_tell(&told, &compared.notes, err);
}

static struct lists_take take_of(const struct lists_wave *w, bool back)
{
	return (struct lists_take){
		.from = back ? w->to : w->from,
		.to = back ? w->from : w->to,
		.old = back ? w->new : w->old,
		.new = back ? w->old : w->new,
		.state = w->state,
		.lists = w->lists,
		.wave = true,
		.back = back,
		.since_ms = w->began_ms,
		.tell = w->tell,
		.context = w->context,
	};
}

static int see(const struct lists_leaving *l, const struct strings *lists, struct strings *out,
               struct error *err)
{
	for (size_t i = 0; i < lists->n; i++)
		if (lists_leaving_see(l, lists->rows[i], out, err) < 0)
			return -1;
	return 0;
}

static int put_back(const struct lists_leaving *l, const struct strings *lists, struct error *err)
{
	bool stays;

	for (size_t i = 0; i < lists->n; i++)
		if (lists_leaving_put_back(l, lists->rows[i], err) < 0)
			return -1;
	return lists_leaving_keep_site_list(l, false, &stays, err);
}

/* It may have been opened by an earlier wave, when it was not the last one. */
static int site_list_leaves(const struct lists_leaving *l, const struct strings *lists,
                            bool *leaves, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	*leaves = false;
	if (mailing_lists_load(l->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		*leaves = *leaves || (lists_leaving_is_site_list(l, known.rows[i].name) &&
		                      (known.rows[i].phase == MAILING_LIST_OPENED ||
		                       strings_has(lists, known.rows[i].name)));
	return 0;
}

static int put_aside(const struct lists_wave *w, const struct lists_leaving *l,
                     const struct strings *lists, struct error *err)
{
	bool leaves, stays;

	for (size_t i = 0; i < lists->n; i++)
		if (!lists_leaving_is_site_list(l, lists->rows[i]) &&
		    lists_leaving_put_aside(l, lists->rows[i], err) < 0)
			return -1;
	if (site_list_leaves(l, lists, &leaves, err) < 0 ||
	    lists_leaving_keep_site_list(l, leaves, &stays, err) < 0)
		return -1;
	if (leaves && stays)
		say(w, "the site list's files stay on old until the last list has gone: Mailman "
		       "does not start without them");
	return 0;
}

static bool is_same(const struct strings *a, const struct strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->rows[i], b->rows[i]) != 0)
			return false;
	return true;
}

/* Old's web server runs: what a moderator does there is brought, or there is nothing left to do it on. */
static int let_leave(const struct lists_wave *w, const struct lists_leaving *l,
                     const struct strings *rest, struct error *err)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		AUTO_STRINGS struct strings before = { 0 }, after = { 0 };

		if (put_back(l, rest, err) < 0 || see(l, rest, &before, err) < 0 ||
		    bring(w, rest, NULL, err) < 0)
			return -1;
		if (!round &&
		    (lists_leaving_pass_home(l, err) < 0 || lists_leaving_pass_on(l, err) < 0))
			return -1;
		if (put_aside(w, l, rest, err) < 0 || see(l, rest, &after, err) < 0)
			return -1;
		if (is_same(&before, &after))
			return 0;
		say(w, "somebody has changed these lists on old meanwhile: once more");
	}
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "somebody works with these lists on old, again and again (its web pages?)");
	return error_hint(err, "stop its web server, then give the same command again");
}

static int open_lists(const struct lists_wave *w, const struct strings *rest, struct error *err)
{
	const struct lists_take take = take_of(w, false);
	const struct lists_leaving leaving = leaving_of(w);
	uint64_t moved;

	if (let_leave(w, &leaving, rest, err) < 0 || put_aside(w, &leaving, w->lists, err) < 0 ||
	    lists_take(&take, &moved, err) < 0)
		return -1;
	say(w, "%llu entries of queues changed hands", (unsigned long long)moved);
	return lists_carry_open(w->state, w->lists, 0, err);
}

/* What came to new for them, once nothing is on its way there any more, is old's. */
static int give_queues_back(const struct lists_wave *w, const struct strings *lists,
                            uint64_t *moved, struct error *err)
{
	const struct lists_leaving leaving = leaving_of(w);
	struct lists_take forth = take_of(w, false), back = take_of(w, true);
	AUTO_PASSING struct mta_passing passed = { 0 };

	forth.lists = back.lists = lists;
	if (lists_leaving_pick(&leaving, lists, &passed, err) < 0 ||
	    lists_leaving_forget(&leaving, lists, err) < 0 ||
	    lists_leaving_pass_on(&leaving, err) < 0 ||
	    lists_leaving_await(&leaving, &passed, err) < 0 ||
	    lists_leaving_pass_home(&leaving, err) < 0)
		return -1;
	if (lists_take(&back, moved, err) < 0 || lists_take_forget(&forth, err) < 0)
		return -1;
	return lists_take_forget(&back, err);
}

/* Nothing of it is left on either side, whatever failed; and what else fails is told by that. */
static void stay_after_all(const struct lists_wave *w, const struct strings *rest)
{
	const struct lists_leaving leaving = leaving_of(w);
	struct error why = { 0 };
	uint64_t moved;

	if (!rest->n)
		return;
	if (put_back(&leaving, rest, &why) < 0 || give_queues_back(w, rest, &moved, &why) < 0)
		say(w, "%s; give the same command again, or with --back", why.text);
}

static int mark(const struct lists_wave *w, const char *step, enum journal_mark as,
                const char *detail, struct error *err)
{
	return journal_write(w->state, 0, step, as, detail, err);
}

/* Between two marks, with the runners stopped; they run again whatever it came to. */
static int act(const struct lists_wave *w, const char *step, const struct strings *rest,
               int (*action)(const struct lists_wave *w, const struct strings *rest,
                             struct error *err),
               struct error *err)
{
	AUTO_FREE char *names = names_of(w);
	struct error ignored = { 0 };
	int result;

	if (mark(w, step, JOURNAL_BEGIN, names, err) < 0 || stop_both(w, err) < 0)
		return -1;
	result = action(w, rest, err);
	if (result < 0) {
		if (action == open_lists)
			stay_after_all(w, rest);
		(void)!mark(w, step, JOURNAL_FAILED, err->text, &ignored);
		(void)!start_both(w, &ignored);
		return -1;
	}
	return start_both(w, err) < 0 ? -1 : mark(w, step, JOURNAL_DONE, names, err);
}

/* A call that was cut off has put some aside: what is known of them is read in their place. What was opened
 * by one that did not put aside is done now. */
static int prepare_to_leave(const struct lists_wave *w, const struct lists_leaving *l,
                            const struct strings *rest, struct error *err)
{
	AUTO_STRINGS struct strings there = { 0 };

	if (put_back(l, rest, err) < 0)
		return -1;
	for (size_t i = 0; i < w->lists->n; i++) {
		int found = lists_leaving_is_there(l, w->lists->rows[i], err);

		if (found < 0)
			return -1;
		if (found)
			strings_add(&there, w->lists->rows[i]);
	}
	return lists_leaving_plan(l, &there, err);
}

int lists_wave_open(const struct lists_wave *w, struct error *err)
{
	AUTO_STRINGS struct strings rest = { 0 };
	struct lists_wave now = *w;

	const struct lists_leaving leaving = leaving_of(w);

	now.began_ms = clock_wall_ms();
	if (check_brought(w, &rest, err) < 0 || prepare_to_leave(w, &leaving, &rest, err) < 0)
		return -1;
	return act(&now, STEP_OPEN, &rest, open_lists, err);
}

/* ── the way back ────────────────────────────────────────────────────────────────────────────── */

/* Each way back has a word of its own, which stays the same when it is cut off. */
static int word_of(const struct lists_wave *w, char **word, int64_t *number, struct error *err)
{
	if (state_get_i64(w->state, "lists.wave.closings", 0, number, err) < 0)
		return -1;
	*word = xasprintf("closing %lld", (long long)*number + 1);
	return 0;
}

/* They live on new as before: nothing was given back. */
static int stay_gone(const struct lists_wave *w, const struct strings *opened,
                     const struct strings *passed, struct error *err)
{
	const struct lists_leaving leaving = leaving_of(w);
	struct lists_take take = take_of(w, false);
	uint64_t moved;

	take.lists = opened;
	if (lists_leaving_restore(&leaving, opened, passed, err) < 0 ||
	    lists_leaving_pass_home(&leaving, err) < 0 ||
	    lists_leaving_pass_on(&leaving, err) < 0 || put_aside(w, &leaving, opened, err) < 0)
		return -1;
	return lists_take(&take, &moved, err);
}

/* Of these, those that live on new. One that does not has nothing there that old has not. */
static int find_opened(const struct lists_wave *w, struct strings *opened, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(w->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < w->lists->n; i++) {
		const struct mailing_list *l = mailing_list_named(&known, w->lists->rows[i]);

		if (l && l->phase == MAILING_LIST_OPENED)
			strings_add(opened, l->name);
	}
	return 0;
}

static int close_lists(const struct lists_wave *w, const struct strings *rest, struct error *err)
{
	const struct lists_leaving leaving = leaving_of(w);
	AUTO_STRINGS struct strings opened = { 0 }, passed = { 0 };
	AUTO_FREE char *word = NULL;
	struct error why = { 0 };
	int64_t number;
	uint64_t moved;

	if (word_of(w, &word, &number, err) < 0 || find_opened(w, &opened, err) < 0 ||
	    lists_leaving_save(&leaving, &opened, &passed, err) < 0)
		return -1;
	if (put_back(&leaving, rest, err) < 0 || bring(w, &opened, word, err) < 0 ||
	    give_queues_back(w, rest, &moved, err) < 0) {
		if (stay_gone(w, &opened, &passed, &why) < 0)
			say(w, "%s", why.text);
		return -1;
	}
	if (lists_carry_unopen(w->state, rest, 0, err) < 0)
		return -1;
	say(w, "%llu entries of queues changed hands", (unsigned long long)moved);
	return state_put_i64(w->state, "lists.wave.closings", number + 1, err);
}

int lists_wave_close(const struct lists_wave *w, struct error *err)
{
	struct lists_wave now = *w;

	now.began_ms = clock_wall_ms();
	return act(&now, STEP_CLOSE, w->lists, close_lists, err);
}
