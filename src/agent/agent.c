/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "wire/pack.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool agent_is_folder(const struct agent *a)
{
	return strcmp(a->root, "/") != 0;
}

void agent_fini(struct agent *a)
{
	wire_packer_free(TAKE(a->packer));
	buf_fini(&a->frame);
	buf_fini(&a->blocks);
}

static int send_frame(struct agent *a, enum wire_kind kind, struct span body, struct error *err)
{
	struct buf *out = &a->frame;
	int64_t began;

	buf_reset(&a->frame);
	buf_reset(&a->blocks);
	wire_frame(&a->frame, kind, a->request, body);
	if (a->packer) {
		wire_pack(a->packer, buf_span(&a->frame), &a->blocks);
		out = &a->blocks;
	}
	began = clock_monotonic_ns();
	if (fd_write_all(a->outfd, out->p, out->n) < 0)
		return error_system(err, "send the answer");
	if (a->packer)
		wire_pack_sent(a->packer, out->n, clock_monotonic_ns() - began);
	return 0;
}

int agent_send(struct agent *a, struct span body, struct error *err)
{
	if (a->may_rest && agent_rest(a, err) < 0)
		return -1;
	return send_frame(a, WIRE_DATA, body, err);
}

int agent_send_notice(struct agent *a, struct span words, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_span(&body, words);
	return send_frame(a, WIRE_NOTICE, buf_span(&body), err);
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
	a->may_rest = agent_may_rest(frame->kind);
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

/* What was read and not yet answered. */
struct input {
	struct buf blocks; /* as read, when blocks were agreed on */
	struct buf frames;
	struct wire_unpacker *unpacker; /* owned; NULL: what is read are frames */
};

/* Both ends pack from the frame after HELLO's answer on. */
static void agree(struct agent *a, struct input *in)
{
	if (in->unpacker || !(a->features & WIRE_FEATURE_ZSTD))
		return;
	a->packer = wire_packer_new();
	in->unpacker = wire_unpacker_new();
	in->blocks = in->frames;
	in->frames = (struct buf){ 0 };
}

/* One step on from what is there: 1 something was answered or unpacked, 0 more has to be read. */
static int serve_one(struct agent *a, struct input *in, struct error *err)
{
	struct wire_frame frame;
	size_t used;
	int whole = wire_read_frame(buf_span(&in->frames), &frame, &used, err);

	if (whole > 0) {
		a->behind = in->frames.n > used || in->blocks.n;
		if (answer(a, &frame, err) < 0)
			return -1;
		buf_drop_front(&in->frames, used);
		agree(a, in);
		return 1;
	}
	if (whole < 0 || !in->unpacker)
		return whole;
	whole = wire_unpack(in->unpacker, buf_span(&in->blocks), &in->frames, &used, err);
	if (whole > 0)
		buf_drop_front(&in->blocks, used);
	return whole;
}

static int serve(struct agent *a, int infd, struct input *in, struct error *err)
{
	for (;;) {
		int more = serve_one(a, in, err);
		struct buf *into = in->unpacker ? &in->blocks : &in->frames;
		ssize_t n;

		if (more < 0)
			return -1;
		if (more)
			continue;
		n = read(infd, buf_room(into, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read a request");
		if (n == 0)
			return 0;
		buf_grown(into, (size_t)n);
	}
}

int agent_serve(struct agent *a, int infd, struct error *err)
{
	struct input in = { 0 };
	int result;

	a->infd = infd;
	result = serve(a, infd, &in, err);

	wire_unpacker_free(in.unpacker);
	buf_fini(&in.blocks);
	buf_fini(&in.frames);
	return result;
}
