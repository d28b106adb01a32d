/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/stream.h"

void wire_put_stream_state(struct buf *body, const struct wire_stream_state *state)
{
	wire_put_u64(body, state->unsent);
	wire_put_u64(body, state->closed);
	wire_put_u64(body, state->ended);
	wire_put_u64(body, state->status);
	wire_put_span(body, state->said);
}

int wire_get_stream_state(struct span body, struct wire_stream_state *out, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct wire_stream_state s;

	s.unsent = wire_get_u64(&r);
	s.closed = wire_get_u64(&r);
	s.ended = wire_get_u64(&r);
	s.status = wire_get_u64(&r);
	s.said = wire_get_span(&r);
	if (wire_read_end(&r, "answer to STREAM_EXCHANGE", err) < 0)
		return -1;
	*out = s;
	return 0;
}
