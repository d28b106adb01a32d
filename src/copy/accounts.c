/* SPDX-License-Identifier: BSD-2-Clause */

/* accounts -- one pass over all mailboxes; those that nobody has touched cost a look from outside. */

#include "base/memory.h"
#include "copy/convert.h"
#include "copy/doveadm.h"
#include "remote/mailbox.h"
#include "state/signs.h"

#include <stdlib.h>
#include <string.h>

#define ASKS_AHEAD 4u
#define OUTLINES_KEPT 8u /* of so many accounts, one that is outlined anew is worth a write */
#define GROUP_MAX 64u    /* accounts */
#define GROUP_MESSAGES 65536u

_Static_assert(GROUP_MAX <= HOST_AHEAD, "as many listings are asked for ahead");

struct side {
	struct mailbox_sign now; /* owned */
	struct digest known;
	struct store_outline outline; /* of `known`, until it is seen to hold; owned */
	bool as_outlined;
};

/* What is known of one account, in the order of the caller's. */
struct look {
	struct side old, new;
	uint64_t messages, octets;
	bool known;
};

struct walk {
	struct host *old_host, *new_host;
	const struct copy_account *accounts;
	size_t n;
	struct state *state;
	const struct copy_options *options;
	struct copy_result *out;
	struct look *looks;            /* owned */
	size_t *signed_ones, signed_n; /* owned; accounts that have signs */
	struct copy_progress finished; /* of the accounts before the one that is under way */
};

/* ── signs ───────────────────────────────────────────────────────────────────────────────────── */

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

static int load_signs(struct walk *w, struct error *err)
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

/* Both hosts look at the same time. What only Dovecot reads has no sign: its files change when they
 * are read. */
static int look_at_all(struct walk *w, struct error *err)
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

static bool is_as_known(const struct side *side)
{
	return side->now.state != MAILBOX_SIGN_NONE &&
	       digest_equal(&side->known, &side->now.digest);
}

static bool is_unchanged(const struct look *l)
{
	return l->known && is_as_known(&l->old) && is_as_known(&l->new);
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

/* The signs were taken before the pass looked, and it found nothing to do: so they stand for "the
 * same on both sides", unless something changed in the very tick in which it was looked at. */
static int keep_sign(struct walk *w, size_t i, const struct copy_result *r, struct error *err)
{
	const struct look *l = &w->looks[i];

	if (w->options->dry_run || copy_result_changed(r) || r->skipped.n || r->extra.n ||
	    r->vanished || l->old.now.state != MAILBOX_SIGN_SETTLED ||
	    l->new.now.state != MAILBOX_SIGN_SETTLED)
		return 0;
	return put_sign(w, i, r->old_messages, r->old_octets, err);
}

static bool is_outlined_anew(const struct side *side)
{
	return !side->as_outlined && side->now.outline.places.n;
}

/* Outlines of accounts whose signs hold: Dovecot's caches came or went there. A few of them cost less
 * to look at in full than to write down. */
static int keep_outlines(struct walk *w, const size_t *which, size_t n, struct error *err)
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

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

static void show(void *context, const struct copy_progress *p)
{
	const struct walk *w = context;
	struct copy_progress sum = *p;

	sum.messages += w->finished.messages;
	sum.octets += w->finished.octets;
	sum.total_messages += w->finished.total_messages;
	sum.total_octets += w->finished.total_octets;
	w->options->progress(w->options->context, &sum);
}

/* Counts what a pass over one account did, and writes down its sign when that was nothing. */
static int finish(struct walk *w, size_t i, struct copy_result *one, struct error *err)
{
	int result = keep_sign(w, i, one, err);

	w->finished.messages += one->copied;
	w->finished.octets += one->copied_octets;
	w->finished.total_messages += one->copied;
	w->finished.total_octets += one->copied_octets;
	copy_result_add(w->out, one);
	copy_result_fini(one);
	return result;
}

static struct copy_options options_of(struct walk *w)
{
	struct copy_options options = *w->options;

	if (options.progress) {
		options.progress = show;
		options.context = w;
	}
	return options;
}

static int pass_alone(struct walk *w, size_t i, struct error *err)
{
	const struct copy_options options = options_of(w);
	AUTO_COPY_RESULT struct copy_result one = { 0 };

	if (copy_account_pass(w->old_host, w->new_host, &w->accounts[i], w->state, &options, &one,
	                      err) == 0)
		return finish(w, i, &one, err);
	if (err->scope != ERROR_SCOPE_MAILBOX && err->scope != ERROR_SCOPE_MESSAGE)
		return -1;
	strings_add(&one.skipped, err->text);
	return finish(w, i, &one, err);
}

/* What goes wrong in the middle of a group may be one account's fault: then each goes by itself.
 * What was brought until then is brought. */
static int pass_together(struct walk *w, const size_t *which, size_t n, struct error *err)
{
	struct copy_result results[GROUP_MAX] = { 0 };
	struct pass passes[GROUP_MAX];
	const struct copy_options options = options_of(w);
	int result;

	for (size_t i = 0; i < n; i++)
		passes[i] = (struct pass){
			.old_same = w->looks[which[i]].known &&
			            is_as_known(&w->looks[which[i]].old),
			.new_same = w->looks[which[i]].known &&
			            is_as_known(&w->looks[which[i]].new),
			.old_host = w->old_host,
			.new_host = w->new_host,
			.account = &w->accounts[which[i]],
			.state = w->state,
			.options = &options,
			.out = &results[i],
			.progress = { .account = w->accounts[which[i]].from->user },
		};
	result = group_run(passes, n, err);
	if (result == 0) {
		for (size_t i = 0; i < n; i++)
			if (finish(w, which[i], &results[i], err) < 0)
				result = -1;
		return result;
	}
	for (size_t i = 0; i < n; i++) {
		w->out->copied += results[i].copied;
		w->out->copied_octets += results[i].copied_octets;
		copy_result_fini(&results[i]);
	}
	if (host_is_broken(w->old_host) || host_is_broken(w->new_host) ||
	    err->scope == ERROR_SCOPE_MOVE)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (pass_alone(w, which[i], err) < 0)
			return -1;
	return 0;
}

/* How many listings to have in memory at once: an account that nobody has seen may be a large one. */
static uint64_t weight(const struct look *l)
{
	return l->known ? l->messages : GROUP_MESSAGES / 16;
}

static bool goes_alone(const struct copy_account *a)
{
	return mailbox_is_dovecots(a->from->format) || convert_is_wanted(a);
}

static int pass_changed(struct walk *w, const size_t *which, size_t n, struct error *err)
{
	for (size_t at = 0; at < n;) {
		uint64_t messages = 0;
		size_t some = 0;

		while (at + some < n && some < GROUP_MAX && messages < GROUP_MESSAGES &&
		       !goes_alone(&w->accounts[which[at + some]]))
			messages += weight(&w->looks[which[at + some++]]);
		if (some ? pass_together(w, which + at, some, err) < 0
		         : pass_alone(w, which[at], err) < 0)
			return -1;
		at += some ? some : 1;
	}
	return 0;
}

static int prepare(struct walk *w, size_t i, struct error *err)
{
	const struct copy_options *o = w->options;

	return o->prepare && !o->dry_run ? o->prepare(o->context, i, err) : 0;
}

static void count_unchanged(struct walk *w, const struct look *l)
{
	w->out->old_messages += l->messages;
	w->out->old_octets += l->octets;
	w->out->unchanged += l->messages;
}

static int walk(struct walk *w, struct error *err)
{
	AUTO_FREE size_t *changed = xcalloc(w->n + 1, sizeof *changed);
	AUTO_FREE size_t *outlined = xcalloc(w->n + 1, sizeof *outlined);
	size_t changed_n = 0, outlined_n = 0;

	if (load_signs(w, err) < 0 || look_at_all(w, err) < 0)
		return -1;
	for (size_t i = 0; i < w->n; i++) {
		const struct look *l = &w->looks[i];

		if (w->options->look_everywhere || !is_unchanged(l)) {
			if (prepare(w, i, err) < 0)
				return -1;
			changed[changed_n++] = i;
			continue;
		}
		count_unchanged(w, l);
		if (is_outlined_anew(&l->old) || is_outlined_anew(&l->new))
			outlined[outlined_n++] = i;
	}
	if (outlined_n && keep_outlines(w, outlined, outlined_n, err) < 0)
		return -1;
	return pass_changed(w, changed, changed_n, err);
}

static void side_fini(struct side *side)
{
	mailbox_sign_fini(&side->now);
	buf_fini(&side->outline.places);
}

int copy_accounts(struct host *old_host, struct host *new_host, const struct copy_account *accounts,
                  size_t n, struct state *state, const struct copy_options *options,
                  struct copy_result *out, struct error *err)
{
	AUTO_FREE struct look *looks = xcalloc(n + 1, sizeof *looks);
	AUTO_FREE size_t *signed_ones = xcalloc(n + 1, sizeof *signed_ones);
	struct walk w = { .old_host = old_host,
		          .new_host = new_host,
		          .accounts = accounts,
		          .n = n,
		          .state = state,
		          .options = options,
		          .out = out,
		          .looks = looks,
		          .signed_ones = signed_ones };
	int result = walk(&w, err);

	for (size_t i = 0; i < n; i++) {
		side_fini(&looks[i].old);
		side_fini(&looks[i].new);
	}
	return result;
}
