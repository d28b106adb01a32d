/* SPDX-License-Identifier: BSD-2-Clause */

/* spool_change -- hold, release, drop: durable before anything is printed. */

#include "gate/spool_verbs.h"

struct change {
	bool (*call)(struct spool *s, uint64_t id, const char *why, spool_done *done,
	             void *context);
	const char *word;
	unsigned n;
};

static void note(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	*(enum spool_outcome *)context = outcome;
}

static int change_one(struct spool_call *c, const struct spool_item *i, void *context,
                      struct error *err)
{
	struct change *change = context;
	enum spool_outcome outcome = 0;
	char id[17];

	spool_id_text(id, i->due.id);
	if (!change->call(c->spool, i->due.id, c->why ? c->why : "a person", note, &outcome))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
		                 "message %s is being worked on", id);
	while (!outcome)
		spool_wait(c->spool);
	if (outcome != SPOOL_DURABLE)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0,
		                 "message %s: the disk has failed", id);
	change->n++;
	if (!c->json)
		printf("%s %s\n", change->word, id);
	return 0;
}

static int change_all(struct spool_call *c, struct change *change, struct error *err)
{
	int result = spool_chosen(c, change_one, change, err);

	if (c->json && result == 0)
		printf("{\"%s\":%u}\n", change->word, change->n);
	return result;
}

static bool release(struct spool *s, uint64_t id, const char *why, spool_done *done, void *context)
{
	return spool_release(s, id, done, context);
}

int spool_hold_verb(struct spool_call *c, struct error *err)
{
	struct change change = { spool_hold, "held", 0 };

	return change_all(c, &change, err);
}

int spool_release_verb(struct spool_call *c, struct error *err)
{
	struct change change = { release, "released", 0 };

	return change_all(c, &change, err);
}

int spool_drop_verb(struct spool_call *c, struct error *err)
{
	struct change change = { spool_drop, "dropped", 0 };

	return change_all(c, &change, err);
}
