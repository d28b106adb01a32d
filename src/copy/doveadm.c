/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/doveadm.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/dsync.h"

#include <string.h>

#define RUNS_MAX 4 /* dsync asks by its exit code to be run again when mail changed meanwhile */

/* Exit codes of `doveadm backup` (doveadm-sync(1)). */
enum { DSYNC_GOOD = 0, DSYNC_AGAIN = 2 };

/* ── one run ─────────────────────────────────────────────────────────────────────────────────── */

static void moved(void *context, uint64_t octets)
{
	struct dsync *d = context;

	d->pass.progress.octets = octets;
	if (d->pass.options->progress)
		d->pass.options->progress(d->pass.options->context, &d->pass.progress);
}

static void keep_words(struct dsync *d, const struct host *h, const struct host_stream_result *r)
{
	AUTO_BUF struct buf said = { 0 };
	struct span words = span_trim(buf_span(&r->said));

	buf_add_printable(&said, words.n > 300 ? span_from(words, words.n - 300) : words);
	if (said.n || r->status)
		strings_addf(&d->words, "dsync on the %s host ended with %d%s%s", host_name(h),
		             r->status, said.n ? ": " : "", buf_text(&said));
}

int dsync_run(struct dsync *d, const char *row, int *status, struct error *err)
{
	const struct copy_account *a = d->pass.account;
	AUTO_FREE char *from = NULL, *to = NULL;
	struct host_stream_side far = { .h = d->pass.old_host };
	struct host_stream_side near = { .h = d->pass.new_host };
	int result;

	far.what = dovecot_stream(a->from, "dovecot-far", &from);
	near.what = dovecot_stream(a->to, row, &to);
	result = host_stream_join(&far, &near, moved, d, err);
	if (result == 0) {
		*status = near.result.status;
		keep_words(d, far.h, &far.result);
		keep_words(d, near.h, &near.result);
	}
	host_stream_result_fini(&far.result);
	host_stream_result_fini(&near.result);
	return result;
}

static bool has_other_inbox(const struct dsync *d)
{
	const struct mail_folder *old = mail_listing_find(&d->pass.old, "");
	const struct mail_folder *new = mail_listing_find(&d->pass.new, "");

	return old && new &&strcmp(old->guid, new->guid) != 0;
}

static int run(struct dsync *d, struct error *err)
{
	int status = DSYNC_AGAIN;

	if (has_other_inbox(d) && dsync_run(d, "dovecot-merge", &status, err) < 0)
		return -1;
	status = DSYNC_AGAIN;
	for (int i = 0; i < RUNS_MAX && status == DSYNC_AGAIN; i++) {
		strings_fini(&d->words);
		if (dsync_run(d, "dovecot-backup", &status, err) < 0)
			return -1;
	}
	return 0;
}

/* ── before ──────────────────────────────────────────────────────────────────────────────────── */

/* What new has by itself would be destroyed. */
static int refuse_extra(struct dsync *d, struct error *err)
{
	struct pass *p = &d->pass;
	size_t before = p->out->extra.n;

	for (size_t i = 0; i < p->new.folders_n; i++) {
		const struct mail_folder *f = &p->new.folders[i];
		const struct mail_folder *old = mail_listing_find(&p->old, f->name);

		for (size_t k = 0; k < f->n; k++) {
			AUTO_BUF struct buf words = { 0 };

			if ((old && mail_folder_find(old, f->rows[k].base)) ||
			    known_find(&p->known, f->name, f->rows[k].base))
				continue;
			mail_folder_title(f->name, &words);
			buf_add_char(&words, '/');
			buf_add_printable(&words, span_of(f->rows[k].base));
			strings_add(&p->out->extra, buf_text(&words));
		}
	}
	if (p->out->extra.n == before)
		return 0;
	error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
	          "the new host has %zu messages that never were on the old one, and dsync would "
	          "remove them, the first: %s",
	          p->out->extra.n - before, p->out->extra.rows[before]);
	return error_hint(err, "take them out of the mailbox on the new host, copy, and put them "
	                       "back after the move");
}

static int look(struct dsync *d, struct error *err)
{
	struct pass *p = &d->pass;

	if (p->state &&
	    known_load(&p->known, p->state, p->account->from->user, MESSAGES_PRESENT, err) < 0)
		return -1;
	if (dovecot_list(p->old_host, p->account->from, &p->old, err) < 0 ||
	    dovecot_list(p->new_host, p->account->to, &p->new, err) < 0)
		return -1;
	for (size_t i = 0; i < p->old.troubles.n; i++)
		strings_add(&p->out->skipped, p->old.troubles.rows[i]);
	dsync_adopt_names(&p->old, &p->new);
	p->out->old_messages += mail_listing_messages(&p->old, &p->out->old_octets);
	return 0;
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

static int bring(struct dsync *d, struct error *err)
{
	struct pass *p = &d->pass;

	if (!mailbox_is_dovecots(p->account->to->format))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "the mailbox has another format on the new host");
	if (look(d, err) < 0 || refuse_extra(d, err) < 0)
		return -1;
	if (p->options->dry_run) {
		dsync_count(p, &p->old);
		return 0;
	}
	if (run(d, err) < 0 || dovecot_list(p->new_host, p->account->to, &d->after, err) < 0)
		return -1;
	dsync_adopt_names(&p->old, &d->after);
	dsync_count(p, &d->after);
	return dsync_check(d, err) < 0 || (p->state && dsync_record(d, err) < 0) ? -1 : 0;
}

/* Sieve scripts and what else lies in the home are files like everybody's. */
static int bring_files(struct dsync *d, struct error *err)
{
	struct mailbox_account from = *d->pass.account->from, to = *d->pass.account->to;
	const struct copy_account account = { &from, &to, d->pass.account->beside };
	struct pass p = {
		.old_host = d->pass.old_host,
		.new_host = d->pass.new_host,
		.account = &account,
		.state = d->pass.state,
		.options = d->pass.options,
		.out = d->pass.out,
		.known = d->pass.known, /* borrowed */
	};

	if (!p.state || !account.beside)
		return 0;
	from.format = to.format = MAILBOX_MAILDIR;
	from.layout = to.layout = MAILBOX_LAYOUT_FS;
	return pass_files(&p, err) < 0 ? pass_explain(&p, 0, err) : 0;
}

int copy_doveadm_pass(struct host *old_host, struct host *new_host,
                      const struct copy_account *account, struct state *state,
                      const struct copy_options *options, struct copy_result *out,
                      struct error *err)
{
	struct dsync d = {
		.pass = { .old_host = old_host,
		          .new_host = new_host,
		          .account = account,
		          .state = state,
		          .options = options,
		          .out = out,
		          .progress = { .account = account->from->user } },
	};
	int64_t began_ms = clock_monotonic_ms();
	int result = bring(&d, err);

	if (result == 0)
		result = bring_files(&d, err);
	if (result < 0)
		error_context(err, "copy %s", account->from->user);
	mail_listing_fini(&d.pass.old);
	mail_listing_fini(&d.pass.new);
	mail_listing_fini(&d.after);
	known_fini(&d.pass.known);
	strings_fini(&d.words);
	out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}

int copy_account_pass(struct host *old_host, struct host *new_host,
                      const struct copy_account *account, struct state *state,
                      const struct copy_options *options, struct copy_result *out,
                      struct error *err)
{
	return mailbox_is_dovecots(account->from->format)
	               ? copy_doveadm_pass(old_host, new_host, account, state, options, out, err)
	               : copy_pass(old_host, new_host, account, state, options, out, err);
}
