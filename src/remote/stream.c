/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/stream.h"

#include "base/clock.h"
#include "base/memory.h"
#include "wire/stream.h"

#include <errno.h>

#define SAID_MAX 65536u
/* How much of one side's output may wait here for the other; past it, no more is asked for. */
#define HELD_MAX (2u << 20)

void host_stream_result_fini(struct host_stream_result *r)
{
	buf_fini(&r->said);
	*r = (struct host_stream_result){ 0 };
}

static int start(struct host *h, const struct host_stream *what, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };
	uint64_t n = 0;

	while (what->arguments && what->arguments[n])
		n++;
	wire_put_text(&body, what->row);
	wire_put_text(&body, what->user);
	wire_put_text(&body, what->home);
	wire_put_text(&body, what->location ? what->location : "");
	wire_put_u64(&body, what->uid);
	wire_put_u64(&body, what->gid);
	wire_put_u64(&body, n);
	for (uint64_t i = 0; i < n; i++)
		wire_put_text(&body, what->arguments[i]);
	return host_call(h, WIRE_STREAM_START, buf_span(&body), NULL, NULL, NULL, err);
}

static void stop(struct host *h)
{
	struct error ignored = { 0 };

	if (!host_is_broken(h))
		(void)!host_call(h, WIRE_STREAM_STOP, SPAN(""), NULL, NULL, NULL, &ignored);
}

static int ask_for(struct host *h, uint64_t most, uint64_t wait_ms, bool no_more, struct span input,
                   struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, most);
	wire_put_u64(&body, wait_ms);
	wire_put_u64(&body, no_more);
	wire_put_span(&body, input);
	return host_send(h, WIRE_STREAM_EXCHANGE, buf_span(&body), err);
}

static int ask(struct host *h, uint64_t most, bool no_more, struct span input, struct error *err)
{
	return ask_for(h, most, WIRE_STREAM_WAIT_MAX_MS, no_more, input, err);
}

static int add_words(struct host_stream_result *r, const struct wire_stream_state *state)
{
	buf_add_span(&r->said, state->said);
	if (r->said.n > SAID_MAX)
		buf_drop_front(&r->said, r->said.n - SAID_MAX);
	r->status = (int)state->status;
	return 0;
}

static int silent_for(struct host *h, const char *row, int64_t ms, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, ETIMEDOUT,
	                 "%s: %s has said nothing for %d minutes", host_name(h), row,
	                 (int)(ms / 60000));
}

static int silent(struct host *h, const char *row, struct error *err)
{
	return silent_for(h, row, HOST_STREAM_SILENCE_MS, err);
}

/* ── one program ───────────────────────────────────────────────────────────────────────── */

struct reading {
	host_stream_fn *sink;
	void *context;
	uint64_t octets;
};

static int read_data(void *context, struct span body, struct error *err)
{
	struct reading *r = context;

	r->octets += body.n;
	return r->sink(r->context, body, err);
}

/* As much of the input as its agent may keep beside what the program has not taken yet. */
static struct span next_piece(struct span input, const struct wire_stream_state *state)
{
	uint64_t room = state->unsent < WIRE_STREAM_UNSENT_MAX / 2 ? WIRE_STREAM_GIVE_MAX : 0;

	return (struct span){ input.p, input.n < room ? input.n : (size_t)room };
}

static int talk(struct host *h, const struct host_stream *what, struct span input,
                struct reading *r, struct host_stream_result *out, struct error *err)
{
	int64_t heard_ms = clock_monotonic_ms();
	struct wire_stream_state state = { 0 };

	while (!state.ended) {
		AUTO_BUF struct buf end = { 0 };
		uint64_t before = r->octets, unsent = state.unsent;
		struct span piece = next_piece(input, &state);

		input = span_from(input, piece.n);
		if (ask(h, WIRE_STREAM_TAKE_MAX, !input.n, piece, err) < 0 ||
		    host_collect(h, read_data, r, &end, err) < 0 ||
		    wire_get_stream_state(buf_span(&end), &state, err) < 0)
			return -1;
		add_words(out, &state);
		if (r->octets != before || state.unsent != unsent + piece.n)
			heard_ms = clock_monotonic_ms();
		else if (clock_monotonic_ms() - heard_ms > HOST_STREAM_SILENCE_MS)
			return silent(h, what->row, err);
	}
	out->octets = r->octets;
	return 0;
}

int host_stream_talk(struct host *h, const struct host_stream *what, struct span input,
                     host_stream_fn *sink, void *context, struct host_stream_result *out,
                     struct error *err)
{
	struct reading r = { .sink = sink, .context = context };
	int result;

	if (start(h, what, err) < 0)
		return -1;
	result = talk(h, what, input, &r, out, err);
	stop(h);
	return result;
}

int host_stream_read(struct host *h, const struct host_stream *what, host_stream_fn *sink,
                     void *context, struct host_stream_result *out, struct error *err)
{
	return host_stream_talk(h, what, SPAN(""), sink, context, out, err);
}

/* ── one, in turns ───────────────────────────────────────────────────────────────────────────── */

/* Of a larger input the agent keeps the rest; it is waited for. */
#define PROMPT_MAX 65536u

void host_talk_end(struct host_talk *t)
{
	if (t->h)
		stop(t->h);
	host_stream_result_fini(&t->result);
	*t = (struct host_talk){ 0 };
}

int host_talk_begin(struct host_talk *t, struct host *h, const struct host_stream *what,
                    host_stream_fn *sink, void *context, struct error *err)
{
	*t = (struct host_talk){ .row = what->row, .sink = sink, .context = context };
	if (start(h, what, err) < 0)
		return -1;
	t->h = h;
	return 0;
}

/* One exchange; *moved: something went either way. */
static int turn(struct host_talk *t, struct span piece, uint64_t wait_ms, bool *moved,
                struct error *err)
{
	struct reading r = { .sink = t->sink, .context = t->context };
	struct wire_stream_state state = { 0 };
	AUTO_BUF struct buf end = { 0 };
	uint64_t unsent = t->unsent + piece.n;

	if (ask_for(t->h, WIRE_STREAM_TAKE_MAX, wait_ms, false, piece, err) < 0 ||
	    host_collect(t->h, read_data, &r, &end, err) < 0 ||
	    wire_get_stream_state(buf_span(&end), &state, err) < 0)
		return -1;
	*moved = r.octets || state.unsent != unsent;
	t->result.octets += r.octets;
	t->unsent = state.unsent;
	t->ended = state.ended != 0;
	return add_words(&t->result, &state);
}

int host_talk_say(struct host_talk *t, struct span input, struct error *err)
{
	int64_t heard_ms = clock_monotonic_ms();

	while (input.n && !t->ended) {
		const struct wire_stream_state state = { .unsent = t->unsent };
		struct span piece = next_piece(input, &state);
		bool moved, waits = t->unsent + piece.n >= PROMPT_MAX;

		if (turn(t, piece, waits ? WIRE_STREAM_WAIT_MAX_MS : 0, &moved, err) < 0)
			return -1;
		input = span_from(input, piece.n);
		if (moved)
			heard_ms = clock_monotonic_ms();
		else if (clock_monotonic_ms() - heard_ms > HOST_STREAM_SILENCE_MS)
			return silent(t->h, t->row, err);
	}
	return 0;
}

int host_talk_hear(struct host_talk *t, int64_t silence_ms, struct error *err)
{
	int64_t end = clock_monotonic_ms() + silence_ms;
	uint64_t before = t->result.octets;

	while (t->result.octets == before && !t->ended) {
		bool moved;

		if (turn(t, SPAN(""), WIRE_STREAM_WAIT_MAX_MS, &moved, err) < 0)
			return -1;
		if (clock_monotonic_ms() > end && t->result.octets == before && !t->ended)
			return silent_for(t->h, t->row, silence_ms, err);
	}
	return 0;
}

/* ── two programs, joined ────────────────────────────────────────────────────────────────────── */

struct end {
	struct host_stream_side *side;
	struct buf held;   /* its output, on the way to the other end */
	uint64_t unsent;   /* octets that its agent keeps for the program */
	uint64_t given;    /* octets in the last EXCHANGE that was sent */
	unsigned asked;    /* EXCHANGEs under way */
	bool idle;         /* the last one wanted no output: too much is held here */
	bool told_no_more; /* its input has ended */
	bool closed, ended;
};

struct joint {
	struct end a, b;
	uint64_t moved; /* octets either way: the sign of life */
	host_stream_moved_fn *tell;
	void *context;
};

static int hold(void *context, struct span body, struct error *err)
{
	struct end *e = context;

	buf_add_span(&e->held, body);
	e->side->result.octets += body.n;
	return 0;
}

/*
 * Asks `e` for output and gives it what `other` said. An exchange that waits at the agent is ended
 * by the next, so there are two under way when there is something to give.
 */
static int feed(struct end *e, struct end *other, struct error *err)
{
	bool may_give = e->unsent < WIRE_STREAM_UNSENT_MAX / 2 && !e->told_no_more;
	size_t n = may_give ? other->held.n : 0;
	bool no_more, urgent;
	uint64_t most = e->held.n < HELD_MAX ? WIRE_STREAM_TAKE_MAX : 0;

	if (e->ended)
		return 0;
	if (n > WIRE_STREAM_GIVE_MAX)
		n = WIRE_STREAM_GIVE_MAX;
	no_more = !e->told_no_more && (other->closed || other->ended) && n == other->held.n &&
	          (may_give || !n);
	urgent = n || no_more || (e->idle && most);
	if (e->asked >= (urgent ? 2u : 1u))
		return 0;
	if (ask(e->side->h, most, no_more || e->told_no_more, (struct span){ other->held.p, n },
	        err) < 0)
		return -1;
	buf_drop_front(&other->held, n);
	e->unsent += n; /* until the agent says what is left of it */
	e->given = n;
	e->idle = !most;
	e->told_no_more |= no_more;
	e->asked++;
	return 0;
}

static int collect(struct joint *j, struct end *e, struct error *err)
{
	AUTO_BUF struct buf answer = { 0 };
	struct wire_stream_state state;
	uint64_t before = e->side->result.octets;

	if (host_collect(e->side->h, hold, e, &answer, err) < 0 ||
	    wire_get_stream_state(buf_span(&answer), &state, err) < 0)
		return -1;
	e->asked--;
	e->unsent = state.unsent + (e->asked ? e->given : 0);
	e->closed |= state.closed != 0;
	e->ended = state.ended != 0;
	j->moved += e->side->result.octets - before;
	return add_words(&e->side->result, &state);
}

/* A program that is gone hears nothing more. */
static void forget(const struct end *e, struct end *other)
{
	if (e->ended)
		buf_reset(&other->held);
}

static int carry(struct joint *j, struct error *err)
{
	struct host *hosts[] = { j->a.side->h, j->b.side->h };
	int64_t heard_ms = clock_monotonic_ms();

	while (!j->a.ended || !j->b.ended) {
		uint64_t before = j->moved;
		bool ready[2];

		if (feed(&j->a, &j->b, err) < 0 || feed(&j->b, &j->a, err) < 0)
			return -1;
		if (host_wait(hosts, (const bool[]){ j->a.asked > 0, j->b.asked > 0 }, ready, 2,
		              err) < 0)
			return -1;
		if ((ready[0] && collect(j, &j->a, err) < 0) ||
		    (ready[1] && collect(j, &j->b, err) < 0))
			return -1;
		forget(&j->a, &j->b);
		forget(&j->b, &j->a);
		if (j->moved != before) {
			heard_ms = clock_monotonic_ms();
			if (j->tell)
				j->tell(j->context, j->a.side->result.octets);
		} else if (clock_monotonic_ms() - heard_ms > HOST_STREAM_SILENCE_MS) {
			return silent(hosts[1], j->b.side->what.row, err);
		}
	}
	return 0;
}

/* The program ends, and the answers to what is under way are read, so that the next call finds its
 * own. STOP goes first: an exchange that waits ends by it. */
static void finish(struct end *e)
{
	struct host *h = e->side->h;
	struct error ignored = { 0 };

	if (!host_is_broken(h) && host_send(h, WIRE_STREAM_STOP, SPAN(""), &ignored) == 0)
		for (unsigned i = 0; i < e->asked + 1 && !host_is_broken(h); i++)
			(void)!host_collect(h, NULL, NULL, NULL, &ignored);
	buf_fini(&e->held);
}

int host_stream_join(struct host_stream_side *a, struct host_stream_side *b,
                     host_stream_moved_fn *moved, void *context, struct error *err)
{
	struct joint j = {
		.a = { .side = a }, .b = { .side = b }, .tell = moved, .context = context
	};
	int result;

	if (start(a->h, &a->what, err) < 0)
		return -1;
	result = start(b->h, &b->what, err);
	if (result == 0) {
		result = carry(&j, err);
		finish(&j.b);
	}
	finish(&j.a);
	return result;
}
