/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/host.h"

#include "base/file.h"
#include "base/memory.h"
#include "remote/start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The longest an agent may be silent; its own commands end sooner (agent/commands.c). */
#define SILENCE_MS 180000

struct host {
	char *name, *target;
	struct strings ssh_options;
	enum host_reach reach;
	bool control, broken;
	pid_t pid;
	int tofd, fromfd;
	struct buf in;
	size_t in_used; /* octets of `in` that were answered already */
	uint32_t sent, collected;
	uint64_t octets_in, octets_out;
	struct buf hello_body;
	struct wire_hello hello;
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

bool host_has_control(const struct host *h)
{
	return h->control;
}

const struct wire_hello *host_hello(const struct host *h)
{
	return &h->hello;
}

void host_octets(const struct host *h, uint64_t *received, uint64_t *sent)
{
	*received = h->octets_in;
	*sent = h->octets_out;
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
	AUTO_BUF struct buf out = { 0 };

	if (h->broken)
		return broken(h, err, 0, "the connection broke before");
	wire_frame(&out, kind, ++h->sent, body);
	h->octets_out += out.n;
	if (fd_write_all(h->tofd, out.p, out.n) < 0)
		return broken(h, err, errno, "the connection to the agent broke");
	return 0;
}

static int read_more(struct host *h, struct error *err)
{
	struct pollfd fd = { .fd = h->fromfd, .events = POLLIN };
	ssize_t n;
	int ready;

	if (h->in_used) {
		buf_drop_front(&h->in, h->in_used);
		h->in_used = 0;
	}
	do {
		ready = poll(&fd, 1, SILENCE_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return broken(h, err, ETIMEDOUT, "the agent does not answer");
	do {
		n = read(h->fromfd, buf_room(&h->in, 1u << 20), 1u << 20);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return broken(h, err, n < 0 ? errno : 0, "the connection to the agent broke");
	buf_grown(&h->in, (size_t)n);
	h->octets_in += (uint64_t)n;
	return 0;
}

static int next_frame(struct host *h, struct wire_frame *frame, struct error *err)
{
	for (;;) {
		struct span rest = span_from(buf_span(&h->in), h->in_used);
		size_t used;
		int whole = wire_read_frame(rest, frame, &used, err);

		if (whole < 0) {
			h->broken = true;
			return error_context(err, "host %s", h->name);
		}
		if (whole) {
			h->in_used += used;
			return 0;
		}
		if (read_more(h, err) < 0)
			return -1;
	}
}

int host_collect(struct host *h, host_data_fn *data, void *context, struct buf *end,
                 struct error *err)
{
	struct wire_frame frame;
	bool refused = false;

	if (h->broken)
		return broken(h, err, 0, "the connection broke before");
	h->collected++;
	for (;;) {
		if (next_frame(h, &frame, err) < 0)
			return -1;
		if (frame.request != h->collected)
			return broken(h, err, 0, "an answer to another request came");
		if (frame.kind == WIRE_DATA) {
			if (data && !refused && data(context, frame.body, err) < 0)
				refused = true;
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

int host_call(struct host *h, enum wire_kind kind, struct span body, host_data_fn *data,
              void *context, struct buf *end, struct error *err)
{
	if (host_send(h, kind, body, err) < 0)
		return -1;
	return host_collect(h, data, context, end, err);
}

static int greet(struct host *h, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, WIRE_VERSION);
	if (host_call(h, WIRE_HELLO, buf_span(&body), NULL, NULL, &h->hello_body, err) < 0)
		return -1;
	return wire_get_hello(buf_span(&h->hello_body), &h->hello, err);
}

static int start_and_greet(struct host *h, struct error *err)
{
	AUTO_FREE const char **options = xcalloc(h->ssh_options.n + 1, sizeof *options);
	struct host_place place = {
		.name = h->name,
		.reach = h->reach,
		.target = h->target,
		.ssh_options = options,
		.control = h->control,
	};

	for (size_t i = 0; i < h->ssh_options.n; i++)
		options[i] = h->ssh_options.rows[i];
	if (agent_start(&place, &h->pid, &h->tofd, &h->fromfd, err) < 0 || greet(h, err) < 0) {
		if (h->reach == HOST_SSH && err->retry == ERROR_RETRY_REACH)
			error_hint(err, "try: ssh %s true", h->target);
		return -1;
	}
	return 0;
}

int host_open(struct host **out, const struct host_place *place, struct error *err)
{
	AUTO_HOST struct host *h = xcalloc(1, sizeof *h);

	h->name = xstrdup(place->name);
	h->target = xstrdup(place->target ? place->target : "");
	for (size_t i = 0; place->ssh_options && place->ssh_options[i]; i++)
		strings_add(&h->ssh_options, place->ssh_options[i]);
	h->reach = place->reach;
	h->control = place->control;
	h->tofd = h->fromfd = -1;
	signal(SIGPIPE, SIG_IGN);
	if (start_and_greet(h, err) < 0)
		return -1;
	*out = TAKE(h);
	return 0;
}

/* Ends the agent: it does when its input does. One behind a dead network ends by ssh's own clock,
 * so ours is not waited for. */
static void end_agent(struct host *h)
{
	fd_close_at(&h->tofd);
	fd_close_at(&h->fromfd);
	h->tofd = h->fromfd = -1;
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
	buf_reset(&h->in);
	h->in_used = 0;
	h->sent = h->collected = 0;
	h->broken = false;
	if (start_and_greet(h, err) < 0) {
		h->broken = true;
		return -1;
	}
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
	end_agent(h);
	strings_fini(&h->ssh_options);
	buf_fini(&h->in);
	buf_fini(&h->hello_body);
	free(h->name);
	free(h->target);
	free(h);
}
