/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "move/lists.h"
#include "move/lists_hyperkitty.h"
#include "move/move.h"
#include "move/window.h"
#include "state/items.h"
#include "state/mailing_lists.h"

#include <jansson.h>
#include <stdio.h>

/* Before and after the cut-over a step is a verb of its own. */
static const struct verb_step {
	const char *window, *verb, *does;
	bool waves; /* only where lists move in more than one */
} verb_steps[] = {
	{ "before", "survey", "Looks at both sites, and lists file by file what has to move.",
	  false },
	{ "before", "prepare", "Makes users, domains, aliases and empty mailboxes on the new host.",
	  false },
	{ "before", "seed", "Copies while the old server runs; again, until the rest is small.",
	  false },
	{ "before", "lists waves",
	  "Orders the mailing lists: who disturbs fewest people comes first.", true },
	{ "before", "lists open",
	  "Wave by wave lists begin to live on the new host, while the rest stays; --back.", true },
	{ "before", "check", "Asks both sites the questions; a must that is no stands in the way.",
	  false },
	{ "during", NULL, NULL, false },
	{ "after", "watch",
	  "Looks at every name server until all agree and old answers have run out.", false },
	{ "after", "verify", "Compares old and new again, message by message.", false },
	{ "after", "report", "Writes the evidence as one HTML and one JSON file.", false },
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
	if (config_turns_away(c))
		return "in two steps: before the freeze the names are led to a closed address, "
		       "where "
		       "senders are refused and come again; once no cache can hold the old one, "
		       "the "
		       "old server is frozen. So nobody comes there any more when the mailboxes "
		       "are "
		       "copied; but new mail waits for the old TTL longer than the window, and who "
		       "reads mail by these names is turned away too: give the MX a name of its "
		       "own";
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

/* What the plan says of mailing lists. */
struct planned_lists {
	bool move, archives;
	size_t n, opened, seeded;
	unsigned waves;
};

static int count_lists(struct cmd_run *run, struct planned_lists *out, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_ITEMS struct items items = { 0 };

	if (move_lists_wanted(run->config, run->state, &out->move, err) < 0 ||
	    mailing_lists_load(run->state, &known, err) < 0 ||
	    items_load(run->state, "old", "mailing list", &items, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++) {
		out->opened += known.rows[i].phase == MAILING_LIST_OPENED;
		out->seeded += known.rows[i].phase == MAILING_LIST_SEEDED ||
		               known.rows[i].phase == MAILING_LIST_VERIFIED;
	}
	out->n = items.n > known.n ? items.n : known.n;
	out->waves = run->config->lists.waves;
	out->archives = move_archives_wanted(run->config);
	return 0;
}

static void print_lists(const struct planned_lists *l)
{
	if (!l->move)
		return;
	printf("Mailing lists: %zu, of which %zu live on the new host already and %zu more are "
	       "copied",
	       l->n, l->opened, l->seeded);
	if (l->waves > 1)
		printf("; %u waves", l->waves);
	if (l->archives)
		printf("; their archives go into HyperKitty");
	printf("\n\n");
}

static void print_during(const struct config *c, bool lists)
{
	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *s = &move_steps[i];

		if (!move_step_applies(s, c, lists))
			continue;
		printf("  %-18s %s\n", s->name, s->does);
		printf("  %-18s   proven: %s\n", "", s->proven);
		if (s->undone)
			printf("  %-18s   way back: %s\n", "", s->undone);
	}
}

static int print_plan(struct cmd_run *run, const struct window *w, const struct planned_lists *l)
{
	const char *window = "";
	char length[24];

	printf("Plan of the move \"%s\"\n\n", run->config->name);
	printf("What senders meet: close = %s\n", close_means(run->config));
	printf("How the world learns of it: switch = %s\n\n", switch_means(run->config));
	print_lists(l);
	for (size_t i = 0; i < ROWS(verb_steps); i++) {
		const struct verb_step *v = &verb_steps[i];

		if (v->waves && (!l->move || l->waves < 2))
			continue;
		if (window != v->window)
			printf("%s the downtime\n", v->window);
		window = v->window;
		if (v->verb)
			printf("  %-18s %s\n", v->verb, v->does);
		else
			print_during(run->config, l->move);
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

static int dump_plan(struct cmd_run *run, const struct window *w, const struct planned_lists *l)
{
	json_t *steps = json_array(), *parts = json_array(), *document;

	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *s = &move_steps[i];

		if (move_step_applies(s, run->config, l->move))
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
	if (l->move)
		json_object_set_new(
			document, "mailing_lists",
			json_pack("{s:I, s:I, s:I, s:i, s:s}", "lists", (json_int_t)l->n, "opened",
		                  (json_int_t)l->opened, "seeded", (json_int_t)l->seeded, "waves",
		                  (int)l->waves, "archives", l->archives ? "hyperkitty" : "none"));
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
	return EXIT_CODE_GOOD;
}

int cmd_plan(struct cmd_run *run, struct error *err)
{
	struct planned_lists lists = { 0 };
	struct window w;

	if (window_predict(run->config, run->state, &w, err) < 0 ||
	    count_lists(run, &lists, err) < 0)
		return -1;
	return run->json ? dump_plan(run, &w, &lists) : print_plan(run, &w, &lists);
}
