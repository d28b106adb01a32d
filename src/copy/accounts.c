/* SPDX-License-Identifier: BSD-2-Clause */

/* accounts -- one pass over all mailboxes; those that nobody has touched cost a look from outside. */

#include "base/memory.h"
#include "copy/convert.h"
#include "copy/doveadm.h"
#include "copy/group.h"
#include "copy/walk.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 256u /* accounts */

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
	int result = walk_keep_sign(w, i, one, err);

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

static bool goes_alone(const struct copy_account *a)
{
	return mailbox_is_dovecots(a->from->format) || convert_is_wanted(a);
}

/* Accounts that go together, from some place in `changed` on. */
struct part {
	struct group g;
	struct copy_options options;
	const size_t *which;
	size_t n;
	struct copy_result results[GROUP_MAX];
	struct pass passes[GROUP_MAX];
};

static size_t part_most(const struct walk *w, size_t at)
{
	size_t n = 0;

	while (at + n < w->changed_n && n < GROUP_MAX &&
	       !goes_alone(&w->accounts[w->changed[at + n]]))
		n++;
	return n;
}

static struct part *part_new(struct walk *w, size_t at, struct host *old_host,
                             struct host *new_host)
{
	struct part *part = xcalloc(1, sizeof *part);

	part->options = options_of(w);
	part->which = w->changed + at;
	part->n = part_most(w, at);
	for (size_t i = 0; i < part->n; i++) {
		const struct copy_account *account = &w->accounts[part->which[i]];
		const struct look *l = &w->looks[part->which[i]];

		part->passes[i] = (struct pass){
			.old_same = l->known && side_is_as_known(&l->old),
			.new_same = l->known && side_is_as_known(&l->new),
			.old_host = old_host,
			.new_host = new_host,
			.account = account,
			.state = w->state,
			.options = &part->options,
			.out = &part->results[i],
			.progress = { .account = account->from->user },
		};
	}
	part->g = group_of(part->passes, part->n, w->old_host, w->new_host);
	return part;
}

static void part_free(struct part *part)
{
	if (!part)
		return;
	for (size_t i = 0; i < part->n; i++)
		copy_result_fini(&part->results[i]);
	free(part);
}

static void drop_next(struct walk *w)
{
	if (!w->next)
		return;
	group_drop(&w->next->g);
	part_free(TAKE(w->next));
}

/* The agents of the two hosts are at work; new's next one too, with messages. */
static int begin_next(struct walk *w, struct error *err)
{
	struct host *old_host, *new_host;

	if (host_another(w->old_host, &old_host, err) < 0 ||
	    host_another(w->new_host, &new_host, err) < 0 ||
	    host_another(new_host, &new_host, err) < 0)
		return -1;
	w->next = part_new(w, w->at + w->now->g.n, old_host, new_host);
	return 0;
}

/* While messages of one part travel. What can't be looked at now is looked at when its turn comes. */
static void look_at_next(void *context)
{
	struct walk *w = context;
	struct error ignored = { 0 };

	if (w->only_now || !part_most(w, w->at + w->now->g.n))
		return;
	if ((!w->next && begin_next(w, &ignored) < 0) ||
	    group_look_some(&w->next->g, &ignored) < 0) {
		drop_next(w);
		w->only_now = true;
	}
}

/* What goes wrong in the middle of a group may be one account's fault: then each goes by itself. What was
 * brought until then is brought. */
static int pass_together(struct walk *w, struct error *err)
{
	struct part *part = w->now;
	int result;

	part->g.meanwhile = look_at_next;
	part->g.context = w;
	result = group_run(&part->g, err);
	if (result == 0) {
		for (size_t i = 0; i < part->g.n; i++)
			if (finish(w, part->which[i], &part->results[i], err) < 0)
				result = -1;
		return result;
	}
	drop_next(w);
	for (size_t i = 0; i < part->g.n; i++) {
		w->out->copied += part->results[i].copied;
		w->out->copied_octets += part->results[i].copied_octets;
	}
	if (host_is_broken(w->old_host) || host_is_broken(w->new_host) ||
	    err->scope == ERROR_SCOPE_MOVE)
		return -1;
	for (size_t i = 0; i < part->g.n; i++)
		if (pass_alone(w, part->which[i], err) < 0)
			return -1;
	return 0;
}

static int pass_changed(struct walk *w, struct error *err)
{
	int result = 0;

	while (result == 0 && w->at < w->changed_n) {
		if (goes_alone(&w->accounts[w->changed[w->at]])) {
			result = pass_alone(w, w->changed[w->at++], err);
			continue;
		}
		w->now = w->next ? TAKE(w->next) : part_new(w, w->at, w->old_host, w->new_host);
		result = pass_together(w, err);
		w->at += w->now->g.n;
		part_free(TAKE(w->now));
	}
	drop_next(w);
	return result;
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
	AUTO_FREE size_t *outlined = xcalloc(w->n + 1, sizeof *outlined);
	size_t outlined_n = 0;

	if (walk_load_signs(w, err) < 0 || walk_look_at_all(w, err) < 0)
		return -1;
	for (size_t i = 0; i < w->n; i++) {
		const struct look *l = &w->looks[i];

		if (w->options->look_everywhere || !look_is_unchanged(l)) {
			if (prepare(w, i, err) < 0)
				return -1;
			w->changed[w->changed_n++] = i;
			continue;
		}
		count_unchanged(w, l);
		if (side_is_outlined_anew(&l->old) || side_is_outlined_anew(&l->new))
			outlined[outlined_n++] = i;
	}
	if (outlined_n && walk_keep_outlines(w, outlined, outlined_n, err) < 0)
		return -1;
	return pass_changed(w, err);
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
	AUTO_FREE size_t *changed = xcalloc(n + 1, sizeof *changed);
	struct walk w = { .old_host = old_host,
		          .new_host = new_host,
		          .accounts = accounts,
		          .n = n,
		          .state = state,
		          .options = options,
		          .out = out,
		          .looks = looks,
		          .signed_ones = signed_ones,
		          .changed = changed };
	int result = walk(&w, err);

	for (size_t i = 0; i < n; i++) {
		side_fini(&looks[i].old);
		side_fini(&looks[i].new);
	}
	return result;
}
