/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/host.h"

#include "base/memory.h"
#include "remote/channel.h"
#include "remote/start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What an answer that nobody wants any more may still bring before the agent is given up. */
#define UNWANTED_MAX (256u << 20)
#define KEPT_MAX (2ull << 30)

struct host {
	char *name, *target;
	struct strings ssh_options;
	enum host_reach reach;
	bool control, broken;
	pid_t pid;
	int silence_ms;
	uint64_t kept_max;
	struct channel channel;
	struct host_limit limit;
	bool resting; /* the agent said so, and has sent nothing since */
	uint32_t sent, collected;
	uint64_t read_before, sent_before; /* octets, with agents that were lost */
	struct buf frame;                  /* the last one sent; kept for the next */
	struct buf hello_body;
	struct wire_hello hello;
	struct host *another; /* owned; NULL: nobody asked for one */
};

const char *host_name(const struct host *h)
{
	return h->name;
}

enum host_reach host_reach(const struct host *h)
{
	return h->reach;
}

const char *host_target(const struct host *h)
{
	return h->target;
}

const struct wire_hello *host_hello(const struct host *h)
{
	return &h->hello;
}

/* After this, nothing can be asked any more: an answer to an older request might come. */
static int broken(struct host *h, struct error *err, int sys_errno, const char *what)
{
	h->broken = true;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, sys_errno, "host %s: %s", h->name,
	          what);
	return error_hint(err, "look if the host is up, then give the same command again");
}

int host_send(struct host *h, enum wire_kind kind, struct span body, struct error *err)
{
	if (h->broken)
		return broken(h, err, 0, "the connection broke before");
	buf_reset(&h->frame);
	wire_frame(&h->frame, kind, ++h->sent, body);
	if (channel_send(&h->channel, buf_span(&h->frame)) < 0)
		return broken(h, err, errno,
		              errno == ETIMEDOUT ? "the agent does not read"
		                                 : "the connection to the agent broke");
	return 0;
}

int host_wait(struct host *const hosts[], const bool asked[], bool ready[], size_t n,
              struct error *err)
{
	AUTO_FREE struct pollfd *fds = xcalloc(n, sizeof *fds);
	bool some = false;
	int came;

	for (size_t i = 0; i < n; i++) {
		ready[i] = asked[i] && (hosts[i]->broken || channel_has(&hosts[i]->channel));
		fds[i] = (struct pollfd){ .fd = asked[i] ? hosts[i]->channel.fromfd : -1,
			                  .events = POLLIN };
		some |= ready[i];
	}
	do {
		came = poll(fds, n, some ? 0 : hosts[0]->channel.silence_ms);
	} while (came < 0 && errno == EINTR);
	for (size_t i = 0; i < n; i++) {
		if (came == 0 && !some && asked[i])
			return broken(hosts[i], err, ETIMEDOUT, "the agent does not answer");
		ready[i] |= fds[i].revents != 0;
	}
	return 0;
}

static void tell_resting(struct host *h, const char *why)
{
	h->resting = why != NULL;
	if (h->limit.resting)
		h->limit.resting(h->limit.context, why);
}

static int take_notice(struct host *h, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	AUTO_BUF struct buf words = { 0 };

	buf_add_printable(&words, wire_get_span(&r));
	if (wire_read_end(&r, "notice", err) < 0)
		return -1;
	if (!h->limit.load && !h->limit.io_pressure)
		return broken(h, err, 0, "the agent rests, and nobody told it to");
	/* a notice is not an answer: only as long as they come does the time stand still */
	channel_period(&h->channel);
	tell_resting(h, buf_text(&words));
	return 0;
}

/* The next frame of the answer to request h->collected. */
static int next_frame(struct host *h, struct wire_frame *frame, struct error *err)
{
	for (;;) {
		if (channel_next(&h->channel, frame, err) < 0) {
			h->broken = true;
			error_context(err, "host %s", h->name);
			return error_hint(
				err, "look if the host is up, then give the same command again");
		}
		if (frame->request != h->collected)
			return broken(h, err, 0, "an answer to another request came");
		if (frame->kind != WIRE_NOTICE)
			break;
		if (take_notice(h, frame->body, err) < 0) {
			h->broken = true;
			return -1;
		}
	}
	if (h->resting)
		tell_resting(h, NULL);
	return 0;
}

/* One DATA frame. *unwanted counts what comes after the caller has refused. */
static int take_data(struct host *h, struct span body, host_data_fn *data, void *context,
                     bool *refused, uint64_t *unwanted, struct error *err)
{
	struct error later = { 0 };

	if (!body.n)
		return broken(h, *refused ? &later : err, 0, "an empty piece of an answer came");
	if (data && !*refused) {
		if (data(context, body, err) < 0)
			*refused = true;
		return 0;
	}
	*unwanted += WIRE_HEADER_SIZE + body.n;
	if (*unwanted > UNWANTED_MAX)
		return broken(h, *refused ? &later : err, 0,
		              "an answer that nobody wants has no end");
	return 0;
}

int host_collect(struct host *h, host_data_fn *data, void *context, struct buf *end,
                 struct error *err)
{
	struct wire_frame frame;
	struct error later = { 0 };
	bool refused = false;
	uint64_t unwanted = 0;

	if (h->broken)
		return broken(h, err, 0, "the connection broke before");
	h->collected++;
	channel_period(&h->channel);
	for (;;) {
		/* what the caller refused is what it wants to hear of */
		if (next_frame(h, &frame, refused ? &later : err) < 0)
			return -1;
		if (frame.kind == WIRE_DATA) {
			if (take_data(h, frame.body, data, context, &refused, &unwanted, err) < 0)
				return -1;
			continue;
		}
		if (refused)
			return -1;
		if (frame.kind == WIRE_ERROR) {
			wire_get_error(frame.body, err);
			return error_context(err, "%s", h->name);
		}
		if (frame.kind != WIRE_END)
			return broken(h, err, 0, "an answer of unknown kind came");
		if (end) {
			buf_reset(end);
			buf_add_span(end, frame.body);
		}
		return 0;
	}
}

void host_be_patient(struct host *h, int more_ms)
{
	channel_set_silence(&h->channel, h->silence_ms, more_ms);
}

int host_check_kept(const struct host *h, uint64_t octets, struct error *err)
{
	if (octets <= h->kept_max)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "host %s: one listing from there takes more than %llu MB of memory",
	                 h->name, (unsigned long long)(h->kept_max >> 20));
}

int host_malformed(const struct host *h, const char *what, struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "host %s: malformed %s on the wire", h->name, what);
}

int host_call(struct host *h, enum wire_kind kind, struct span body, host_data_fn *data,
              void *context, struct buf *end, struct error *err)
{
	if (host_send(h, kind, body, err) < 0)
		return -1;
	return host_collect(h, data, context, end, err);
}

static int send_bounds(struct host *h, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, h->limit.load);
	wire_put_u64(&body, h->limit.io_pressure);
	return host_call(h, WIRE_LIMITS, buf_span(&body), NULL, NULL, NULL, err);
}

int host_set_limit(struct host *h, const struct host_limit *limit, struct error *err)
{
	static const struct host_limit none = { 0 };
	bool had_bounds = h->limit.load || h->limit.io_pressure;

	h->limit = limit ? *limit : none;
	channel_limit(&h->channel, h->limit.octets_per_s);
	if (h->broken) /* host_reopen() tells the next agent */
		return 0;
	if (!had_bounds && !h->limit.load && !h->limit.io_pressure)
		return 0;
	return send_bounds(h, err);
}

uint64_t host_octets_read(const struct host *h)
{
	return h->read_before + h->channel.octets_in +
	       (h->another ? host_octets_read(h->another) : 0);
}

uint64_t host_octets_sent(const struct host *h)
{
	return h->sent_before + h->channel.octets_out +
	       (h->another ? host_octets_sent(h->another) : 0);
}

static int send_hello(struct host *h, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, WIRE_VERSION);
	/* a pipe on this machine is faster than anything that packs */
	wire_put_u64(&body, h->reach == HOST_SSH ? WIRE_FEATURE_ZSTD : 0);
	return host_send(h, WIRE_HELLO, buf_span(&body), err);
}

static int take_hello(struct host *h, struct error *err)
{
	if (host_collect(h, NULL, NULL, &h->hello_body, err) < 0 ||
	    wire_get_hello(buf_span(&h->hello_body), &h->hello, err) < 0)
		return -1;
	if (h->hello.features & WIRE_FEATURE_ZSTD) {
		if (h->reach != HOST_SSH)
			return broken(h, err, 0, "the agent packs, and nobody told it to");
		channel_pack(&h->channel);
	}
	return host_set_limit(h, &h->limit, err);
}

/* The words, as a host_place has them; the caller frees the array. */
static const char **ssh_options_of(const struct host *h)
{
	const char **options = xcalloc(h->ssh_options.n + 1, sizeof *options);

	for (size_t i = 0; i < h->ssh_options.n; i++)
		options[i] = h->ssh_options.rows[i];
	return options;
}

static struct host_place place_of(const struct host *h, const char *const *options)
{
	return (struct host_place){
		.name = h->name,
		.reach = h->reach,
		.target = h->target,
		.ssh_options = options,
		.control = h->control,
		.silence_ms = h->silence_ms,
	};
}

/* No agent answers: of no use until host_reopen(). */
static int unreached(struct host *h, struct error *err)
{
	h->broken = true;
	if (h->reach == HOST_SSH && err->retry == ERROR_RETRY_REACH)
		error_hint(err, "try: ssh %s true", h->target);
	return -1;
}

static int start(struct host *h, struct error *err)
{
	AUTO_FREE const char **options = ssh_options_of(h);
	struct host_place place = place_of(h, options);
	int tofd, fromfd;

	if (agent_start(&place, &h->pid, &tofd, &fromfd, err) < 0)
		return unreached(h, err);
	channel_open(&h->channel, tofd, fromfd, h->silence_ms);
	return send_hello(h, err) < 0 ? unreached(h, err) : 0;
}

int host_start(struct host **out, const struct host_place *place, struct error *err)
{
	AUTO_HOST struct host *h = xcalloc(1, sizeof *h);

	h->name = xstrdup(place->name);
	h->target = xstrdup(place->target ? place->target : "");
	for (size_t i = 0; place->ssh_options && place->ssh_options[i]; i++)
		strings_add(&h->ssh_options, place->ssh_options[i]);
	h->reach = place->reach;
	h->control = place->control;
	h->silence_ms = place->silence_ms;
	h->kept_max = place->kept_max ? place->kept_max : KEPT_MAX;
	h->channel.tofd = h->channel.fromfd = -1;
	signal(SIGPIPE, SIG_IGN);
	if (start(h, err) < 0)
		return -1;
	*out = TAKE(h);
	return 0;
}

int host_greet(struct host *h, struct error *err)
{
	return take_hello(h, err) < 0 ? unreached(h, err) : 0;
}

int host_open(struct host **out, const struct host_place *place, struct error *err)
{
	AUTO_HOST struct host *h = NULL;

	if (host_start(&h, place, err) < 0 || host_greet(h, err) < 0)
		return -1;
	*out = TAKE(h);
	return 0;
}

bool host_waits(struct host *h)
{
	return channel_waits(&h->channel);
}

const char *host_seen_from(const struct host *from, const struct host *to)
{
	const struct host_limit *l = &from->limit;

	if (to->reach != HOST_LOCAL || l->octets_per_s || l->load || l->io_pressure)
		return NULL;
	return from->reach == HOST_LOCAL ? "/" : from->reach == HOST_FOLDER ? from->target : NULL;
}

int host_another(struct host *h, struct host **out, struct error *err)
{
	AUTO_FREE const char **options = ssh_options_of(h);
	struct host_place place = place_of(h, options);

	if (h->another && host_is_broken(h->another))
		host_close(TAKE(h->another));
	if (!h->another && host_open(&h->another, &place, err) < 0)
		return -1;
	*out = h->another;
	return 0;
}

void host_dismiss(struct host *h)
{
	if (!h)
		return;
	h->read_before += h->channel.octets_in;
	h->sent_before += h->channel.octets_out;
	h->channel.octets_in = h->channel.octets_out = 0;
	channel_close(&h->channel);
}

/* Ends the agent: it does when its input does. One behind a dead network ends by ssh's own clock,
 * so ours is not waited for. */
static void end_agent(struct host *h)
{
	host_dismiss(h);
	if (h->pid > 0) {
		if (h->broken)
			kill(h->pid, SIGTERM);
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
}

bool host_is_broken(const struct host *h)
{
	return h->broken;
}

int host_reopen(struct host *h, struct error *err)
{
	AUTO_FREE char *before = span_dup(h->hello.machine_id);

	end_agent(h);
	h->sent = h->collected = 0;
	h->broken = false;
	if (start(h, err) < 0 || host_greet(h, err) < 0)
		return -1;
	if (span_is(h->hello.machine_id, before))
		return 0;
	h->broken = true;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "host %s: another machine answers at %s now", h->name, h->target);
}

void host_close(struct host *h)
{
	if (!h)
		return;
	host_close(h->another);
	end_agent(h);
	strings_fini(&h->ssh_options);
	buf_fini(&h->frame);
	buf_fini(&h->hello_body);
	free(h->name);
	free(h->target);
	free(h);
}
