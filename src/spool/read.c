/* SPDX-License-Identifier: BSD-2-Clause */

/* Messages are read. */

#include "spool/inside.h"

#include "smtp/envelope.h"
#include "spool/sum.h"

#include <errno.h>

struct spool_reader {
	struct errand errand; /* first: the two are one pointer */
	struct spool *spool;
	uint64_t id;
	uint32_t pinned;
	struct place place;
	uint32_t length;
	bool loaded;       /* `record` is there, and what was made of it */
	struct buf record; /* payload of the MESSAGE record */
	struct message message;
	struct smtp_envelope envelope;
	struct smtp_peer peer;
	size_t next;      /* piece */
	bool told;        /* a message without pieces */
	struct buf piece; /* payload of the piece `in_memory` - 1 */
	size_t in_memory; /* 0: none */
	bool failed;      /* a fetch has found it broken: `failure` */
	struct error failure;
	void (*ready)(void *context);
	void *context;
};

static enum spool_read broken(struct error *err, struct place at, const char *what)
{
	error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0, "segment %08x offset %u: %s",
	          at.segment, at.offset, what);
	return SPOOL_BROKEN;
}

static enum spool_read read_octets(struct spool *s, int fd, uint64_t at, size_t n, bool may_wait,
                                   struct buf *out)
{
	buf_reset(out);
	while (out->n < n) {
		ssize_t got = s->disk->pread(s->disk, fd, buf_room(out, n - out->n), n - out->n,
		                             at + out->n, !may_wait);

		if (got < 0 && errno == EAGAIN && !may_wait)
			return SPOOL_NOT_NOW;
		if (got == 0)
			errno = ENODATA;
		if (got <= 0)
			return SPOOL_BROKEN;
		buf_grown(out, (size_t)got);
	}
	return SPOOL_OK;
}

enum spool_read read_record(struct spool *s, struct place at, uint32_t length,
                            enum record_kind kind, uint64_t id, bool may_wait, struct buf *payload,
                            struct error *err)
{
	struct record r;
	uint64_t salt;
	int fd = segment_fd(s, at.segment, &salt);
	enum spool_read result;

	if (fd < 0)
		return broken(err, at, strerror(errno));
	result = read_octets(s, fd, at.offset, RECORD_HEADER + (size_t)length, may_wait, payload);
	if (result == SPOOL_BROKEN)
		return broken(err, at, strerror(errno));
	if (result != SPOOL_OK)
		return result;
	if (!record_get((const unsigned char *)payload->p, salt, &r) || r.kind != kind ||
	    r.id != id || r.length != length ||
	    spool_sum(0, payload->p + RECORD_HEADER, length) != r.sum)
		return broken(err, at, "damaged");
	buf_drop_front(payload, RECORD_HEADER);
	return SPOOL_OK;
}

/* ── readers ─────────────────────────────────────────────────────────────────────────────────── */

struct spool_reader *spool_reader_open(struct spool *s, uint64_t id)
{
	const struct item *i = index_find(&s->index, id);
	struct spool_reader *r;

	if (!i)
		return NULL;
	r = xcalloc(1, sizeof *r);
	r->spool = s;
	r->id = id;
	r->place = i->place;
	r->length = i->length;
	r->pinned = i->first_segment;
	segment_pin(s, r->pinned);
	return r;
}

void spool_reader_close(struct spool_reader *r)
{
	if (!r)
		return;
	segment_unpin(r->spool, r->pinned);
	buf_fini(&r->record);
	buf_fini(&r->piece);
	message_fini(&r->message);
	smtp_envelope_fini(&r->envelope);
	smtp_peer_fini(&r->peer);
	free(r);
}

static enum spool_read load(struct spool_reader *r, bool may_wait, struct error *err)
{
	enum spool_read result;

	if (r->loaded)
		return SPOOL_OK;
	if (r->failed) {
		*err = r->failure;
		return SPOOL_BROKEN;
	}
	result = read_record(r->spool, r->place, r->length, RECORD_MESSAGE, r->id, may_wait,
	                     &r->record, err);
	if (result != SPOOL_OK)
		return result;
	message_fini(&r->message);
	if (!message_get(buf_span(&r->record), &r->message) ||
	    !letter_get(r->message.envelope, &r->envelope, &r->peer))
		return broken(err, r->place, "no message");
	if (r->envelope.recipients_n != r->message.recipients) {
		smtp_envelope_fini(&r->envelope);
		smtp_peer_fini(&r->peer);
		return broken(err, r->place, "other recipients than it says");
	}
	r->loaded = true;
	return SPOOL_OK;
}

static enum spool_read load_piece(struct spool_reader *r, bool may_wait, struct error *err)
{
	const struct piece *p = &r->message.pieces[r->next];
	enum spool_read result;

	if (r->in_memory == r->next + 1)
		return SPOOL_OK;
	if (r->failed) {
		*err = r->failure;
		return SPOOL_BROKEN;
	}
	r->in_memory = 0;
	result = read_record(r->spool, p->place, p->octets, RECORD_PIECE, r->id, may_wait,
	                     &r->piece, err);
	if (result == SPOOL_OK)
		r->in_memory = r->next + 1;
	return result;
}

enum spool_read spool_read_envelope(struct spool_reader *r, bool may_wait,
                                    const struct smtp_envelope **envelope,
                                    const struct smtp_peer **peer, struct error *err)
{
	enum spool_read result = load(r, may_wait, err);

	if (result == SPOOL_OK) {
		*envelope = &r->envelope;
		*peer = &r->peer;
	}
	return result;
}

enum spool_read spool_read_next(struct spool_reader *r, bool may_wait, struct span *out,
                                struct error *err)
{
	enum spool_read result = load(r, may_wait, err);

	if (result != SPOOL_OK)
		return result;
	if (!r->message.pieces_n) {
		if (r->told || !r->message.body.n)
			return SPOOL_END;
		r->told = true;
		*out = r->message.body;
		return SPOOL_OK;
	}
	if (r->next == r->message.pieces_n)
		return SPOOL_END;
	result = load_piece(r, may_wait, err);
	if (result == SPOOL_OK) {
		*out = buf_span(&r->piece);
		r->next++;
	}
	return result;
}

void spool_read_rewind(struct spool_reader *r)
{
	r->next = 0;
	r->told = false;
}

/* ── fetching ────────────────────────────────────────────────────────────────────────────────── */

static void fetch_run(struct errand *e)
{
	struct spool_reader *r = (struct spool_reader *)e;
	enum spool_read result = load(r, true, &r->failure);

	if (result == SPOOL_OK && r->next < r->message.pieces_n)
		result = load_piece(r, true, &r->failure);
	r->failed = result == SPOOL_BROKEN;
}

static void fetch_done(struct errand *e)
{
	struct spool_reader *r = (struct spool_reader *)e;

	r->ready(r->context);
}

void spool_fetch(struct spool_reader *r, void (*ready)(void *context), void *context)
{
	struct spool *s = r->spool;

	if (!s->errands)
		s->errands = errands_start(s->ready_fd);
	r->ready = ready;
	r->context = context;
	r->errand.run = fetch_run;
	r->errand.done = fetch_done;
	errands_add(s->errands, &r->errand);
}
