/* SPDX-License-Identifier: BSD-2-Clause */

/* standing_programs -- the programs that Mailman brings itself. */

#include "lists/standing.h"

#include <string.h>

bool lists_standing_is_own(const char *program)
{
	/* bin/ and scripts/ of all releases of 2.1, and what Debian and Red Hat add */
	static const char *const names[] = {
		"add_members",
		"admin",
		"arch",
		"auto",
		"b4b5-archfix",
		"bounces",
		"change_pw",
		"check_db",
		"check_perms",
		"checkdbs",
		"cleanarch",
		"clone_member",
		"config_list",
		"confirm",
		"convert.py",
		"discard",
		"driver",
		"dumpdb",
		"export.py",
		"find_member",
		"fix_url.py",
		"genaliases",
		"inject",
		"join",
		"leave",
		"list_admins",
		"list_lists",
		"list_members",
		"list_owners",
		"list_requests",
		"mailman-crontab-edit",
		"mailman-update-cfg",
		"mailmanctl",
		"mailmanctl-now",
		"mailowner",
		"mm-handler",
		"mmsitepass",
		"msgfmt.py",
		"newlist",
		"owner",
		"paths.py",
		"po2templ.py",
		"post",
		"pygettext.py",
		"qrunner",
		"rb-archfix",
		"remove_members",
		"request",
		"reset_pw.py",
		"rmlist",
		"show_qfiles",
		"subscribe",
		"switchboard",
		"sync_members",
		"templ2pot.py",
		"transcheck",
		"unshunt",
		"unsubscribe",
		"update",
		"version",
		"withlist",
		"msgfmt-python2.py",
		"show_config",
	};

	for (size_t i = 0; i < ROWS(names); i++)
		if (!strcmp(program, names[i]))
			return true;
	return false;
}
