/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "move/move.h"
#include "move/window.h"

#include <jansson.h>
#include <stdio.h>

/* Before and after the cut-over a step is a verb of its own. */
static const struct verb_step {
	const char *window, *verb, *does;
} verb_steps[] = {
	{ "before", "survey", "Looks at both sites, and lists file by file what has to move." },
	{ "before", "prepare",
	  "Makes users, domains, aliases and empty mailboxes on the new host." },
	{ "before", "seed", "Copies while the old server runs; again, until the rest is small." },
	{ "before", "check",
	  "Asks both sites the questions; a must that is no stands in the way." },
	{ "during", NULL, NULL },
	{ "after", "watch",
	  "Looks at every name server until all agree and old answers have run out." },
	{ "after", "verify", "Compares old and new again, message by message." },
	{ "after", "report", "Writes the evidence as one HTML and one JSON file." },
};

static const char *close_means(const struct config *c)
{
	switch (c->close) {
	case CONFIG_CLOSE_DEFER:
		return "defer: senders see your text with a 421 and try again later; nothing is "
		       "lost, each waits as long as its own back-off says (Postfix: at least 5 "
		       "minutes)";
	case CONFIG_CLOSE_SPOOL:
		return "spool: senders notice nothing. The gate on the old host takes their mail, "
		       "durable before its 250, and gives it out at the opening";
	case CONFIG_CLOSE_RELAY:
		return "relay: until the opening senders are told to come again (451); then the "
		       "gate passes through what still comes to the old address";
	case CONFIG_CLOSE_REFUSE:
		break;
	}
	return "refuse: senders see \"connection refused\", the cheapest refusal, and try again "
	       "later, each as its own back-off says (Postfix: at least 5 minutes)";
}

static const char *switch_means(const struct config *c)
{
	switch (c->switch_by) {
	case CONFIG_SWITCH_ADDRESS:
		return "address: the new host takes the old address; senders notice nothing but "
		       "the "
		       "window. The old host needs another address for ssh";
	case CONFIG_SWITCH_DNS:
		return "dns: records change by dynamic update; a resolver may hold the old answer "
		       "for the "
		       "old TTL, and a busy sender a session for 300 s. Until then it knocks at a "
		       "closed "
		       "door and tries again";
	case CONFIG_SWITCH_MANUAL:
		return "manual: you change the records when mailhaul says so; it watches the "
		       "zone's own "
		       "servers, and your minutes count in the window";
	}
	return "";
}

static void print_during(const struct config *c)
{
	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *s = &move_steps[i];

		if (!move_step_applies(s, c))
			continue;
		printf("  %-18s %s\n", s->name, s->does);
		printf("  %-18s   proven: %s\n", "", s->proven);
		if (s->undone)
			printf("  %-18s   way back: %s\n", "", s->undone);
	}
}

static int print_plan(struct cmd_run *run, const struct window *w)
{
	const char *window = "";
	char length[24];

	printf("Plan of the move \"%s\"\n\n", run->config->name);
	printf("What senders meet: close = %s\n", close_means(run->config));
	printf("How the world learns of it: switch = %s\n\n", switch_means(run->config));
	for (size_t i = 0; i < ROWS(verb_steps); i++) {
		const struct verb_step *v = &verb_steps[i];

		if (window != v->window)
			printf("%s the downtime\n", v->window);
		window = v->window;
		if (v->verb)
			printf("  %-18s %s\n", v->verb, v->does);
		else
			print_during(run->config);
	}
	printf("\nPredicted window: %s\n", text_duration(length, (double)w->total_ms / 1000));
	for (size_t i = 0; i < w->n; i++)
		printf("  %6.1f s  %s\n", (double)w->parts[i].ms / 1000, w->parts[i].why);
	printf("Budget: %u s, then back to the old side by itself; the shortest patience of a "
	       "sender "
	       "is about 4 h\n",
	       run->config->window.budget);
	return EXIT_CODE_GOOD;
}

static int dump_plan(struct cmd_run *run, const struct window *w)
{
	json_t *steps = json_array(), *parts = json_array(), *document;

	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *s = &move_steps[i];

		if (move_step_applies(s, run->config))
			json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:s*}", "name",
			                                       s->name, "does", s->does, "proven",
			                                       s->proven, "undone", s->undone));
	}
	for (size_t i = 0; i < w->n; i++)
		json_array_append_new(parts, json_pack("{s:f, s:s}", "seconds",
		                                       (double)w->parts[i].ms / 1000, "why",
		                                       w->parts[i].why));
	document = json_pack("{s:s, s:s, s:s, s:o, s:f, s:o, s:i}", "name", run->config->name,
	                     "close", close_means(run->config), "switch", switch_means(run->config),
	                     "cutover", steps, "window_seconds", (double)w->total_ms / 1000,
	                     "window_parts", parts, "budget_seconds",
	                     (int)run->config->window.budget);
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
	return EXIT_CODE_GOOD;
}

int cmd_plan(struct cmd_run *run, struct error *err)
{
	struct window w;

	if (window_predict(run->config, run->state, &w, err) < 0)
		return -1;
	return run->json ? dump_plan(run, &w) : print_plan(run, &w);
}
