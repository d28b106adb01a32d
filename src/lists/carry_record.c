/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_record -- how far each list has come, and on which host it lives: state/mailing_lists.h. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "state/mailing_lists.h"

#include <string.h>

int carry_load_opened(struct state *s, struct strings *out, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (known.rows[i].phase == MAILING_LIST_OPENED)
			strings_add(out, known.rows[i].name);
	return 0;
}

bool carry_has_come(const struct mailing_lists *known, const char *name)
{
	const struct mailing_list *l = mailing_list_named(known, name);

	return l && l->phase >= MAILING_LIST_COMING;
}

int carry_has_carried(struct state *s, const char *name, bool *yes, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	const struct mailing_list *l;

	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	l = mailing_list_named(&known, name);
	*yes = l && l->phase >= MAILING_LIST_COMING && l->phase != MAILING_LIST_OPENED;
	return 0;
}

int lists_carry_open(struct state *s, const struct strings *lists, int64_t attempt,
                     struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < lists->n; i++) {
		struct mailing_list *l = mailing_list_named(&known, lists->rows[i]);

		if (!l || l->phase < MAILING_LIST_SEEDED)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "list %s was not carried yet", lists->rows[i]);
		if (l->phase == MAILING_LIST_OPENED)
			continue;
		mailing_list_set(l, MAILING_LIST_OPENED, "");
		l->attempt = attempt;
	}
	return mailing_lists_put(s, &known, err);
}

int lists_carry_unopen(struct state *s, const struct strings *lists, int64_t attempt,
                       struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++) {
		struct mailing_list *l = &known.rows[i];

		if (l->phase != MAILING_LIST_OPENED ||
		    (lists ? !strings_has(lists, l->name) : l->attempt != attempt))
			continue;
		mailing_list_set(l, MAILING_LIST_SEEDED, "");
		l->attempt = 0;
	}
	return mailing_lists_put(s, &known, err);
}

int carry_note_coming(struct carry_run *r, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (r->o->dry_run || r->o->back)
		return 0;
	if (mailing_lists_load(r->o->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < r->lists_n; i++) {
		struct mailing_list *l;

		if (!r->lists[i].goes)
			continue;
		l = mailing_list_make(&known, r->lists[i].name);
		if (l->phase < MAILING_LIST_COMING)
			mailing_list_set(l, MAILING_LIST_COMING, "");
	}
	return mailing_lists_put(r->o->state, &known, err);
}

/* The first of what failed that is about this list; "": there is none. */
static const char *trouble_of(const struct carry_run *r, const char *list)
{
	AUTO_FREE char *begin = xasprintf("%s: ", list);

	for (size_t i = 0; i < r->out->failed.n; i++)
		if (!strncmp(r->out->failed.rows[i], begin, strlen(begin)))
			return r->out->failed.rows[i];
	return "";
}

int carry_note_end(struct carry_run *r, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (r->o->dry_run || r->o->back || r->o->entries)
		return 0;
	if (mailing_lists_load(r->o->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < r->lists_n; i++) {
		struct mailing_list *l = mailing_list_named(&known, r->lists[i].name);
		const char *trouble = trouble_of(r, r->lists[i].name);

		if (!r->lists[i].goes || !l || l->phase == MAILING_LIST_OPENED)
			continue;
		if (r->verify && *trouble)
			mailing_list_set(
				l, l->phase < MAILING_LIST_SEEDED ? l->phase : MAILING_LIST_SEEDED,
				trouble);
		else if (r->verify)
			mailing_list_set(l, MAILING_LIST_VERIFIED, "");
		else if (*trouble)
			mailing_list_set(l, MAILING_LIST_COMING, trouble);
		else if (l->phase < MAILING_LIST_SEEDED)
			mailing_list_set(l, MAILING_LIST_SEEDED, "");
		else
			mailing_list_set(l, l->phase, "");
	}
	return mailing_lists_put(r->o->state, &known, err);
}
