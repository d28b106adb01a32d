/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_plan -- what becomes of a Mailman 2.1 list in a Mailman 3: each of its attributes is set there,
 * carried elsewhere, or named as left with the reason; each member is brought as it is, or refused with the
 * reason. Nothing is asked of a Mailman 3 for it.
 *
 * Source: MailList.py and handlers of 2.1.39; rest/listconf.py, model/ and rules/ of Mailman core 3.3.8.
 */

#include "lists/end.h"

/*
 * `work` of it is what a Mailman 3 is given:
 *
 *	list             NAME@HOST
 *	config           by REST's names and in its words; opening: the same, for when it is opened
 *	core             what REST can't set: post_id, created_at (seconds) ...
 *	members          address, name, mode, status, options, action, bounces ...
 *	owners, moderators, bans, header_matches, templates, responses
 *	held, joining, leaving   what waits; a message is a text of a character an octet
 */
void lists_mailman3_plan(struct lists_end_plan *out, const struct lists_list *l,
                         const struct lists_site *site);
