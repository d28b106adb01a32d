/* SPDX-License-Identifier: BSD-2-Clause */

/* convert_pass -- the pass that makes a Maildir of an mbox account. */

#include "base/memory.h"
#include "copy/convert.h"
#include "copy/mboxlook.h"

#include <errno.h>
#include <string.h>

static char *name_there(void *context, const char *folder)
{
	const struct pass *p = context;
	const char *why;

	return convert_name(p->account->to->layout, folder, &why);
}

static int scan_both(struct pass *p, const struct mbox_states *known, struct mbox_states *states,
                     struct error *err)
{
	if (mboxlook_ask(p->old_host, p->account->from, true, known, err) < 0 ||
	    mboxlook(p, p->old_host, p->account->from, known, name_there, p, &p->old, states, err) <
	            0)
		return -1;
	for (size_t i = 0; i < p->old.troubles.n; i++)
		strings_add(&p->out->skipped, p->old.troubles.rows[i]);
	for (size_t i = 0; i < p->old.notes.n; i++)
		strings_add(&p->out->notes, p->old.notes.rows[i]);
	if (mailbox_scan(p->new_host, p->account->to, &p->new, err) < 0 && err->sys_errno != ENOENT)
		return -1;
	convert_listing(p->account, &p->known, &p->new, &p->old, &p->out->skipped);
	p->out->old_messages += mail_listing_messages(&p->old, &p->out->old_octets);
	return 0;
}

/* What the ledger says of a folder changes bit by bit: until it is all done, nothing may be left
 * that tells the next pass to trust it. */
static int forget_changed(struct pass *p, const struct mbox_states *known,
                          const struct mbox_states *states, struct error *err)
{
	int result = state_begin(p->state, err);

	for (size_t i = 0; result == 0 && i < known->n; i++) {
		const struct mbox_state *now = mbox_states_find(states, known->rows[i].folder);

		/* what could not be read may be there all the same: mboxlook() keeps what is known */
		if (now ? now->from != now->size || now->size != known->rows[i].size
		        : !p->old.troubles.n)
			result = mboxes_drop(p->state, p->account->from->user,
			                     known->rows[i].folder, err);
	}
	if (result == 0)
		result = state_commit(p->state, err);
	if (result < 0)
		state_abandon(p->state);
	return result;
}

static const struct mail_folder *folder_of(const struct pass *p, const char *origin)
{
	for (size_t i = 0; i < p->old.folders_n; i++)
		if (!strcmp(p->old.folders[i].origin, origin))
			return &p->old.folders[i];
	return NULL;
}

static bool is_complete(const struct pass *p, const char *origin)
{
	const struct mail_folder *f = folder_of(p, origin);

	for (size_t i = 0; i < p->rows_n; i++)
		if (p->rows[i].f == f && !p->rows[i].arrived)
			return false;
	return f != NULL;
}

static int remember(struct pass *p, const struct mbox_states *states, struct error *err)
{
	int result = state_begin(p->state, err);

	for (size_t i = 0; result == 0 && i < states->n; i++)
		if (is_complete(p, states->rows[i].folder))
			result = mboxes_put(p->state, p->account->from->user, MBOXES_OLD,
			                    &states->rows[i], false, err);
	if (result == 0)
		result = state_commit(p->state, err);
	if (result < 0)
		state_abandon(p->state);
	return result;
}

/* ── what went there and back ────────────────────────────────────────────────────────────────── */

/* The same octets, brought from old by an earlier pass, and still on both sides. */
static bool is_there_twice(const struct pass *p, const struct mail_folder *there,
                           const struct digest *digest)
{
	const struct mail_folder *f = mail_listing_find(&p->old, there->name);

	for (size_t i = 0; i < p->known.messages_n; i++) {
		const struct known_message *k = &p->known.messages[i];

		if (digest_equal(&k->digest, digest) && !strcmp(k->folder, there->name) && f &&
		    mail_folder_find(f, k->base) && mail_folder_find(there, k->base))
			return true;
	}
	return false;
}

static size_t find_strangers(const struct pass *p, struct mailbox_wanted **out)
{
	size_t n = 0, room = 0;

	for (size_t i = 0; i < p->new.folders_n; i++) {
		const struct mail_folder *there = &p->new.folders[i];
		const struct mail_folder *f = mail_listing_find(&p->old, there->name);

		for (size_t k = 0; k < there->n; k++) {
			const char *base = there->rows[k].base;

			if ((f && mail_folder_find(f, base)) ||
			    known_find(&p->known, there->name, base))
				continue;
			ARRAY_GROW(*out, n, room);
			(*out)[n++] = (struct mailbox_wanted){ there->name, &there->rows[k] };
		}
	}
	return n;
}

/*
 * A rollback put what new had taken into old's mbox. Now it comes from there again, under the name
 * that its octets give it, beside the file that new's own delivery made. When ours is in place, the
 * other is taken for one of ours that old has not any more.
 */
static int drop_doubles(struct pass *p, struct error *err)
{
	AUTO_FREE struct mailbox_wanted *wanted = NULL;
	size_t n = find_strangers(p, &wanted), known = p->known.messages_n;
	AUTO_FREE struct transfer_digest *digests = xcalloc(n + 1, sizeof *digests);
	int result = 0;

	if (n)
		result = transfer_digests(p->new_host, p->account->to, wanted, n, digests, err);
	for (size_t i = 0; i < n; i++) {
		const struct mail_folder *there = mail_listing_find(&p->new, wanted[i].folder);

		free(digests[i].message_id);
		if (result == 0 && digests[i].there && is_there_twice(p, there, &digests[i].digest))
			known_add_message(&p->known, wanted[i].folder, wanted[i].m,
			                  &digests[i].digest);
	}
	if (p->known.messages_n > known)
		known_sort(&p->known);
	return result;
}

static int run(struct pass *p, const struct mbox_states *known, struct mbox_states *states,
               struct error *err)
{
	size_t skipped;

	if (scan_both(p, known, states, err) < 0 ||
	    (!p->options->dry_run && forget_changed(p, known, states, err) < 0))
		return -1;
	skipped = p->out->skipped.n;
	if (drop_doubles(p, err) < 0)
		return -1;
	if (pass_maildir(p, err) < 0 || convert_files(p, err) < 0 || pass_files(p, err) < 0)
		return -1;
	/* something was refused: look at all of it again next time */
	if (p->options->dry_run || p->out->skipped.n > skipped)
		return 0;
	return remember(p, states, err);
}

int pass_convert(struct pass *p, struct error *err)
{
	AUTO_MBOX_STATES struct mbox_states known = { 0 }, states = { 0 };
	const char *user = p->account->from->user;

	if (known_load(&p->known, p->state, user, MESSAGES_PRESENT, err) < 0 ||
	    known_load_coming(&p->known, p->state, user, err) < 0 ||
	    mboxes_load(p->state, user, MBOXES_OLD, &known, NULL, err) < 0)
		return -1;
	return run(p, &known, &states, err);
}
