/* SPDX-License-Identifier: BSD-2-Clause */

/* mbox_grow -- answers MBOX_GROW. */

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/mboxgrow.h"
#include "wire/mailbox.h"

#include <stdlib.h>

int agent_mbox_grow(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	struct mboxgrow grow = { 0 };
	struct mbox_state was = { 0 }, now = { 0 };
	int result;

	wire_get_account(r, &account);
	wire_get_mbox_state(r, &was);
	AUTO_FREE char *folder = was.folder;
	grow.mtime_ns = (int64_t)wire_get_u64(r);
	AUTO_FREE char *path = wire_get_string(r);
	grow.path = path;
	grow.undo = wire_get_u64(r) != 0;
	if (!*path || !mail_path_fits(path) || account.format != MAILBOX_MBOX ||
	    account.root[0] != '/')
		r->bad = true;
	if (wire_read_end(r, "MBOX_GROW", err) < 0)
		return -1;
	result = mboxgrow(a->rootfd, &account, &was, &grow, &now, err);
	if (result == 0) {
		now.folder = folder;
		wire_put_mbox_state(end, &now);
	}
	return result;
}
