/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/trace.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void lists_trace_fini(struct lists_trace *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->rows[i].file);
		free(t->rows[i].place);
		free(t->rows[i].what);
	}
	free(t->rows);
	strings_fini(&t->lists);
	strings_fini(&t->senders);
	free(t->bases);
	*t = (struct lists_trace){ 0 };
}

struct lists_trace_row *lists_trace_add(struct lists_trace *t, const char *host, const char *where,
                                        int64_t at_ms, const char *file)
{
	ARRAY_GROW(t->rows, t->n, t->room);
	t->rows[t->n] = (struct lists_trace_row){
		.at_ms = at_ms, .host = host, .where = where, .file = xstrdup(file)
	};
	return &t->rows[t->n++];
}

void lists_trace_add_list(struct lists_trace *t, struct span list)
{
	AUTO_FREE char *name = span_dup(list);

	for (char *p = name; *p; p++) /* real_name is the name but for the case of letters */
		*p = ascii_lower(*p);
	if (*name && !strings_has(&t->lists, name))
		strings_add(&t->lists, name);
}

int lists_trace_read(struct lists_trace *t, const struct lists_trace_host *hosts, size_t n,
                     struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (lists_trace_places(t, &hosts[i], err) < 0)
			return -1;
	return lists_trace_logs(t, hosts, n, err);
}
