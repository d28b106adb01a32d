/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_end -- Mailman 3 as an end: given by a program of ours inside it, read back over REST. */

#include "lists/end.h"

#include "base/memory.h"
#include "lists/mailman3_give.h"
#include "lists/mailman3_rest.h"

#include <jansson.h>

static int give_and_look(struct lists_end_run *r, enum lists_end_do what,
                         const struct lists_end_plan *plans, size_t n, struct json_t **done,
                         struct json_t **look, struct error *err)
{
	const struct lists_mailman3_core core = {
		.h = r->place->h,
		.program = r->place->program ? r->place->program : LISTS_MAILMAN3_PROGRAM,
		.user = r->place->user ? r->place->user : LISTS_MAILMAN3_USER,
		.bulk = r->place->bulk,
	};

	return lists_mailman3_give(&core, what, plans, n, done, look, &r->told, err);
}

static int give(struct lists_end_run *r, enum lists_end_do what, const struct lists_end_plan *plans,
                size_t n, struct json_t **answers, struct error *err)
{
	return give_and_look(r, what, plans, n, answers, NULL, err);
}

/* Where REST does not run, as while a Mailman is stopped, that is told once. */
static int read_back(struct lists_end_run *r, const struct lists_end_plan *plan,
                     const struct json_t *answer, struct strings *differs, struct error *err)
{
	const char *mute;

	(void)err;
	/* a list that is not there, or was not looked at, can't be asked for */
	if (!json_is_object(json_object_get(answer, "rest")))
		return 0;
	lists_mailman3_read_back(plan, answer, differs, &mute);
	if (mute) {
		AUTO_FREE char *words = xasprintf("nothing was read back over REST: %s", mute);

		if (!strings_has(&r->told, words))
			strings_add(&r->told, words);
	}
	return 0;
}

const struct lists_end lists_end_mailman3 = {
	.name = "mailman3",
	.takes = LISTS_END_HOST | LISTS_END_PROGRAM | LISTS_END_USER | LISTS_END_OPENS |
	         LISTS_END_REMOVES | LISTS_END_BULK,
	.plan = lists_mailman3_plan,
	.give = give,
	.give_and_look = give_and_look,
	.read_back = read_back,
};
