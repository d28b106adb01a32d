/* SPDX-License-Identifier: BSD-2-Clause */

/* group_ledger -- the transaction in which a group's rows go into the ledger. */

#include "base/memory.h"
#include "copy/group.h"

int group_ledger_begin(struct group *g, struct error *err)
{
	if (g->ledger)
		return 0;
	if (state_begin(g->state, err) < 0)
		return -1;
	if (message_writer_new(&g->ledger, g->state, err) == 0)
		return 0;
	state_abandon(g->state);
	return -1;
}

int group_ledger_commit(struct group *g, struct error *err)
{
	if (!g->ledger)
		return 0;
	message_writer_free(TAKE(g->ledger));
	if (state_commit(g->state, err) == 0)
		return 0;
	state_abandon(g->state);
	return -1;
}

void group_ledger_abandon(struct group *g)
{
	if (!g->ledger)
		return;
	message_writer_free(TAKE(g->ledger));
	state_abandon(g->state);
}
