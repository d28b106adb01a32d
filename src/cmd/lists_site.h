/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* lists_site -- what verbs that look at lists have in common: the site, and which of its lists. */

#include "cmd/lists_place.h"
#include "lists/list.h"

/* What is open while a verb works; `= { 0 }`. */
struct lists_opened {
	struct lists_place place;
	struct lists_site site;
};
#define AUTO_LISTS_OPENED __attribute__((cleanup(lists_opened_end)))
void lists_opened_end(struct lists_opened *o);

/* Opens a place, and looks at all of its Mailman, the queues too. */
int lists_open(struct lists_opened *o, const struct cmd_run *run,
               const struct lists_place_wishes *wishes, struct error *err) MUST_CHECK;

/* Lists that were named, or all. It is an error when the site has no such list. */
int lists_choose(const struct lists_opened *o, bool all, int argc, char **argv,
                 struct strings *names, struct error *err) MUST_CHECK;
