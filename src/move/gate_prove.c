/* SPDX-License-Identifier: BSD-2-Clause */

/* gate_prove -- the old address as a sender meets it. */

#include "move/gate.h"

#include "base/memory.h"
#include "move/knock.h"

static void find_doors(const struct config *c, struct strings *out)
{
	for (unsigned i = 0;
	     c->switch_by == CONFIG_SWITCH_ADDRESS && i < c->address.addresses_count; i++) {
		AUTO_FREE char *address = NULL;
		unsigned prefix;

		if (config_split_address(c->address.addresses[i], &address, &prefix))
			strings_add(out, address);
	}
	for (unsigned i = 0; c->switch_by != CONFIG_SWITCH_ADDRESS && i < c->dns.records_count; i++)
		if (!strings_has(out, c->dns.records[i].old_address))
			strings_add(out, c->dns.records[i].old_address);
}

int gate_prove(struct move *m, struct error *err)
{
	AUTO_STRINGS struct strings doors = { 0 };
	AUTO_BUF struct buf why = { 0 };
	struct gate_now before, after;
	size_t greeted = 0;

	find_doors(m->config, &doors);
	if (gate_look(m, &before, err) < 0)
		return -1;
	for (size_t i = 0; i < doors.n; i++)
		greeted += knock_smtp(doors.rows[i], &why) == KNOCK_GREETED;
	if (gate_look(m, &after, err) < 0)
		return -1;
	if (!why.n && !greeted)
		buf_add_text(&why, "none of the old addresses can be reached from here");
	else if (!why.n && after.accepted < before.accepted + greeted)
		buf_add_text(&why, "somebody else than the gate has answered");
	if (!why.n)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "port 25 of the old host does not lead to the gate: %s", buf_text(&why));
	return error_hint(err, "its own packet filter has to let gate.port in, as it does port 25");
}
