/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/ports.h"

#include "base/clock.h"
#include "gate/listen.h"

#include <unistd.h>

void gate_ports_close(struct gate_ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->rows[i].fd >= 0)
			(void)close(p->rows[i].fd);
	p->n = 0;
}

int gate_ports_take(struct gate_ports *out, const struct gate_options *o, struct error *err)
{
	AUTO_GIVEN struct gate_given given = { .n = 0 };
	int64_t until = clock_monotonic_ms() + (int64_t)o->wait_s * 1000;

	out->n = 0;
	if (o->take == GATE_TAKE_GATE && gate_given_by_gate(&given, o->control, err) < 0)
		return -1;
	if (o->take != GATE_TAKE_GATE)
		gate_given_by_parent(&given);
	for (size_t i = 0; i < o->listen_n; i++) {
		struct gate_port *p = &out->rows[i];

		p->fd = gate_listen(&o->listen[i].at, o->take, &given, until, err);
		if (p->fd < 0) {
			gate_ports_close(out);
			return -1;
		}
		(void)gate_listen_others(p->fd, &p->neighbour);
		out->n++;
	}
	return 0;
}
