/* SPDX-License-Identifier: BSD-2-Clause */

/* What is in the spool, for those who ask. */

#include "spool/inside.h"

const uint8_t *spool_states(const struct spool *s, uint64_t id, uint32_t *n)
{
	struct item *i = index_find(&s->index, id);

	if (!i)
		return NULL;
	*n = i->recipients;
	return item_states(i);
}

bool spool_find(const struct spool *s, uint64_t id, struct spool_item *out)
{
	const struct item *i = index_find(&s->index, id);

	if (!i)
		return false;
	describe_item(s, i, out);
	return true;
}

void spool_each(const struct spool *s, bool (*see)(void *context, const struct spool_item *item),
                void *context)
{
	for (const struct item *i = s->index.first; i; i = i->after) {
		struct spool_item item;

		describe_item(s, i, &item);
		if (!see(context, &item))
			return;
	}
}

void spool_usage(const struct spool *s, struct spool_usage *out)
{
	struct commit_figures f = { 0 };

	if (s->committer)
		commit_figures(s->committer, &f);
	*out = (struct spool_usage){
		.messages = s->index.n,
		.held = s->index.held,
		.octets = s->index.octets,
		.disk = segments_used(s),
		.under_way = s->under_way,
		.segments = s->segments_n,
		.groups = f.groups,
		.committed = s->committed,
		.failed = f.failed,
		.damaged = s->damaged,
		.free = s->free,
	};
}

/* ── history ─────────────────────────────────────────────────────────────────────────────────── */

static void tell_rows(struct settlement *t,
                      void (*see)(void *context, const struct spool_event *event), void *context)
{
	struct spool_result r;

	while (settlement_next(t, &r)) {
		struct spool_event event = { t->at_ms, r.recipient, r.state, t->delay_ms, r.reply };

		see(context, &event);
	}
}

/* A record whose length is not known: its header tells it. */
static int read_settlement(struct spool *s, uint64_t id, struct place at, struct buf *payload,
                           struct error *err)
{
	unsigned char header[RECORD_HEADER];
	struct record r;
	uint64_t salt;
	int fd = segment_fd(s, at.segment, &salt);

	if (fd < 0 || s->disk->pread(s->disk, fd, header, sizeof header, at.offset, false) !=
	                      (ssize_t)sizeof header)
		return error_system(err, "read segment %08x", at.segment);
	if (!record_get(header, salt, &r))
		r.length = 0;
	return read_record(s, at, r.length, RECORD_SETTLE, id, true, payload, err) == SPOOL_OK ? 0
	                                                                                       : -1;
}

int read_history(struct spool *s, uint64_t id, struct place last, const struct message *m,
                 void (*see)(void *context, const struct spool_event *event), void *context,
                 struct error *err)
{
	AUTO_BUF struct buf payload = { 0 };
	struct settlement t;

	while (last.segment) {
		struct place at = last;

		if (read_settlement(s, id, at, &payload, err) < 0)
			return -1;
		if (!settlement_get(buf_span(&payload), &t))
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0,
			                 "segment %08x offset %u: no result", at.segment,
			                 at.offset);
		last = t.before;
		/* only ever backwards, whatever is written there */
		if (last.segment > at.segment ||
		    (last.segment == at.segment && last.offset >= at.offset))
			last.segment = 0;
		tell_rows(&t, see, context);
	}
	for (size_t n = m->settled_n; n--;)
		if (settlement_get(m->settled[n], &t))
			tell_rows(&t, see, context);
	return 0;
}

int spool_history(struct spool *s, uint64_t id,
                  void (*see)(void *context, const struct spool_event *event), void *context,
                  struct error *err)
{
	const struct item *i = index_find(&s->index, id);
	AUTO_BUF struct buf payload = { 0 };
	AUTO_MESSAGE struct message m = { 0 };

	if (!i)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0, "no such message");
	if (read_record(s, i->place, i->length, RECORD_MESSAGE, id, true, &payload, err) !=
	    SPOOL_OK)
		return -1;
	if (!message_get(buf_span(&payload), &m))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0, "no message");
	return read_history(s, id, i->last, &m, see, context, err);
}
