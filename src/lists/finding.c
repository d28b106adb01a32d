/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/finding.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void lists_findings_fini(struct lists_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->rows[i].where);
		free(f->rows[i].who);
		free(f->rows[i].text);
	}
	free(f->rows);
	*f = (struct lists_findings){ 0 };
}

void lists_findings_add(struct lists_findings *f, const char *where, const struct span *who,
                        const char *format, ...)
{
	struct buf name = { 0 }, text = { 0 };
	char words[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof words, format, args);
	va_end(args);
	buf_add_printable(&text, span_of(words));
	if (who)
		buf_add_printable(&name, *who);
	ARRAY_GROW(f->rows, f->n, f->room);
	f->rows[f->n++] = (struct lists_finding){
		.where = xstrdup(where),
		.who = who ? buf_take(&name) : NULL,
		.text = buf_take(&text),
	};
}
