/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/fill.h"

int fill_send(struct fill *f, struct error *err)
{
	if (f->out.n && agent_send(f->a, buf_span(&f->out), err) < 0) {
		f->gone = true;
		return -1;
	}
	buf_reset(&f->out);
	return 0;
}

int fill_added(struct fill *f, struct error *err)
{
	return f->out.n >= WIRE_FILL ? fill_send(f, err) : 0;
}

int fill_pieces(struct fill *f, uint64_t tag, struct span bytes, struct error *err)
{
	while (bytes.n) {
		size_t n = bytes.n < WIRE_FILL ? bytes.n : WIRE_FILL;

		wire_put_u64(&f->out, tag);
		wire_put_span(&f->out, (struct span){ bytes.p, n });
		bytes = span_from(bytes, n);
		if (fill_added(f, err) < 0)
			return -1;
	}
	return 0;
}
