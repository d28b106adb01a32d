/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_mailman3_steps -- steps and questions of the cut-over where lists go into a Mailman 3. */

#include "move/lists_mailman3.h"

#include "base/memory.h"
#include "lists/mailman3_queue.h"
#include "lists/mailman3_runners.h"
#include "move/lists.h"
#include "move/lists_hyperkitty.h"
#include "mta/mta.h"
#include "state/evidence.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A runner at a post to very many members gets this long to end it; a start on a busy machine, to come up. */
#define STOP_WAIT_MS 120000
#define START_WAIT_MS 300000
#define TOLD 20u
/* Entries that could not be brought, and were named; a line each, of the last time that it was tried. */
#define LEFT "mailman3.left"

static struct mailman3_way way_of(struct move *m)
{
	return (struct mailman3_way){
		.config = m->config, .state = m->state, .old = m->old, .new = m->new, .keep = true
	};
}

static int not_as_planned(struct move *m, const struct strings *lines, struct error *err)
{
	move_lists_say(m, lines);
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%zu things of mailing lists are not as they should be, the first: %s",
	                 lines->n, lines->rows[0]);
}

/* ── runners ─────────────────────────────────────────────────────────────────────────────────── */

/* `fact`: put on record before it is done, so that who takes it back knows; NULL: nobody does. */
static int stop(struct move *m, const char *fact, struct error *err)
{
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };
	uint64_t left = 0;

	if (lists_mailman3_runners_look(m->new, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	if ((fact && state_put(m->state, fact, "yes", err) < 0) ||
	    lists_mailman3_settle(&core, STOP_WAIT_MS, &left, err) < 0 ||
	    lists_mailman3_runners_stop(&core, STOP_WAIT_MS, err) < 0)
		return -1;
	move_say(m, "Mailman 3 stopped on the new host");
	if (left)
		move_say(m,
		         "%llu entries stay in its queues: one that was broken off goes out again",
		         (unsigned long long)left);
	return 0;
}

static int start(struct move *m, struct error *err)
{
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };

	return lists_mailman3_about_kept(m->state, &about, err) < 0
	               ? -1
	               : lists_mailman3_runners_start(&core, about.lmtp_port, START_WAIT_MS, err);
}

int mailman3_step_hush_lists(struct move *m, struct error *err)
{
	return stop(m, MOVE_LISTS_STOPPED_NEW, err);
}

int mailman3_undo_hush_lists(struct move *m, struct error *err)
{
	AUTO_FREE char *stopped = NULL;

	if (state_get(m->state, MOVE_LISTS_STOPPED_NEW, &stopped, err) < 0)
		return -1;
	if (!stopped || strcmp(stopped, "yes") != 0)
		return 0;
	return start(m, err) < 0 ? -1 : state_put(m->state, MOVE_LISTS_STOPPED_NEW, "no", err);
}

/* ── what waits in old's queues ──────────────────────────────────────────────────────────────── */

static int put_left(struct move *m, const struct strings *asked, const struct strings *given,
                    struct error *err)
{
	AUTO_BUF struct buf lines = { 0 };

	for (size_t i = 0; i < asked->n; i++)
		if (!strings_has(given, asked->rows[i]))
			buf_addf(&lines, "%s\n", asked->rows[i]);
	return state_put(m->state, LEFT, buf_text(&lines), err);
}

/* What was named once need not be named as news. */
static int drop_left(struct move *m, struct strings *entries, struct error *err)
{
	AUTO_STRINGS struct strings left = { 0 }, rest = { 0 };
	AUTO_FREE char *text = NULL;

	if (state_get(m->state, LEFT, &text, err) < 0)
		return -1;
	strings_add_lines(&left, span_of(text ? text : ""));
	for (size_t i = 0; i < entries->n; i++)
		if (!strings_has(&left, entries->rows[i]))
			strings_add(&rest, entries->rows[i]);
	strings_fini(entries);
	*entries = rest;
	rest = (struct strings){ 0 };
	return 0;
}

static int give_entries(void *context, struct strings *entries, struct error *err)
{
	struct move *m = context;
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { 0 };
	AUTO_STRINGS struct strings told = { 0 }, asked = { 0 };

	for (size_t i = 0; i < entries->n; i++)
		strings_add(&asked, entries->rows[i]);
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    lists_site_read(&site, m->old, &l.old->paths, l.old->settings, false, err) < 0 ||
	    lists_mailman3_give_entries(&core, &site, entries, &told, err) < 0 ||
	    put_left(m, &asked, entries, err) < 0)
		return -1;
	for (size_t i = 0; i < told.n; i++) {
		AUTO_FREE char *words = xasprintf("queue entry %s stays on the old host",
		                                  told.rows[i]);

		free(told.rows[i]);
		told.rows[i] = words;
		words = NULL;
	}
	return move_lists_note(m, &told, err);
}

static int drop_entries(void *context, const struct strings *entries, struct error *err)
{
	struct move *m = context;
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);

	return lists_mailman3_drop_entries(&core, entries, err);
}

const struct lists_take_other mailman3_queues = { lists_mailman3_takes_queue, give_entries,
	                                          drop_entries };

const struct lists_take_other mailman3_queues_archiving = { lists_mailman3_takes_queue_archiving,
	                                                    give_entries, drop_entries };

/* Those that have no queue of the same work there: shunt, bad, news, retry, and archive where none is kept. */
static int name_the_rest(struct move *m, const struct move_lists *l, struct error *err)
{
	struct lists_take take = move_lists_take(m, l, false);
	AUTO_STRINGS struct strings left = { 0 }, notes = { 0 };

	take.other = NULL;
	if (lists_take_look(&take, &left, err) < 0)
		return -1;
	for (size_t i = 0; i < left.n; i++)
		strings_addf(&notes, "queue entry %s stays on the old host", left.rows[i]);
	return move_lists_note(m, &notes, err);
}

/* ── the last pass, and the comparison ───────────────────────────────────────────────────────── */

static int give(struct move *m, struct error *err)
{
	AUTO_MAILMAN3_PASS struct mailman3_pass p = { 0 };
	struct mailman3_way way = way_of(m);

	way.evidence = "list conversion";
	if (mailman3_pass(&way, LISTS_END_GIVE, &p, err) < 0)
		return -1;
	if (p.failed.n)
		return not_as_planned(m, &p.failed, err);
	move_say(m, "%llu lists in Mailman 3, %llu changes", (unsigned long long)p.lists,
	         (unsigned long long)p.changes);
	return move_lists_note(m, &p.notes, err);
}

int mailman3_step_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_STRINGS struct strings seen = { 0 };
	struct lists_take take;
	uint64_t moved;

	/* in this order: what changes between the two is told of twice, and not never */
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    move_lists_see(m, &l, &seen, err) < 0 || give(m, err) < 0 ||
	    move_lists_put_seen(m, &seen, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	if (lists_take(&take, &moved, err) < 0)
		return -1;
	if (moved)
		move_say(m, "%llu entries of Mailman's queues changed hands",
		         (unsigned long long)moved);
	return name_the_rest(m, &l, err) < 0 ? -1 : move_archives_put(m, err);
}

int mailman3_verify(struct move *m, struct error *err)
{
	AUTO_MAILMAN3_PASS struct mailman3_pass p = { 0 };
	AUTO_STRINGS struct strings bad = { 0 };
	AUTO_FREE char *words = NULL;
	const struct mailman3_way way = way_of(m);

	if (mailman3_pass(&way, LISTS_END_LOOK, &p, err) < 0)
		return -1;
	if (p.failed.n || p.different.n)
		return not_as_planned(m, p.failed.n ? &p.failed : &p.different, err);
	if (mailman3_addresses(m->state, m->new, &bad, err) < 0)
		return -1;
	if (bad.n) {
		(void)not_as_planned(m, &bad, err);
		return error_hint(err, "`mailman aliases` there writes its tables anew");
	}
	words = xasprintf("%llu mailing lists compared, every attribute and member, no difference",
	                  (unsigned long long)p.lists);
	move_say(m, "%s", words);
	return evidence_put(m->state, "lists", words, NULL, err) < 0 ? -1
	                                                             : move_archives_verify(m, err);
}

int mailman3_prove(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0)
		return -1;
	for (bool again = false;; again = true) {
		AUTO_STRINGS struct strings fresh = { 0 }, seen = { 0 };
		const struct lists_take take = move_lists_take(m, &l, false);

		if (move_lists_see(m, &l, &seen, err) < 0 ||
		    move_lists_changed(m, &seen, &fresh, err) < 0 ||
		    lists_take_look(&take, &fresh, err) < 0 || drop_left(m, &fresh, err) < 0)
			return -1;
		if (!fresh.n)
			return 0;
		move_lists_say(m, &fresh);
		if (again)
			return move_lists_disturbed(&fresh, err);
		move_say(m, "the old host's lists have changed since they were brought: once more");
		if (mailman3_step_lists(m, err) < 0 || mailman3_verify(m, err) < 0)
			return -1;
	}
}

/* ── opening ─────────────────────────────────────────────────────────────────────────────────── */

/* What came for lists meanwhile waits in the MTA, for Mailman 3 did not run; it need not wait for its next try. */
int mailman3_step_open_lists(struct move *m, struct error *err)
{
	AUTO_MAILMAN3_PASS struct mailman3_pass p = { 0 };
	const struct mailman3_way way = way_of(m);

	if (mailman3_pass(&way, LISTS_END_OPEN, &p, err) < 0)
		return -1;
	if (p.failed.n)
		return not_as_planned(m, &p.failed, err);
	if (move_lists_open_all(m, err) < 0 || start(m, err) < 0)
		return -1;
	return mta_flush(m->new, err);
}

/* Entries that a runner works on: not those that were shunted, or that nobody wants. */
static int count_queues(void *context, uint64_t *n, struct error *err)
{
	static const char *const worked[] = { "in",      "pipeline", "out",    "virgin",
		                              "command", "bounces",  "archive" };
	struct move *m = context;
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };

	*n = 0;
	if (lists_mailman3_about_kept(m->state, &about, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(worked); i++) {
		AUTO_FREE char *dir = xasprintf("%s/%s", about.queues, worked[i]);
		AUTO_LISTING struct host_listing files = { 0 };
		struct error why = { 0 };

		if (host_list(m->new, dir, 1, &files, &why) < 0) {
			if (why.sys_errno == ENOENT)
				continue;
			*err = why;
			return -1;
		}
		for (size_t k = 0; k < files.n; k++)
			*n += S_ISREG(files.rows[k].mode) != 0;
	}
	return 0;
}

int mailman3_undo_open_lists(struct move *m, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	if (lists_mailman3_runners_look(m->new, &seen, err) < 0 ||
	    (seen.n && move_lists_drain(m, count_queues, m, err) < 0) || stop(m, NULL, err) < 0)
		return -1;
	return lists_carry_unopen(m->state, NULL, m->attempt, err);
}

/* It lived there: what differs from 2.1 by now is named, and nothing is taken away, for nobody could give it back. */
static int leave_behind(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_MAILMAN3_PASS struct mailman3_pass now = { 0 }, off = { 0 };
	struct mailman3_way way = way_of(m);
	struct lists_take take;
	uint64_t waiting;

	way.keep = false;
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    mailman3_pass(&way, LISTS_END_LOOK, &now, err) < 0 ||
	    mailman3_pass(&way, LISTS_END_DISABLE, &off, err) < 0 ||
	    count_queues(m, &waiting, err) < 0)
		return -1;
	for (size_t i = 0; i < now.different.n && i < TOLD; i++)
		move_say(m, "on the new host, and not on the old: %s", now.different.rows[i]);
	if (move_lists_note(m, &now.notes, err) < 0)
		return -1;
	if (waiting)
		move_say(m, "%llu entries stay in the queues of Mailman 3",
		         (unsigned long long)waiting);
	move_say(m,
	         "%llu lists stay in Mailman 3, disabled: posts are held there, and nothing goes "
	         "out by itself; `mailhaul lists convert --to mailman3 --remove --all` takes "
	         "them away",
	         (unsigned long long)off.lists);
	if (off.failed.n)
		return not_as_planned(m, &off.failed, err);
	if (move_archives_leave(m, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	return lists_take_forget(&take, err);
}

int mailman3_undo_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	enum journal_mark opened;
	struct lists_take take;
	uint64_t moved;

	/* before that nothing of it was worked on, whatever the new MTA has taken: its queue goes back too */
	if (journal_last(m->state, m->attempt, "open-lists", &opened, err) < 0)
		return -1;
	if (opened != JOURNAL_NONE && host_reach(m->old) != HOST_FOLDER)
		return leave_behind(m, err);
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	if (lists_take_undo(&take, &moved, err) < 0)
		return -1;
	if (moved)
		move_say(m, "%llu entries of Mailman's queues were given back",
		         (unsigned long long)moved);
	return 0;
}

int mailman3_bring_stragglers(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_FREE char *words = NULL;
	struct error ignored = { 0 };
	struct lists_take take;
	uint64_t entries = 0;
	int result;

	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    lists_runners_stop(m->old, l.old, STOP_WAIT_MS, err) < 0 || stop(m, NULL, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	result = lists_take(&take, &entries, err) < 0 ? -1 : move_archives_bring_stragglers(m, err);
	/* whatever it came to */
	if (start(m, result < 0 ? &ignored : err) < 0 || result < 0)
		return -1;
	words = xasprintf("stragglers of mailing lists brought: %llu entries of queues",
	                  (unsigned long long)entries);
	move_say(m, "%s", words);
	return evidence_put(m->state, "lists", words, NULL, err);
}

int mailman3_account(struct move *m, struct error *err)
{
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);
	AUTO_STRINGS struct strings given = { 0 };
	AUTO_LISTING struct host_listing files = { 0 };
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };
	AUTO_FREE char *dir = NULL, *words = NULL;
	int64_t since_ms;
	size_t there = 0;

	if (lists_mailman3_about_kept(m->state, &about, err) < 0 ||
	    state_get_i64(m->state, "freeze.began_ms", 0, &since_ms, err) < 0)
		return -1;
	dir = xasprintf("%s/shunt", about.queues);
	if (host_list(m->new, dir, 1, &files, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	for (size_t i = 0; i < files.n; i++)
		there += S_ISREG(files.rows[i].mode) != 0;
	if (there && lists_mailman3_unshunt(&core, since_ms, &given, err) < 0)
		return -1;
	if (!given.n)
		return 0;
	move_lists_say(m, &given);
	words = xasprintf(
		"%zu posts that Mailman 3 had put aside were given to it again, the first: "
		"%s; its log says why. Look again: `mailhaul cutover`",
		given.n, given.rows[0]);
	move_say(m, "%s", words);
	return evidence_put(m->state, "lists", words, NULL, err);
}

/* ── questions ───────────────────────────────────────────────────────────────────────────────── */

enum check_answer mailman3_check_there(struct move *m, struct buf *seen)
{
	const struct lists_mailman3_core core = lists_mailman3_core_of(m->config, m->new);
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	struct error err = { 0 };

	if (move_lists_find(m->config, m->old, m->new, &l, &err) < 0 ||
	    lists_mailman3_about_kept(m->state, &about, &err) < 0) {
		buf_add_text(seen, err.text);
		return err.retry == ERROR_RETRY_REACH ? CHECK_UNKNOWN : CHECK_NO;
	}
	buf_addf(seen, "%s there, Mailman %s here", l.old->version ? l.old->version : "?",
	         about.version);
	if (host_has(m->new, core.program))
		return CHECK_YES;
	buf_addf(seen, ": its program %s is not there", core.program);
	return CHECK_NO;
}

enum check_answer mailman3_check_addresses(struct move *m, struct buf *seen)
{
	AUTO_STRINGS struct strings bad = { 0 };
	struct error err = { 0 };

	if (mailman3_addresses(m->state, m->new, &bad, &err) < 0) {
		buf_add_text(seen, err.text);
		return CHECK_UNKNOWN;
	}
	if (bad.n)
		buf_addf(seen, "%zu things are not right, the first: %s", bad.n, bad.rows[0]);
	else
		buf_add_text(seen, "all are right");
	return bad.n ? CHECK_NO : CHECK_YES;
}
