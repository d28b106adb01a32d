/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * conversion -- lists of a Mailman 2.1 become lists of another list manager (lists/end.h): planned, given, looked
 * at by another process or opening that knows nothing but what was stored, and read back by a way that had no part
 * in writing. A report of each list.
 */

#include "lists/end.h"

/* What came of a list; all borrowed during the call. */
struct lists_conversion_outcome {
	const struct lists_end_plan *plan;
	/*
	 * lists_end_plan_json(), with those that the other side has refused, and
	 *
	 *	there, changed, told, new, error, mailed   as an end's `give` has them
	 *	differs    words of what is not as planned behind it; of a look alone, of what is read back
	 *	work       where nobody was asked
	 */
	struct json_t *report;
	size_t refused;
	/* What the last look, which alone is believed, saw: nothing differs, all members are there but those
	 * that were refused, nothing was mailed, no error. True where nobody was asked. */
	bool is_so;
};
typedef void lists_conversion_outcome_fn(void *context, const struct lists_conversion_outcome *o);

struct lists_conversion {
	const struct lists_end *end;
	const struct lists_end_place
		*place;              /* borrowed; NULL: nobody is asked, it is only planned */
	struct lists_site *site;     /* borrowed */
	const struct strings *names; /* borrowed; of lists */
	enum lists_end_do what;      /* LISTS_END_LOOK: nothing is changed */
	lists_conversion_outcome_fn *outcome;
	void *context;
};

/*
 * Does it list by list, some together, as memory goes.
 *
 *   unread   names of lists whose configuration can't be read, appended
 *   told     sentences for a person, on the other side as a whole; appended, each once
 *   returns  -1: the rest was not done
 */
int lists_convert_all(const struct lists_conversion *c, struct strings *unread,
                      struct strings *told, struct error *err) MUST_CHECK;
