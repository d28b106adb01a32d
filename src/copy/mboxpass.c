/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mboxpass -- mbox accounts: a file a folder.
 *
 * What each file was at the end of the last pass is recorded for both sides (mail/mboxstate.h). One
 * that is still that is not read. When old's has only grown, the tail travels and is put at the end
 * of new's file in place; else all of it travels, and replaces new's by rename. What is at the front
 * of new's file is never taken for granted: the record is made from the file itself, when it is
 * durable, and has the sum of the octets that were sent.
 */

#include "copy/mboxpass.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a tail lies on new until it is at the end of its file; an INBOX without a folder directory
 * has a name of its own for it, since others lie beside it. */
#define TAIL_PATH ".mailhaul-tail"
#define LOOKS_MAX 5u

struct incoming {
	struct pass *p;
	struct mailbox_writer *writer;
	struct mailbox_file file;
	uint64_t octets;
};

static int begin(void *context, size_t index, const struct mail_message *now, struct span from_line,
                 struct error *err)
{
	struct incoming *in = context;

	in->file.mode = now->mode;
	in->file.mtime_ns = now->mtime_ns;
	return mailbox_put_file(in->writer, &in->file, err);
}

static int bytes(void *context, size_t index, struct span content, struct error *err)
{
	struct incoming *in = context;

	in->octets += content.n;
	return mailbox_put_bytes(in->writer, content, err);
}

static int done(void *context, size_t index, const struct digest *digest, struct span message_id,
                struct error *err)
{
	struct incoming *in = context;

	return mailbox_put_done(in->writer, digest, err);
}

static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	*err = *why;
	return -1;
}

/* Where the folder's file lies on new: *root is owned by the caller. */
static void target_of(const struct mailbox_account *to, const char *folder, char **root,
                      const char **path)
{
	const char *slash;

	if (*folder) {
		*root = xstrdup(to->root);
		*path = folder;
		return;
	}
	slash = strrchr(to->inbox, '/');
	*root = xstrndup(to->inbox, slash > to->inbox ? (size_t)(slash - to->inbox) : 1);
	*path = slash + 1;
}

struct tail {
	struct mailbox_account to; /* borrowed, but for its root */
	char *root, *path;         /* owned */
};

static void tail_fini(struct tail *t)
{
	free(t->root);
	free(t->path);
}
#define AUTO_TAIL __attribute__((cleanup(tail_fini)))

static struct tail tail_of(const struct mailbox_account *to)
{
	struct tail t = { .to = *to };
	const char *name;

	if (*to->root) {
		t.root = xstrdup(to->root);
		t.path = xstrdup(TAIL_PATH);
	} else {
		const struct digest digest = digest_of(span_of(to->inbox));
		char hex[2 * DIGEST_SIZE + 1];

		target_of(to, "", &t.root, &name);
		t.path = xasprintf("%s-%.16s", TAIL_PATH, digest_text(hex, &digest));
	}
	t.to.root = t.root;
	return t;
}

/* Messages on new that neither old nor an earlier pass had: a replaced file would lose them. */
static bool has_extra(struct pass *p, const struct mail_folder *f, const struct mail_folder *there)
{
	size_t before = p->out->extra.n;

	for (size_t i = 0; there && i < there->n; i++) {
		const struct mail_message *m = &there->rows[i];
		AUTO_BUF struct buf words = { 0 };

		if ((f && mail_folder_find(f, m->base)) ||
		    known_find(&p->known, there->name, m->base))
			continue;
		mail_folder_title(there->name, &words);
		buf_addf(&words, "/%s", m->base);
		strings_add(&p->out->extra, buf_text(&words));
	}
	return p->out->extra.n > before;
}

static void drop_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

/* pass_files() brings old's index files, if there are any; see store/files.h. */
static bool has_index(const struct pass *p, const char *folder)
{
	const char *slash = strrchr(folder, '/');
	AUTO_FREE char *directory = *folder ? xasprintf("%.*s.imap/%s/",
	                                                slash ? (int)(slash - folder) + 1 : 0,
	                                                folder, slash ? slash + 1 : folder)
	                                    : xstrdup(".imap/INBOX/");

	for (size_t i = 0; i < p->old.files_n; i++)
		if (!strncmp(p->old.files[i].path, directory, strlen(directory)))
			return true;
	return false;
}

static int drop_indexes(struct pass *p, const char *folder, struct error *err)
{
	AUTO_MAILBOX_CHANGES struct mailbox_changes changes = {
		.h = p->new_host, .account = p->account->to, .context = p, .failed = drop_failed
	};

	if (has_index(p, folder))
		return 0;
	if (mailbox_drop_indexes(&changes, folder, err) < 0)
		return -1;
	return mailbox_changes_send(&changes, err);
}

static int fetch(struct pass *p, const struct mbox_state *old, uint64_t keep, struct incoming *in,
                 struct error *err)
{
	const struct mailbox_reader reader = { in, begin, bytes, done, failed };

	in->p = p;
	in->file.uid = p->account->to->uid;
	in->file.gid = p->account->to->gid;
	return mailbox_mbox_fetch(p->old_host, p->account->from, old, keep, &reader, err);
}

/* All of it, beside the old file and then in its place. */
static int replace_file(struct mboxpass *m, const struct mail_folder *f,
                        const struct mbox_state *old, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(m->p->new_host);
	struct incoming in = { .writer = writer };
	AUTO_FREE char *root = NULL;

	target_of(m->p->account->to, f->name, &root, &in.file.path);
	in.file.root = root;
	if (fetch(m->p, old, 0, &in, err) < 0 || drop_indexes(m->p, f->name, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0 || drop_indexes(m->p, f->name, err) < 0)
		return -1;
	m->p->progress.octets += in.octets;
	strings_add(&m->written, f->name);
	return mboxpass_record(m->p, f, old, NULL, err);
}

/* The tail, durable beside it first; then in place. */
static int grow_file(struct mboxpass *m, const struct mail_folder *f, const struct mbox_state *old,
                     const struct mbox_state *new, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(m->p->new_host);
	struct incoming in = { .writer = writer };
	AUTO_TAIL struct tail tail = tail_of(m->p->account->to);
	struct mbox_state grown = { 0 };

	in.file.root = tail.root;
	in.file.path = tail.path;
	if (fetch(m->p, old, new->size, &in, err) < 0 || mailbox_commit(writer, NULL, err) < 0 ||
	    mboxes_put(m->p->state, m->p->account->from->user, MBOXES_NEW, new, true, err) < 0 ||
	    drop_indexes(m->p, f->name, err) < 0 ||
	    mailbox_mbox_grow(m->p->new_host, &tail.to, new, tail.path, old->mtime_ns, false,
	                      &grown, err) < 0 ||
	    drop_indexes(m->p, f->name, err) < 0)
		return -1;
	grown.folder = f->name;
	grown.sum = old->sum;
	grown.settled = mbox_state_settles(&grown, grown.ctime_ns);
	m->p->progress.octets += in.octets;
	return mboxpass_record(m->p, f, old, &grown, err);
}

/* New's file is, octet by octet, what we left there. */
static bool is_ours(const struct mboxpass *m, const char *folder)
{
	const struct mbox_state *new = mbox_states_find(&m->new, folder);
	const struct mbox_state *known = mbox_states_find(&m->known_new, folder);

	return new &&known &&new->size == known->size &&new->from == new->size;
}

/* And old's begins with the same. */
static bool has_grown(const struct mboxpass *m, const char *folder)
{
	const struct mbox_state *old = mbox_states_find(&m->old, folder);
	const struct mbox_state *new = mbox_states_find(&m->new, folder);
	const struct mbox_state *known = mbox_states_find(&m->known_old, folder);

	return is_ours(m, folder) && old && known && known->size == new->size &&
	       old->from == known->size;
}

static int bring_file(struct mboxpass *m, const struct mail_folder *f, struct error *err)
{
	const struct mbox_state *old = mbox_states_find(&m->old, f->name);
	const struct mbox_state *new = mbox_states_find(&m->new, f->name);
	struct pass *p = m->p;
	int result;

	if (!old)
		return 0; /* it could not be looked at: told already */
	if (has_grown(m, f->name)) {
		p->progress.total_octets += old->size - new->size;
		result = grow_file(m, f, old, new, err);
	} else {
		p->progress.total_octets += old->size;
		result = replace_file(m, f, old, err);
	}
	if (result < 0 && err->sys_errno == ENOENT && err->scope == ERROR_SCOPE_MAILBOX) {
		p->out->vanished += f->before + f->n;
		return 0;
	}
	return result;
}

bool mboxpass_is_unchanged(const struct mboxpass *m, const struct mail_folder *f,
                           const struct mail_folder *there)
{
	const struct mbox_state *old = mbox_states_find(&m->old, f->name);

	if (!old)
		return there != NULL;
	return has_grown(m, f->name) && old->from == old->size && there &&
	       there->mtime_ns == f->mtime_ns;
}

static void count_dry(struct pass *p, const struct mail_folder *f, const struct mail_folder *there)
{
	for (size_t i = 0; i < f->n; i++) {
		if (there && mail_folder_find(there, f->rows[i].base))
			continue;
		p->out->copied++;
		p->out->copied_octets += f->rows[i].size;
	}
}

static int pass_folder(struct mboxpass *m, const struct mail_folder *f, struct error *err)
{
	struct pass *p = m->p;
	const struct mail_folder *there = mail_listing_find(&p->new, f->name);

	if (mboxpass_is_unchanged(m, f, there)) {
		p->out->unchanged += f->before + f->n;
		return 0;
	}
	if (!is_ours(m, f->name) && has_extra(p, f, there)) {
		pass_skip(
			p, f->name, "",
			"the file on the new host holds mail that is not from the old one; it was "
			"not replaced");
		return 0;
	}
	p->out->folders_made += !there;
	if (p->options->dry_run) {
		count_dry(p, f, there);
		return 0;
	}
	p->progress.total_messages += f->n - (there && there->n < f->n ? there->n : 0);
	if (bring_file(m, f, err) < 0)
		return -1;
	p->progress.messages = p->progress.total_messages;
	if (p->options->progress)
		p->options->progress(p->options->context, &p->progress);
	return 0;
}

static int record_gone(struct pass *p, const char *folder, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *w = NULL;
	const char *user = p->account->from->user;
	int result = state_begin(p->state, err);

	if (result == 0)
		result = message_writer_new(&w, p->state, err);
	for (size_t i = 0; result == 0 && i < p->known.messages_n; i++) {
		const struct known_message *k = &p->known.messages[i];

		if (!strcmp(k->folder, folder)) {
			p->out->removed++;
			result = message_writer_gone(w, user, folder, k->base, err);
		}
	}
	if (result == 0)
		result = folder_put(
			p->state,
			&(struct folder_record){ .account = user, .folder = folder, .gone = true },
			err);
	if (result == 0)
		result = mboxes_drop(p->state, user, folder, err);
	if (result == 0)
		result = state_commit(p->state, err);
	if (result < 0)
		state_abandon(p->state);
	return result;
}

/* A folder that old removed. */
static int pass_gone(struct pass *p, const struct mail_folder *there, struct error *err)
{
	AUTO_MAILBOX_CHANGES struct mailbox_changes changes = {
		.h = p->new_host, .account = p->account->to, .context = p, .failed = drop_failed
	};

	if (has_extra(p, NULL, there) || !*there->name ||
	    !known_find_folder(&p->known, there->name))
		return 0;
	p->out->folders_removed++;
	if (p->options->dry_run)
		return 0;
	if (mailbox_drop_indexes(&changes, there->name, err) < 0 ||
	    mailbox_remove_file(&changes, MAIL_PLACE_ROOT, there->name, err) < 0 ||
	    mailbox_changes_send(&changes, err) < 0)
		return -1;
	return record_gone(p, there->name, err);
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

/* What was asked for is read, whatever has happened, or it would be taken for the answer to something
 * else. */
static int collect(struct mboxpass *m, struct mboxlook_counts *counts, struct error *err)
{
	const struct copy_account *a = m->p->account;
	struct error later = { 0 };
	struct pass *p = m->p;
	int new, old, known = 0;

	if (mboxlook_ask(p->old_host, a->from, false, &m->known_old, err) < 0)
		return -1;
	new = mboxlook_ask(p->new_host, a->to, false, &m->known_new, err);
	/* while both hosts read, the ledger is */
	if (new < 0 ||
	    known_load_others(&p->known, p->state, a->from->user, MESSAGES_PRESENT, err) < 0 ||
	    mboxlook_count(p, counts, err) < 0)
		known = -1;
	old = mboxlook_collect(p->old_host, a->from, &p->old, &m->old, known < 0 ? &later : err);
	if (new == 0)
		new = mboxlook_collect(p->new_host, a->to, &p->new, &m->new,
		                       known < 0 || old < 0 ? &later : err);
	return known < 0 || old < 0 || new < 0 ? -1 : 0;
}

/* No file was touched but by appending to it on old: there is no message to be compared. */
static bool have_only_grown(const struct mboxpass *m)
{
	const struct pass *p = m->p;

	if (p->old.troubles.n || p->new.troubles.n || p->old.folders_n != p->new.folders_n ||
	    p->old.folders_n != m->known_old.n)
		return false;
	for (size_t i = 0; i < p->old.folders_n; i++)
		if (!has_grown(m, p->old.folders[i].name))
			return false;
	return true;
}

static int look(struct mboxpass *m, struct error *err)
{
	AUTO_MBOXLOOK_COUNTS struct mboxlook_counts counts = { 0 };
	struct pass *p = m->p;

	if (collect(m, &counts, err) < 0)
		return -1;
	if (have_only_grown(m))
		return mboxlook_put_counts(p, &counts, &p->old, err) < 0
		               ? -1
		               : mboxlook_put_counts(p, &counts, &p->new, err);
	if (known_load(&p->known, p->state, p->account->from->user, MESSAGES_PRESENT, err) < 0)
		return -1;
	mboxlook_complete(p, &m->known_old, NULL, NULL, &p->old, &m->old);
	mboxlook_complete(p, &m->known_new, NULL, NULL, &p->new, &m->new);
	return 0;
}

static int load(struct mboxpass *m, struct error *err)
{
	const char *user = m->p->account->from->user;

	mbox_states_fini(&m->known_old);
	mbox_states_fini(&m->known_new);
	mbox_states_fini(&m->growing);
	if (mboxes_load(m->p->state, user, MBOXES_OLD, &m->known_old, NULL, err) < 0)
		return -1;
	return mboxes_load(m->p->state, user, MBOXES_NEW, &m->known_new, &m->growing, err);
}

/* What we were killed in the middle of would look like mail that new took by itself. */
static int undo_growing(struct mboxpass *m, struct error *err)
{
	AUTO_TAIL struct tail tail = tail_of(m->p->account->to);
	struct mbox_state ignored;

	for (size_t i = 0; i < m->growing.n && !m->p->options->dry_run; i++)
		if (mailbox_mbox_grow(m->p->new_host, &tail.to, &m->growing.rows[i], tail.path, 0,
		                      true, &ignored, err) < 0 &&
		    err->sys_errno != ENOENT)
			return -1;
	return 0;
}

static int bring_all(struct mboxpass *m, struct error *err)
{
	struct pass *p = m->p;

	for (size_t i = 0; i < p->old.folders_n; i++)
		if (pass_folder(m, &p->old.folders[i], err) < 0)
			return -1;
	for (size_t i = 0; i < p->new.folders_n; i++)
		if (!mail_listing_find(&p->old, p->new.folders[i].name) &&
		    pass_gone(p, &p->new.folders[i], err) < 0)
			return -1;
	return 0;
}

static void tell_troubles(struct pass *p)
{
	for (size_t i = 0; i < p->old.troubles.n; i++)
		strings_add(&p->out->skipped, p->old.troubles.rows[i]);
	for (size_t i = 0; i < p->old.notes.n; i++)
		strings_add(&p->out->notes, p->old.notes.rows[i]);
	p->out->old_messages += mail_listing_messages(&p->old, &p->out->old_octets);
}

/* A file that changes between the look and the copy is looked at again. */
static int run(struct mboxpass *m, struct error *err)
{
	for (unsigned i = 1;; i++) {
		uint64_t unchanged = m->p->out->unchanged;

		if (load(m, err) < 0 || (i == 1 && undo_growing(m, err) < 0) || look(m, err) < 0)
			return -1;
		if (bring_all(m, err) == 0)
			break;
		if (err->sys_errno != ESTALE || i == LOOKS_MAX)
			return pass_explain(m->p, 0, err);
		m->p->out->unchanged = unchanged;
	}
	tell_troubles(m->p);
	return mboxpass_record_states(m, err);
}

int pass_mbox(struct pass *p, struct error *err)
{
	struct mboxpass m = { .p = p };
	int result = run(&m, err);

	mbox_states_fini(&m.known_old);
	mbox_states_fini(&m.known_new);
	mbox_states_fini(&m.growing);
	mbox_states_fini(&m.old);
	mbox_states_fini(&m.new);
	strings_fini(&m.written);
	return result;
}
