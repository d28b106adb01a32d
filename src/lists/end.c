/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/end.h"

#include "base/memory.h"

#include <string.h>

static const struct lists_end *const ends[] = {
	&lists_end_mailman3,
	&lists_end_mlmmj,
	&lists_end_sympa,
};

const struct lists_end *const *lists_ends(size_t *n)
{
	*n = ROWS(ends);
	return ends;
}

const struct lists_end *lists_end_named(const char *name)
{
	for (size_t i = 0; i < ROWS(ends); i++)
		if (!strcmp(ends[i]->name, name))
			return ends[i];
	return NULL;
}

void lists_end_run_fini(struct lists_end_run *r)
{
	if (r->end && r->end->end)
		r->end->end(r);
	strings_fini(&r->told);
	*r = (struct lists_end_run){ 0 };
}
