/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * export -- one list as files that need no Mailman to be read:
 *
 *	members.csv     lists/csv.h, one member a line
 *	settings.json   attributes by name
 *	requests.json   held posts, who wants to join and to leave
 *	pending.json    tokens
 *	held/ID.eml     held posts, octet for octet; held.mbox: all of them
 *	queue/QUEUE/NAME.eml   what waits in the queues
 *	digest.mbox     the digest in progress
 *	archive.mbox    what was archived
 *	templates/      the list's own pages
 */

#include "lists/list.h"

struct lists_export_result {
	size_t files, members, messages;
	size_t failed;        /* messages and files that could not be read */
	struct strings names; /* of the files, below the list's directory */
	struct strings words; /* one sentence about each of those */
	struct strings
		nearly; /* files of messages that are not, octet for octet, what a runner sends */
};
#define AUTO_LISTS_EXPORT_RESULT __attribute__((cleanup(lists_export_result_fini)))
void lists_export_result_fini(struct lists_export_result *r);

/*
 * Writes them into `dir`/NAME, of this machine, durably: directories are made (0700), files (0600)
 * replaced.
 *
 *   secrets  passwords and cookies too
 *   returns  -1 when this machine cannot store it, or the host can't be reached
 */
int lists_export(const struct lists_list *l, const struct lists_site *site, const char *dir,
                 bool secrets, struct lists_export_result *out, struct error *err) MUST_CHECK;
