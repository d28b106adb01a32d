/* SPDX-License-Identifier: BSD-2-Clause */

/* A message goes to the newest segment, with what is on record of it, so that its old one can go.
 * What is read is read by an errand; what is written passes the committer as everything. */

#include "spool/inside.h"

#include "base/clock.h"

#define PAUSE_MS 60000 /* after a move that failed */

struct move {
	struct errand errand; /* first: the two are one pointer */
	struct spool *spool;
	uint64_t id;
	struct place place, last;
	uint32_t length, pinned, attempts;

	struct buf payload;   /* of the record as it is */
	struct message old;   /* borrows from it */
	struct message fresh; /* as it will be; borrows from `payload` and `settled` */
	struct buf *settled;  /* owned; a SETTLE payload with one row each, newest first */
	size_t settled_n, settled_room;
	bool *seen; /* owned; a recipient that has one */
	struct buf piece;
	bool failed;
	struct error failure;
};

static void move_end(struct move *m)
{
	struct spool *s = m->spool;
	struct item *i = index_find(&s->index, m->id);

	if (m->failed) {
		s->move_not_before_ms = clock_monotonic_ms() + PAUSE_MS;
		spool_tell(s, "a message can't be moved to the newest segment: %s",
		           m->failure.text);
	}
	if (i) {
		i->recording = false;
		index_queue(&s->index, i);
	}
	segment_unpin(s, m->pinned);
	for (size_t n = 0; n < m->settled_n; n++)
		buf_fini(&m->settled[n]);
	free(m->settled);
	free(m->seen);
	message_fini(&m->old);
	message_fini(&m->fresh);
	buf_fini(&m->payload);
	buf_fini(&m->piece);
	s->move = NULL;
	free(m);
}

static void move_failed(struct move *m, int why)
{
	m->failed = true;
	error_set(&m->failure, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, why, "write");
	move_end(m);
}

/* ── the record ──────────────────────────────────────────────────────────────────────────────── */

static void record_back(void *context, struct job *j)
{
	struct move *m = context;

	if (j->good) {
		apply_message(m->spool, m->id, j->place, (uint32_t)(j->head.n + j->body.n),
		              &m->fresh);
		move_end(m);
	} else {
		move_failed(m, j->why);
	}
	job_free(j);
}

static void send_record(struct move *m)
{
	struct job *j = job_new(RECORD_MESSAGE, m->id, record_back, m);

	m->fresh.arrived_ms = m->old.arrived_ms;
	m->fresh.octets = m->old.octets;
	m->fresh.attempts = m->attempts;
	m->fresh.recipients = m->old.recipients;
	m->fresh.envelope = m->old.envelope;
	/* the oldest first, as they came */
	for (size_t n = m->settled_n; n--;) {
		ARRAY_GROW(m->fresh.settled, m->fresh.settled_n, m->fresh.settled_room);
		m->fresh.settled[m->fresh.settled_n++] = buf_span(&m->settled[n]);
	}
	message_put(&j->head, &m->fresh);
	buf_add_span(&j->body, m->old.body);
	commit_add(m->spool->committer, j);
}

/* ── pieces ──────────────────────────────────────────────────────────────────────────────────── */

static void next_piece(struct move *m);

static void piece_back(void *context, struct job *j)
{
	struct move *m = context;

	if (j->good) {
		struct message *f = &m->fresh;

		ARRAY_GROW(f->pieces, f->pieces_n, f->pieces_room);
		f->pieces[f->pieces_n++] = (struct piece){ j->place, (uint32_t)j->body.n };
		next_piece(m);
	} else {
		move_failed(m, j->why);
	}
	job_free(j);
}

static void read_piece(struct errand *e)
{
	struct move *m = (struct move *)e;
	const struct piece *p = &m->old.pieces[m->fresh.pieces_n];

	m->failed = read_record(m->spool, p->place, p->octets, RECORD_PIECE, m->id, true, &m->piece,
	                        &m->failure) != SPOOL_OK;
}

static void piece_read(struct errand *e)
{
	struct move *m = (struct move *)e;
	struct job *j;

	if (m->failed) {
		move_end(m);
		return;
	}
	j = job_new(RECORD_PIECE, m->id, piece_back, m);
	j->body = m->piece;
	m->piece = (struct buf){ 0 };
	commit_add(m->spool->committer, j);
}

static void next_piece(struct move *m)
{
	if (m->fresh.pieces_n == m->old.pieces_n) {
		send_record(m);
		return;
	}
	m->errand.run = read_piece;
	m->errand.done = piece_read;
	errands_add(m->spool->errands, &m->errand);
}

/* ── what there is ───────────────────────────────────────────────────────────────────────────── */

static void see_event(void *context, const struct spool_event *event)
{
	struct move *m = context;
	struct settlement head = { .at_ms = event->at_ms, .delay_ms = event->delay_ms };
	struct spool_result row = { event->recipient, event->state, event->reply };

	if (event->recipient >= m->old.recipients || m->seen[event->recipient])
		return;
	m->seen[event->recipient] = true;
	ARRAY_GROW(m->settled, m->settled_n, m->settled_room);
	m->settled[m->settled_n] = (struct buf){ 0 };
	settlement_put(&m->settled[m->settled_n++], &head, &row, 1);
}

static void read_message(struct errand *e)
{
	struct move *m = (struct move *)e;

	m->failed = true;
	if (read_record(m->spool, m->place, m->length, RECORD_MESSAGE, m->id, true, &m->payload,
	                &m->failure) != SPOOL_OK)
		return;
	if (!message_get(buf_span(&m->payload), &m->old)) {
		error_set(&m->failure, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0, "no message");
		return;
	}
	m->seen = xcalloc(m->old.recipients, sizeof *m->seen);
	m->failed = read_history(m->spool, m->id, m->last, &m->old, see_event, m, &m->failure) < 0;
}

static void message_read(struct errand *e)
{
	struct move *m = (struct move *)e;

	if (m->failed)
		move_end(m);
	else
		next_piece(m);
}

void move_begin(struct spool *s, struct item *i)
{
	struct move *m = xcalloc(1, sizeof *m);

	m->spool = s;
	m->id = i->id;
	m->place = i->place;
	m->last = i->last;
	m->length = i->length;
	m->attempts = i->attempts;
	m->pinned = i->first_segment;
	segment_pin(s, m->pinned);
	i->recording = true;
	index_queue(&s->index, i);
	s->move = m;
	if (!s->errands)
		s->errands = errands_start(s->ready_fd);
	m->errand.run = read_message;
	m->errand.done = message_read;
	errands_add(s->errands, &m->errand);
}
