/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_arrive -- messages come from the server, are stored on new in batches, and stand in the ledger
 * when a batch is durable. */

#include "base/memory.h"
#include "copy/imap_pass.h"
#include "mail/header.h"
#include "state/coming.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MESSAGES 4000u
#define BATCH_OCTETS (64u << 20)
#define NOTES_MAX 20u

struct arrival {
	struct transfer_row *row; /* borrowed */
	uint64_t size;
	struct digest digest;
	char *message_id; /* owned */
};

struct arriving {
	struct imap_pass *i;
	struct transfer_row *rows; /* as the wants are sorted */
	struct mailbox_writer *writer;
	struct arrival *batch; /* owned */
	size_t batch_n, batch_room;
	uint64_t batch_octets;
	/* of the message under way */
	struct digest_state digest;
	struct buf head;
};

static void skip(struct imap_pass *i, const struct transfer_row *row, const char *why)
{
	AUTO_FREE char *name = xasprintf("UID %u", row->m->uid);
	struct imap_folder *f = imap_pass_folder_at(i, row->folder);

	pass_skip(&i->p, row->folder, name, why);
	if (f)
		f->incomplete = true;
}

/* ── batches ─────────────────────────────────────────────────────────────────────────────────── */

/* They may be in place from now on; killed before the ledger has them, they are ours all the same. */
static int announce(struct arriving *a, int64_t *batch, struct error *err)
{
	AUTO_FREE struct coming_name *names = xcalloc(a->batch_n, sizeof *names);

	for (size_t k = 0; k < a->batch_n; k++)
		names[k] = (struct coming_name){ a->i->p.account->from->user,
			                         a->batch[k].row->folder,
			                         a->batch[k].row->m->base };
	return coming_put(a->i->p.state, names, a->batch_n, batch, err);
}

static int record(struct arriving *a, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;
	struct pass *p = &a->i->p;

	if (message_writer_new(&ledger, p->state, err) < 0)
		return -1;
	for (size_t k = 0; k < a->batch_n; k++) {
		const struct arrival *arrival = &a->batch[k];
		struct mail_message now = *arrival->row->m;

		now.size = arrival->size;
		if (pass_record(p, ledger, arrival->row->f, &now, &arrival->digest,
		                arrival->message_id, err) < 0)
			return -1;
	}
	return 0;
}

static void count(struct arriving *a)
{
	struct pass *p = &a->i->p;

	for (size_t k = 0; k < a->batch_n; k++) {
		struct arrival *arrival = &a->batch[k];
		/* what the listing says of it is by now what lies on new */
		struct mail_message *m = (struct mail_message *)(uintptr_t)arrival->row->m;

		m->size = arrival->size;
		arrival->row->arrived = true;
		p->out->copied++;
		p->out->copied_octets += arrival->size;
		p->progress.messages++;
		p->progress.octets += arrival->size;
		free(arrival->message_id);
	}
	a->batch_n = 0;
	a->batch_octets = 0;
	if (p->options->progress)
		p->options->progress(p->options->context, &p->progress);
}

static int commit(struct arriving *a, struct error *err)
{
	struct pass *p = &a->i->p;
	uint64_t placed;
	int64_t batch;

	if (!a->batch_n)
		return 0;
	if (announce(a, &batch, err) < 0 || mailbox_commit(a->writer, &placed, err) < 0)
		return -1;
	if (placed != a->batch_n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "host %s says that %llu of %zu messages are stored",
		                 host_name(p->new_host), (unsigned long long)placed, a->batch_n);
	if (state_begin(p->state, err) < 0)
		return -1;
	if (record(a, err) < 0 || coming_arrived(p->state, batch, err) < 0 ||
	    state_commit(p->state, err) < 0) {
		state_abandon(p->state);
		return -1;
	}
	count(a);
	return 0;
}

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

static int look_at(void *context, struct span octets, struct error *err)
{
	struct arriving *a = context;
	size_t want = HEADER_LOOK_MAX - a->head.n;

	digest_add(&a->digest, octets.p, octets.n);
	buf_add(&a->head, octets.p, octets.n < want ? octets.n : want);
	return a->writer ? mailbox_put_bytes(a->writer, octets, err) : 0;
}

static void begin(struct arriving *a)
{
	digest_begin(&a->digest);
	buf_reset(&a->head);
}

static void tell_unequal(struct arriving *a, const struct transfer_row *row, uint64_t size)
{
	struct pass *p = &a->i->p;
	AUTO_BUF struct buf line = { 0 };

	if (!row->m->size || size == row->m->size || a->i->told->unequal_sizes++ >= NOTES_MAX)
		return;
	mail_folder_title(row->folder, &line);
	buf_addf(&line, "/UID %u: the server says %llu octets, and gave %llu, which were taken",
	         row->m->uid, (unsigned long long)row->m->size, (unsigned long long)size);
	strings_add(&p->out->notes, buf_text(&line));
}

static int take_message(void *context, size_t index, const struct imap_response *response,
                        const struct imap_body *body, struct error *err)
{
	struct arriving *a = context;
	struct transfer_row *row = &a->rows[index];
	AUTO_FREE char *name = xasprintf("%s%s", row->m->base, row->m->suffix);
	AUTO_BUF struct buf id = { 0 };
	struct digest digest;

	tell_unequal(a, row, body->size);
	begin(a);
	if (mailbox_put_message(a->writer, row->to, row->folder, name, row->m, err) < 0 ||
	    imap_body_walk(body, look_at, a, err) < 0)
		return -1;
	digest = digest_end(&a->digest);
	header_message_id(buf_span(&a->head), &id);
	if (mailbox_put_done(a->writer, &digest, err) < 0)
		return -1;
	ARRAY_GROW(a->batch, a->batch_n, a->batch_room);
	a->batch[a->batch_n++] = (struct arrival){
		.row = row,
		.size = imap_body_stored_size(body),
		.digest = digest,
		.message_id = buf_take(&id),
	};
	a->batch_octets += imap_body_stored_size(body);
	if (a->batch_n < BATCH_MESSAGES && a->batch_octets < BATCH_OCTETS)
		return 0;
	return commit(a, err);
}

static void missing(void *context, size_t index, const char *why)
{
	struct arriving *a = context;

	if (why)
		skip(a->i, &a->rows[index], why);
	else
		a->i->p.out->vanished++;
}

/* ── all of them ─────────────────────────────────────────────────────────────────────────────── */

static int row_order(const void *a, const void *b)
{
	const struct transfer_row *x = a, *y = b;

	if (x->f != y->f)
		return x->f < y->f ? -1 : 1;
	return x->m->uid < y->m->uid ? -1 : x->m->uid > y->m->uid;
}

static struct imap_want *want(struct transfer_row *rows, size_t n)
{
	struct imap_want *wants = xcalloc(n + 1, sizeof *wants);

	if (n)
		qsort(rows, n, sizeof *rows, row_order);
	for (size_t k = 0; k < n; k++)
		wants[k] = (struct imap_want){
			.folder = rows[k].f->origin,
			.uidvalidity = rows[k].f->uidvalidity,
			.uid = rows[k].m->uid,
			.size = rows[k].m->size,
		};
	return wants;
}

int imap_pass_travel(struct imap_pass *i, struct error *err)
{
	AUTO_FREE struct imap_want *wants = want(i->p.rows, i->p.rows_n);
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(i->p.new_host);
	struct arriving a = { .i = i, .rows = i->p.rows, .writer = writer };
	struct imap_fetch fetch = {
		.source = i->source,
		.wants = wants,
		.n = i->p.rows_n,
		.breaks = &i->told->breaks,
		.context = &a,
		.message = take_message,
		.missing = missing,
	};
	struct error ignored = { 0 };
	int result;

	if (!fetch.n)
		return 0;
	result = imap_fetch_run(&fetch, TAKE(i->session), err);
	/* what has come, has come: also when the server goes away for good */
	if (result == 0 || err->retry == ERROR_RETRY_REACH || err->retry == ERROR_RETRY_LATER)
		if (commit(&a, result == 0 ? err : &ignored) < 0)
			result = -1;
	for (size_t k = 0; k < a.batch_n; k++)
		free(a.batch[k].message_id);
	free(a.batch);
	buf_fini(&a.head);
	return result;
}

/* ── messages of which the ledger knows nothing ──────────────────────────────────────────────── */

struct doubt {
	struct arriving a; /* its writer is NULL */
	struct transfer_digest *old, *new;
	uint64_t *sizes;
};

static int take_digest(void *context, size_t index, const struct imap_response *response,
                       const struct imap_body *body, struct error *err)
{
	struct doubt *d = context;
	AUTO_BUF struct buf id = { 0 };

	begin(&d->a);
	if (imap_body_walk(body, look_at, &d->a, err) < 0)
		return -1;
	d->old[index].there = true;
	d->old[index].digest = digest_end(&d->a.digest);
	header_message_id(buf_span(&d->a.head), &id);
	d->old[index].message_id = buf_take(&id);
	d->sizes[index] = imap_body_stored_size(body);
	return 0;
}

static void no_digest(void *context, size_t index, const char *why)
{
}

static int fetch_digests(struct doubt *d, size_t n, struct error *err)
{
	struct imap_pass *i = d->a.i;
	AUTO_FREE struct imap_want *wants = want(d->a.rows, n);
	AUTO_FREE struct mailbox_wanted *there = xcalloc(n, sizeof *there);
	struct imap_fetch fetch = {
		.source = i->source,
		.wants = wants,
		.n = n,
		.breaks = &i->told->breaks,
		.context = d,
		.message = take_digest,
		.missing = no_digest,
	};

	for (size_t k = 0; k < n; k++) {
		const struct mail_folder *f = mail_listing_find(&i->p.new, d->a.rows[k].folder);

		there[k] = (struct mailbox_wanted){ f->name,
			                            mail_folder_find(f, d->a.rows[k].m->base) };
	}
	if (imap_fetch_run(&fetch, TAKE(i->session), err) < 0)
		return -1;
	return transfer_digests(i->p.new_host, i->p.account->to, there, n, d->new, err);
}

/* It is left out of the listing of old: nothing is done about it. */
static void leave_out(const struct transfer_row *row)
{
	struct mail_message *m = (struct mail_message *)(uintptr_t)row->m;

	m->uid = 0;
}

typedef bool keep_fn(const struct mail_message *m);

static bool has_uid(const struct mail_message *m)
{
	return m->uid != 0;
}

static bool is_unmarked(const struct mail_message *m)
{
	return !m->hashed;
}

static void drop_unless(struct mail_listing *l, keep_fn *keep)
{
	for (size_t k = 0; k < l->folders_n; k++) {
		struct mail_folder *f = &l->folders[k];
		size_t kept = 0;

		for (size_t n = 0; n < f->n; n++) {
			if (keep(&f->rows[n]))
				f->rows[kept++] = f->rows[n];
			else
				mail_message_fini(&f->rows[n]);
		}
		f->n = kept;
	}
}

/* A dry run takes them for what they look like. */
static void take_as_unchanged(struct imap_pass *i, const struct transfer_row *rows, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct mail_folder *f = mail_listing_find(&i->p.new, rows[k].folder);

		/* the mark: a Maildir's listing has no digests */
		mail_folder_find(f, rows[k].m->base)->hashed = true;
		leave_out(&rows[k]);
	}
	i->p.out->unchanged += n;
	drop_unless(&i->p.old, has_uid);
	drop_unless(&i->p.new, is_unmarked);
}

static int settle(struct doubt *d, size_t n, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *ledger = NULL;
	struct imap_pass *i = d->a.i;

	if (message_writer_new(&ledger, i->p.state, err) < 0)
		return -1;
	for (size_t k = 0; k < n; k++) {
		const struct transfer_row *row = &d->a.rows[k];
		struct mail_message *m = (struct mail_message *)(uintptr_t)row->m;

		if (!d->old[k].there || !d->new[k].there) {
			leave_out(row);
			continue;
		}
		if (!digest_equal(&d->old[k].digest, &d->new[k].digest)) {
			skip(i, row,
			     "another message has its name on the new host; neither was "
			     "touched");
			leave_out(row);
			continue;
		}
		m->size = d->sizes[k];
		if (pass_record(&i->p, ledger, row->f, m, &d->old[k].digest, d->old[k].message_id,
		                err) < 0)
			return -1;
	}
	return 0;
}

static int resolve(struct doubt *d, size_t n, struct error *err)
{
	struct imap_pass *i = d->a.i;

	if (fetch_digests(d, n, err) < 0 || state_begin(i->p.state, err) < 0)
		return -1;
	if (settle(d, n, err) < 0 || state_commit(i->p.state, err) < 0) {
		state_abandon(i->p.state);
		return -1;
	}
	drop_unless(&i->p.old, has_uid);
	return imap_pass_load(i, err);
}

static bool is_doubtful(const struct imap_pass *i, const struct mail_folder *f,
                        const struct mail_message *m)
{
	const struct mail_folder *there = mail_listing_find(&i->p.new, f->name);

	return there && mail_folder_find(there, m->base) &&
	       !known_find(&i->p.known, f->name, m->base);
}

int imap_pass_doubtful(struct imap_pass *i, struct error *err)
{
	struct transfer_row *rows = NULL;
	size_t n = 0, room = 0;
	int result;

	for (size_t k = 0; k < i->p.old.folders_n; k++) {
		const struct mail_folder *f = &i->p.old.folders[k];

		for (size_t m = 0; m < f->n; m++) {
			if (!is_doubtful(i, f, &f->rows[m]))
				continue;
			ARRAY_GROW(rows, n, room);
			rows[n++] = (struct transfer_row){ .folder = f->name,
				                           .m = &f->rows[m],
				                           .f = f };
		}
	}
	if (!n || i->p.options->dry_run) {
		take_as_unchanged(i, rows, n);
		free(rows);
		return 0;
	}

	AUTO_FREE struct transfer_digest *old = xcalloc(n, sizeof *old);
	AUTO_FREE struct transfer_digest *new = xcalloc(n, sizeof *new);
	AUTO_FREE uint64_t *sizes = xcalloc(n, sizeof *sizes);
	struct doubt d = { .a = { .i = i, .rows = rows }, .old = old, .new = new, .sizes = sizes };

	result = resolve(&d, n, err);
	for (size_t k = 0; k < n; k++) {
		free(old[k].message_id);
		free(new[k].message_id);
	}
	free(rows);
	buf_fini(&d.a.head);
	return result;
}
