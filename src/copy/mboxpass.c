/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mboxpass -- mbox accounts: a file a folder. A file whose size and time are the same on both sides
 * is left alone; of one that grew, the tail travels, if what we brought before is still its
 * beginning (by digest); else all of it. The new file replaces the old one by rename.
 */

#include "base/memory.h"
#include "copy/pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct incoming {
	struct pass *p;
	struct mailbox_writer *writer;
	const struct mail_folder *f;
	struct mailbox_file file;
	struct digest digest;
	uint64_t size, octets;
	bool arrived;
};

static int begin(void *context, size_t index, const struct mail_message *now, struct span from_line,
                 struct error *err)
{
	struct incoming *in = context;

	in->file.keep = now->offset;
	in->file.mode = now->mode;
	in->file.mtime_ns = now->mtime_ns;
	in->size = now->size;
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

	in->digest = *digest;
	in->arrived = true;
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

static void free_digests(struct transfer_digest *digests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(digests[i].message_id);
	free(digests);
}

/* The ledger's rows of the folder's messages; Message-IDs of new ones are asked for. */
static int record_messages(struct pass *p, const struct mail_folder *f, struct error *err)
{
	AUTO_FREE struct mailbox_wanted *wanted = xcalloc(f->n + 1, sizeof *wanted);
	struct transfer_digest *digests = xcalloc(f->n + 1, sizeof *digests);
	AUTO_MESSAGE_WRITER struct message_writer *w = NULL;
	size_t n = 0, at = 0;
	int result;

	for (size_t i = 0; i < f->n; i++)
		if (!known_find(&p->known, f->name, f->rows[i].base))
			wanted[n++] = (struct mailbox_wanted){ f->name, &f->rows[i] };
	result = transfer_digests(p->old_host, p->account->from, wanted, n, digests, err);
	if (result == 0)
		result = message_writer_new(&w, p->state, err);
	for (size_t i = 0; result == 0 && i < f->n; i++) {
		const struct mail_message *m = &f->rows[i];
		const struct known_message *k = known_find(&p->known, f->name, m->base);
		const char *id = k ? k->message_id : digests[at].message_id;

		at += !k;
		p->out->copied += !k;
		p->out->copied_octets += k ? 0 : m->size;
		result = pass_record(p, w, f, m, &m->digest, id ? id : "", err);
	}
	for (size_t i = 0; result == 0 && i < p->known.messages_n; i++) {
		const struct known_message *k = &p->known.messages[i];

		if (strcmp(k->folder, f->name) != 0 || mail_folder_find(f, k->base))
			continue;
		p->out->removed++;
		result = message_writer_gone(w, p->account->from->user, k->folder, k->base, err);
	}
	free_digests(digests, f->n + 1);
	return result;
}

static int record(struct pass *p, const struct mail_folder *f, const struct incoming *in,
                  struct error *err)
{
	struct folder_record folder = {
		.account = p->account->from->user,
		.folder = f->name,
		.uidvalidity = f->uidvalidity,
		.uidnext = f->uidnext,
		.file_size = in->size,
		.file_mtime_ns = in->file.mtime_ns,
		.file_digest = in->digest,
	};

	if (state_begin(p->state, err) < 0)
		return -1;
	if (record_messages(p, f, err) == 0 && folder_put(p->state, &folder, err) == 0 &&
	    state_commit(p->state, err) == 0)
		return 0;
	state_abandon(p->state);
	return -1;
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

static int bring_file(struct pass *p, const struct mail_folder *f, const struct mail_folder *there,
                      struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	const struct known_folder *k = known_find_folder(&p->known, f->name);
	const struct mailbox_account *to = p->account->to;
	struct incoming in = { .p = p, .writer = writer, .f = f };
	const struct mailbox_reader reader = { &in, begin, bytes, done, failed };
	AUTO_FREE char *root = NULL;
	uint64_t keep = 0;
	int result;

	target_of(to, f->name, &root, &in.file.path);
	in.file.root = root;
	in.file.uid = to->uid;
	in.file.gid = to->gid;
	/* only what we know to be on new, octet by octet, may be its beginning */
	if (k && there && there->size == k->file_size && there->mtime_ns == k->file_mtime_ns)
		keep = k->file_size;
	p->progress.total_octets += f->size - (keep < f->size ? keep : f->size);
	p->progress.total_messages += f->n - (there && there->n < f->n ? there->n : 0);
	result = mailbox_mbox_fetch(p->old_host, p->account->from, f->name, keep,
	                            k ? &k->file_digest : NULL, &reader, err);
	if (result < 0 && err->sys_errno == ENOENT) {
		p->out->vanished += f->n;
		return 0;
	}
	if (result < 0 || drop_indexes(p, f->name, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0 || drop_indexes(p, f->name, err) < 0)
		return -1;
	p->progress.messages = p->progress.total_messages;
	p->progress.octets += in.octets;
	return record(p, f, &in, err);
}

static int pass_folder(struct pass *p, const struct mail_folder *f, struct error *err)
{
	const struct mail_folder *there = mail_listing_find(&p->new, f->name);
	const struct known_folder *k = known_find_folder(&p->known, f->name);
	bool extra = has_extra(p, f, there);

	if (there && k && !k->gone && there->size == f->size && there->mtime_ns == f->mtime_ns &&
	    k->file_size == f->size && k->file_mtime_ns == f->mtime_ns) {
		p->out->unchanged += f->n;
		return 0;
	}
	if (extra) {
		pass_skip(
			p, f->name, "",
			"the file on the new host holds mail that is not from the old one; it was "
			"not replaced");
		return 0;
	}
	p->out->folders_made += !there;
	if (!p->options->dry_run) {
		if (bring_file(p, f, there, err) < 0)
			return pass_explain(p, f->size, err);
		if (p->options->progress)
			p->options->progress(p->options->context, &p->progress);
		return 0;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (there && mail_folder_find(there, f->rows[i].base))
			continue;
		p->out->copied++;
		p->out->copied_octets += f->rows[i].size;
	}
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

int pass_mbox(struct pass *p, struct error *err)
{
	for (size_t i = 0; i < p->old.folders_n; i++)
		if (pass_folder(p, &p->old.folders[i], err) < 0)
			return -1;
	for (size_t i = 0; i < p->new.folders_n; i++)
		if (!mail_listing_find(&p->old, p->new.folders[i].name) &&
		    pass_gone(p, &p->new.folders[i], err) < 0)
			return -1;
	return 0;
}
