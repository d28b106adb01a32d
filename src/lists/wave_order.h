/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* wave_order -- in which order lists move: who disturbs fewest people when it goes wrong comes first. */

#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"
#include "state/mailing_lists.h"

#include <stddef.h>
#include <stdint.h>

struct lists_wave_row {
	char *name;            /* owned */
	double posts_per_week; /* by the post log; without one by the list's own count since it was made */
	uint64_t members;  /* regular and digest */
	bool known;        /* its configuration could be read; else it comes late */
	bool is_site_list; /* comes last: no Mailman runs without it */
};
struct lists_wave_order {
	struct lists_wave_row *rows; /* owned; the first to go first */
	size_t n, room;
};
#define AUTO_LISTS_WAVE_ORDER __attribute__((cleanup(lists_wave_order_fini)))
void lists_wave_order_fini(struct lists_wave_order *o);

/* By mails a week (posts times members), then by members, then by name. Reads only. */
int lists_wave_order_read(struct host *h, const struct lists_installation *m,
                          struct lists_wave_order *out, struct error *err) MUST_CHECK;
/* Sorts them. Pure. */
void lists_wave_order_sort(struct lists_wave_order *o);

/* Gives each list its wave, 1 to `waves`, as evenly as it goes. Lists that have come further than to have a
 * place keep theirs, so that a wave stays what it was while the others go. Pure. */
void lists_wave_assign(const struct lists_wave_order *o, uint64_t waves,
                       struct mailing_lists *known);

/* The lists of a wave, as assigned before. None: ERROR_RETRY_PERSON. */
int lists_wave_names(struct state *s, uint64_t wave, struct strings *out, struct error *err)
	MUST_CHECK;
