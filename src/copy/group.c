/* SPDX-License-Identifier: BSD-2-Clause */

/* group -- several accounts in one pass: their listings are asked for ahead, and the disk is waited
 * for once for all of them, not a few times for each. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/convert.h"
#include "copy/subscriptions.h"
#include "state/coming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct group {
	struct pass *passes;
	size_t n;
	struct host *old_host, *new_host;
	struct state *state;
	const struct copy_options *options;
	struct transfer_row *rows; /* owned; those of all accounts */
	size_t rows_n;
	struct copy_progress progress;
};

/* One account that can't be looked at does not keep the others of the group from it. */
static int leave_out(struct group *g, struct pass *p, struct error *err)
{
	error_context(err, "copy %s", p->account->from->user);
	if (g->n == 1 || (err->scope != ERROR_SCOPE_MAILBOX && err->scope != ERROR_SCOPE_MESSAGE))
		return -1;
	strings_add(&p->out->skipped, err->text);
	p->left_out = true;
	return 0;
}

/* Its listings are asked for ahead; pass_mbox() and pass_convert() ask for their own. */
static bool is_maildir(const struct pass *p)
{
	return !p->left_out && p->account->to->format == MAILBOX_MAILDIR;
}

static int check_formats(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (p->account->from->format == p->account->to->format)
			continue;
		error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		          "the mailbox has another format on the new host");
		if (leave_out(g, p, err) < 0)
			return -1;
	}
	return 0;
}

static int ask(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++)
		if (is_maildir(&g->passes[i]) && agreed_load(&g->passes[i], err) < 0)
			return -1;
	for (size_t i = 0; i < g->n; i++)
		if (is_maildir(&g->passes[i]) && pass_ask(&g->passes[i], err) < 0)
			return -1;
	return 0;
}

/* One that can't be looked at by its differences, as a whole. */
static int look_again(struct pass *p, struct error *err)
{
	bool again;

	if (pass_ask(p, err) < 0)
		return -1;
	return pass_look(p, &again, err);
}

static int look(struct group *g, struct error *err)
{
	AUTO_FREE bool *again = xcalloc(g->n, sizeof *again);

	if (check_formats(g, err) < 0 || ask(g, err) < 0)
		return -1;
	for (size_t i = 0; i < g->n; i++) {
		if (!is_maildir(&g->passes[i]) || pass_look(&g->passes[i], &again[i], err) == 0 ||
		    leave_out(g, &g->passes[i], err) == 0)
			continue;
		/* what is still on its way would be taken for answers to later requests */
		while (++i < g->n) {
			struct error ignored = { 0 };

			if (is_maildir(&g->passes[i]))
				(void)!pass_look(&g->passes[i], &again[i], &ignored);
		}
		return -1;
	}
	for (size_t i = 0; i < g->n; i++)
		if (again[i] && look_again(&g->passes[i], err) < 0 &&
		    leave_out(g, &g->passes[i], err) < 0)
			return -1;
	return 0;
}

/* ── what is on new already ──────────────────────────────────────────────────────────────────── */

static int compare_each(struct group *g, struct message_writer *ledger, struct error *err)
{
	for (size_t i = 0; i < g->n; i++)
		if (is_maildir(&g->passes[i]) && pass_compare(&g->passes[i], ledger, err) < 0)
			return error_context(err, "copy %s", g->passes[i].account->from->user);
	return 0;
}

/* Changes on new, then the same in the ledger: killed in between, the next pass finds it done. */
static int compare(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;

	if (g->options->dry_run)
		return compare_each(g, NULL, err);
	if (state_begin(g->state, err) < 0)
		return -1;
	if (message_writer_new(&ledger, g->state, err) == 0 && compare_each(g, ledger, err) == 0 &&
	    mailbox_commit(writer, NULL, err) == 0 && state_commit(g->state, err) == 0)
		return 0;
	state_abandon(g->state);
	return -1;
}

/* ── what travels ────────────────────────────────────────────────────────────────────────────── */

/* Folder by folder, in the order in which a file system is likely to have laid the files down. */
static int disk_order(const void *a, const void *b)
{
	const struct transfer_row *x = a, *y = b;

	if (x->f != y->f)
		return x->f < y->f ? -1 : 1;
	return x->m->inode < y->m->inode ? -1 : x->m->inode > y->m->inode;
}

static void gather_rows(struct group *g)
{
	size_t at = 0;

	for (size_t i = 0; i < g->n; i++)
		g->rows_n += g->passes[i].rows_n;
	g->rows = xcalloc(g->rows_n + 1, sizeof *g->rows);
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (p->rows_n)
			memcpy(g->rows + at, p->rows, p->rows_n * sizeof *p->rows);
		free(p->rows);
		p->rows = g->rows + at;
		if (p->rows_n)
			qsort(p->rows, p->rows_n, sizeof *p->rows, disk_order);
		at += p->rows_n;
		g->progress.total_messages += p->progress.total_messages;
		g->progress.total_octets += p->progress.total_octets;
	}
}

static void show(struct group *g, const struct pass *p)
{
	g->progress.account = p->account->from->user;
	if (g->options->progress)
		g->options->progress(g->options->context, &g->progress);
}

static int record_arrivals(struct group *g, const struct transfer_arrival *arrivals, size_t n,
                           struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;

	if (message_writer_new(&ledger, g->state, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct transfer_row *row = &g->rows[arrivals[i].index];
		struct mail_message now = *arrivals[i].now;
		struct pass *p = row->owner;

		now.uid = row->m->uid;
		if (pass_record(p, ledger, row->f, &now, &arrivals[i].digest,
		                arrivals[i].message_id, err) < 0)
			return -1;
		p->out->copied++;
		p->out->copied_octets += now.size;
		g->progress.messages++;
		g->progress.octets += now.size;
	}
	return 0;
}

/* Killed behind this, the next pass knows what is on new as ours. */
static int leaving(void *context, const struct transfer_arrival *arrivals, size_t n, int64_t *batch,
                   struct error *err)
{
	AUTO_FREE struct coming_name *names = xcalloc(n, sizeof *names);
	struct group *g = context;

	for (size_t i = 0; i < n; i++) {
		const struct transfer_row *row = &g->rows[arrivals[i].index];

		names[i] = (struct coming_name){ row->from->user, row->folder,
			                         arrivals[i].now->base };
	}
	return coming_put(g->state, names, n, batch, err);
}

static int arrived(void *context, const struct transfer_arrival *arrivals, size_t n, int64_t batch,
                   struct error *err)
{
	struct group *g = context;

	if (state_begin(g->state, err) < 0)
		return -1;
	if (record_arrivals(g, arrivals, n, err) < 0 || coming_arrived(g->state, batch, err) < 0 ||
	    state_commit(g->state, err) < 0) {
		state_abandon(g->state);
		return -1;
	}
	show(g, g->rows[arrivals[n - 1].index].owner);
	return 0;
}

static void not_read(void *context, const struct transfer_row *row, const struct error *why)
{
	struct pass *p = row->owner;

	if (why->sys_errno == ENOENT)
		p->out->vanished++;
	else
		pass_skip(p, row->folder, row->m->base, why->text);
}

static int travel(struct group *g, struct error *err)
{
	struct transfer t = {
		.from_host = g->old_host,
		.to_host = g->new_host,
		.rows = g->rows,
		.n = g->rows_n,
		.context = g,
		.leaving = leaving,
		.arrived = arrived,
		.failed = not_read,
	};

	if (!g->rows_n)
		return 0;
	show(g, g->rows[0].owner);

	int result = transfer_run(&t, err);
	g->passes->out->here_octets += t.here_octets;
	return result;
}

/* ── uidlists ────────────────────────────────────────────────────────────────────────────────── */

static int drop_indexes(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++)
		if (pass_uids_drop_indexes(&g->passes[i], err) < 0)
			return -1;
	return 0;
}

/* Messages are in place by now, and durable. */
static int list_uids(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	bool written = false;

	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!is_maildir(p))
			continue;
		if (pass_uids_put(p, writer, pass_sort_there(p), p, err) < 0)
			return -1;
		written = written || p->listed.n;
	}
	if (!written)
		return 0;
	if (mailbox_writer_settle(writer, err) < 0 || drop_indexes(g, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0)
		return -1;
	return drop_indexes(g, err);
}

/* ── files beside ────────────────────────────────────────────────────────────────────────────── */

typedef int files_fn(struct group *g, struct pass *p, struct mailbox_writer *writer,
                     struct error *err);

static int look_at_files(struct group *g, struct pass *p, struct mailbox_writer *writer,
                         struct error *err)
{
	if (subscriptions_of_courier(p, err) < 0)
		return -1;
	p->files = pass_files_new(p);
	return pass_files_look(p->files, err);
}

static int put_files(struct group *g, struct pass *p, struct mailbox_writer *writer,
                     struct error *err)
{
	return pass_files_put(p->files, writer, err);
}

static int drop_files(struct group *g, struct pass *p, struct mailbox_writer *writer,
                      struct error *err)
{
	return pass_files_drop(p->files, err);
}

static int keep_agreed(struct group *g, struct pass *p, struct mailbox_writer *writer,
                       struct error *err)
{
	return agreed_keep(p, err);
}

static int each(struct group *g, files_fn *act, struct mailbox_writer *writer, struct error *err)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!p->left_out && act(g, p, writer, err) < 0)
			return error_context(err, "copy %s", p->account->from->user);
	}
	return 0;
}

/* The ledger's rows are one transaction, ended when the files are durable. */
static int bring_files(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	bool dry = g->options->dry_run;

	if (each(g, look_at_files, writer, err) < 0)
		return -1;
	if (dry)
		return each(g, put_files, writer, err) < 0 ? -1 : each(g, drop_files, writer, err);
	if (state_begin(g->state, err) < 0)
		return -1;
	if (each(g, put_files, writer, err) == 0 && mailbox_commit(writer, NULL, err) == 0 &&
	    each(g, drop_files, writer, err) == 0 && mailbox_commit(writer, NULL, err) == 0 &&
	    each(g, keep_agreed, writer, err) == 0 && state_commit(g->state, err) == 0)
		return 0;
	state_abandon(g->state);
	return -1;
}

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

static int pass_mboxes(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!p->left_out && p->account->to->format == MAILBOX_MBOX &&
		    pass_mbox(p, err) < 0 && leave_out(g, p, err) < 0)
			return -1;
	}
	return 0;
}

static void count_dry(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!is_maildir(p))
			continue;
		p->out->copied = p->progress.total_messages;
		p->out->copied_octets = p->progress.total_octets;
	}
}

static int bring_messages(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	if (compare(g, writer, err) < 0)
		return -1;
	gather_rows(g);
	if (!g->options->dry_run)
		return travel(g, err) < 0 ? -1 : list_uids(g, writer, err);
	count_dry(g);
	return 0;
}

static int run(struct group *g, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(g->new_host);

	if (look(g, err) < 0 || bring_messages(g, writer, err) < 0 || pass_mboxes(g, err) < 0)
		return -1;
	return bring_files(g, writer, err);
}

static struct group group_of(struct pass *passes, size_t n)
{
	return (struct group){
		.passes = passes,
		.n = n,
		.old_host = passes->old_host,
		.new_host = passes->new_host,
		.state = passes->state,
		.options = passes->options,
	};
}

int group_run(struct pass *passes, size_t n, struct error *err)
{
	struct group g = group_of(passes, n);
	int64_t began_ms = clock_monotonic_ms();
	int result = run(&g, err);

	if (result < 0)
		result = pass_explain(passes, g.progress.total_octets - g.progress.octets, err);
	for (size_t i = 0; i < n; i++) {
		if (!g.rows)
			free(passes[i].rows);
		pass_fini(&passes[i]);
	}
	free(g.rows);
	passes->out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}

/* ── one account ─────────────────────────────────────────────────────────────────────────────── */

int pass_maildir(struct pass *p, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	struct group g = group_of(p, 1);
	int result = bring_messages(&g, writer, err);

	/* a group of one: its rows are those of the account */
	if (result < 0)
		result = pass_explain(p, g.progress.total_octets - g.progress.octets, err);
	return result;
}

int pass_files(struct pass *p, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	struct group g = group_of(p, 1);
	int result = bring_files(&g, writer, err);

	pass_files_free(TAKE(p->files));
	return result;
}

static int pass_converted(struct pass *p, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	int result = pass_convert(p, err);

	if (result < 0)
		error_context(err, "copy %s", p->account->from->user);
	free(p->rows);
	pass_fini(p);
	p->out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
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

	return convert_is_wanted(account) ? pass_converted(&p, err) : group_run(&p, 1, err);
}
