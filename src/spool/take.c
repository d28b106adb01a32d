/* SPDX-License-Identifier: BSD-2-Clause */

/* Messages come in. */

#include "spool/inside.h"

#include "base/clock.h"
#include "smtp/envelope.h"

#include <errno.h>

/* So much waits for the disk at most before callers are asked to read no more. */
#define WAITING_MAX (2 * (uint64_t)COMMIT_GROUP_MAX)
#define FREE_AGE_MS 200     /* that the free space was looked at is true for so long */
#define FAILURE_AGE_MS 1000 /* then a failed disk is tried again */

struct spool_ticket {
	struct spool *spool;
	struct spool_ticket *before, *after;
	uint64_t id;
	struct buf gathered;    /* octets that are in no piece yet */
	struct message message; /* pieces, octets, and what came with the end */
	struct buf letter;      /* the envelope as it is stored */
	unsigned out;           /* pieces that have not come back */
	uint32_t pinned;        /* the segment of its first piece, or 0 */
	bool finished, abandoned;
	int why; /* errno of a piece that failed */
	spool_done *done;
	void *context;
};

static enum spool_outcome outcome_of(int why)
{
	return why == ENOSPC || why == EDQUOT ? SPOOL_FULL : SPOOL_FAILED;
}

static uint64_t free_octets(struct spool *s)
{
	int64_t now = clock_monotonic_ms();

	if (!s->free_at_ms || now - s->free_at_ms >= FREE_AGE_MS) {
		if (s->disk->room(s->disk, &s->free) < 0)
			s->free = 0;
		s->free_at_ms = now;
	}
	return s->free;
}

enum spool_outcome spool_may_take(struct spool *s, uint64_t octets)
{
	uint64_t more = s->under_way + octets;
	struct commit_figures figures;

	commit_figures(s->committer, &figures);
	if (figures.why && clock_monotonic_ms() - figures.failed_ms < FAILURE_AGE_MS)
		return outcome_of(figures.why);
	if (s->options.size_max && segments_used(s) + more > s->options.size_max)
		return SPOOL_FULL;
	if (s->options.reserve && free_octets(s) < s->options.reserve + more)
		return SPOOL_FULL;
	return SPOOL_DURABLE;
}

/* ── tickets ─────────────────────────────────────────────────────────────────────────────────── */

struct job *job_new(enum record_kind kind, uint64_t id, void (*back)(void *context, struct job *j),
                    void *context)
{
	struct job *j = xcalloc(1, sizeof *j);

	j->record = kind;
	j->id = id;
	j->back = back;
	j->context = context;
	return j;
}

static struct spool_ticket *begin(struct spool *s, uint64_t id)
{
	struct spool_ticket *t = xcalloc(1, sizeof *t);

	t->spool = s;
	t->id = id;
	t->after = s->tickets;
	if (t->after)
		t->after->before = t;
	s->tickets = t;
	return t;
}

struct spool_ticket *spool_begin(struct spool *s)
{
	return begin(s, s->next_id++);
}

struct spool_ticket *spool_begin_as(struct spool *s, uint64_t id)
{
	if (index_find(&s->index, id))
		return NULL;
	for (const struct spool_ticket *t = s->tickets; t; t = t->after)
		if (t->id == id)
			return NULL;
	/* one that would leave no ids above it is nobody's */
	if (id >= UINT64_MAX / 2)
		return spool_begin(s);
	if (id >= s->next_id)
		s->next_id = id + 1;
	return begin(s, id);
}

uint64_t spool_ticket_id(const struct spool_ticket *t)
{
	return t->id;
}

static void ticket_free(struct spool_ticket *t)
{
	struct spool *s = t->spool;

	if (t->before)
		t->before->after = t->after;
	else
		s->tickets = t->after;
	if (t->after)
		t->after->before = t->before;
	if (t->pinned)
		segment_unpin(s, t->pinned);
	s->under_way -= t->message.octets;
	buf_fini(&t->gathered);
	buf_fini(&t->letter);
	message_fini(&t->message);
	free(t);
}

static void ticket_told(struct spool_ticket *t, enum spool_outcome outcome, const char *why)
{
	spool_done *done = t->done;
	void *context = t->context;
	uint64_t id = t->id;

	ticket_free(t);
	if (done)
		done(context, outcome, id, why);
}

/* ── the last record ─────────────────────────────────────────────────────────────────────────── */

static void message_back(void *context, struct job *j)
{
	struct spool_ticket *t = context;
	struct spool *s = t->spool;

	if (j->good) {
		apply_message(s, t->id, j->place, (uint32_t)(j->head.n + j->body.n), &t->message);
		s->committed++;
		ticket_told(t, SPOOL_DURABLE, "");
	} else {
		ticket_told(t, outcome_of(j->why), strerror(j->why));
	}
	job_free(j);
}

static void send_message(struct spool_ticket *t)
{
	struct job *j = job_new(RECORD_MESSAGE, t->id, message_back, t);

	t->message.envelope = buf_span(&t->letter);
	message_put(&j->head, &t->message);
	buf_fini(&t->letter);
	if (!t->message.pieces_n)
		j->body = t->gathered;
	else
		buf_fini(&t->gathered);
	t->gathered = (struct buf){ 0 };
	commit_add(t->spool->committer, j);
}

/* ── pieces ──────────────────────────────────────────────────────────────────────────────────── */

static void go_on(struct spool_ticket *t);

static void piece_back(void *context, struct job *j)
{
	struct spool_ticket *t = context;

	t->out--;
	if (j->good) {
		/* pieces come back in the order in which they went */
		ARRAY_GROW(t->message.pieces, t->message.pieces_n, t->message.pieces_room);
		t->message.pieces[t->message.pieces_n++] = (struct piece){
			j->place, (uint32_t)(j->head.n + j->body.n)
		};
		if (!t->pinned) {
			t->pinned = j->place.segment;
			segment_pin(t->spool, t->pinned);
		}
	} else {
		t->why = j->why;
	}
	job_free(j);
	go_on(t);
}

static void send_piece(struct spool_ticket *t)
{
	struct job *j = job_new(RECORD_PIECE, t->id, piece_back, t);

	j->body = t->gathered;
	t->gathered = (struct buf){ 0 };
	t->out++;
	commit_add(t->spool->committer, j);
}

/* What is next for a ticket whose end is known, when all its pieces are back. */
static void go_on(struct spool_ticket *t)
{
	if (t->out || !(t->finished || t->abandoned))
		return;
	if (t->abandoned)
		ticket_free(t);
	else if (t->why)
		ticket_told(t, outcome_of(t->why), strerror(t->why));
	else
		send_message(t);
}

bool spool_add(struct spool_ticket *t, struct span octets)
{
	struct spool *s = t->spool;

	t->message.octets += octets.n;
	s->under_way += octets.n;
	while (octets.n) {
		size_t n = SPOOL_GATHER_MAX - t->gathered.n;

		n = octets.n < n ? octets.n : n;
		buf_add(&t->gathered, octets.p, n);
		octets = span_from(octets, n);
		/* what is exactly one piece may be the whole message yet */
		if (octets.n && t->gathered.n == SPOOL_GATHER_MAX)
			send_piece(t);
	}
	if (commit_waiting(s->committer) <= WAITING_MAX)
		return true;
	s->full = true;
	return false;
}

void spool_on_room(struct spool *s, void (*resume)(void *context), void *context)
{
	ARRAY_GROW(s->resumes, s->resumes_n, s->resumes_room);
	s->resumes[s->resumes_n++] = (struct resume){ resume, context };
}

/* Not from within the caller's own call. */
static void tell_later(struct spool *s)
{
	uint64_t one = 1;

	s->refused = true;
	(void)!write(s->ready_fd, &one, sizeof one);
}

void tickets_tell(struct spool *s)
{
	while (s->refused) {
		struct spool_ticket *t = s->tickets;

		while (t && !(t->finished && t->why && !t->out))
			t = t->after;
		s->refused = t != NULL;
		if (t)
			go_on(t);
	}
}

void spool_finish(struct spool_ticket *t, const struct smtp_envelope *e,
                  const struct smtp_peer *peer, spool_done *done, void *context)
{
	letter_put(&t->letter, e, peer);
	if (!e->sender || !e->recipients_n || e->recipients_n > SPOOL_RECIPIENTS_MAX ||
	    t->letter.n > SPOOL_ENVELOPE_MAX)
		t->why = EMSGSIZE;
	t->message.arrived_ms = peer->arrived_ms;
	t->message.recipients = (uint32_t)e->recipients_n;
	t->done = done;
	t->context = context;
	t->finished = true;
	/* a message of several pieces: the rest is one too */
	if ((t->out || t->message.pieces_n) && t->gathered.n)
		send_piece(t);
	if (t->why && !t->out)
		tell_later(t->spool);
	else
		go_on(t);
}

void spool_abandon(struct spool_ticket *t)
{
	if (!t)
		return;
	t->abandoned = true;
	go_on(t);
}

void spool_forget(struct spool *s, void *context)
{
	for (struct spool_ticket *t = s->tickets; t; t = t->after)
		if (t->finished && t->context == context)
			t->done = NULL;
}

/* ── the end ─────────────────────────────────────────────────────────────────────────────────── */

void tickets_drain(struct spool *s)
{
	for (;;) {
		const struct spool_ticket *t = s->tickets;

		while (t && !t->finished)
			t = t->after;
		if (!t)
			return;
		spool_wait(s);
	}
}

void tickets_end(struct spool *s)
{
	while (s->tickets)
		ticket_free(s->tickets);
}
