/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_pass -- one pass over a mailbox that only IMAP shows; see copy/imap.h. */

#include "copy/imap_pass.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBSCRIPTIONS "subscriptions"
#define SUBSCRIPTIONS_MAX (8u << 20)

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_unchanged(const struct imap_pass *i, const struct imap_folder *f,
                         const struct imap_rows *known)
{
	return f->known && f->answered && !i->p.options->look_everywhere && f->now.modseq &&
	       f->now.modseq == f->was.modseq && f->now.uidvalidity == f->was.uidvalidity &&
	       f->now.uidnext == f->was.uidnext && f->now.messages == f->was.messages &&
	       known->n == f->was.messages;
}

/* As it was brought, so that nothing of it is removed; told. */
static void keep_as_it_was(struct imap_pass *i, struct imap_folder *f, const char *why)
{
	const struct known_folder *k = known_find_folder(&i->p.known, f->path);
	struct imap_rows rows = { 0 };

	pass_skip(&i->p, f->path, "", why);
	f->incomplete = true;
	if (!k || k->gone || !k->uidvalidity)
		return;
	f->now = (struct imap_numbers){ .uidvalidity = k->uidvalidity, .uidnext = k->uidnext };
	imap_rows_known(i, f, k->uidvalidity, &rows);
	imap_dress(i, f, &rows);
	imap_rows_fini(&rows);
}

static void tell_renumbered(struct imap_pass *i, const struct imap_folder *f)
{
	const struct known_folder *k = known_find_folder(&i->p.known, f->path);
	AUTO_BUF struct buf line = { 0 };

	if (!k || k->gone || !k->uidvalidity || k->uidvalidity == f->now.uidvalidity)
		return;
	mail_folder_title(f->path, &line);
	buf_addf(&line,
	         ": the server has numbered it anew (UIDVALIDITY %u instead of %u): taken anew",
	         f->now.uidvalidity, k->uidvalidity);
	strings_add(&i->p.out->notes, buf_text(&line));
}

static int ask_folder(struct imap_pass *i, struct imap_folder *f, struct error *err)
{
	struct imap_patience patience = { 0 };

	for (;;) {
		struct imap_rows rows = { 0 };
		int result = -1;

		if (i->session || imap_pass_open(i, err) == 0)
			result = imap_rows_ask(i, f, &rows, err);
		if (result == 0) {
			tell_renumbered(i, f);
			imap_dress(i, f, &rows);
		}
		imap_rows_fini(&rows);
		if (result == 0)
			return 0;
		if (err->retry == ERROR_RETRY_REACH) {
			imap_session_close(TAKE(i->session));
			i->told->breaks++;
		}
		if (imap_pass_waits(i->source, &patience, err))
			continue;
		if (err->scope != ERROR_SCOPE_MAILBOX || err->retry == ERROR_RETRY_REACH)
			return -1;
		keep_as_it_was(i, f, err->text);
		return 0;
	}
}

static int look_at_folder(struct imap_pass *i, struct imap_folder *f, struct error *err)
{
	struct imap_rows rows = { 0 };
	bool unchanged = false;

	if (!f->selectable || !f->path)
		return 0;
	if (f->known) {
		imap_rows_known(i, f, f->was.uidvalidity, &rows);
		unchanged = is_unchanged(i, f, &rows);
		if (unchanged)
			imap_dress(i, f, &rows);
	}
	imap_rows_fini(&rows);
	if (unchanged)
		return 0;
	i->told->folders_asked++;
	return ask_folder(i, f, err);
}

int imap_pass_load(struct imap_pass *i, struct error *err)
{
	const char *user = i->p.account->from->user;

	if (known_load(&i->p.known, i->p.state, user, MESSAGES_PRESENT, err) < 0)
		return -1;
	return known_load_coming(&i->p.known, i->p.state, user, err);
}

static void forget_folders(struct imap_pass *i)
{
	for (size_t k = 0; k < i->folders_n; k++) {
		free(i->folders[k].name);
		free(i->folders[k].path);
	}
	free(TAKE(i->folders));
	i->folders_n = i->folders_room = 0;
}

/* A host that can't be reached at all is told of at once; a line that breaks is opened again. */
static int list_folders(struct imap_pass *i, struct error *err)
{
	struct imap_patience patience = { 0 };

	for (;;) {
		if (imap_pass_open(i, err) < 0)
			return -1;
		if (imap_pass_folders(i, err) == 0)
			return 0;
		imap_session_close(TAKE(i->session));
		forget_folders(i);
		if (!imap_pass_waits(i->source, &patience, err))
			return -1;
		i->told->breaks++;
	}
}

static int look(struct imap_pass *i, struct error *err)
{
	struct pass *p = &i->p;

	if (imap_pass_load(i, err) < 0)
		return -1;
	if (mailbox_scan(p->new_host, p->account->to, &p->new, err) < 0 && err->sys_errno != ENOENT)
		return -1;
	if (list_folders(i, err) < 0)
		return -1;
	for (size_t k = 0; k < i->folders_n; k++)
		if (look_at_folder(i, &i->folders[k], err) < 0)
			return -1;
	mail_listing_sort(&p->old);
	p->out->old_messages += mail_listing_messages(&p->old, &p->out->old_octets);
	for (size_t k = 0; k < i->strange.n; k++) {
		AUTO_BUF struct buf line = { 0 };

		buf_addf(&line, "flag ");
		buf_add_printable(&line, span_of(i->strange.rows[k]));
		buf_add_text(&line, ": a Maildir has no place for it");
		strings_add(&p->out->notes, buf_text(&line));
	}
	return 0;
}

/* ── bringing ────────────────────────────────────────────────────────────────────────────────── */

/* As long as something of a folder is under way, nothing tells the next pass that all of it came. */
static int forget_changed(struct imap_pass *i, struct error *err)
{
	struct pass *p = &i->p;

	for (size_t k = 0; k < i->folders_n; k++) {
		const struct imap_folder *f = &i->folders[k];

		if (f->known &&
		    (f->incomplete || f->was.uidvalidity != f->now.uidvalidity ||
		     f->was.uidnext != f->now.uidnext || f->was.modseq != f->now.modseq) &&
		    imaps_drop(p->state, p->account->from->user, f->name, err) < 0)
			return -1;
	}
	return 0;
}

/* Changes on new, then the same in the ledger: killed in between, the next pass finds it done. */
static int compare(struct imap_pass *i, struct mailbox_writer *writer, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;
	struct pass *p = &i->p;

	if (p->options->dry_run)
		return pass_compare(p, err);
	if (state_begin(p->state, err) < 0)
		return -1;
	if (forget_changed(i, err) == 0 && message_writer_new(&ledger, p->state, err) == 0 &&
	    pass_compare(p, err) == 0 && mailbox_changes_send(&p->changes, err) == 0 &&
	    pass_compare_record(p, ledger, err) == 0 && mailbox_commit(writer, NULL, err) == 0 &&
	    state_commit(p->state, err) == 0)
		return 0;
	state_abandon(p->state);
	return -1;
}

static int list_uids(struct imap_pass *i, struct mailbox_writer *writer, struct error *err)
{
	struct pass *p = &i->p;

	if (pass_uids_put(p, writer, pass_sort_there(p), p, err) < 0)
		return -1;
	if (!p->listed.n)
		return 0;
	if (mailbox_writer_settle(writer, err) < 0 || pass_uids_drop_indexes(p, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0 || pass_uids_drop_indexes(p, err) < 0)
		return -1;
	return mailbox_commit(writer, NULL, err);
}

/* ── subscriptions ───────────────────────────────────────────────────────────────────────────── */

static int put_subscriptions(struct imap_pass *i, struct mailbox_writer *writer, struct error *err)
{
	const struct mailbox_account *to = i->p.account->to;
	const struct digest digest = digest_of(buf_span(&i->subscriptions));
	const struct mailbox_file file = {
		.root = to->root,
		.path = SUBSCRIPTIONS,
		.mode = 0600,
		.uid = to->uid,
		.gid = to->gid,
		.mtime_ns = clock_wall_ms() * 1000000,
	};

	if (mailbox_put_file(writer, &file, err) < 0 ||
	    mailbox_put_bytes(writer, buf_span(&i->subscriptions), err) < 0 ||
	    mailbox_put_done(writer, &digest, err) < 0)
		return -1;
	return mailbox_commit(writer, NULL, err);
}

static int bring_subscriptions(struct imap_pass *i, struct mailbox_writer *writer,
                               struct error *err)
{
	struct pass *p = &i->p;
	AUTO_FREE char *path = xasprintf("%s/" SUBSCRIPTIONS, p->account->to->root);
	AUTO_BUF struct buf there = { 0 };

	if (host_read(p->new_host, path, SUBSCRIPTIONS_MAX, &there, err) < 0) {
		if (err->sys_errno != ENOENT)
			return -1;
		buf_reset(&there);
	} else if (span_equal(buf_span(&there), buf_span(&i->subscriptions))) {
		return 0;
	}
	p->out->files++;
	return p->options->dry_run ? 0 : put_subscriptions(i, writer, err);
}

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

static bool is_kept(const struct imap_folder *f)
{
	return f->known && f->was.uidvalidity == f->now.uidvalidity &&
	       f->was.uidnext == f->now.uidnext && f->was.messages == f->now.messages &&
	       f->was.modseq == f->now.modseq;
}

/* What the server has said of each folder of which all is on new. */
static int remember(struct imap_pass *i, struct error *err)
{
	struct pass *p = &i->p;
	int result = state_begin(p->state, err);

	for (size_t k = 0; result == 0 && k < i->folders_n; k++) {
		const struct imap_folder *f = &i->folders[k];
		const struct imap_record record = {
			.folder = f->name,
			.uidvalidity = f->now.uidvalidity,
			.uidnext = f->now.uidnext,
			.messages = f->now.messages,
			.modseq = f->now.modseq,
		};

		if (!f->selectable || !f->path || f->incomplete || is_kept(f))
			continue;
		result = imaps_put(p->state, p->account->from->user, &record, err);
	}
	if (result == 0)
		result = state_commit(p->state, err);
	if (result < 0)
		state_abandon(p->state);
	return result;
}

static int run(struct imap_pass *i, struct error *err)
{
	struct pass *p = &i->p;
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	uint64_t vanished = p->out->vanished;

	if (look(i, err) < 0 || imap_pass_doubtful(i, err) < 0 || compare(i, writer, err) < 0)
		return -1;
	if (p->options->dry_run) {
		p->out->copied += p->progress.total_messages;
		p->out->copied_octets += p->progress.total_octets;
		return bring_subscriptions(i, writer, err);
	}
	if (p->rows_n && p->options->progress)
		p->options->progress(p->options->context, &p->progress);
	if (imap_pass_travel(i, err) < 0)
		return pass_explain(p, p->progress.total_octets - p->progress.octets, err);
	if (list_uids(i, writer, err) < 0 || bring_subscriptions(i, writer, err) < 0 ||
	    imap_pass_confirm(i, err) < 0)
		return -1;
	/* expunged while we copied: the next pass looks again */
	return p->out->vanished > vanished ? 0 : remember(i, err);
}

static void fini(struct imap_pass *i)
{
	imap_session_close(i->session);
	forget_folders(i);
	buf_fini(&i->prefix);
	buf_fini(&i->others);
	buf_fini(&i->subscriptions);
	strings_fini(&i->strange);
	free(i->p.rows);
	pass_fini(&i->p);
}

int copy_imap_pass(const struct copy_imap *source, struct host *new_host,
                   const struct copy_account *account, struct state *state,
                   const struct copy_options *options, struct copy_result *out,
                   struct copy_imap_told *told, struct error *err)
{
	struct imap_pass i = {
		.p = { .new_host = new_host,
		       .account = account,
		       .state = state,
		       .options = options,
		       .out = out,
		       .progress = { .account = account->from->user } },
		.source = source,
		.told = told,
	};
	int64_t began_ms = clock_monotonic_ms();
	int result = run(&i, err);

	if (result < 0)
		error_context(err, "copy %s", account->from->user);
	fini(&i);
	out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}
