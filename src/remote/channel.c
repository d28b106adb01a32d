/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/channel.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* The longest an agent may be silent; its own commands end sooner (agent/commands.c), but for those
 * that host_run() is patient with. */
#define SILENCE_MS 180000
#define READ_MOST (1u << 20)
/* A line that less than this part of the time is waited for is no hindrance. */
#define WAITS_PART 4
#define WAITS_LOOK_NS 50000000

void channel_open(struct channel *c, int tofd, int fromfd, int silence_ms)
{
	*c = (struct channel){
		.tofd = tofd,
		.fromfd = fromfd,
	};
	channel_set_silence(c, silence_ms, 0);
	/* so that one that does not read can be given up */
	(void)fcntl(tofd, F_SETFL, O_NONBLOCK);
	channel_period(c);
}

void channel_set_silence(struct channel *c, int silence_ms, int more_ms)
{
	c->silence_ms = (silence_ms ? silence_ms : SILENCE_MS) + more_ms;
}

void channel_close(struct channel *c)
{
	fd_close_at(&c->tofd);
	fd_close_at(&c->fromfd);
	c->tofd = c->fromfd = -1;
	buf_fini(&c->blocks);
	buf_fini(&c->frames);
	buf_fini(&c->ahead);
	buf_fini(&c->packed);
	c->frames_used = 0;
	wire_packer_free(TAKE(c->packer));
	wire_unpacker_free(TAKE(c->unpacker));
}

void channel_pack(struct channel *c)
{
	c->packer = wire_packer_new();
	c->unpacker = wire_unpacker_new();
}

void channel_limit(struct channel *c, uint64_t octets_per_s)
{
	pace_begin(&c->pace, octets_per_s);
}

void channel_period(struct channel *c)
{
	c->period_ms = clock_monotonic_ms();
	c->period_octets = 0;
}

/* Waits for `events` at most `ms`; false when the time is up. */
static bool wait_for(int fd, short events, int64_t ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t end = clock_monotonic_ms() + ms;
	int ready;

	do {
		int64_t left = end - clock_monotonic_ms();

		ready = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	return ready != 0;
}

static bool wait_to_read(struct channel *c, int64_t ms)
{
	int64_t began = clock_monotonic_ns();
	bool ready = wait_for(c->fromfd, POLLIN, ms);

	c->waited_ns += clock_monotonic_ns() - began;
	return ready;
}

bool channel_waits(struct channel *c)
{
	int64_t now = clock_monotonic_ns();
	int64_t since = now - c->looked_ns;

	/* several requests in one go: nothing has come in yet that would tell */
	if (c->looked_ns && since < WAITS_LOOK_NS)
		return !c->unwaited;
	c->unwaited = c->looked_ns && c->waited_ns <= since / WAITS_PART;
	c->looked_ns = now;
	c->waited_ns = 0;
	return !c->unwaited;
}

/* Reads what is there. */
static ssize_t read_into(struct channel *c, struct buf *into, size_t most)
{
	ssize_t n;

	do {
		n = read(c->fromfd, buf_room(into, most), most);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		buf_grown(into, (size_t)n);
		c->octets_in += (uint64_t)n;
		c->period_octets += (uint64_t)n;
	}
	return n;
}

/* An agent that answers an older request does not read the next one: when both pipes are full, its
 * answers are taken in first, or both would wait for ever. Into a buffer of their own: a frame that
 * is being looked at lies in the other. */
static int wait_to_write(struct channel *c)
{
	struct pollfd fds[2] = { { .fd = c->tofd, .events = POLLOUT },
		                 { .fd = c->fromfd, .events = POLLIN } };
	int ready = poll(fds, 2, c->silence_ms);

	if (ready < 0)
		return errno == EINTR ? 0 : -1;
	if (ready == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (!(fds[1].revents & POLLIN) || read_into(c, &c->ahead, READ_MOST) > 0)
		return 0;
	errno = EPIPE;
	return -1;
}

static int write_all(struct channel *c, struct span bytes)
{
	while (bytes.n) {
		ssize_t n = write(c->tofd, bytes.p, bytes.n);

		if (n >= 0) {
			c->octets_out += (uint64_t)n;
			bytes = span_from(bytes, (size_t)n);
		} else if (errno == EAGAIN) {
			if (wait_to_write(c) < 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

int channel_send(struct channel *c, struct span frame)
{
	int64_t began;

	if (!c->packer)
		return write_all(c, frame);
	buf_reset(&c->packed);
	wire_pack(c->packer, frame, &c->packed);
	began = clock_monotonic_ns();
	if (write_all(c, buf_span(&c->packed)) < 0)
		return -1;
	wire_pack_sent(c->packer, c->packed.n, clock_monotonic_ns() - began);
	return 0;
}

static int gone(struct error *err, int sys_errno, const char *what)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, sys_errno, "%s", what);
}

/* Looks if enough came in the period that is at its end. */
static int check_period(struct channel *c, struct error *err)
{
	if (clock_monotonic_ms() - c->period_ms < c->silence_ms)
		return 0;
	if (c->period_octets < CHANNEL_OCTETS_LEAST)
		return gone(err, ETIMEDOUT, "the agent answers too slowly");
	channel_period(c);
	return 0;
}

/* What waits because of the limit is not the agent's silence. */
static void keep_pace(struct channel *c, size_t octets)
{
	int64_t wait = pace_wait_ms(&c->pace, octets, clock_monotonic_ms());

	if (wait <= 0)
		return;
	clock_sleep_ms(wait);
	c->period_ms += wait;
	c->waited_ns += wait * 1000000; /* the limit is a line too */
}

static int read_more(struct channel *c, struct error *err)
{
	struct buf *into = c->unpacker ? &c->blocks : &c->frames;
	size_t most = pace_chunk(&c->pace, READ_MOST);
	int64_t left = c->period_ms + c->silence_ms - clock_monotonic_ms();
	ssize_t n;

	if (c->ahead.n) {
		buf_add_span(into, buf_span(&c->ahead));
		buf_reset(&c->ahead);
		return 0;
	}
	if (!wait_to_read(c, left > 0 ? left : 0)) {
		if (!c->period_octets)
			return gone(err, ETIMEDOUT, "the agent does not answer");
		return check_period(c, err);
	}
	n = read_into(c, into, most);
	if (n <= 0)
		return gone(err, n < 0 ? errno : 0, "the connection to the agent broke");
	keep_pace(c, (size_t)n);
	return check_period(c, err);
}

bool channel_has(const struct channel *c)
{
	return c->frames.n > c->frames_used || c->blocks.n || c->ahead.n;
}

static void drop_used(struct channel *c)
{
	if (!c->frames_used)
		return;
	buf_drop_front(&c->frames, c->frames_used);
	c->frames_used = 0;
}

/* More of `frames`, from blocks that are there or from the pipe. */
static int fill(struct channel *c, struct error *err)
{
	size_t used;
	int whole;

	drop_used(c);
	if (!c->unpacker)
		return read_more(c, err);
	whole = wire_unpack(c->unpacker, buf_span(&c->blocks), &c->frames, &used, err);
	if (whole == 0)
		return read_more(c, err);
	if (whole > 0)
		buf_drop_front(&c->blocks, used);
	return whole < 0 ? -1 : 0;
}

int channel_next(struct channel *c, struct wire_frame *frame, struct error *err)
{
	for (;;) {
		struct span rest = span_from(buf_span(&c->frames), c->frames_used);
		size_t used;
		int whole = wire_read_frame(rest, frame, &used, err);

		if (whole < 0)
			return -1;
		if (whole) {
			c->frames_used += used;
			return 0;
		}
		if (fill(c, err) < 0)
			return -1;
	}
}
