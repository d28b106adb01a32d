/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/lists_mailman3.h"

#include "base/memory.h"
#include "lists/conversion.h"
#include "lists/site.h"
#include "move/lists.h"
#include "mta/mta.h"
#include "state/evidence.h"
#include "state/mailing_lists.h"

#include <jansson.h>
#include <string.h>

#define ADDRESSES "mailman3.addresses"

void mailman3_pass_fini(struct mailman3_pass *p)
{
	strings_fini(&p->failed);
	strings_fini(&p->notes);
	strings_fini(&p->left);
	strings_fini(&p->different);
	*p = (struct mailman3_pass){ 0 };
}

int mailman3_given(struct state *s, struct strings *addresses, struct error *err)
{
	AUTO_FREE char *text = NULL;

	if (state_get(s, ADDRESSES, &text, err) < 0)
		return -1;
	strings_add_lines(addresses, span_of(text ? text : ""));
	return 0;
}

int mailman3_addresses(struct state *s, struct host *new, struct strings *bad, struct error *err)
{
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };
	AUTO_STRINGS struct strings addresses = { 0 };

	if (lists_mailman3_about_kept(s, &about, err) < 0 || mailman3_given(s, &addresses, err) < 0)
		return -1;
	return lists_mailman3_about_mta(new, &about, &addresses, bad, err);
}

/* ── a pass ──────────────────────────────────────────────────────────────────────────────────── */

struct passing {
	const struct mailman3_way *w;
	enum lists_end_do what;
	struct mailman3_pass *out;
	struct mailing_lists known;
	struct strings addresses;
	json_t *reports; /* NULL: they are not kept */
};

static const char *text_of(json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "?";
}

static void take_notes(struct passing *p, const struct lists_conversion_outcome *o)
{
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(o->report, "refused"), i, row)
		move_lists_add(&p->out->notes, o->plan->address, "%s %s: %s", text_of(row, "what"),
		               text_of(row, "who"), text_of(row, "why"));
	json_array_foreach (json_object_get(o->report, "told"), i, row)
		move_lists_add(&p->out->notes, o->plan->address, "%s", json_string_value(row));
	for (i = 0; i < o->plan->n; i++)
		if (o->plan->rows[i].fate == LISTS_FATE_LEFT)
			move_lists_add(&p->out->left, o->plan->address, "%s is left: %s",
			               o->plan->rows[i].name,
			               o->plan->rows[i].why ? o->plan->rows[i].why : "?");
}

static void take_differences(struct passing *p, const struct lists_conversion_outcome *o)
{
	size_t i;
	json_t *row, *changed = json_object_get(o->report, "changed");
	const char *error = json_string_value(json_object_get(o->report, "error"));

	if (p->what == LISTS_END_LOOK)
		json_array_foreach (changed, i, row)
			move_lists_add(&p->out->different, o->plan->address, "%s",
			               json_string_value(row));
	json_array_foreach (json_object_get(o->report, "differs"), i, row)
		move_lists_add(&p->out->different, o->plan->address, "%s", json_string_value(row));
	if (error)
		move_lists_add(&p->out->failed, o->plan->address, "was not brought to its end: %s",
		               error);
	else if (!o->is_so && p->what != LISTS_END_LOOK)
		move_lists_add(&p->out->failed, o->plan->address, "%s",
		               p->out->different.n ? p->out->different.rows[p->out->different.n - 1]
		                                   : "it is not there as planned");
}

static void take_phase(struct passing *p, const struct lists_conversion_outcome *o)
{
	struct mailing_list *row = mailing_list_make(&p->known, o->plan->name);
	size_t changes = json_array_size(json_object_get(o->report, "changed"));

	if (row->phase == MAILING_LIST_OPENED)
		return;
	if (!o->is_so)
		mailing_list_set(
			row, p->what == LISTS_END_LOOK ? MAILING_LIST_SEEDED : MAILING_LIST_COMING,
			p->out->failed.n ? p->out->failed.rows[p->out->failed.n - 1] : "");
	else if (p->what == LISTS_END_LOOK)
		mailing_list_set(row, MAILING_LIST_VERIFIED, "");
	else if (p->what == LISTS_END_GIVE && (changes || row->phase < MAILING_LIST_SEEDED))
		mailing_list_set(row, MAILING_LIST_SEEDED, "");
}

static void take_outcome(void *context, const struct lists_conversion_outcome *o)
{
	struct passing *p = context;

	p->out->lists++;
	p->out->changes += json_array_size(json_object_get(o->report, "changed"));
	strings_add(&p->addresses, o->plan->address);
	take_notes(p, o);
	take_differences(p, o);
	if (p->what == LISTS_END_LOOK || p->what == LISTS_END_GIVE)
		take_phase(p, o);
	if (p->reports)
		json_array_append(p->reports, o->report);
}

/* Who writes to a list while SQLite is written is told that there is none: so nobody may. */
static int expect_quiet(const struct mailman3_way *w, struct error *err)
{
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };
	bool runs;

	if (lists_mailman3_about_kept(w->state, &about, err) < 0 ||
	    mta_is_running(w->new, &runs, err) < 0)
		return -1;
	if (!runs || !about.sqlite)
		return 0;
	error_set(
		err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		"the new host's MTA runs: posts would bounce while lists are written into SQLite");
	return error_hint(err, "stop it (`mailhaul prepare` does), then the same command again");
}

static int keep(struct passing *p, struct error *err)
{
	const struct mailman3_way *w = p->w;
	AUTO_BUF struct buf lines = { 0 };
	AUTO_FREE char *json = p->reports ? json_dumps(p->reports, JSON_COMPACT) : NULL;
	AUTO_FREE char *words = xasprintf("%llu lists given to Mailman 3, %llu changes",
	                                  (unsigned long long)p->out->lists,
	                                  (unsigned long long)p->out->changes);

	for (size_t i = 0; i < p->addresses.n; i++)
		buf_addf(&lines, "%s\n", p->addresses.rows[i]);
	if (w->keep && p->what != LISTS_END_OPEN &&
	    (mailing_lists_put(w->state, &p->known, err) < 0 ||
	     state_put(w->state, ADDRESSES, buf_text(&lines), err) < 0))
		return -1;
	return json ? evidence_put(w->state, w->evidence, words, json, err) : 0;
}

static int pass(struct passing *p, struct lists_site *site, struct error *err)
{
	const struct mailman3_way *w = p->w;
	const struct lists_mailman3_core core = lists_mailman3_core_of(w->config, w->new);
	AUTO_STRINGS struct strings unread = { 0 };
	const struct lists_end_place there = {
		.h = core.h, .program = core.program, .user = core.user, .bulk = core.bulk
	};
	const struct lists_conversion job = { .end = &lists_end_mailman3,
		                              .place = &there,
		                              .site = site,
		                              .names = &site->names,
		                              .what = p->what,
		                              .outcome = take_outcome,
		                              .context = p };

	if (lists_convert_all(&job, &unread, &p->out->notes, err) < 0)
		return -1;
	for (size_t i = 0; i < unread.n; i++)
		strings_addf(&p->out->failed, "%s: its configuration can't be read",
		             unread.rows[i]);
	return keep(p, err);
}

int mailman3_pass(const struct mailman3_way *w, enum lists_end_do what, struct mailman3_pass *out,
                  struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { 0 };
	struct passing p = { .w = w, .what = what, .out = out };
	int result;

	if ((what == LISTS_END_GIVE && expect_quiet(w, err) < 0) ||
	    move_lists_find(w->config, w->old, w->new, &l, err) < 0 ||
	    lists_site_read(&site, w->old, &l.old->paths, l.old->settings, false, err) < 0 ||
	    mailing_lists_load(w->state, &p.known, err) < 0)
		return -1;
	if (w->evidence)
		p.reports = json_array();
	result = pass(&p, &site, err);
	json_decref(p.reports);
	strings_fini(&p.addresses);
	mailing_lists_fini(&p.known);
	return result;
}
