/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include <string.h>

enum check_answer check_worst(enum check_answer a, enum check_answer b)
{
	static const unsigned ranks[] = {
		[CHECK_SKIPPED] = 0, [CHECK_YES] = 1, [CHECK_UNKNOWN] = 2, [CHECK_NO] = 3
	};

	return ranks[a] >= ranks[b] ? a : b;
}

bool check_step_is_bad(const struct check_step *s)
{
	return s->question->weight == CHECK_MUST && s->of != CHECK_OLD &&
	       (s->answer == CHECK_NO || s->answer == CHECK_UNKNOWN);
}

/* What was no before may stay so, and what nobody could tell before is nothing to be held to; but a no
 * that was unknown is news. What does not apply is left alone on either side. */
bool check_is_worse(enum check_answer before, enum check_answer now)
{
	if (before == CHECK_SKIPPED || now == CHECK_SKIPPED)
		return false;
	if (before == CHECK_YES)
		return now != CHECK_YES;
	return before == CHECK_UNKNOWN && now == CHECK_NO;
}

void check_verdict_fini(struct check_verdict *v)
{
	strings_fini(&v->worse_ids);
}

static bool answer_of(const char *word, enum check_answer *out)
{
	for (enum check_answer a = CHECK_YES; a <= CHECK_SKIPPED; a++)
		if (!strcmp(check_answer_name(a), word))
			return *out = a, true;
	return false;
}

/* What a side answered in an earlier run. */
static bool find_stored(const struct answers *baseline, const struct check_step *s,
                        enum check_answer *out)
{
	for (size_t i = 0; i < baseline->n; i++)
		if (!strcmp(baseline->rows[i].id, s->question->id) &&
		    !strcmp(baseline->rows[i].side, check_of_name(s->of)))
			return answer_of(baseline->rows[i].answer, out);
	return false;
}

/* What the old side answers now. */
static bool find_old(const struct check_steps *steps, const struct check_step *s,
                     enum check_answer *out)
{
	for (size_t i = 0; s->of == CHECK_NEW && i < steps->n; i++)
		if (steps->rows[i].question == s->question && steps->rows[i].of == CHECK_OLD)
			return *out = steps->rows[i].answer, true;
	return false;
}

void check_judge(const struct check_steps *steps, const struct answers *baseline,
                 struct check_verdict *out)
{
	for (size_t i = 0; i < steps->n; i++) {
		const struct check_step *s = &steps->rows[i];
		enum check_answer before;

		out->asked++;
		out->bad += check_step_is_bad(s);
		if (s->question->weight == CHECK_INFO && s->answer != CHECK_NO)
			continue;
		if (!(baseline ? find_stored(baseline, s, &before) : find_old(steps, s, &before)) ||
		    !check_is_worse(before, s->answer))
			continue;
		out->worse++;
		if (!strings_has(&out->worse_ids, s->question->id))
			strings_add(&out->worse_ids, s->question->id);
	}
}
