/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "prepare/locations.h"

#include <string.h>

/* Postfix makes what is missing of its folders. Dovecot's sockets for it lie
 * below them, and Dovecot does not start without. */
int prepare_rest(struct prepare *p, struct error *err)
{
	AUTO_FREE char *queue = mta_setting_expanded(&p->to.mta, "queue_directory");
	AUTO_FREE char *sockets = xasprintf("%s/private", queue);

	if (host_has(p->new_host, "/run/systemd/system"))
		prepare_leave(
			p, "a restart of the new host would start Postfix and Dovecot before the "
			   "cut-over: `systemctl disable` both until then");
	if (host_has(p->new_host, sockets))
		prepare_same(p, "%s", sockets);
	else
		prepare_changed(p, "%s and its neighbours", sockets);
	if (!p->dry_run && host_do(p->new_host, "postfix-check", NULL, SPAN(""), NULL, err) < 0)
		return -1;
	return locations_check(p, err);
}
