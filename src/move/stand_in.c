/* SPDX-License-Identifier: BSD-2-Clause */

/* stand_in -- the steps of a gate that takes mail while the servers change places. */

#include "move/gate.h"
#include "move/move.h"
#include "move/ports.h"

#include "base/memory.h"
#include "fence/fence.h"
#include "state/evidence.h"

#include <errno.h>
#include <string.h>

static int divert(struct move *m, struct error *err)
{
	if (fence_divert(m->old, 25, m->config->gate.port, err) == 0)
		return 0;
	return err->sys_errno == ENOENT
	               ? error_hint(err, "without NAT in its nftables nobody can be taken over "
	                                 "from a server that runs: close: defer does without")
	               : -1;
}

int step_stand_in(struct move *m, struct error *err)
{
	if (gate_trust(m, err) < 0 || gate_start(m, err) < 0 ||
	    state_put(m->state, "gate.stands", "yes", err) < 0 || divert(m, err) < 0)
		return -1;
	return gate_prove(m, err);
}

/* What the gate has taken goes to the old server, which runs again. */
static int give_back(struct move *m, struct error *err)
{
	struct gate_now now;

	if (gate_start_back(m, err) < 0 || gate_await_empty(m, &now, err) < 0)
		return error_context(err, "what the gate has taken goes to the old server");
	if (now.held)
		move_say(m,
		         "%llu messages were refused by the old server: they are in the gate's "
		         "spool",
		         (unsigned long long)now.held);
	return 0;
}

int undo_stand_in(struct move *m, struct error *err)
{
	AUTO_FREE char *stands = NULL;

	/* new connections are the old server's from here on; those that are open end at the gate */
	if (fence_divert_end(m->old, err) < 0 || gate_stop(m, err) < 0 ||
	    state_get(m->state, "gate.stands", &stands, err) < 0)
		return -1;
	if (stands && !strcmp(stands, "yes") && m->config->close == CONFIG_CLOSE_SPOOL &&
	    give_back(m, err) < 0)
		return -1;
	/* nobody is to wait for the new host any more */
	if (fence_close(m->new, ports_smtp, ROWS(ports_smtp), err) < 0)
		return -1;
	return gate_end(m, err);
}

static int tell_given(struct move *m, const struct gate_now *now, struct error *err)
{
	AUTO_FREE char *words =
		now->held ? xasprintf("the gate has given out what it took, but for %llu messages "
	                              "that the new server refused: they are held in its spool",
	                              (unsigned long long)now->held)
			  : xasprintf("the gate has given out all that it took: %llu messages",
	                              (unsigned long long)now->taken);

	move_say(m, "%s", words);
	return evidence_put(m->state, "gate", words, NULL, err);
}

/* Senders that come from now on are passed through, while what was taken goes out behind them: order
 * is nobody's promise in SMTP, and a 5xx is the client's own then. */
int step_give_out(struct move *m, struct error *err)
{
	bool by_address = m->config->switch_by == CONFIG_SWITCH_ADDRESS;
	struct gate_now now = { 0 };

	if (gate_start(m, err) < 0 || (!by_address && gate_tell(m, "mode", "relay", err) < 0))
		return -1;
	if (m->config->close == CONFIG_CLOSE_SPOOL &&
	    (gate_tell(m, "release", NULL, err) < 0 || gate_await_empty(m, &now, err) < 0 ||
	     tell_given(m, &now, err) < 0))
		return -1;
	if (by_address)
		return gate_end(m, err);
	move_say(m, "what still comes to the old address is passed through, until `mailhaul gate "
	            "--end`");
	return 0;
}

int undo_give_out(struct move *m, struct error *err)
{
	bool spools = m->config->close == CONFIG_CLOSE_SPOOL;

	if (gate_trust(m, err) < 0 || gate_start(m, err) < 0 ||
	    state_put(m->state, "gate.stands", "yes", err) < 0 ||
	    (spools && gate_tell(m, "hold", NULL, err) < 0) ||
	    gate_tell(m, "mode", spools ? "spool" : "relay", err) < 0)
		return -1;
	return divert(m, err);
}
