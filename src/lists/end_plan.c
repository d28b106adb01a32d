/* SPDX-License-Identifier: BSD-2-Clause */

/* end_plan -- what a plan of lists/end.h says. */

#include "lists/end.h"

#include <jansson.h>
#include <stdlib.h>

const char *lists_fate_name(enum lists_fate fate)
{
	static const char *const names[] = {
		[LISTS_FATE_SET] = "set",
		[LISTS_FATE_CARRIED] = "carried",
		[LISTS_FATE_LEFT] = "left",
		[LISTS_FATE_UNUSED] = "not needed",
	};

	return names[fate];
}

void lists_end_plan_fini(struct lists_end_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].name);
		free(p->rows[i].to);
		free(p->rows[i].why);
		json_decref(p->rows[i].value);
	}
	for (size_t i = 0; i < p->refused_n; i++) {
		free(p->refused[i].who);
		free(p->refused[i].why);
	}
	free(p->rows);
	free(p->refused);
	free(p->name);
	free(p->address);
	json_decref(p->work);
	*p = (struct lists_end_plan){ 0 };
}

json_t *lists_end_plan_json(const struct lists_end_plan *p)
{
	json_t *rows = json_array(), *refused = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s?, s:O, s:s?}", "attribute",
		                                      p->rows[i].name, "fate",
		                                      lists_fate_name(p->rows[i].fate), "to",
		                                      p->rows[i].to, "value", p->rows[i].value,
		                                      "why", p->rows[i].why));
	for (size_t i = 0; i < p->refused_n; i++)
		json_array_append_new(
			refused, json_pack("{s:s, s:s, s:s}", "what", p->refused[i].what, "who",
		                           p->refused[i].who, "why", p->refused[i].why));
	return json_pack("{s:s, s:o, s:o, s:I}", "list", p->address, "attributes", rows, "refused",
	                 refused, "members", (json_int_t)p->members);
}
