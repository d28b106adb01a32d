/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_wave -- `mailhaul lists waves`: the order in which lists move; `mailhaul lists open`: some of them
 * begin to live on new. */

#include "cmd/lists.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/lists_pair.h"
#include "lists/wave.h"
#include "lists/wave_order.h"
#include "move/interface.h"
#include "move/lists.h"
#include "move/move.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 120000u /* that a runner gets to end what it is at */

struct wishes {
	struct lists_pair places;
	struct strings lists;
	uint64_t wave, waves;
	const char *route;
	bool back, passed_on;
};

static bool take_place(int option, struct lists_pair *p)
{
	switch (option) {
	case 'f':
		p->old.place = optarg;
		return true;
	case 't':
		p->new.place = optarg;
		return true;
	case 'F':
		p->old.prefix = optarg;
		return true;
	case 'T':
		p->new.prefix = optarg;
		return true;
	case 's':
		p->state_dir = optarg;
		return true;
	default:
		return false;
	}
}

#define PLACE_OPTIONS                                                                              \
	{ "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' },          \
		{ "from-prefix", required_argument, NULL, 'F' },                                   \
		{ "to-prefix", required_argument, NULL, 'T' },                                     \
	{                                                                                          \
		"state", required_argument, NULL, 's'                                              \
	}

/* ── waves ───────────────────────────────────────────────────────────────────────────────────── */

static json_t *row_json(const struct lists_wave_row *r, const struct mailing_list *l)
{
	return json_pack("{s:s, s:I, s:s, s:f, s:I, s:b}", "list", r->name, "wave",
	                 (json_int_t)(l ? l->wave : 0), "state",
	                 l ? mailing_list_phase_name(l->phase) : "known", "posts_per_week",
	                 r->posts_per_week > 0 ? r->posts_per_week : 0.0, "members",
	                 (json_int_t)r->members, "readable", r->known);
}

static void tell(const struct cmd_run *run, const struct lists_wave_order *o,
                 const struct mailing_lists *known)
{
	json_t *rows = json_array();

	if (!run->json)
		printf("%4s %-32s %12s %9s  %s\n", "wave", "list", "posts a week", "members",
		       "state");
	for (size_t i = 0; i < o->n; i++) {
		const struct lists_wave_row *r = &o->rows[i];
		const struct mailing_list *l = mailing_list_named(known, r->name);
		AUTO_BUF struct buf name = { 0 };

		json_array_append_new(rows, row_json(r, l));
		if (run->json)
			continue;
		buf_add_printable(&name, span_of(r->name));
		printf("%4llu %-32s %12.1f %9llu  %s%s\n", (unsigned long long)(l ? l->wave : 0),
		       buf_text(&name), r->posts_per_week > 0 ? r->posts_per_week : 0.0,
		       (unsigned long long)r->members,
		       l ? mailing_list_phase_name(l->phase) : "known",
		       r->known ? "" : ", its configuration can't be read");
	}
	if (run->json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(rows);
}

static int show_waves(struct wishes *w, struct error *err)
{
	AUTO_LISTS_WAVE_ORDER struct lists_wave_order order = { 0 };
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	struct lists_pair *p = &w->places;
	uint64_t waves = w->waves;

	if (lists_pair_open(p, err) < 0)
		return -1;
	if (!waves)
		waves = p->run->config ? p->run->config->lists.waves : 1;
	if (lists_wave_order_read(p->old.host, p->old.chosen, &order, err) < 0 ||
	    mailing_lists_load(p->state, &known, err) < 0)
		return -1;
	lists_wave_assign(&order, waves, &known);
	if (!p->run->dry_run && mailing_lists_put(p->state, &known, err) < 0)
		return -1;
	tell(p->run, &order, &known);
	return EXIT_CODE_GOOD;
}

int lists_waves_verb(struct cmd_run *cmd, struct error *err)
{
	static const struct option options[] = { PLACE_OPTIONS,
		                                 { "waves", required_argument, NULL, 'n' },
		                                 { 0 } };
	struct wishes w = { .places = { .run = cmd, .has_old = true } };
	int option, result;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1) {
		if (take_place(option, &w.places))
			continue;
		if (option != 'n' || !span_parse_u64(span_of(optarg), &w.waves) || !w.waves ||
		    w.waves > 1000)
			return EXIT_CODE_USAGE;
	}
	if (optind != cmd->argc)
		return EXIT_CODE_USAGE;
	result = show_waves(&w, err);
	lists_pair_close(&w.places);
	return result;
}

/* ── open ────────────────────────────────────────────────────────────────────────────────────── */

static void say(void *context, const char *words)
{
	const struct cmd_run *run = context;
	AUTO_BUF struct buf line = { 0 };

	if (run->quiet)
		return;
	buf_add_printable(&line, span_of(words));
	fprintf(run->json ? stderr : stdout, "%s\n", buf_text(&line));
}

static int print_states(const struct wishes *w, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	json_t *rows = json_array();

	if (mailing_lists_load(w->places.state, &known, err) < 0) {
		json_decref(rows);
		return -1;
	}
	for (size_t i = 0; i < w->lists.n; i++) {
		const struct mailing_list *l = mailing_list_named(&known, w->lists.rows[i]);
		const char *phase = l ? mailing_list_phase_name(l->phase) : "known";

		json_array_append_new(
			rows, json_pack("{s:s, s:s}", "list", w->lists.rows[i], "state", phase));
		if (!w->places.run->json && !w->places.run->quiet)
			printf("%s: %s\n", w->lists.rows[i], phase);
	}
	if (w->places.run->json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(rows);
	return EXIT_CODE_GOOD;
}

static bool moves(const struct config *c, const char *address)
{
	bool found = false;

	for (unsigned i = 0; c && i < c->address.addresses_count; i++) {
		AUTO_FREE char *one = NULL;
		unsigned prefix;

		if (config_split_address(c->address.addresses[i], &one, &prefix))
			found = found || !strcmp(one, address);
	}
	return found;
}

/* By which another host reaches this one now and after the switch. */
static int find_route(struct wishes *w, struct host *h, struct strings *out, struct error *err)
{
	const struct config *c = w->places.run->config;

	if (host_reach(w->places.new.host) == HOST_FOLDER ||
	    host_reach(w->places.old.host) == HOST_FOLDER)
		return 0;
	for (int six = 0; six < 2; six++) {
		AUTO_STRINGS struct strings all = { 0 };

		if (interface_addresses(h, six, &all, err) < 0)
			return -1;
		for (size_t i = 0; i < all.n; i++)
			if (!moves(c, all.rows[i]))
				strings_add(out, all.rows[i]);
	}
	return 0;
}

/* Of a move that is not at its end: people's mail is on old. */
static bool mailboxes_stay(const struct wishes *w)
{
	struct error ignored = { 0 };
	enum move_phase phase;
	int64_t attempt;

	return w->places.run->config &&
	       move_phase_read(w->places.state, &phase, &attempt, &ignored) == 0 &&
	       phase != MOVE_FINISHED;
}

static int open_wave(struct wishes *w, struct error *err)
{
	struct lists_wave wave = {
		.lists = &w->lists, .wait_ms = WAIT_MS, .tell = say, .context = w->places.run
	};

	AUTO_STRINGS struct strings found = { 0 }, home = { 0 };

	if (lists_pair_open(&w->places, err) < 0)
		return -1;
	if (w->wave && lists_wave_names(w->places.state, w->wave, &w->lists, err) < 0)
		return -1;
	wave.from = w->places.old.host;
	wave.to = w->places.new.host;
	wave.old = w->places.old.chosen;
	wave.new = w->places.new.chosen;
	wave.state = w->places.state;
	wave.passed_on = w->passed_on;
	if ((!w->route && find_route(w, wave.to, &found, err) < 0) ||
	    (mailboxes_stay(w) && find_route(w, wave.from, &home, err) < 0))
		return -1;
	wave.home = home.n ? home.rows[0] : NULL;
	wave.route = w->route ? w->route : found.n ? found.rows[0] : NULL;
	if (!w->back && move_lists_admit(wave.from, wave.to, err) < 0)
		return -1;
	if ((w->back ? lists_wave_close : lists_wave_open)(&wave, err) < 0)
		return -1;
	return print_states(w, err);
}

int lists_open_verb(struct cmd_run *cmd, struct error *err)
{
	static const struct option options[] = { PLACE_OPTIONS,
		                                 { "wave", required_argument, NULL, 'w' },
		                                 { "back", no_argument, NULL, 'b' },
		                                 { "route", required_argument, NULL, 'r' },
		                                 { "passed-on", no_argument, NULL, 'p' },
		                                 { 0 } };
	struct wishes w = { .places = { .run = cmd,
		                        .has_old = true,
		                        .old = { .control = true },
		                        .new = { .control = true } } };
	int option, result;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1) {
		if (take_place(option, &w.places))
			continue;
		if (option == 'b')
			w.back = true;
		else if (option == 'p')
			w.passed_on = true;
		else if (option == 'r')
			w.route = optarg;
		else if (option != 'w' || !span_parse_u64(span_of(optarg), &w.wave) || !w.wave)
			return EXIT_CODE_USAGE;
	}
	for (int i = optind; i < cmd->argc; i++)
		strings_add(&w.lists, cmd->argv[i]);
	if (!w.lists.n == !w.wave || cmd->dry_run) {
		strings_fini(&w.lists);
		return EXIT_CODE_USAGE;
	}
	result = open_wave(&w, err);
	lists_pair_close(&w.places);
	strings_fini(&w.lists);
	return result;
}
