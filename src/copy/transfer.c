/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/transfer.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* One request asks for so much; so many requests are under way; a batch is committed at so much. */
#define ASK_MESSAGES 500u
#define ASK_OCTETS (4u << 20)
#define ASKS_AHEAD 4u
#define BATCH_MESSAGES 4000u
#define BATCH_OCTETS (64u << 20)

_Static_assert(ASK_MESSAGES <= MAILBOX_FETCH_MAX, "a request that remote/mailbox.h takes");

struct arrival {
	size_t index;
	struct mail_message now; /* owned */
	struct digest digest;
	char *message_id; /* owned */
};

struct run {
	struct transfer *t;
	struct mailbox_writer *writer;
	size_t asked, asked_first; /* rows asked for; first row of the request that is collected */
	size_t sizes[ASKS_AHEAD];  /* rows of the requests under way, oldest first */
	size_t ahead;
	struct arrival *batch; /* owned; read, not yet committed */
	size_t batch_n, batch_room;
	uint64_t batch_octets;
	bool open; /* a message is begun at the writer */
};

static void arrival_fini(struct arrival *a)
{
	mail_message_fini(&a->now);
	free(a->message_id);
}

static int begin(void *context, size_t index, const struct mail_message *now, struct span from_line,
                 struct error *err)
{
	struct run *r = context;
	const struct transfer_row *row = &r->t->rows[r->asked_first + index];
	struct mail_message converted = *row->m;

	/* what is converted (copy/convert.h) is at its new place as the listing says */
	converted.size = now->size;
	converted.message_id = NULL;
	if (row->f && row->f->origin)
		now = &converted;
	AUTO_FREE char *name = r->t->name ? r->t->name(r->t->context, row, now)
	                                  : xasprintf("%s%s", now->base, now->suffix);
	struct arrival *a;

	ARRAY_GROW(r->batch, r->batch_n, r->batch_room);
	a = &r->batch[r->batch_n];
	*a = (struct arrival){ .index = r->asked_first + index, .now = *now };
	a->now.base = xstrdup(now->base);
	a->now.suffix = xstrdup(now->suffix);
	a->now.keywords = NULL;
	r->open = true;
	return mailbox_put_message(r->writer, row->to, row->folder, name, now, err);
}

static int bytes(void *context, size_t index, struct span content, struct error *err)
{
	struct run *r = context;

	r->batch_octets += content.n;
	return mailbox_put_bytes(r->writer, content, err);
}

static int done(void *context, size_t index, const struct digest *digest, struct span message_id,
                struct error *err)
{
	struct run *r = context;
	struct arrival *a = &r->batch[r->batch_n++];

	a->digest = *digest;
	a->message_id = span_dup(message_id);
	r->open = false;
	return mailbox_put_done(r->writer, digest, err);
}

static void forget_open(struct run *r)
{
	if (r->open)
		arrival_fini(&r->batch[r->batch_n]);
	r->open = false;
}

static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct run *r = context;
	bool was_open = r->open;

	forget_open(r);
	r->t->failed(r->t->context, &r->t->rows[r->asked_first + index], why);
	return was_open ? mailbox_put_drop(r->writer, err) : 0;
}

static void clear_batch(struct run *r)
{
	forget_open(r);
	for (size_t i = 0; i < r->batch_n; i++)
		arrival_fini(&r->batch[i]);
	r->batch_n = 0;
	r->batch_octets = 0;
}

static int commit(struct run *r, struct error *err)
{
	AUTO_FREE struct transfer_arrival *told = xcalloc(r->batch_n + 1, sizeof *told);
	uint64_t placed;

	if (!r->batch_n)
		return 0;
	if (mailbox_commit(r->writer, &placed, err) < 0)
		return -1;
	if (placed != r->batch_n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "host %s says that %llu of %zu messages are stored",
		                 host_name(r->t->to_host), (unsigned long long)placed, r->batch_n);
	for (size_t i = 0; i < r->batch_n; i++) {
		r->t->rows[r->batch[i].index].arrived = true;
		told[i] = (struct transfer_arrival){
			.index = r->batch[i].index,
			.now = &r->batch[i].now,
			.digest = r->batch[i].digest,
			.message_id = r->batch[i].message_id,
		};
	}
	if (r->t->arrived(r->t->context, told, r->batch_n, err) < 0)
		return -1;
	clear_batch(r);
	return 0;
}

static const char *origin_of(const struct transfer_row *row)
{
	return row->f && row->f->origin ? row->f->origin : row->folder;
}

static void want(const struct transfer *t, size_t first, size_t n, struct mailbox_wanted *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (struct mailbox_wanted){ origin_of(&t->rows[first + i]),
			                          t->rows[first + i].m };
}

static int ask(struct run *r, struct error *err)
{
	const struct mailbox_account *from = r->t->rows[r->asked].from;
	struct mailbox_wanted wanted[ASK_MESSAGES];
	size_t n = 0;
	uint64_t octets = 0;

	while (r->asked + n < r->t->n && n < ASK_MESSAGES && octets < ASK_OCTETS &&
	       r->t->rows[r->asked + n].from == from)
		octets += r->t->rows[r->asked + n++].m->size;
	want(r->t, r->asked, n, wanted);
	if (mailbox_fetch_send(r->t->from_host, from, true, wanted, n, err) < 0)
		return -1;
	r->sizes[r->ahead++] = n;
	r->asked += n;
	return 0;
}

static int collect(struct run *r, struct error *err)
{
	const struct mailbox_reader reader = { r, begin, bytes, done, failed };
	struct mailbox_wanted wanted[ASK_MESSAGES];
	size_t n = r->sizes[0];

	want(r->t, r->asked_first, n, wanted);
	memmove(r->sizes, r->sizes + 1, --r->ahead * sizeof *r->sizes);
	if (mailbox_fetch_collect(r->t->from_host, wanted, n, &reader, err) < 0)
		return -1;
	r->asked_first += n;
	return 0;
}

static int run(struct run *r, struct error *err)
{
	while (r->asked < r->t->n || r->ahead) {
		while (r->asked < r->t->n && r->ahead < ASKS_AHEAD)
			if (ask(r, err) < 0)
				return -1;
		if (collect(r, err) < 0)
			return -1;
		if ((r->batch_n >= BATCH_MESSAGES || r->batch_octets >= BATCH_OCTETS) &&
		    commit(r, err) < 0)
			return -1;
	}
	return commit(r, err);
}

int transfer_run(struct transfer *t, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(t->to_host);
	struct run r = { .t = t, .writer = writer };
	struct error ignored = { 0 };
	int result = run(&r, err);

	/* answers that are still on their way would be taken for those to later requests */
	while (r.ahead--)
		(void)!host_collect(t->from_host, NULL, NULL, NULL, &ignored);
	clear_batch(&r);
	free(r.batch);
	return result;
}

/* ── digests ─────────────────────────────────────────────────────────────────────────────────── */

static int digest_begin_message(void *context, size_t index, const struct mail_message *now,
                                struct span from_line, struct error *err)
{
	return 0;
}

static int digest_bytes(void *context, size_t index, struct span content, struct error *err)
{
	return 0;
}

static int digest_done(void *context, size_t index, const struct digest *digest,
                       struct span message_id, struct error *err)
{
	struct transfer_digest *out = context;

	out[index].there = true;
	out[index].digest = *digest;
	out[index].message_id = span_dup(message_id);
	return 0;
}

static int digest_failed(void *context, size_t index, const struct error *why, struct error *err)
{
	return 0;
}

int transfer_digests(struct host *h, const struct mailbox_account *account,
                     const struct mailbox_wanted *wanted, size_t n, struct transfer_digest *out,
                     struct error *err)
{
	struct error ignored = { 0 };
	size_t sent = 0, got = 0;
	int result = 0;

	while (result == 0 && got < n) {
		while (result == 0 && sent < n && sent - got < 2 * ASK_MESSAGES) {
			size_t some = n - sent < ASK_MESSAGES ? n - sent : ASK_MESSAGES;

			result = mailbox_fetch_send(h, account, false, wanted + sent, some, err);
			sent += result == 0 ? some : 0;
		}
		if (result == 0) {
			const struct mailbox_reader reader = { out + got, digest_begin_message,
				                               digest_bytes, digest_done,
				                               digest_failed };
			size_t some = sent - got < ASK_MESSAGES ? sent - got : ASK_MESSAGES;

			result = mailbox_fetch_collect(h, wanted + got, some, &reader, err);
			got += some;
		}
	}
	while (got < sent) {
		(void)!host_collect(h, NULL, NULL, NULL, &ignored);
		got += ASK_MESSAGES;
	}
	return result;
}
