/* SPDX-License-Identifier: BSD-2-Clause */

/* looks -- mailboxes from outside: which of them are as they were when both sides were the same. */

#include "base/memory.h"
#include "copy/walk.h"

#include <stdlib.h>
#include <string.h>

#define ASKS_AHEAD 4u
#define OUTLINES_KEPT 8u /* of so many accounts, one that is outlined anew is worth a write */

static int by_user(const void *a, const void *b, void *context)
{
	const struct walk *w = context;

	return strcmp(w->accounts[*(const size_t *)a].from->user,
	              w->accounts[*(const size_t *)b].from->user);
}

struct loading {
	struct walk *w;
	const size_t *order; /* accounts by their user, as the signs come */
	size_t at;
};

static void load_side(struct side *side, const struct digest *digest,
                      const struct sign_outline *outline)
{
	side->known = *digest;
	side->outline.digest = outline->digest;
	buf_reset(&side->outline.places);
	if (outline->places.n <= STORE_OUTLINE_MAX)
		buf_add_span(&side->outline.places, outline->places);
}

static int load_sign(void *context, const struct sign_record *record, struct error *err)
{
	struct loading *l = context;

	for (; l->at < l->w->n; l->at++) {
		size_t i = l->order[l->at];
		int order = strcmp(l->w->accounts[i].from->user, record->account);

		if (order > 0)
			return 0;
		if (order < 0)
			continue;
		l->w->looks[i].known = true;
		load_side(&l->w->looks[i].old, &record->old, &record->old_outline);
		load_side(&l->w->looks[i].new, &record->new, &record->new_outline);
		l->w->looks[i].messages = record->messages;
		l->w->looks[i].octets = record->octets;
	}
	return 0;
}

int walk_load_signs(struct walk *w, struct error *err)
{
	AUTO_FREE size_t *order = xcalloc(w->n + 1, sizeof *order);
	struct loading l = { w, order, 0 };

	for (size_t i = 0; i < w->n; i++)
		order[i] = i;
	qsort_r(order, w->n, sizeof *order, by_user, w);
	return signs_walk(w->state, load_sign, &l, err);
}

static int ask(struct walk *w, size_t first, size_t n, struct error *err)
{
	struct mailbox_signed old[MAILBOX_SIGN_MAX], new[MAILBOX_SIGN_MAX];

	for (size_t i = 0; i < n; i++) {
		size_t at = w->signed_ones[first + i];
		const struct copy_account *a = &w->accounts[at];

		old[i] = (struct mailbox_signed){ a->from, a->beside, &w->looks[at].old.outline };
		new[i] = (struct mailbox_signed){ a->to, a->beside, &w->looks[at].new.outline };
	}
	if (mailbox_sign_send(w->old_host, old, n, err) < 0)
		return -1;
	return mailbox_sign_send(w->new_host, new, n, err);
}

/* What looks as it was outlined has the sign that went with the outline, and is as settled. */
static void take_side(struct side *side, struct mailbox_sign *sign)
{
	mailbox_sign_fini(&side->now);
	side->now = *sign;
	*sign = (struct mailbox_sign){ 0 };
	if (side->now.state != MAILBOX_SIGN_AS_OUTLINED)
		return;
	/* an agent that was asked without an outline can't know */
	side->now.state = side->outline.places.n ? MAILBOX_SIGN_SETTLED : MAILBOX_SIGN_NONE;
	side->now.digest = side->known;
	mailbox_sign_fini(&side->now);
	side->now.outline = side->outline;
	side->outline = (struct store_outline){ 0 };
	side->as_outlined = true;
}

static int collect(struct walk *w, size_t first, size_t n, struct error *err)
{
	struct mailbox_sign old[MAILBOX_SIGN_MAX] = { 0 }, new[MAILBOX_SIGN_MAX] = { 0 };
	int result = mailbox_sign_collect(w->old_host, old, n, err);

	if (result == 0)
		result = mailbox_sign_collect(w->new_host, new, n, err);
	for (size_t i = 0; i < n; i++) {
		struct look *l = &w->looks[w->signed_ones[first + i]];

		if (result == 0) {
			take_side(&l->old, &old[i]);
			take_side(&l->new, &new[i]);
		}
		mailbox_sign_fini(&old[i]);
		mailbox_sign_fini(&new[i]);
	}
	return result;
}

static size_t part(const struct walk *w, size_t first)
{
	return w->signed_n - first < MAILBOX_SIGN_MAX ? w->signed_n - first : MAILBOX_SIGN_MAX;
}

int walk_look_at_all(struct walk *w, struct error *err)
{
	size_t asked = 0, got = 0;

	for (size_t i = 0; i < w->n; i++) {
		w->looks[i].old.now.state = w->looks[i].new.now.state = MAILBOX_SIGN_NONE;
		if (!mailbox_is_dovecots(w->accounts[i].from->format))
			w->signed_ones[w->signed_n++] = i;
	}
	while (got < w->signed_n) {
		for (; asked < w->signed_n && asked < got + ASKS_AHEAD * MAILBOX_SIGN_MAX;
		     asked += part(w, asked))
			if (ask(w, asked, part(w, asked), err) < 0)
				return -1;
		if (collect(w, got, part(w, got), err) < 0)
			return -1;
		got += part(w, got);
	}
	return 0;
}

bool side_is_as_known(const struct side *side)
{
	return side->now.state != MAILBOX_SIGN_NONE &&
	       digest_equal(&side->known, &side->now.digest);
}

bool look_is_unchanged(const struct look *l)
{
	return l->known && side_is_as_known(&l->old) && side_is_as_known(&l->new);
}

static int put_sign(struct walk *w, size_t i, uint64_t messages, uint64_t octets, struct error *err)
{
	const struct mailbox_sign *old = &w->looks[i].old.now, *new = &w->looks[i].new.now;

	return sign_put(
		w->state,
		&(struct sign_record){
			.account = w->accounts[i].from->user,
			.old = old->digest,
			.new = new->digest,
			.messages = messages,
			.octets = octets,
			.old_outline = { buf_span(&old->outline.places), old->outline.digest },
			.new_outline = { buf_span(&new->outline.places), new->outline.digest },
		},
		err);
}

int walk_keep_sign(struct walk *w, size_t i, const struct copy_result *r, struct error *err)
{
	const struct look *l = &w->looks[i];

	if (w->options->dry_run || copy_result_changed(r) || r->skipped.n || r->extra.n ||
	    r->vanished || l->old.now.state != MAILBOX_SIGN_SETTLED ||
	    l->new.now.state != MAILBOX_SIGN_SETTLED)
		return 0;
	return put_sign(w, i, r->old_messages, r->old_octets, err);
}

bool side_is_outlined_anew(const struct side *side)
{
	return !side->as_outlined && side->now.outline.places.n;
}

int walk_keep_outlines(struct walk *w, const size_t *which, size_t n, struct error *err)
{
	if (w->options->dry_run || n * OUTLINES_KEPT < w->n)
		return 0;
	if (state_begin(w->state, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct look *l = &w->looks[which[i]];

		if (put_sign(w, which[i], l->messages, l->octets, err) < 0) {
			state_abandon(w->state);
			return -1;
		}
	}
	return state_commit(w->state, err);
}
