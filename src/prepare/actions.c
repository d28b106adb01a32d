/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

/* The new host's daemons are stopped first, and stay so until the cut-over opens them: a mailbox that
 * takes mail before the copy is done would lose it. */
const struct prepare_action prepare_actions[] = {
	{ "programs", "looks whether the new host has what the old one uses",
	  prepare_look_for_programs },
	{ "stop", "stops Postfix and Dovecot on the new host", prepare_stop },
	{ "numbers", "finds a number for each user and group", prepare_numbers },
	{ "groups", "makes groups", prepare_groups },
	{ "users", "makes users", prepare_users },
	{ "passwords", "carries password hashes", prepare_passwords },
	{ "homes", "makes homes", prepare_homes },
	{ "mailboxes", "makes empty mailboxes", prepare_mailboxes },
	{ "files", "carries aliases, tables, lists, programs, keys", prepare_mta_files },
	{ "mta-settings", "carries Postfix's parameters", prepare_mta_settings },
	{ "mta-services", "carries Postfix's services", prepare_mta_services },
	{ "mta-tables", "compiles Postfix's tables", prepare_mta_tables },
	{ "imapd-files", "carries Dovecot's users and files", prepare_imapd_files },
	{ "imapd-settings", "carries Dovecot's settings", prepare_imapd_settings },
	{ "lists", "asks a Mailman 3 whether it can take the lists", prepare_lists },
	{ "rest", "looks that all folders are there", prepare_rest },
};
const unsigned prepare_actions_rows = ROWS(prepare_actions);
