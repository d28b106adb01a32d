/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/pass.h"

#include "base/clock.h"
#include "base/memory.h"

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

int pass_explain(struct pass *p, struct error *err)
{
	const struct copy_progress *at = &p->progress;
	struct host_space space = { 0 };
	char need[16], has[16];
	struct error ignored = { 0 };

	if (err->sys_errno != ENOSPC && err->sys_errno != EDQUOT)
		return -1;
	if (host_space(p->new_host, p->account->to->root, &space, &ignored) < 0)
		return -1;
	text_size(need, at->total_octets > at->octets ? at->total_octets - at->octets : 0);
	text_size(has, space.free_octets);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, err->sys_errno,
	          "host %s: no room in %s: mail of %s still needs %s, %s and %llu files are free",
	          host_name(p->new_host), p->account->to->root, p->account->from->user, need, has,
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

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

/* The ledger's rows of what is not on old any more. */
static int record_gone(struct pass *p, struct message_writer *w, struct error *err)
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

static void change_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

/* Changes on new, then the same in the ledger: killed in between, the next pass finds it done. */
static int plan_and_change(struct pass *p, struct error *err)
{
	struct plan plan = {
		.p = p,
		.changes = { .h = p->new_host,
		             .account = p->account->to,
		             .context = p,
		             .failed = change_failed },
	};
	int result = -1;

	if (p->options->dry_run) {
		result = pass_plan(&plan, err);
	} else if (state_begin(p->state, err) == 0) {
		if (message_writer_new(&plan.ledger, p->state, err) == 0 &&
		    pass_plan(&plan, err) == 0 && mailbox_changes_send(&plan.changes, err) == 0 &&
		    record_gone(p, plan.ledger, err) == 0 && record_folders(p, err) == 0 &&
		    state_commit(p->state, err) == 0)
			result = 0;
		else
			state_abandon(p->state);
	}
	mailbox_changes_fini(&plan.changes);
	message_writer_free(plan.ledger);
	free(plan.doubtful);
	return result;
}

static int arrived(void *context, const struct transfer_arrival *arrivals, size_t n,
                   struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;
	struct pass *p = context;
	int result = state_begin(p->state, err);

	if (result == 0)
		result = message_writer_new(&ledger, p->state, err);
	for (size_t i = 0; result == 0 && i < n; i++) {
		const struct transfer_row *row = &p->rows[arrivals[i].index];
		struct mail_message now = *arrivals[i].now;

		now.uid = row->m->uid;
		result = pass_record(p, ledger, row->f, &now, &arrivals[i].digest,
		                     arrivals[i].message_id, err);
		p->out->copied++;
		p->out->copied_octets += now.size;
		p->progress.messages++;
		p->progress.octets += now.size;
	}
	if (result == 0)
		result = state_commit(p->state, err);
	if (result < 0)
		state_abandon(p->state);
	else if (p->options->progress)
		p->options->progress(p->options->context, &p->progress);
	return result;
}

static void not_read(void *context, const struct transfer_row *row, const struct error *why)
{
	struct pass *p = context;

	if (why->sys_errno == ENOENT)
		p->out->vanished++;
	else
		pass_skip(p, row->folder, row->m->base, why->text);
}

static int travel(struct pass *p, struct error *err)
{
	struct transfer t = {
		.from_host = p->old_host,
		.to_host = p->new_host,
		.from = p->account->from,
		.to = p->account->to,
		.rows = p->rows,
		.n = p->rows_n,
		.context = p,
		.arrived = arrived,
		.failed = not_read,
	};

	return transfer_run(&t, err) < 0 ? pass_explain(p, err) : 0;
}

static int row_order(const void *a, const void *b)
{
	const struct mail_message *x = ((const struct transfer_row *)a)->m;
	const struct mail_message *y = ((const struct transfer_row *)b)->m;

	return x < y ? -1 : x > y;
}

/* On new before this pass, or since: rows are sorted by the message they point to. */
static bool is_there(void *context, const struct mail_folder *f, const struct mail_message *m)
{
	struct pass *p = context;
	const struct transfer_row key = { .m = m };
	const struct transfer_row *row = p->rows_n ? bsearch(&key, p->rows, p->rows_n, sizeof key,
	                                                     row_order)
	                                           : NULL;
	const struct mail_folder *new_folder;

	if (row)
		return row->arrived;
	new_folder = mail_listing_find(&p->new, f->name);
	return new_folder && mail_folder_find(new_folder, m->base);
}

static int pass_maildir(struct pass *p, struct error *err)
{
	if (plan_and_change(p, err) < 0)
		return pass_explain(p, err);
	if (p->options->dry_run) {
		p->out->copied = p->progress.total_messages;
		p->out->copied_octets = p->progress.total_octets;
		return 0;
	}
	if (p->options->progress)
		p->options->progress(p->options->context, &p->progress);
	if (travel(p, err) < 0)
		return -1;
	if (p->rows_n)
		qsort(p->rows, p->rows_n, sizeof *p->rows, row_order);
	if (pass_uids(p, is_there, p, err) < 0)
		return pass_explain(p, err);
	return 0;
}

static int scan_both(struct pass *p, struct error *err)
{
	if (mailbox_scan(p->old_host, p->account->from, &p->old, err) < 0)
		return -1;
	for (size_t i = 0; i < p->old.troubles.n; i++)
		strings_add(&p->out->skipped, p->old.troubles.rows[i]);
	for (size_t i = 0; i < p->old.notes.n; i++)
		strings_add(&p->out->notes, p->old.notes.rows[i]);
	if (mailbox_scan(p->new_host, p->account->to, &p->new, err) < 0 && err->sys_errno != ENOENT)
		return -1;
	p->out->old_messages += mail_listing_messages(&p->old, &p->out->old_octets);
	return 0;
}

static int run(struct pass *p, struct error *err)
{
	const struct copy_account *a = p->account;

	if (a->from->format != a->to->format)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "the mailbox has another format on the new host");
	if (known_load(&p->known, p->state, a->from->user, MESSAGES_PRESENT, err) < 0 ||
	    scan_both(p, err) < 0)
		return -1;
	if ((a->from->format == MAILBOX_MBOX ? pass_mbox(p, err) : pass_maildir(p, err)) < 0)
		return -1;
	return pass_files(p, err) < 0 ? pass_explain(p, err) : 0;
}

int copy_pass(struct host *old_host, struct host *new_host, const struct copy_account *account,
              struct state *state, const struct copy_options *options, struct copy_result *out,
              struct error *err)
{
	struct pass p = {
		.old_host = old_host,
		.new_host = new_host,
		.account = account,
		.state = state,
		.options = options,
		.out = out,
		.progress = { .account = account->from->user },
	};
	int64_t began_ms = clock_monotonic_ms();
	int result = run(&p, err);

	if (result < 0)
		error_context(err, "copy %s", account->from->user);
	mail_listing_fini(&p.old);
	mail_listing_fini(&p.new);
	known_fini(&p.known);
	free(p.rows);
	out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}
