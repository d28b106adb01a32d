/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_rest -- what a Mailman 3 has of a list, read back over REST, which had no part in writing it: its
 * settings, and its rosters row by row.
 *
 * Source: rest/listconf.py, rest/members.py of Mailman core 3.3.8.
 */

#include "lists/mailman3_plan.h"

/*
 * Holds a list against its plan.
 *
 *   answer   of lists_mailman3_give(), looking. What it has refused is not missed; its "rest" is
 *
 *	config                      an object, as lists/LIST/config has it
 *	member, owner, moderator    rows of its rosters: email, and of members delivery_mode, moderation_action
 *	mute                        in place of all of these: why REST can't be asked
 *
 *   differs  "config max_message_size is 40, not 0", "member a@example.org is not there"; appended
 *   mute     receives that reason, borrowed from the answer; NULL: it was asked
 */
void lists_mailman3_read_back(const struct lists_end_plan *plan, const struct json_t *answer,
                              struct strings *differs, const char **mute);
