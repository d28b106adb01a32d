/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/cmd.h"
#include "cmd/verbs.h"

#define READS (CMD_NEEDS_CONFIG | CMD_NEEDS_STATE_READ)
#define LOOKS (CMD_NEEDS_CONFIG | CMD_NEEDS_STATE | CMD_NEEDS_OLD | CMD_NEEDS_NEW)
#define CHANGES_NEW (LOOKS | CMD_NEEDS_CONTROL_NEW)
#define CHANGES_BOTH (CHANGES_NEW | CMD_NEEDS_CONTROL_OLD)

/* clang-format off */

/* To add a verb: a file, a line in cmd/verbs.h, a row here, a manual page. */
const struct cmd cmd_table[] = {
	{ "init", "before", "OLD [NEW] [--name NAME]",
	  "makes a move: writes a commented move.yaml", 0, cmd_init },
	{ "survey", "before", "",
	  "looks at both sites; lists file by file what has to move", LOOKS, cmd_survey },
	{ "plan", "before", "",
	  "prints the runbook, and how long the window will be", READS, cmd_plan },
	{ "prepare", "before", "",
	  "makes users, domains, aliases and empty mailboxes on the new host", CHANGES_NEW, cmd_prepare },
	{ "seed", "before", "[--until-small] [--limit RATE] [MAILBOX...]",
	  "copies mailboxes while the old server runs", CHANGES_NEW, cmd_seed },
	{ "check", "any time",
	  "[--baseline[=RUN]] [--all] [--send] [--restore] [--time S] [--junit FILE] [--ca-file FILE]\n"
	  "       [TOPIC|ID...]\n"
	  "       mailhaul [-m MOVE] check --history ID | --answer ID yes|no NOTE [--as NAME]",
	  "asks both sites the questions: is the new one not worse than the old one?", CMD_NEEDS_CONFIG,
	  cmd_check },
	{ "dns", "before", "diff | apply | undo | lower-ttl | go-early ...",
	  "changes the zones, and takes that back; lowers TTLs ahead", CMD_NEEDS_CONFIG, cmd_dns },
	{ "rehearse", "before", "[--all] [--wait S] [--ca-file FILE]",
	  "runs the new host in a sealed copy: mail in, mail out, logins; nothing leaves", CMD_NEEDS_CONFIG,
	  cmd_rehearse },
	{ "cutover", "during", "[--until STEP | --postpone]",
	  "carries the cut-over through, or on from where it stands", CHANGES_BOTH, cmd_cutover },
	{ "rollback", "during", "",
	  "returns service to the old host, with the mail taken meanwhile", CHANGES_BOTH, cmd_rollback },
	{ "watch", "after", "[--once] [--interval S] [--until-agree] [--quiet-for S] [--log FILE]",
	  "looks at every name server until all agree", CMD_NEEDS_CONFIG, cmd_watch },
	{ "gate", "after", "[--end]",
	  "how the gate on the old host does; --end: nobody comes there any more", CHANGES_BOTH, cmd_gate },
	{ "verify", "after", "[--deep] [MAILBOX...]",
	  "compares old and new, message by message", LOOKS, cmd_verify },
	{ "status", "any time", "",
	  "where the move stands, and what it waits for", READS, cmd_status },
	{ "trace", "any time", "[--host PLACE]... [--prefix DIR] ID | --vanished",
	  "one message: every place where it was seen; --vanished: posts that are nowhere", 0,
	  cmd_trace },
	{ "report", "any time", "",
	  "writes the evidence as one HTML and one JSON file", READS, cmd_report },
	{ "copy", "tools",
	  "[--kind KIND] [--mbox-to FORM] [--limit RATE] [--delete-extra] [--look-everywhere] "
	  "[--state DIR] SRC DST\n"
	  "       mailhaul [--json] [-v|-q] copy [--password-file FILE] [--users FILE] "
	  "[--master-user NAME [--master-separator C]] [--tls HOW] [--tls-pin SHA256] "
	  "[--ca-file FILE] [--connections N] [--layout LAYOUT] [--owner UID:GID] [--limit RATE] "
	  "[--look-everywhere] [--state DIR] imap[s]://[USER@]HOST[:PORT]/ DST",
	  "copies mail, files or an IMAP server's mailboxes, again and again, only what changed", 0,
	  cmd_copy },
	{ "lists", "tools", "VERB ...",
	  "mailing lists of Mailman 2.1", 0, cmd_lists },
	{ "doctor", "tools", "[--prefix DIR] [--back HOST] [--probe] [--hand-in [--dry-run]] HOST HOST...",
	  "one Mailman on several hosts: what is not as it has to be", 0, cmd_doctor },
	{ "judge", "tools",
	  "[--client ADDRESS --mail-from SENDER [--helo NAME]] [--resolver ADDRESS[#PORT]]... [--time S] "
	  "FILE...",
	  "judges messages as a receiver does: SPF, DKIM, DMARC, and their form", 0, cmd_judge },
	{ "sealed", NULL, "",
	  "runs sealed copies of hosts", 0, cmd_sealed },
};
/* clang-format on */
const unsigned cmd_table_rows = ROWS(cmd_table);
