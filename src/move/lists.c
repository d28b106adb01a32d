/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/lists.h"

#include "base/clock.h"
#include "base/memory.h"
#include "fence/fence.h"
#include "lists/aliases.h"
#include "lists/notes.h"
#include "lists/runners.h"
#include "move/interface.h"
#include "move/lists_hyperkitty.h"
#include "move/lists_mailman3.h"
#include "state/evidence.h"
#include "state/items.h"
#include "state/mailing_lists.h"

#include <string.h>

#define PASSES_MAX 5
#define TOLD 20u
#define LOOK_EVERY_MS 200
/* A queue in which nothing has changed for so long has what no runner can do now. */
#define REST_MS 1500
/* A runner at a post to very many members gets this long to end it. */
#define STOP_WAIT_MS 120000

/* ── both sides ──────────────────────────────────────────────────────────────────────────────── */

void move_lists_fini(struct move_lists *l)
{
	lists_installations_fini(&l->old_all);
	lists_installations_fini(&l->new_all);
	*l = (struct move_lists){ 0 };
}

int move_lists_wanted(const struct config *c, struct state *s, bool *wanted, struct error *err)
{
	AUTO_ITEMS struct items items = { 0 };

	*wanted = false;
	if (c->lists_to == CONFIG_LISTS_NONE)
		return 0;
	if (items_load(s, "old", "mailing list", &items, err) < 0)
		return -1;
	*wanted = items.n > 0;
	return 0;
}

int move_lists_any_open(struct state *s, bool *any, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	*any = false;
	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		*any = *any ||
		       (known.rows[i].phase == MAILING_LIST_OPENED && !known.rows[i].attempt);
	return 0;
}

int move_lists_admit(struct host *old, struct host *new, struct error *err)
{
	AUTO_STRINGS struct strings addresses = { 0 };
	struct fence_state fence;

	if (host_reach(old) == HOST_FOLDER || host_reach(new) == HOST_FOLDER)
		return 0;
	if (fence_read(new, &fence, err) < 0)
		return -1;
	if (!fence_is_closed(&fence, 25))
		return 0;
	return interface_addresses(old, false, &addresses, err) < 0 ||
	                       interface_addresses(old, true, &addresses, err) < 0
	               ? -1
	               : fence_admit(new, &addresses, err);
}

static int find_one(struct host *h, const char *prefix, const char *key,
                    struct lists_installations *all, struct lists_installation **out,
                    struct error *err)
{
	if (lists_paths_find(h, prefix, all, err) < 0)
		return -1;
	if (all->n == 1) {
		*out = &all->rows[0];
		return 0;
	}
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          all->n ? "the %s host has several Mailmans" : "the %s host has no Mailman 2.1",
	          host_name(h));
	return error_hint(
		err,
		"move.yaml: lists.%s says where it is; `lists: {to: none}` that the lists "
		"stay",
		key);
}

bool move_lists_to_mailman3(const struct config *c)
{
	return c->lists_to == CONFIG_LISTS_MAILMAN3;
}

int move_lists_find(const struct config *c, struct host *old, struct host *new,
                    struct move_lists *out, struct error *err)
{
	if (find_one(old, c->lists.old_prefix, "old_prefix", &out->old_all, &out->old, err) < 0)
		return -1;
	if (move_lists_to_mailman3(c))
		return 0;
	return find_one(new, c->lists.new_prefix, "new_prefix", &out->new_all, &out->new, err);
}

static int find(struct move *m, struct move_lists *out, struct error *err)
{
	return move_lists_find(m->config, m->old, m->new, out, err);
}

void move_lists_add(struct strings *to, const char *address, const char *format, ...)
{
	AUTO_FREE char *words = NULL, *line = NULL;
	AUTO_BUF struct buf shown = { 0 };
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&words, format, arguments) < 0)
		abort();
	va_end(arguments);
	line = xasprintf("%s: %s", address, words);
	buf_add_printable(&shown, span_of(line));
	strings_add(to, buf_text(&shown));
}

void move_lists_say(struct move *m, const struct strings *words)
{
	for (size_t i = 0; i < words->n && i < TOLD; i++)
		move_say(m, "%s", words->rows[i]);
}

/* ── runners ─────────────────────────────────────────────────────────────────────────────────── */

int move_lists_drain(struct move *m, int (*count)(void *context, uint64_t *n, struct error *err),
                     void *context, struct error *err)
{
	int64_t now = clock_monotonic_ms(), moved = now;
	int64_t end = now + (int64_t)m->config->window.flush_wait * 1000;
	uint64_t left, before = UINT64_MAX;

	for (; now < end && now - moved < REST_MS; now = clock_monotonic_ms()) {
		if (count(context, &left, err) < 0)
			return -1;
		if (!left)
			return 0;
		if (left != before)
			moved = now;
		before = left;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	move_say(m, "%llu entries stay in Mailman's queues", (unsigned long long)before);
	return 0;
}

struct queues {
	struct host *h;
	const struct lists_installation *mailman;
};

static int count_queues(void *context, uint64_t *n, struct error *err)
{
	const struct queues *q = context;

	return lists_queues_count(q->h, &q->mailman->paths, n, err);
}

static int drain(struct move *m, struct host *h, const struct lists_installation *mailman,
                 struct error *err)
{
	struct queues queues = { h, mailman };

	return move_lists_drain(m, count_queues, &queues, err);
}

/* On record before it is done, so that who takes it back knows. */
static int stop(struct move *m, struct host *h, const struct lists_installation *mailman,
                const char *fact, bool drains, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	if (lists_runners_look(h, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	if (fact && state_put(m->state, fact, "yes", err) < 0)
		return -1;
	if ((drains && drain(m, h, mailman, err) < 0) ||
	    lists_runners_stop(h, mailman, STOP_WAIT_MS, err) < 0)
		return -1;
	move_say(m, "Mailman stopped on the %s host", host_name(h));
	return 0;
}

static int start_again(struct move *m, struct host *h, const struct lists_installation *mailman,
                       const char *fact, struct error *err)
{
	AUTO_FREE char *stopped = NULL;

	if (state_get(m->state, fact, &stopped, err) < 0)
		return -1;
	if (!stopped || strcmp(stopped, "yes") != 0)
		return 0;
	return lists_runners_start(h, mailman, err) < 0 ? -1 : state_put(m->state, fact, "no", err);
}

#define STOPPED_OLD "lists.stopped.old"

int step_hush_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_to_mailman3(m->config))
		return mailman3_step_hush_lists(m, err);
	return find(m, &l, err) < 0 ? -1
	                            : stop(m, m->new, l.new, MOVE_LISTS_STOPPED_NEW, false, err);
}

int undo_hush_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_to_mailman3(m->config))
		return mailman3_undo_hush_lists(m, err);
	return find(m, &l, err) < 0 ? -1
	                            : start_again(m, m->new, l.new, MOVE_LISTS_STOPPED_NEW, err);
}

int step_stop_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	return find(m, &l, err) < 0 ? -1 : stop(m, m->old, l.old, STOPPED_OLD, true, err);
}

int undo_stop_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	return find(m, &l, err) < 0 ? -1 : start_again(m, m->old, l.old, STOPPED_OLD, err);
}

int move_lists_running(struct move *m, char **words, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	*words = NULL;
	if (!m->has_lists)
		return 0;
	if (lists_runners_look(m->old, &seen, err) < 0)
		return -1;
	*words = seen.words;
	seen.words = NULL;
	return 0;
}

/* ── the last pass ───────────────────────────────────────────────────────────────────────────── */

struct lists_carry_options move_lists_carry(struct move *m, const struct move_lists *l)
{
	return (struct lists_carry_options){
		.from = m->old,
		.to = m->new,
		.old = l->old,
		.new = l->new,
		.state = m->state,
		.leave_queues = true,
		.is_part = true,
	};
}

static void tell(void *context, const char *words)
{
	move_say(context, "%s", words);
}

/* Of this attempt, also over a crash; of all before where nothing is frozen. */
static int notes_since(struct move *m, int64_t *since_ms, struct error *err)
{
	return state_get_i64(m->state, "freeze.began_ms", 0, since_ms, err);
}

int move_lists_note(struct move *m, const struct strings *notes, struct error *err)
{
	struct lists_notes told = { .state = m->state, .tell = tell, .context = m };

	return notes_since(m, &told.since_ms, err) < 0 ? -1 : lists_notes_tell(&told, notes, err);
}

struct lists_take move_lists_take(struct move *m, const struct move_lists *l, bool back)
{
	struct error ignored = { 0 };
	int64_t since_ms = 0;

	/* not known: the fewer are told */
	(void)!notes_since(m, &since_ms, &ignored);
	return (struct lists_take){
		.from = back ? m->new : m->old,
		.to = back ? m->old : m->new,
		.old = back ? l->new : l->old,
		.new = back ? l->old : l->new,
		.state = m->state,
		.back = back,
		.since_ms = since_ms,
		.other = move_archives_wanted(m->config)     ? &mailman3_queues_archiving
		         : move_lists_to_mailman3(m->config) ? &mailman3_queues
		                                             : NULL,
		.originals_stay = host_reach(m->old) == HOST_FOLDER,
		.tell = tell,
		.context = m,
	};
}

static int not_as_it_should_be(struct move *m, const struct lists_carry_result *r,
                               struct error *err)
{
	move_lists_say(m, &r->failed);
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%zu things of mailing lists are not as they should be, the first: %s",
	                 r->failed.n, r->failed.rows[0]);
}

static int bring_files(struct move *m, const struct move_lists *l, struct error *err)
{
	const struct lists_carry_options options = move_lists_carry(m, l);

	for (int i = 0; i < PASSES_MAX; i++) {
		AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
		uint64_t changes;

		if (lists_carry(&options, &r, err) < 0)
			return -1;
		if (r.failed.n)
			return not_as_it_should_be(m, &r, err);
		if (move_lists_note(m, &r.notes, err) < 0)
			return -1;
		changes = lists_carry_changes(&r);
		move_say(m, "pass %d: %llu lists, %llu files made or changed", i + 1,
		         (unsigned long long)r.lists, (unsigned long long)changes);
		if (!changes)
			return 0;
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "Mailman's files on the old host still change after %d passes",
	                 PASSES_MAX);
}

int step_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	struct lists_take take;
	uint64_t moved;

	if (move_lists_to_mailman3(m->config))
		return mailman3_step_lists(m, err);
	if (find(m, &l, err) < 0 || bring_files(m, &l, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	if (lists_take(&take, &moved, err) < 0)
		return -1;
	if (moved)
		move_say(m, "%llu entries of Mailman's queues changed hands",
		         (unsigned long long)moved);
	return 0;
}

/* What the lists became on new while they were there, and what waits for them, which is all that
 * was not worked on. */
static int bring_back(struct move *m, const struct move_lists *l, struct error *err)
{
	const struct lists_take forth = move_lists_take(m, l, false),
				back = move_lists_take(m, l, true);
	AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
	AUTO_FREE char *word = xasprintf("attempt %lld", (long long)m->attempt);
	struct lists_carry_options options = {
		.from = m->new,
		.to = m->old,
		.old = l->new,
		.new = l->old,
		.state = m->state,
		.leave_queues = true,
		.is_part = true,
		.back = word,
	};
	uint64_t moved;

	if (lists_carry(&options, &r, err) < 0)
		return -1;
	if (r.failed.n)
		return not_as_it_should_be(m, &r, err);
	if (move_lists_note(m, &r.notes, err) < 0 || lists_take(&back, &moved, err) < 0)
		return -1;
	move_say(m,
	         "%llu lists came back as they were on the new host, with %llu entries of queues",
	         (unsigned long long)r.lists, (unsigned long long)moved);
	return lists_take_forget(&forth, err) < 0 ? -1 : lists_take_forget(&back, err);
}

int undo_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_FREE char *open = NULL;
	struct lists_take take;
	uint64_t moved;

	if (move_lists_to_mailman3(m->config))
		return mailman3_undo_lists(m, err);
	if (find(m, &l, err) < 0 || state_get(m->state, "new.was_open", &open, err) < 0)
		return -1;
	if (open && !strcmp(open, "yes") && host_reach(m->old) != HOST_FOLDER)
		return bring_back(m, &l, err);
	take = move_lists_take(m, &l, false);
	if (lists_take_undo(&take, &moved, err) < 0)
		return -1;
	if (moved)
		move_say(m, "%llu entries of Mailman's queues were given back",
		         (unsigned long long)moved);
	return 0;
}

/* ── verify ──────────────────────────────────────────────────────────────────────────────────── */

int move_lists_addresses(struct host *new, const struct lists_installation *mailman,
                         struct strings *bad, struct error *err)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_CHECK struct lists_alias_check c = { 0 };
	enum lists_mta mta;

	if (lists_mta_of(new, mailman, &mta, err) < 0 ||
	    lists_alias_plan_read(new, mailman, &plan, err) < 0 ||
	    lists_aliases_check(new, &plan, mta, &c, err) < 0)
		return -1;
	if (plan.wrapper && !plan.maildir && !host_has(new, plan.wrapper))
		strings_addf(bad, "%s is not there, and all addresses lead to it", plan.wrapper);
	/* one too many loses no mail */
	for (size_t i = 0; i < c.n; i++)
		if (c.rows[i].fault == LISTS_ALIAS_MISSING || c.rows[i].fault == LISTS_ALIAS_WRONG)
			strings_addf(bad, "%s %s: %s", c.rows[i].address,
			             lists_alias_fault_name(c.rows[i].fault), c.rows[i].words);
	return 0;
}

static int verify_addresses(struct move *m, const struct move_lists *l, struct error *err)
{
	AUTO_STRINGS struct strings bad = { 0 };

	if (move_lists_addresses(m->new, l->new, &bad, err) < 0)
		return -1;
	if (!bad.n)
		return 0;
	move_lists_say(m, &bad);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "the new MTA does not take mail for all lists: %zu addresses, the first: %s",
	          bad.n, bad.rows[0]);
	return error_hint(err, "`mailhaul lists aliases --new` prints what it has to be told");
}

int move_lists_verify(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
	AUTO_FREE char *words = NULL;
	struct lists_carry_options options;

	if (move_lists_to_mailman3(m->config))
		return mailman3_verify(m, err);
	if (find(m, &l, err) < 0)
		return -1;
	options = move_lists_carry(m, &l);
	if (lists_carry_verify(&options, &r, err) < 0)
		return -1;
	if (r.failed.n)
		return not_as_it_should_be(m, &r, err);
	if (move_lists_note(m, &r.notes, err) < 0 || verify_addresses(m, &l, err) < 0)
		return -1;
	words = xasprintf("%llu mailing lists compared, every file and value, no difference",
	                  (unsigned long long)r.lists);
	move_say(m, "%s", words);
	return evidence_put(m->state, "lists", words, NULL, err);
}

/* ── opening ─────────────────────────────────────────────────────────────────────────────────── */

/* All that was brought; a list that was made on old since the survey is among them. */
int move_lists_open_all(struct move *m, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (mailing_lists_load(m->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (known.rows[i].phase >= MAILING_LIST_SEEDED)
			strings_add(&names, known.rows[i].name);
	return lists_carry_open(m->state, &names, m->attempt, err);
}

int step_open_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_to_mailman3(m->config))
		return mailman3_step_open_lists(m, err);
	if (find(m, &l, err) < 0 || move_lists_open_all(m, err) < 0)
		return -1;
	return lists_runners_start(m->new, l.new, err);
}

int undo_open_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_to_mailman3(m->config))
		return mailman3_undo_open_lists(m, err);
	if (find(m, &l, err) < 0 || stop(m, m->new, l.new, NULL, true, err) < 0)
		return -1;
	return lists_carry_unopen(m->state, NULL, m->attempt, err);
}
