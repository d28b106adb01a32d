/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_rest -- what a Mailman 3 has of a list, read back over REST, which had no part in writing it: its
 * settings, and its rosters row by row.
 *
 * Source: rest/listconf.py, rest/members.py of Mailman core 3.3.8.
 */

#include "http/http.h"
#include "lists/mailman3_plan.h"

/* Where it listens, as its own mailman.cfg says. */
struct lists_mailman3_rest {
	char *url; /* "http://127.0.0.1:8001/3.1/" */
	char *user, *password;
};
#define AUTO_LISTS_MAILMAN3_REST __attribute__((cleanup(lists_mailman3_rest_fini)))
void lists_mailman3_rest_fini(struct lists_mailman3_rest *r);

/*
 * Holds a list against its plan.
 *
 *   answer   what lists_mailman3_give() said of it, looking: what it has refused is not missed
 *   differs  "config max_message_size is 40, not 0", "member a@example.org is not there"; appended
 *   errors   sys_errno ECONNREFUSED: its REST runner does not run
 */
int lists_mailman3_read_back(struct http *web, const struct lists_mailman3_rest *rest,
                             const struct lists_mailman3_plan *plan, const struct json_t *answer,
                             struct strings *differs, struct error *err) MUST_CHECK;
