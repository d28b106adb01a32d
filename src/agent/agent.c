/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool agent_is_folder(const struct agent *a)
{
	return strcmp(a->root, "/") != 0;
}

static int send_frame(struct agent *a, enum wire_kind kind, struct span body, struct error *err)
{
	AUTO_BUF struct buf out = { 0 };

	wire_frame(&out, kind, a->request, body);
	if (fd_write_all(a->outfd, out.p, out.n) < 0)
		return error_system(err, "send the answer");
	return 0;
}

int agent_send(struct agent *a, struct span body, struct error *err)
{
	return send_frame(a, WIRE_DATA, body, err);
}

static int handle(struct agent *a, const struct wire_frame *frame, struct buf *end,
                  struct error *err)
{
	const struct agent_handler *handler = agent_handler_find(frame->kind);
	struct wire_reader r = { .rest = frame->body };

	if (!handler)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "request %d is not known to this agent (version %s)",
		                 (int)frame->kind, MAILHAUL_VERSION);
	if (handler->control && !a->control)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s changes the host, and this agent was started read-only",
		                 handler->name);
	return handler->answer(a, &r, end, err);
}

static int answer(struct agent *a, const struct wire_frame *frame, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };
	struct error why = { 0 };

	a->request = frame->request;
	if (handle(a, frame, &body, &why) == 0)
		return send_frame(a, WIRE_END, buf_span(&body), err);
	buf_reset(&body);
	wire_put_error(&body, &why);
	return send_frame(a, WIRE_ERROR, buf_span(&body), err);
}

int agent_serve(struct agent *a, int infd, struct error *err)
{
	AUTO_BUF struct buf in = { 0 };

	for (;;) {
		struct wire_frame frame;
		size_t used;
		ssize_t n;
		int whole;

		while ((whole = wire_read_frame(buf_span(&in), &frame, &used, err)) == 1) {
			if (answer(a, &frame, err) < 0)
				return -1;
			buf_drop_front(&in, used);
		}
		if (whole < 0)
			return -1;
		n = read(infd, buf_room(&in, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read a request");
		if (n == 0)
			return 0;
		buf_grown(&in, (size_t)n);
	}
}
