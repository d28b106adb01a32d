/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/pass.h"

#include "base/memory.h"
#include "state/coming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pass_skip(struct pass *p, const char *folder, const char *name, const char *why)
{
	AUTO_BUF struct buf words = { 0 };

	mail_folder_title(folder, &words);
	if (*name) {
		buf_add_char(&words, '/');
		buf_add_printable(&words, span_of(name));
	}
	buf_addf(&words, ": %s", why);
	strings_add(&p->out->skipped, buf_text(&words));
}

int pass_explain(struct pass *p, uint64_t octets, struct error *err)
{
	struct host_space space = { 0 };
	char need[16], has[16];
	struct error ignored = { 0 };

	if (err->sys_errno != ENOSPC && err->sys_errno != EDQUOT)
		return -1;
	if (host_space(p->new_host, p->account->to->root, &space, &ignored) < 0)
		return -1;
	text_size(need, octets);
	text_size(has, space.free_octets);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, err->sys_errno,
	          "host %s: no room in %s: this pass still needs %s, %s and %llu files are free",
	          host_name(p->new_host), p->account->to->root, need, has,
	          (unsigned long long)space.free_inodes);
	return error_hint(err, "make room there, then give the same command again; it goes on "
	                       "where it stopped");
}

int pass_record(struct pass *p, struct message_writer *w, const struct mail_folder *f,
                const struct mail_message *m, const struct digest *digest, const char *message_id,
                struct error *err)
{
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };

	mail_message_flags(m, &flags);
	mail_message_keywords(f, m, &keywords);
	return message_writer_put(w,
	                          &(struct message_record){
					  .account = p->account->from->user,
					  .folder = f->name,
					  .base = m->base,
					  .uid = m->uid,
					  .size = m->size,
					  .mtime_ns = m->mtime_ns,
					  .in_new = m->in_new,
					  .flags = buf_text(&flags),
					  .keywords = buf_text(&keywords),
					  .message_id = message_id,
					  .digest = *digest,
				  },
	                          err);
}

void pass_take_arrival(const struct transfer_row *row, const struct mail_message *now)
{
	struct pass *p = row->owner;
	struct mail_folder *f = mail_listing_find(&p->old, row->folder);
	struct mail_message *m = &f->rows[row->m - f->rows];

	if (f->origin)
		return;
	m->in_new = now->in_new;
	m->inode = now->inode;
	m->size = now->size;
	free(m->suffix);
	m->suffix = xstrdup(now->suffix);
}

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

int pass_record_gone(struct pass *p, struct message_writer *w, struct error *err)
{
	const char *user = p->account->from->user;

	for (size_t i = 0; i < p->known.messages_n; i++) {
		const struct known_message *k = &p->known.messages[i];
		const struct mail_folder *f = mail_listing_find(&p->old, k->folder);

		if ((!f || !mail_folder_find(f, k->base)) &&
		    message_writer_gone(w, user, k->folder, k->base, err) < 0)
			return -1;
	}
	return 0;
}

int pass_record_gone_folders(struct pass *p, struct error *err)
{
	const char *user = p->account->from->user;

	for (size_t i = 0; i < p->known.folders_n; i++) {
		const struct known_folder *k = &p->known.folders[i];

		if (!k->gone && !mail_listing_find(&p->old, k->folder) &&
		    folder_put(p->state,
		               &(struct folder_record){
				       .account = user, .folder = k->folder, .gone = true },
		               err) < 0)
			return -1;
	}
	return 0;
}

static int record_folders(struct pass *p, struct error *err)
{
	const char *user = p->account->from->user;

	for (size_t i = 0; i < p->old.folders_n; i++) {
		const struct mail_folder *f = &p->old.folders[i];
		const struct known_folder *k = known_find_folder(&p->known, f->name);

		if (k && !k->gone && k->uidvalidity == f->uidvalidity && k->uidnext == f->uidnext)
			continue;
		if (folder_put(p->state,
		               &(struct folder_record){ .account = user,
		                                        .folder = f->name,
		                                        .uidvalidity = f->uidvalidity,
		                                        .uidnext = f->uidnext },
		               err) < 0)
			return -1;
	}
	return pass_record_gone_folders(p, err);
}

static void change_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

int pass_compare(struct pass *p, struct error *err)
{
	struct plan plan = { .p = p };
	int result;

	p->changes = (struct mailbox_changes){
		.h = p->new_host,
		.account = p->account->to,
		.later = true,
		.context = p,
		.failed = change_failed,
	};
	p->failures = p->out->skipped.n;
	p->vanished = p->out->vanished;
	result = pass_plan(&plan, err);
	free(plan.doubtful);
	return result;
}

static int record_noted(struct pass *p, struct message_writer *ledger, struct error *err)
{
	for (size_t i = 0; i < p->noted_n; i++) {
		const struct pass_noted *n = &p->noted[i];

		if (pass_record(p, ledger, n->f, n->m, &n->digest, n->message_id, err) < 0)
			return -1;
	}
	return 0;
}

int pass_compare_record(struct pass *p, struct message_writer *ledger, struct error *err)
{
	if (record_noted(p, ledger, err) < 0)
		return -1;
	/* what could not be removed, or made whole, is for the next pass */
	if (p->out->skipped.n > p->failures)
		return 0;
	if (pass_record_gone(p, ledger, err) < 0 || record_folders(p, err) < 0)
		return -1;
	/* and so is what went away on old while it was looked at, and may lie on new */
	if (!p->known.coming_n || p->out->vanished > p->vanished)
		return 0;
	return coming_settled(p->state, p->account->from->user, err);
}

int pass_ask(struct pass *p, struct error *err)
{
	const struct mailbox_agreed old = { p->agreed.folders, p->agreed.n, false, p->old_same,
		                            false };
	const struct mailbox_agreed new = { p->agreed.folders, p->agreed.n, true, p->new_same,
		                            !p->with_names };

	p->by_names = p->agreed.n && !p->new_same && !p->with_names;
	if (mailbox_scan_send(p->old_host, p->account->from, &old, err) < 0)
		return -1;
	return mailbox_scan_send(p->new_host, p->account->to, &new, err);
}

static int collect(struct pass *p, struct error *err)
{
	struct error why = { 0 };
	int old = mailbox_scan_collect(p->old_host, p->account->from, &p->old, err);
	int new = mailbox_scan_collect(p->new_host, p->account->to, &p->new, &why);

	if (old < 0)
		return -1;
	if (new < 0 && why.sys_errno != ENOENT) {
		*err = why;
		return -1;
	}
	return 0;
}

int pass_look(struct pass *p, bool *again, struct error *err)
{
	const char *user = p->account->from->user;
	uint64_t octets;
	int agreed = 0;

	*again = false;
	if (collect(p, err) < 0)
		return -1;
	if (p->agreed.n) {
		agreed = agreed_complete(p, err);
		*again = agreed == 0;
		if (agreed <= 0)
			return agreed;
	}
	for (size_t i = 0; i < p->old.troubles.n; i++)
		strings_add(&p->out->skipped, p->old.troubles.rows[i]);
	for (size_t i = 0; i < p->old.notes.n; i++)
		strings_add(&p->out->notes, p->old.notes.rows[i]);
	p->out->old_messages += mail_listing_messages(&p->old, &octets);
	p->out->old_octets += octets;
	if (!agreed && known_load(&p->known, p->state, user, MESSAGES_PRESENT, err) < 0)
		return -1;
	return known_load_coming(&p->known, p->state, user, err);
}

void pass_fini(struct pass *p)
{
	mail_listing_fini(&p->old);
	mail_listing_fini(&p->new);
	known_fini(&p->known);
	agreed_fini(&p->agreed);
	strings_fini(&p->listed);
	mailbox_changes_fini(&p->changes);
	for (size_t i = 0; i < p->noted_n; i++)
		free(p->noted[i].message_id);
	free(TAKE(p->noted));
	free(TAKE(p->uidlists));
	p->uidlists_n = p->uidlists_room = 0;
	p->noted_n = p->noted_room = 0;
	pass_files_free(TAKE(p->files));
}
