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
