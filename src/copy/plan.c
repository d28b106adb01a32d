/* SPDX-License-Identifier: BSD-2-Clause */

/* plan -- compares the two listings of a Maildir account: what travels, is renamed, removed, left. */

#include "base/memory.h"
#include "copy/pass.h"

#include <stdlib.h>
#include <string.h>

static void add_row(struct pass *p, struct transfer_row **rows, size_t *n, size_t *room,
                    const struct mail_folder *f, const struct mail_message *m)
{
	ARRAY_GROW(*rows, *n, *room);
	(*rows)[(*n)++] = (struct transfer_row){ .from = p->account->from,
		                                 .to = p->account->to,
		                                 .owner = p,
		                                 .folder = f->name,
		                                 .m = m,
		                                 .f = f };
}

static void must_travel(struct pass *p, const struct mail_folder *f, const struct mail_message *m)
{
	add_row(p, &p->rows, &p->rows_n, &p->rows_room, f, m);
	p->progress.total_messages++;
	p->progress.total_octets += m->size;
}

/* The ledger's row says what is on old now. */
static bool is_recorded(const struct mail_folder *f, const struct mail_message *m,
                        const struct known_message *k)
{
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };

	if (k->uid != m->uid || k->mtime_ns != m->mtime_ns || k->in_new != m->in_new)
		return false;
	mail_message_flags(m, &flags);
	mail_message_keywords(f, m, &keywords);
	return !strcmp(k->flags, buf_text(&flags)) && !strcmp(k->keywords, buf_text(&keywords));
}

static void note(struct pass *p, const struct mail_folder *f, const struct mail_message *m,
                 const struct known_message *k)
{
	ARRAY_GROW(p->noted, p->noted_n, p->noted_room);
	p->noted[p->noted_n++] = (struct pass_noted){ f, m, k->digest, xstrdup(k->message_id) };
}

/* A message that is on both sides and was brought by us. */
static int plan_known(struct plan *plan, const struct mail_folder *f, const struct mail_message *m,
                      const struct mail_message *there, const struct known_message *k,
                      struct error *err)
{
	struct pass *p = plan->p;
	bool renamed = strcmp(m->suffix, there->suffix) != 0 || m->in_new != there->in_new ||
	               m->mtime_ns != there->mtime_ns;

	if (m->size != there->size || m->size != k->size) {
		/* a damaged copy; it goes first, since its name may have other flags */
		must_travel(p, f, m);
		return p->options->dry_run ? 0
		                           : mailbox_remove(&plan->p->changes, f->name, there, err);
	}
	if (renamed)
		p->out->renamed++;
	else
		p->out->unchanged++;
	if (p->options->dry_run)
		return 0;
	if (renamed && mailbox_rename(&plan->p->changes, f->name, there, m->suffix, m->in_new,
	                              m->mtime_ns, err) < 0)
		return -1;
	if (is_recorded(f, m, k))
		return 0;
	note(p, f, m, k);
	return 0;
}

static int plan_message(struct plan *plan, const struct mail_folder *f,
                        const struct mail_message *m, const struct mail_folder *new_folder,
                        struct error *err)
{
	const struct mail_message *there = new_folder ? mail_folder_find(new_folder, m->base)
	                                              : NULL;
	const struct known_message *k;

	if (!there) {
		must_travel(plan->p, f, m);
		return 0;
	}
	k = known_find(&plan->p->known, f->name, m->base);
	/* Another date with the same size: touched, or another message under the name of one that was
	 * expunged (a process number that came back within a second). Only the octets tell. */
	if (k && (k->mtime_ns == m->mtime_ns || k->size != m->size))
		return plan_known(plan, f, m, there, k, err);
	add_row(plan->p, &plan->doubtful, &plan->doubtful_n, &plan->doubtful_room, f, m);
	return 0;
}

static void report_extra(struct pass *p, const struct mail_folder *f, const struct mail_message *m)
{
	AUTO_BUF struct buf words = { 0 };

	mail_folder_title(f->name, &words);
	buf_add_char(&words, '/');
	buf_add_printable(&words, span_of(m->base));
	strings_add(&p->out->extra, buf_text(&words));
}

/* Messages of a folder on new that old does not have (any more). */
static int plan_surplus(struct plan *plan, const struct mail_folder *new_folder,
                        const struct mail_folder *old_folder, struct error *err)
{
	struct pass *p = plan->p;

	for (size_t i = 0; i < new_folder->n; i++) {
		const struct mail_message *m = &new_folder->rows[i];

		if (old_folder && mail_folder_find(old_folder, m->base))
			continue;
		if (!p->options->delete_extra &&
		    !known_is_ours(&p->known, new_folder->name, m->base)) {
			report_extra(p, new_folder, m);
			continue;
		}
		p->out->removed++;
		if (!p->options->dry_run &&
		    mailbox_remove(&plan->p->changes, new_folder->name, m, err) < 0)
			return -1;
	}
	return 0;
}

static int plan_folder(struct plan *plan, const struct mail_folder *f, struct error *err)
{
	struct pass *p = plan->p;
	const struct mail_folder *new_folder = mail_listing_find(&p->new, f->name);

	/* one that we know nothing of may be half made: a pass was killed in the middle of it */
	if (!new_folder || !known_find_folder(&p->known, f->name)) {
		p->out->folders_made += !new_folder;
		if (!p->options->dry_run &&
		    mailbox_make_folder(&plan->p->changes, f->name, f->mode, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < f->n; i++)
		if (plan_message(plan, f, &f->rows[i], new_folder, err) < 0)
			return -1;
	return new_folder ? plan_surplus(plan, new_folder, f, err) : 0;
}

/* Old's folder is gone: what we brought into it goes, then the folder, if nothing else is there. */
static int plan_gone_folder(struct plan *plan, const struct mail_folder *f, struct error *err)
{
	struct pass *p = plan->p;
	size_t extra = p->out->extra.n;

	if (plan_surplus(plan, f, NULL, err) < 0)
		return -1;
	if (p->out->extra.n > extra || !*f->name ||
	    (!p->options->delete_extra && !known_find_folder(&p->known, f->name)))
		return 0;
	p->out->folders_removed++;
	return p->options->dry_run ? 0 : mailbox_remove_folder(&plan->p->changes, f->name, err);
}

/* ── messages of which the ledger knows nothing, or not enough ───────────────────────────────── */

static int digests_of(struct host *h, const struct mailbox_account *account,
                      const struct plan *plan, const struct mail_listing *listing,
                      struct transfer_digest *out, struct error *err)
{
	AUTO_FREE struct mailbox_wanted *wanted = xcalloc(plan->doubtful_n, sizeof *wanted);

	for (size_t i = 0; i < plan->doubtful_n; i++) {
		const struct transfer_row *row = &plan->doubtful[i];
		const struct mail_folder *f = mail_listing_find(listing, row->folder);

		wanted[i] = (struct mailbox_wanted){ f->origin ? f->origin : f->name,
			                             mail_folder_find(f, row->m->base) };
	}
	return transfer_digests(h, account, wanted, plan->doubtful_n, out, err);
}

static int settle_one(struct plan *plan, const struct transfer_row *row,
                      const struct transfer_digest *old, const struct transfer_digest *new,
                      struct error *err)
{
	struct pass *p = plan->p;
	const struct mail_folder *new_folder = mail_listing_find(&p->new, row->folder);
	const struct mail_message *there = mail_folder_find(new_folder, row->m->base);
	struct known_message k = { .uid = UINT32_MAX, .size = row->m->size, .digest = old->digest };

	if (!old->there) {
		p->out->vanished++;
		return 0;
	}
	if (!new->there) {
		must_travel(p, row->f, row->m);
		return 0;
	}
	if (!digest_equal(&old->digest, &new->digest)) {
		const struct known_message *brought = known_find(&p->known, row->folder,
		                                                 row->m->base);

		/* what we brought is as it was, and on old there is another message by now */
		if (brought && digest_equal(&brought->digest, &new->digest)) {
			must_travel(p, row->f, row->m);
			return p->options->dry_run
			               ? 0
			               : mailbox_remove(&plan->p->changes, row->folder, there, err);
		}
		pass_skip(p, row->folder, row->m->base,
		          "another message has this name on the new host; neither was touched");
		return 0;
	}
	k.flags = k.keywords = (char *)(uintptr_t) "";
	k.message_id = old->message_id;
	return plan_known(plan, row->f, row->m, there, &k, err);
}

static int settle_doubtful(struct plan *plan, struct error *err)
{
	size_t n = plan->doubtful_n;
	AUTO_FREE struct transfer_digest *old = xcalloc(n + 1, sizeof *old);
	AUTO_FREE struct transfer_digest *new = xcalloc(n + 1, sizeof *new);
	struct pass *p = plan->p;
	int result = 0;

	if (!n)
		return 0;
	if (digests_of(p->old_host, p->account->from, plan, &p->old, old, err) < 0 ||
	    digests_of(p->new_host, p->account->to, plan, &p->new, new, err) < 0)
		result = -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		result = settle_one(plan, &plan->doubtful[i], &old[i], &new[i], err);
	for (size_t i = 0; i < n; i++) {
		free(old[i].message_id);
		free(new[i].message_id);
	}
	return result;
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

int pass_plan(struct plan *plan, struct error *err)
{
	struct pass *p = plan->p;

	for (size_t i = 0; i < p->old.folders_n; i++)
		if (plan_folder(plan, &p->old.folders[i], err) < 0)
			return -1;
	for (size_t i = 0; i < p->new.folders_n; i++)
		if (!mail_listing_find(&p->old, p->new.folders[i].name) &&
		    plan_gone_folder(plan, &p->new.folders[i], err) < 0)
			return -1;
	return settle_doubtful(plan, err);
}
