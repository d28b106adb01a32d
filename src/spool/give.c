/* SPDX-License-Identifier: BSD-2-Clause */

/* Messages go out: who is due, and what became of it. */

#include "spool/inside.h"

#include "base/clock.h"

struct told {
	struct spool *spool;
	spool_done *done;
	void *context;
};

static void describe_due(const struct item *i, struct spool_due *out)
{
	*out = (struct spool_due){
		.id = i->id,
		.size = i->octets,
		.arrived_ms = i->arrived_ms,
		.attempts = i->attempts,
		.recipients = i->recipients,
		.pending = i->pending,
	};
}

void describe_item(const struct spool *s, const struct item *i, struct spool_item *out)
{
	int64_t left = i->due_ms ? i->due_ms - clock_monotonic_ms() : 0;

	describe_due(i, &out->due);
	out->delay_ms = left > 0 ? left : 0;
	out->held = i->held;
	out->taken = i->taken;
}

bool spool_take_due(struct spool *s, int64_t now_ms, struct spool_due *out)
{
	struct item *i = s->options.hold ? NULL : index_due(&s->index, now_ms);

	if (!i)
		return false;
	i->taken = true;
	index_queue(&s->index, i);
	describe_due(i, out);
	return true;
}

int64_t spool_next_due_ms(const struct spool *s)
{
	return s->options.hold ? INT64_MAX : index_next_due_ms(&s->index);
}

void spool_put_back(struct spool *s, uint64_t id)
{
	struct item *i = index_find(&s->index, id);

	if (!i)
		return;
	i->taken = false;
	index_queue(&s->index, i);
}

void spool_set_hold(struct spool *s, bool hold)
{
	s->options.hold = hold;
}

bool spool_on_hold(const struct spool *s)
{
	return s->options.hold;
}

/* ── records ─────────────────────────────────────────────────────────────────────────────────── */

static void settlement_back(void *context, struct job *j)
{
	struct told *t = context;
	struct spool *s = t->spool;
	struct item *i = index_find(&s->index, j->id);
	struct settlement said;

	if (i)
		i->recording = false;
	if (j->good && settlement_get(buf_span(&j->head), &said))
		apply_settlement(s, j->id, j->place, &said);
	else if (i)
		index_queue(&s->index, i);
	if (t->done)
		t->done(t->context, j->good ? SPOOL_DURABLE : SPOOL_FAILED, j->id,
		        j->good ? "" : strerror(j->why));
	free(t);
	job_free(j);
}

static void record(struct spool *s, struct item *i, bool attempt,
                   const struct spool_result *results, size_t n, int64_t delay_ms, spool_done *done,
                   void *context)
{
	struct told *t = xcalloc(1, sizeof *t);
	struct job *j = job_new(RECORD_SETTLE, i->id, settlement_back, t);
	struct settlement head = {
		.at_ms = clock_wall_ms(),
		.delay_ms = delay_ms > 0 ? delay_ms : 0,
		.attempt = attempt,
		.before = i->last,
	};

	*t = (struct told){ s, done, context };
	settlement_put(&j->head, &head, results, n);
	j->must = true;
	i->taken = false;
	i->recording = true;
	index_queue(&s->index, i);
	commit_add(s->committer, j);
}

void spool_settle(struct spool *s, uint64_t id, const struct spool_result *results, size_t n,
                  int64_t delay_ms, spool_done *done, void *context)
{
	struct item *i = index_find(&s->index, id);

	if (i)
		record(s, i, true, results, n, delay_ms, done, context);
}

/* A record for each recipient whose state is one of `from` (bits), all with the same end. */
static bool record_all(struct spool *s, uint64_t id, unsigned from, enum spool_state to,
                       const char *why, spool_done *done, void *context)
{
	struct item *i = index_find(&s->index, id);
	AUTO_FREE struct spool_result *results = NULL;
	size_t n = 0;

	if (!i || i->taken || i->recording)
		return false;
	results = xcalloc(i->recipients, sizeof *results);
	for (uint32_t r = 0; r < i->recipients; r++)
		if (from >> item_states(i)[r] & 1)
			results[n++] = (struct spool_result){ r, to, span_of(why) };
	record(s, i, false, results, n, 0, done, context);
	return true;
}

bool spool_hold(struct spool *s, uint64_t id, const char *why, spool_done *done, void *context)
{
	return record_all(s, id, 1u << SPOOL_PENDING, SPOOL_HELD, why, done, context);
}

bool spool_release(struct spool *s, uint64_t id, spool_done *done, void *context)
{
	return record_all(s, id, 1u << SPOOL_HELD | 1u << SPOOL_PENDING, SPOOL_PENDING, "released",
	                  done, context);
}

bool spool_drop(struct spool *s, uint64_t id, const char *why, spool_done *done, void *context)
{
	return record_all(s, id, 1u << SPOOL_HELD | 1u << SPOOL_PENDING, SPOOL_DROPPED, why, done,
	                  context);
}
