/* SPDX-License-Identifier: BSD-2-Clause */

#include "copy/group.h"
#include "base/clock.h"
#include "base/memory.h"
#include "copy/convert.h"
#include "copy/subscriptions.h"
#include "state/coming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ── what is on new already ──────────────────────────────────────────────────────────────────── */

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

static int plan_each(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++)
		if (group_is_maildir(&g->passes[i]) && pass_compare(&g->passes[i], err) < 0)
			return error_context(err, "copy %s", g->passes[i].account->from->user);
	return 0;
}

/* Before new may put one of them in place. */
static int announce(struct group *g, struct error *err)
{
	AUTO_FREE struct coming_name *names = xcalloc(g->rows_n + 1, sizeof *names);

	for (size_t i = 0; i < g->rows_n; i++) {
		const struct transfer_row *row = &g->rows[i];

		names[i] = (struct coming_name){ row->from->user, row->folder, row->m->base };
	}
	return coming_put(g->state, names, g->rows_n, &g->coming, err);
}

static int begin_changes(struct group *g, size_t *begun, size_t finished, struct error *err)
{
	for (; *begun < g->n && *begun < finished + HOST_AHEAD; ++*begun)
		if (mailbox_changes_begin(&g->passes[*begun].changes, err) < 0)
			return -1;
	return 0;
}

/* While new's agent works on those of one account, those of the one before it go into the ledger. */
static int change_each(struct group *g, size_t *begun, size_t *finished, struct error *err)
{
	if (begin_changes(g, begun, 0, err) < 0 ||
	    (g->small && g->rows_n && announce(g, err) < 0) || group_ledger_begin(g, err) < 0)
		return -1;
	while (*finished < g->n) {
		struct pass *p = &g->passes[(*finished)++];

		if (mailbox_changes_finish(&p->changes, err) < 0)
			return -1;
		if (begin_changes(g, begun, *finished, err) < 0 ||
		    (group_is_maildir(p) && pass_compare_record(p, g->ledger, err) < 0))
			return error_context(err, "copy %s", p->account->from->user);
	}
	return 0;
}

static int change(struct group *g, struct error *err)
{
	size_t begun = 0, finished = 0;

	if (change_each(g, &begun, &finished, err) == 0)
		return 0;
	/* what is still on its way would be taken for answers to later requests */
	while (finished < begun) {
		struct error ignored = { 0 };

		(void)!mailbox_changes_finish(&g->passes[finished++].changes, &ignored);
	}
	return -1;
}

/*
 * What is to travel is little, and durable on new by one commit there, with the changes: so one
 * transaction, ended behind that, tells the ledger of all. Who is killed before leaves changes that the
 * next pass finds done, and messages whose names are known to be coming.
 *
 * What is much goes batch by batch, and the changes are durable, and in the ledger, before the first.
 */
static int compare(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	if (plan_each(g, err) < 0)
		return -1;
	gather_rows(g);
	if (g->options->dry_run)
		return 0;
	g->small = transfer_is_small(g->rows, g->rows_n);
	if (change(g, err) < 0)
		return -1;
	return g->small                                ? 0
	       : mailbox_commit(writer, NULL, err) < 0 ? -1
	                                               : group_ledger_commit(g, err);
}

/* ── what travels ────────────────────────────────────────────────────────────────────────────── */

static void show(struct group *g, const struct pass *p)
{
	g->progress.account = p->account->from->user;
	if (g->options->progress)
		g->options->progress(g->options->context, &g->progress);
}

static int record_arrivals(struct group *g, const struct transfer_arrival *arrivals, size_t n,
                           struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct transfer_row *row = &g->rows[arrivals[i].index];
		struct mail_message now = *arrivals[i].now;
		struct pass *p = row->owner;

		now.uid = row->m->uid;
		if (pass_record(p, g->ledger, row->f, &now, &arrivals[i].digest,
		                arrivals[i].message_id, err) < 0)
			return -1;
		pass_take_arrival(row, &now);
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

	if (g->small) {
		*batch = g->coming;
		return 0;
	}
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

	if (group_ledger_begin(g, err) < 0 || record_arrivals(g, arrivals, n, err) < 0)
		return -1;
	if (!g->small &&
	    (coming_arrived(g->state, batch, err) < 0 || group_ledger_commit(g, err) < 0))
		return -1;
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

static void meanwhile(void *context)
{
	struct group *g = context;

	if (g->meanwhile)
		g->meanwhile(g->context);
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
		.meanwhile = meanwhile,
	};

	if (!g->rows_n)
		return 0;
	show(g, g->rows[0].owner);

	int result = transfer_run(&t, err);
	g->passes->out->here_octets += t.here_octets;
	if (result == 0 && g->small)
		result = coming_arrived(g->state, g->coming, err);
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

		if (!group_is_maildir(p))
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

/* The ledger's rows are in the transaction that may be open, and is ended when the files are durable. */
static int bring_files(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	bool dry = g->options->dry_run;

	if (each(g, look_at_files, writer, err) < 0)
		return -1;
	if (dry)
		return each(g, put_files, writer, err) < 0 ? -1 : each(g, drop_files, writer, err);
	if (group_ledger_begin(g, err) < 0 || each(g, put_files, writer, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0 || each(g, drop_files, writer, err) < 0 ||
	    mailbox_commit(writer, NULL, err) < 0 || each(g, keep_agreed, writer, err) < 0)
		return -1;
	return group_ledger_commit(g, err);
}

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

static int pass_mboxes(struct group *g, struct error *err)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!p->left_out && p->account->to->format == MAILBOX_MBOX &&
		    pass_mbox(p, err) < 0 && group_leave_out(g, p, err) < 0)
			return -1;
	}
	return 0;
}

static void count_dry(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pass *p = &g->passes[i];

		if (!group_is_maildir(p))
			continue;
		p->out->copied = p->progress.total_messages;
		p->out->copied_octets = p->progress.total_octets;
	}
}

static int bring_messages(struct group *g, struct mailbox_writer *writer, struct error *err)
{
	if (compare(g, writer, err) < 0)
		return -1;
	if (g->options->dry_run) {
		count_dry(g);
		return 0;
	}
	/* the commit is for the changes, where nothing travelled */
	if (travel(g, err) < 0 || mailbox_commit(writer, NULL, err) < 0)
		return -1;
	return list_uids(g, writer, err);
}

/* They may have been looked at with others. */
static void take_hosts(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		g->passes[i].old_host = g->old_host;
		g->passes[i].new_host = g->new_host;
	}
}

static int run(struct group *g, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(g->new_host);

	if (group_look(g, err) < 0)
		return -1;
	take_hosts(g);
	/* mboxes first: their transactions are their own */
	if (pass_mboxes(g, err) < 0 || bring_messages(g, writer, err) < 0)
		return -1;
	return bring_files(g, writer, err);
}

struct group group_of(struct pass *passes, size_t n, struct host *old_host, struct host *new_host)
{
	return (struct group){
		.passes = passes,
		.n = n,
		.old_host = old_host,
		.new_host = new_host,
		.state = passes->state,
		.options = passes->options,
	};
}

void group_drop(struct group *g)
{
	group_look_end(g);
	for (size_t i = 0; i < g->n; i++) {
		if (!g->rows)
			free(g->passes[i].rows);
		pass_fini(&g->passes[i]);
	}
	free(TAKE(g->rows));
}

int group_run(struct group *g, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	int result = run(g, err);

	group_ledger_abandon(g);
	if (result < 0) {
		group_look_end(g);
		take_hosts(g);
		result = pass_explain(g->passes, g->progress.total_octets - g->progress.octets,
		                      err);
	}
	group_drop(g);
	g->passes->out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}

/* ── one account ─────────────────────────────────────────────────────────────────────────────── */

int pass_maildir(struct pass *p, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	struct group g = group_of(p, 1, p->old_host, p->new_host);
	int result = bring_messages(&g, writer, err) < 0 ? -1 : group_ledger_commit(&g, err);

	group_ledger_abandon(&g);
	/* a group of one: its rows are those of the account */
	if (result < 0)
		result = pass_explain(p, g.progress.total_octets - g.progress.octets, err);
	return result;
}

int pass_files(struct pass *p, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	struct group g = group_of(p, 1, p->old_host, p->new_host);
	int result = bring_files(&g, writer, err);

	group_ledger_abandon(&g);
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
	struct group g = group_of(&p, 1, old_host, new_host);

	return convert_is_wanted(account) ? pass_converted(&p, err) : group_run(&g, err);
}
