/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * lists_still -- what becomes of old's lists while their runners stand still: its web server runs, and a
 * moderator or a member may be at its pages. What they do before the switch is brought; what they do
 * afterwards is told.
 */

#include "move/lists.h"
#include "move/lists_mailman3.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "lists/late.h"
#include "lists/runners.h"
#include "state/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A runner at a post to very many members gets this long to end it. */
#define STOP_WAIT_MS 120000
/* Old's files of lists as they were at the proof, a line each. */
#define SEEN "lists.seen"

/* ── how it is ───────────────────────────────────────────────────────────────────────────────── */

/* A save is a rename, and changes the inode, whatever clock and size say. */
static int see_dir(struct host *h, const char *dir, unsigned depth, struct strings *out,
                   struct error *err)
{
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error why = { 0 };

	if (!dir)
		return 0;
	if (host_list(h, dir, depth, &listing, &why) < 0) {
		if (why.sys_errno == ENOENT)
			return 0;
		*err = why;
		return -1;
	}
	for (size_t i = 0; i < listing.n; i++) {
		const struct host_entry *e = &listing.rows[i];
		const char *slash = strrchr(e->path, '/');
		AUTO_BUF struct buf shown = { 0 };

		if (!S_ISREG(e->mode) || carry_is_lock(e->path) ||
		    carry_is_torn(slash ? slash + 1 : e->path))
			continue;
		buf_add_printable(&shown, span_of(e->path));
		strings_addf(out, "%" PRIu64 " %" PRIu64 " %" PRId64 " %s/%s", e->size, e->inode,
		             e->mtime_ns, dir, buf_text(&shown));
	}
	return 0;
}

int move_lists_see(struct move *m, const struct move_lists *l, struct strings *out,
                   struct error *err)
{
	if (see_dir(m->old, l->old->paths.value[LISTS_LIST_DATA_DIR], 2, out, err) < 0 ||
	    see_dir(m->old, l->old->paths.value[LISTS_DATA_DIR], 1, out, err) < 0)
		return -1;
	strings_sort(out);
	return 0;
}

int move_lists_put_seen(struct move *m, const struct strings *seen, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < seen->n; i++)
		buf_addf(&text, "%s\n", seen->rows[i]);
	return state_put(m->state, SEEN, buf_text(&text), err);
}

/* ── before the switch ───────────────────────────────────────────────────────────────────────── */

/* What a pass and a taking would bring now. Links are made of what is brought. */
static int look(struct move *m, const struct move_lists *l, struct strings *fresh,
                struct error *err)
{
	struct lists_carry_options options = move_lists_carry(m, l);
	const struct lists_take take = move_lists_take(m, l, false);
	AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
	AUTO_STRINGS struct strings entries = { 0 };

	options.dry_run = true;
	if (lists_carry(&options, &r, err) < 0 || lists_take_look(&take, &entries, err) < 0)
		return -1;
	for (size_t i = 0; i < r.changed.n; i++)
		strings_addf(fresh, "%s has changed", r.changed.rows[i]);
	for (size_t i = 0; i < r.parts_n; i++)
		if (r.parts[i].removed)
			strings_addf(fresh, "%s: %" PRIu64 " files are gone", r.parts[i].from,
			             r.parts[i].removed);
	for (size_t i = 0; i < r.failed.n; i++)
		strings_add(fresh, r.failed.rows[i]);
	for (size_t i = 0; i < entries.n; i++)
		strings_addf(fresh, "queue entry %s has come", entries.rows[i]);
	return 0;
}

static void tell(void *context, const char *words)
{
	move_say(context, "%s", words);
}

static struct lists_late late_of(struct move *m, const struct move_lists *l)
{
	return (struct lists_late){
		.from = m->old,
		.to = m->new,
		.old = l->old,
		.new = l->new,
		.state = m->state,
		.tell = tell,
		.context = m,
	};
}

static int note_requests(struct move *m, const struct move_lists *l, struct error *err)
{
	const struct lists_late late = late_of(m, l);

	return lists_late_note(&late, err);
}

int move_lists_disturbed(const struct strings *fresh, struct error *err)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "somebody works with the old host's lists (its web pages?), %zu changes, the "
	          "first: "
	          "%s",
	          fresh->n, fresh->rows[0]);
	return error_hint(err, "stop its web server, then give `mailhaul cutover` again");
}

static int prove_lists(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };

	if (move_lists_to_mailman3(m->config))
		return mailman3_prove(m, err);
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0)
		return -1;
	for (bool again = false;; again = true) {
		AUTO_STRINGS struct strings fresh = { 0 }, seen = { 0 };

		/* in this order: what changes between the two is told of twice, and not never */
		if (move_lists_see(m, &l, &seen, err) < 0 || look(m, &l, &fresh, err) < 0)
			return -1;
		if (!fresh.n)
			return note_requests(m, &l, err) < 0 ? -1
			                                     : move_lists_put_seen(m, &seen, err);
		move_lists_say(m, &fresh);
		if (again)
			return move_lists_disturbed(&fresh, err);
		move_say(m, "the old host's lists have changed since they were brought: once more");
		if (step_lists(m, err) < 0 || move_lists_verify(m, err) < 0)
			return -1;
	}
}

int step_prove_still(struct move *m, struct error *err)
{
	/* the runners first: one that runs makes changes */
	if (step_prove(m, err) < 0)
		return -1;
	return m->has_lists ? prove_lists(m, err) : 0;
}

/* ── behind it ───────────────────────────────────────────────────────────────────────────────── */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int move_lists_changed(struct move *m, const struct strings *after, struct strings *paths,
                       struct error *err)
{
	AUTO_FREE char *before = NULL;
	AUTO_STRINGS struct strings known = { 0 };

	if (state_get(m->state, SEEN, &before, err) < 0)
		return -1;
	strings_add_lines(&known, span_of(before ? before : ""));
	strings_sort(&known);
	for (size_t i = 0; before && i < after->n; i++) {
		const char *path = after->rows[i];

		if (!known.n || !bsearch(&path, known.rows, known.n, sizeof *known.rows, by_text))
			strings_add(paths, strchr(path, '/'));
	}
	return 0;
}

/* New's lists have gone on: a person has to do there what was done here. */
static int tell_stragglers(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_STRINGS struct strings after = { 0 }, paths = { 0 }, entries = { 0 }, late = { 0 };
	AUTO_FREE char *words = NULL;
	struct lists_take take;

	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    move_lists_see(m, &l, &after, err) < 0 ||
	    move_lists_changed(m, &after, &paths, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	if (lists_take_look(&take, &entries, err) < 0)
		return -1;
	for (size_t i = 0; i < paths.n; i++)
		strings_addf(&late, "straggler: %s on the old host was changed after the switch",
		             paths.rows[i]);
	for (size_t i = 0; i < entries.n; i++)
		strings_addf(&late,
		             "straggler: queue entry %s on the old host, which nobody works on",
		             entries.rows[i]);
	if (!late.n)
		return 0;
	move_lists_say(m, &late);
	words = xasprintf("%zu stragglers of mailing lists on the old host, the first: %s", late.n,
	                  late.rows[0]);
	move_say(m, "%s", words);
	move_say(m, move_lists_to_mailman3(m->config)
	                    ? "`mailhaul lists stragglers` brings posts to the new host; what was "
	                      "changed there a person has to do once more here"
	                    : "`mailhaul lists stragglers` brings posts, requests and tokens to "
	                      "the new host");
	return evidence_put(m->state, "lists", words, NULL, err);
}

/* The rules of the cut-over: an entry changes hands while no runner runs on either side. */
int move_lists_bring_stragglers(struct move *m, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_FREE char *words = NULL;
	struct lists_take take;
	struct lists_late late;
	uint64_t entries = 0, requests = 0;
	struct error ignored = { 0 };
	int result;

	if (move_lists_to_mailman3(m->config))
		return mailman3_bring_stragglers(m, err);
	if (move_lists_find(m->config, m->old, m->new, &l, err) < 0 ||
	    lists_runners_stop(m->old, l.old, STOP_WAIT_MS, err) < 0 ||
	    lists_runners_stop(m->new, l.new, STOP_WAIT_MS, err) < 0)
		return -1;
	take = move_lists_take(m, &l, false);
	late = late_of(m, &l);
	result = lists_take(&take, &entries, err) < 0 ? -1
	                                              : lists_late_bring(&late, &requests, err);
	/* whatever it came to */
	if (lists_runners_start(m->new, l.new, result < 0 ? &ignored : err) < 0 || result < 0)
		return -1;
	words = xasprintf("stragglers of mailing lists brought: %" PRIu64
	                  " entries of queues, %" PRIu64 " requests, tokens and decisions",
	                  entries, requests);
	move_say(m, "%s", words);
	return evidence_put(m->state, "lists", words, NULL, err);
}

int step_account_with_lists(struct move *m, struct error *err)
{
	if (step_account(m, err) < 0)
		return -1;
	if (m->has_lists && move_lists_to_mailman3(m->config) && mailman3_account(m, err) < 0)
		return -1;
	return m->has_lists && host_reach(m->old) != HOST_FOLDER ? tell_stragglers(m, err) : 0;
}
