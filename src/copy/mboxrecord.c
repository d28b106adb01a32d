/* SPDX-License-Identifier: BSD-2-Clause */

/* mboxrecord -- what a pass over mbox files leaves in the ledger. */

#include "copy/mboxpass.h"

#include <string.h>

static bool is_recorded(const struct mail_message *m, const struct known_message *k)
{
	AUTO_BUF struct buf flags = { 0 };

	mail_message_flags(m, &flags);
	return k->uid == m->uid && k->mtime_ns == m->mtime_ns && k->in_new == m->in_new &&
	       !strcmp(k->flags, buf_text(&flags)) && !strcmp(k->keywords, m->keywords);
}

/* The ledger's rows of the folder's messages. */
static int record_messages(struct pass *p, const struct mail_folder *f, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *w = NULL;
	int result = message_writer_new(&w, p->state, err);
	bool all = !f->before;

	for (size_t i = 0; result == 0 && i < f->n; i++) {
		const struct mail_message *m = &f->rows[i];
		const struct known_message *k;

		all = all && m->offset != MBOXLOOK_LEDGER;
		if (m->offset == MBOXLOOK_LEDGER)
			continue;
		k = known_find(&p->known, f->name, m->base);
		p->out->copied += !k;
		p->out->copied_octets += k ? 0 : m->size;
		if (!k || !is_recorded(m, k))
			result = pass_record(p, w, f, m, &m->digest,
			                     m->message_id ? m->message_id : "", err);
	}
	for (size_t i = 0; all && result == 0 && i < p->known.messages_n; i++) {
		const struct known_message *k = &p->known.messages[i];

		if (strcmp(k->folder, f->name) != 0 || mail_folder_find(f, k->base))
			continue;
		p->out->removed++;
		result = message_writer_gone(w, p->account->from->user, k->folder, k->base, err);
	}
	return result;
}

int mboxpass_record(struct pass *p, const struct mail_folder *f, const struct mbox_state *old,
                    const struct mbox_state *new, struct error *err)
{
	const char *user = p->account->from->user;
	struct folder_record folder = {
		.account = user,
		.folder = f->name,
		.uidvalidity = f->uidvalidity,
		.uidnext = f->uidnext,
		.file_size = old->size,
		.file_mtime_ns = old->mtime_ns,
	};

	if (state_begin(p->state, err) < 0)
		return -1;
	if (record_messages(p, f, err) == 0 && folder_put(p->state, &folder, err) == 0 &&
	    mboxes_drop(p->state, user, f->name, err) == 0 &&
	    mboxes_put(p->state, user, MBOXES_OLD, old, false, err) == 0 &&
	    (!new || mboxes_put(p->state, user, MBOXES_NEW, new, false, err) == 0) &&
	    state_commit(p->state, err) == 0)
		return 0;
	state_abandon(p->state);
	return -1;
}

/* ── what the files are now ──────────────────────────────────────────────────────────────────── */

static int put_if_other(struct pass *p, enum mboxes_side side, const struct mbox_states *known,
                        const struct mbox_state *now, struct error *err)
{
	const struct mbox_state *k = mbox_states_find(known, now->folder);

	if (k && k->settled == now->settled && mbox_state_is_same(k, now))
		return 0;
	return mboxes_put(p->state, p->account->from->user, side, now, false, err);
}

/* Times that changed and octets that did not, and files that are settled by now. */
static int record_times(struct mboxpass *m, struct error *err)
{
	struct pass *p = m->p;

	for (size_t i = 0; i < m->old.n; i++) {
		const struct mbox_state *old = &m->old.rows[i];
		const struct mail_folder *f = mail_listing_find(&p->old, old->folder);

		if (f && mboxpass_is_unchanged(m, f, mail_listing_find(&p->new, old->folder)) &&
		    (put_if_other(p, MBOXES_OLD, &m->known_old, old, err) < 0 ||
		     put_if_other(p, MBOXES_NEW, &m->known_new,
		                  mbox_states_find(&m->new, old->folder), err) < 0))
			return -1;
	}
	return 0;
}

/* New's files that were replaced are read once more: they have the sum of what was sent, or the
 * next pass brings them again. */
static int record_written(struct mboxpass *m, struct error *err)
{
	AUTO_MAIL_LISTING struct mail_listing listing = { 0 };
	AUTO_MBOX_STATES struct mbox_states known = { 0 }, now = { 0 };
	struct pass *p = m->p;

	for (size_t i = 0; i < m->new.n; i++)
		if (!strings_has(&m->written, m->new.rows[i].folder))
			mbox_states_add(&known, &m->new.rows[i]);
	for (size_t i = 0; i < m->written.n; i++) {
		struct mbox_state state = *mbox_states_find(&m->old, m->written.rows[i]);

		state.settled = false;
		state.from = 0;
		mbox_states_add(&known, &state);
	}
	if (m->written.n &&
	    mailbox_mbox_scan(p->new_host, p->account->to, false, &known, &listing, &now, err) < 0)
		return -1;
	for (size_t i = 0; i < m->written.n; i++) {
		const struct mbox_state *sent = mbox_states_find(&m->old, m->written.rows[i]);
		const struct mbox_state *is = mbox_states_find(&now, m->written.rows[i]);

		if (is && is->size == sent->size && mbox_sum_equal(&is->sum, &sent->sum) &&
		    mboxes_put(p->state, p->account->from->user, MBOXES_NEW, is, false, err) < 0)
			return -1;
	}
	return 0;
}

int mboxpass_record_states(struct mboxpass *m, struct error *err)
{
	if (m->p->options->dry_run)
		return 0;
	if (state_begin(m->p->state, err) < 0)
		return -1;
	if (record_times(m, err) == 0 && record_written(m, err) == 0 &&
	    state_commit(m->p->state, err) == 0)
		return 0;
	state_abandon(m->p->state);
	return -1;
}
