/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keywords.h"

#include <stdlib.h>

#define TROUBLES_MAX 100u

void keywords_parse(struct span text, const char *place, struct mail_keywords *out,
                    struct strings *troubles)
{
	struct span line, word;
	size_t number = 0;

	mail_keywords_fini(out);
	while (span_next_line(&text, &line)) {
		uint64_t index;
		struct span name;

		number++;
		if (!span_trim(line).n)
			continue;
		if (!span_next_word(&line, &word) || !span_parse_u64(word, &index) ||
		    !span_next_word(&line, &name)) {
			if (troubles && troubles->n < TROUBLES_MAX)
				strings_addf(troubles, "%s:%zu: no keyword", place, number);
			continue;
		}
		if (index >= MAIL_KEYWORDS_MAX)
			continue;
		free(out->names[index]);
		out->names[index] = span_dup(name);
	}
}
