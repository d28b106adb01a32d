/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_convert -- lists of a Mailman 2.1 become lists of a Mailman 3: planned, given, looked at by another
 * process that knows nothing but what was stored, and read back over REST. A report of each list.
 */

#include "lists/mailman3_give.h"

/* What came of a list; all borrowed during the call. */
struct lists_mailman3_outcome {
	const struct lists_mailman3_plan *plan;
	/*
	 * lists_mailman3_plan_json(), with those that Mailman 3 has refused, and
	 *
	 *	there, changed, told, new, error, mailed   as lists_mailman3_give() has them
	 *	differs    words of what is not as planned behind it; of a look alone, of what REST says
	 *	work       where nobody was asked
	 */
	struct json_t *report;
	size_t refused;
	/* What the last look, which alone is believed, saw: nothing differs, all members are there but those
	 * that were refused, nothing was mailed, no error. True where nobody was asked. */
	bool is_so;
};
typedef void lists_mailman3_outcome_fn(void *context, const struct lists_mailman3_outcome *o);

struct lists_mailman3_convert {
	const struct lists_mailman3_core
		*core;               /* borrowed; NULL: nobody is asked, it is only planned */
	struct lists_site *site;     /* borrowed */
	const struct strings *names; /* borrowed; of lists */
	enum lists_mailman3_do what; /* LISTS_MAILMAN3_LOOK: nothing is changed */
	lists_mailman3_outcome_fn *outcome;
	void *context;
};

/*
 * Does it list by list, some together, as memory goes.
 *
 *   unread    names of lists whose configuration can't be read, appended
 *   settings  sentences for a person, on Mailman 3 as a whole; appended, each once
 *   returns   -1: the rest was not done
 */
int lists_mailman3_convert(const struct lists_mailman3_convert *c, struct strings *unread,
                           struct strings *settings, struct error *err) MUST_CHECK;
