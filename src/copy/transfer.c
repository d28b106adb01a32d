/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/transfer.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One request asks for so much; so many requests are under way; a batch is committed at so much. */
#define ASK_MESSAGES 500u
#define ASK_OCTETS (4u << 20)
#define ASKS_AHEAD 4u
#define BATCH_MESSAGES 4000u
#define BATCH_OCTETS (64u << 20)
#define LANES_MAX 2u
/* Fewer than so many rows are not worth a further agent: it has to start, and waits for the disk by
 * itself. 1,000 rows of a delta are. */
#define LANE_ROWS 400u

_Static_assert(ASK_MESSAGES <= MAILBOX_FETCH_MAX, "a request that remote/mailbox.h takes");

struct arrival {
	size_t index;
	struct mail_message now; /* owned */
	struct digest digest;
	char *message_id; /* owned */
};

struct batch {
	struct arrival *rows; /* owned */
	size_t n, room;
	uint64_t octets;
	int64_t name; /* the caller's */
};

/* One agent that stores, and what is under way with it. */
struct lane {
	struct run *run;
	struct host *reader, *storer; /* the same one, when it reads by itself */
	struct mailbox_writer *writer;
	struct asked {
		size_t first, n; /* rows */
	} asked[ASKS_AHEAD];     /* oldest first */
	size_t ahead, first;     /* requests under way; first row of the one that is collected */
	struct batch batch;      /* read, not yet committed */
	struct batch under_way;  /* the host makes these durable */
	bool open;               /* a message is begun at the writer */
};

/*
 * Messages come over the wire, from the agent that reads to the one that stores; or, where the two
 * hosts are one machine, the agent that stores reads them itself, and several do so at a time.
 */
struct run {
	struct transfer *t;
	const char *top; /* of old's files, as new's agent sees them; NULL: over the wire */
	struct lane lanes[LANES_MAX];
	size_t lanes_n, asked;       /* rows asked for */
	struct lane *holder;         /* has the begin of the folder whose rows come next; or NULL */
	size_t ask_most, batch_most; /* messages */
};

static void arrival_fini(struct arrival *a)
{
	mail_message_fini(&a->now);
	free(a->message_id);
}

static int begin(void *context, size_t index, const struct mail_message *now, struct span from_line,
                 struct error *err)
{
	struct lane *l = context;
	const struct transfer *t = l->run->t;
	const struct transfer_row *row = &t->rows[l->first + index];
	struct mail_message converted = *row->m;

	/* what is converted (copy/convert.h) is at its new place as the listing says */
	converted.size = now->size;
	converted.message_id = NULL;
	if (row->f && row->f->origin)
		now = &converted;
	struct arrival *a;

	ARRAY_GROW(l->batch.rows, l->batch.n, l->batch.room);
	a = &l->batch.rows[l->batch.n];
	*a = (struct arrival){ .index = l->first + index, .now = *now };
	a->now.base = xstrdup(now->base);
	a->now.suffix = xstrdup(now->suffix);
	a->now.keywords = NULL;
	l->open = true;
	if (l->run->top) {
		l->batch.octets += now->size;
		l->run->t->here_octets += now->size;
		return 0;
	}

	AUTO_FREE char *name = t->name ? t->name(t->context, row, now)
	                               : xasprintf("%s%s", now->base, now->suffix);
	return mailbox_put_message(l->writer, row->to, row->folder, name, now, err);
}

static int bytes(void *context, size_t index, struct span content, struct error *err)
{
	struct lane *l = context;

	if (l->run->top)
		return host_malformed(l->reader, "answer", err);
	l->batch.octets += content.n;
	return mailbox_put_bytes(l->writer, content, err);
}

static int done(void *context, size_t index, const struct digest *digest, struct span message_id,
                struct error *err)
{
	struct lane *l = context;
	struct arrival *a = &l->batch.rows[l->batch.n++];

	a->digest = *digest;
	a->message_id = span_dup(message_id);
	l->open = false;
	return l->run->top ? 0 : mailbox_put_done(l->writer, digest, err);
}

static void forget_open(struct lane *l)
{
	if (l->open)
		arrival_fini(&l->batch.rows[l->batch.n]);
	l->open = false;
}

static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct lane *l = context;
	const struct transfer *t = l->run->t;
	bool was_open = l->open;

	forget_open(l);
	t->failed(t->context, &t->rows[l->first + index], why);
	return was_open && !l->run->top ? mailbox_put_drop(l->writer, err) : 0;
}

static void clear(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		arrival_fini(&b->rows[i]);
	b->n = 0;
	b->octets = 0;
}

/* As they are told of; the caller frees them. */
static struct transfer_arrival *arrivals_of(const struct batch *b)
{
	struct transfer_arrival *told = xcalloc(b->n + 1, sizeof *told);

	for (size_t i = 0; i < b->n; i++)
		told[i] = (struct transfer_arrival){
			.index = b->rows[i].index,
			.now = &b->rows[i].now,
			.digest = b->rows[i].digest,
			.message_id = b->rows[i].message_id,
		};
	return told;
}

static int tell_leaving(const struct transfer *t, struct batch *b, struct error *err)
{
	AUTO_FREE struct transfer_arrival *told = arrivals_of(b);

	return t->leaving && b->n ? t->leaving(t->context, told, b->n, &b->name, err) : 0;
}

/* `first`: the one of the writer's last commit that is the first of the batch. */
static int tell_arrived(const struct lane *l, struct batch *b, size_t first, struct error *err)
{
	const struct transfer *t = l->run->t;
	AUTO_FREE struct transfer_arrival *told = arrivals_of(b);

	for (size_t i = 0; i < b->n; i++) {
		struct transfer_row *row = &t->rows[b->rows[i].index];

		row->arrived = true;
		row->inode = mailbox_placed_inode(l->writer, first + i);
	}
	if (b->n && t->arrived(t->context, told, b->n, b->name, err) < 0)
		return -1;
	clear(b);
	return 0;
}

static int check_placed(const struct lane *l, uint64_t placed, size_t n, struct error *err)
{
	if (placed == n)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "host %s says that %llu of %zu messages are stored", host_name(l->storer),
	                 (unsigned long long)placed, n);
}

/* The host makes them durable while it stores the next ones. */
static int commit_ahead(struct lane *l, struct error *err)
{
	const struct transfer *t = l->run->t;
	struct batch emptied;
	uint64_t placed;

	if (!l->batch.n)
		return 0;
	/* while the host still writes what was sent ahead */
	if (tell_leaving(t, &l->batch, err) < 0 ||
	    mailbox_commit_ahead(l->writer, &placed, err) < 0 ||
	    check_placed(l, placed, l->under_way.n, err) < 0 ||
	    tell_arrived(l, &l->under_way, 0, err) < 0)
		return -1;
	emptied = l->under_way;
	l->under_way = l->batch;
	l->batch = emptied;
	return 0;
}

/* All that is there, and under way. */
static int commit(struct lane *l, struct error *err)
{
	const struct transfer *t = l->run->t;
	size_t before = l->under_way.n;
	uint64_t placed;

	if (!l->batch.n && !l->under_way.n)
		return 0;
	if (tell_leaving(t, &l->batch, err) < 0 || mailbox_commit(l->writer, &placed, err) < 0 ||
	    check_placed(l, placed, l->under_way.n + l->batch.n, err) < 0 ||
	    tell_arrived(l, &l->under_way, 0, err) < 0)
		return -1;
	return tell_arrived(l, &l->batch, before, err);
}

static const char *origin_of(const struct transfer_row *row)
{
	return row->f && row->f->origin ? row->f->origin : row->folder;
}

/* Where they go if they are converted; see remote/mailbox.h. */
static void want_as(const struct transfer *t, size_t first, size_t n, const char **out)
{
	for (size_t i = 0; i < n; i++) {
		const struct transfer_row *row = &t->rows[first + i];

		out[i] = row->f && row->f->origin ? row->folder : NULL;
	}
}

static void want(const struct transfer *t, size_t first, size_t n, struct mailbox_wanted *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (struct mailbox_wanted){ origin_of(&t->rows[first + i]),
			                          t->rows[first + i].m };
}

static bool is_same_folder(const struct transfer *t, size_t a, size_t b)
{
	return b < t->n && t->rows[a].from == t->rows[b].from &&
	       !strcmp(t->rows[a].folder, t->rows[b].folder);
}

/* How many rows to ask for next: of one account; and whole folders, as far as that is possible. */
static size_t next_part(const struct run *r)
{
	const struct transfer *t = r->t;
	const struct transfer_row *first = &t->rows[r->asked];
	size_t n = 0, whole = 0;
	uint64_t octets = 0;

	while (r->asked + n < t->n && n < r->ask_most && octets < ASK_OCTETS &&
	       first[n].from == first->from) {
		octets += first[n++].m->size;
		if (!is_same_folder(t, r->asked + n - 1, r->asked + n))
			whole = n;
	}
	return whole ? whole : n;
}

static int ask(struct lane *l, struct error *err)
{
	struct run *r = l->run;
	const struct transfer_row *first = &r->t->rows[r->asked];
	struct mailbox_wanted wanted[ASK_MESSAGES];
	const char *as[ASK_MESSAGES];
	size_t n = next_part(r);

	want(r->t, r->asked, n, wanted);
	want_as(r->t, r->asked, n, as);
	if (r->top ? mailbox_bring_send(l->writer, r->top, first->from, first->to, wanted, as, n,
	                                err) < 0
	           : mailbox_fetch_send(l->reader, first->from, true, wanted, n, err) < 0)
		return -1;
	l->asked[l->ahead++] = (struct asked){ r->asked, n };
	r->asked += n;
	/* a folder is one agent's: each takes what it finds in tmp/ and did not make for left over */
	r->holder = is_same_folder(r->t, r->asked - 1, r->asked) ? l : NULL;
	return 0;
}

static int collect(struct lane *l, struct error *err)
{
	const struct mailbox_reader reader = { l, begin, bytes, done, failed };
	struct mailbox_wanted wanted[ASK_MESSAGES];
	const struct asked asked = l->asked[0];

	want(l->run->t, asked.first, asked.n, wanted);
	memmove(l->asked, l->asked + 1, --l->ahead * sizeof *l->asked);
	l->first = asked.first;
	return mailbox_fetch_collect(l->reader, wanted, asked.n, &reader, err);
}

/* Keeps all lanes busy; the one whose answer has been waited for longest comes next, NULL: none. */
static int fill(struct run *r, struct lane **next, struct error *err)
{
	*next = NULL;
	for (size_t i = 0; i < r->lanes_n; i++) {
		struct lane *l = &r->lanes[i];

		while (r->asked < r->t->n && l->ahead < ASKS_AHEAD &&
		       (!r->holder || r->holder == l))
			if (ask(l, err) < 0)
				return -1;
		if (l->ahead && (!*next || l->asked[0].first < (*next)->asked[0].first))
			*next = l;
	}
	return 0;
}

static int run(struct run *r, struct error *err)
{
	struct lane *l;

	for (;;) {
		if (fill(r, &l, err) < 0)
			return -1;
		if (!l)
			break;
		if (collect(l, err) < 0)
			return -1;
		if (r->lanes_n > 1 && r->t->meanwhile)
			r->t->meanwhile(r->t->context);
		if (l->batch.n < r->batch_most && l->batch.octets < BATCH_OCTETS)
			continue;
		/* what it was asked to bring is a part of the batch */
		while (r->top && l->ahead)
			if (collect(l, err) < 0)
				return -1;
		if (commit_ahead(l, err) < 0)
			return -1;
	}
	/* all at the same time */
	for (size_t i = 0; i + 1 < r->lanes_n; i++)
		if (commit_ahead(&r->lanes[i], err) < 0)
			return -1;
	for (size_t i = 0; i < r->lanes_n; i++)
		if (commit(&r->lanes[i], err) < 0)
			return -1;
	return 0;
}

static void add_lane(struct run *r, struct host *reader, struct host *storer)
{
	r->lanes[r->lanes_n++] = (struct lane){
		.run = r, .reader = reader, .storer = storer, .writer = mailbox_writer_new(storer)
	};
}

static void open_lanes(struct run *r)
{
	struct transfer *t = r->t;
	struct error ignored = { 0 };
	struct host *another;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	r->top = !t->name ? host_seen_from(t->from_host, t->to_host) : NULL;
	add_lane(r, r->top ? t->to_host : t->from_host, t->to_host);
	/* one of them less is no harm */
	if (r->top && processors > 1 && t->n >= LANE_ROWS &&
	    host_another(t->to_host, &another, &ignored) == 0)
		add_lane(r, another, another);
}

static void close_lane(struct lane *l)
{
	struct error ignored = { 0 };

	/* answers that are still on their way would be taken for those to later requests */
	while (l->ahead--)
		(void)!host_collect(l->reader, NULL, NULL, NULL, &ignored);
	mailbox_writer_free(l->writer);
	forget_open(l);
	clear(&l->batch);
	clear(&l->under_way);
	free(l->batch.rows);
	free(l->under_way.rows);
}

static size_t batch_most(void)
{
	const char *few = getenv("MAILHAUL_BATCH"); /* for tests: so many messages */

	return few ? strtoul(few, NULL, 10) : BATCH_MESSAGES;
}

bool transfer_is_small(const struct transfer_row *rows, size_t n)
{
	uint64_t octets = 0;

	if (n > batch_most())
		return false;
	for (size_t i = 0; i < n; i++)
		octets += rows[i].m->size;
	return octets <= BATCH_OCTETS;
}

int transfer_run(struct transfer *t, struct error *err)
{
	struct run r = { .t = t, .ask_most = ASK_MESSAGES, .batch_most = batch_most() };
	int result;

	if (r.batch_most < ASK_MESSAGES)
		r.ask_most = r.batch_most + 1;
	open_lanes(&r);
	result = run(&r, err);
	for (size_t i = 0; i < r.lanes_n; i++)
		close_lane(&r.lanes[i]);
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
