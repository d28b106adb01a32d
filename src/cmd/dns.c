/* SPDX-License-Identifier: BSD-2-Clause */

/* dns -- the change of the zones: shown, made, taken back; TTLs lowered ahead. */

#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/dns_signing.h"
#include "dns/apply.h"
#include "dns/lowered.h"
#include "move/move.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_MAX 604800u

struct options {
	unsigned part; /* bits of enum dns_part */
	enum dns_by by;
	bool by_given, force, now;
};

struct verb {
	const char *name, *usage, *summary;
	int (*run)(struct cmd_run *run, const struct options *o, struct error *err);
};

/* ── telling ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *strings_json(const struct strings *rows)
{
	json_t *all = json_array();

	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(all, json_string(rows->rows[i]));
	return all;
}

static json_t *edits_json(const struct dns_edits *e)
{
	AUTO_BUF struct buf text = { 0 };
	json_t *all, *zones = json_array();

	dns_edits_add_json(&text, e);
	all = json_loads(buf_text(&text), 0, NULL);
	for (size_t i = 0; i < e->zones_n; i++) {
		const struct dns_edit_zone *z = &e->zones[i];

		json_array_append_new(zones, json_pack("{s:s, s:I, s:I}", "name", z->name,
		                                       "records", (json_int_t)z->records, "changed",
		                                       (json_int_t)dns_edits_count(e, z->name)));
	}
	json_object_set_new(all, "changed", json_integer((json_int_t)dns_edits_count(e, NULL)));
	json_object_set_new(all, "zones", zones);
	json_object_set_new(all, "left", strings_json(&e->left));
	return all;
}

/* False: the change was made, and a signature does not hold. */
static bool show(const struct cmd_run *run, const struct dns_edits *e, bool made, const char *end)
{
	AUTO_STRINGS struct strings signing = { 0 };
	AUTO_BUF struct buf out = { 0 };
	bool good = dns_signing_tell(run->config, e, made, &signing);

	if (run->json) {
		json_t *all = edits_json(e);

		json_object_set_new(all, "end", json_string(end));
		json_object_set_new(all, "signing", strings_json(&signing));
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
		return good;
	}
	if (run->quiet)
		return good;
	dns_edits_add_diff(&out, e);
	for (size_t i = 0; i < signing.n; i++) {
		buf_add_printable(&out, span_of(signing.rows[i]));
		buf_add_char(&out, '\n');
	}
	fwrite(buf_text(&out), 1, out.n, stdout);
	puts(end);
	return good;
}

static int report(const struct cmd_run *run, const struct dns_edits *e, enum dns_by by,
                  enum dns_apply_end end)
{
	if (end == DNS_APPLY_DONE) {
		return show(run, e, true, "done") ? EXIT_CODE_GOOD : EXIT_CODE_NO;
	}
	show(run, e, false,
	     by == DNS_BY_HAND ? "waits: make this change at your provider, then give the same "
	                         "command again"
	                       : "waits: the server does not show it yet; give the same command "
	                         "again");
	return EXIT_CODE_LATER;
}

/* ── which step ──────────────────────────────────────────────────────────────────────────────── */

/* A switch in two steps has a first and a second, and one call is about one of them. */
static int choose_step(const struct config *c, struct options *o, struct error *err)
{
	enum dns_part next;

	if (!config_turns_away(c) || !(o->part & DNS_PART_SWITCH) || o->part == DNS_PART_SWITCH)
		return 0;
	if (dns_edits_step(c, &next, err) < 0)
		return -1;
	o->part = DNS_PART_AHEAD | (unsigned)next;
	return 0;
}

static const char *step_words(const struct config *c, unsigned part)
{
	if (!config_turns_away(c))
		return "";
	return part & DNS_PART_AWAY     ? " (the first of two steps, to the closed address)"
	       : part & DNS_PART_SWITCH ? " (the second of two steps, to the new host)"
	                                : "";
}

/* What is changed ahead is a change of its own, so that the steps can be taken back one by one. */
static int plan_one(const struct config *c, struct options *o, struct dns_edits *e,
                    struct error *err)
{
	if (config_turns_away(c) && o->part & DNS_PART_AHEAD) {
		if (dns_edits_plan(c, DNS_PART_AHEAD, e, err) < 0)
			return -1;
		o->part = e->n ? DNS_PART_AHEAD : o->part & ~(unsigned)DNS_PART_AHEAD;
		if (e->n)
			return 0;
	}
	return dns_edits_plan(c, o->part, e, err);
}

/* ── diff and apply ──────────────────────────────────────────────────────────────────────────── */

static int diff(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	AUTO_BUF struct buf end = { 0 };
	struct options chosen = *o;

	if (choose_step(run->config, &chosen, err) < 0 ||
	    dns_edits_plan(run->config, chosen.part, &e, err) < 0)
		return -1;
	dns_edits_measure(run->config, &e);
	buf_addf(&end, "%s%s", e.n ? "to be changed" : "nothing to change",
	         e.n ? step_words(run->config, chosen.part) : "");
	show(run, &e, false, buf_text(&end));
	return e.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

/* Mail would go to a new host whose doors are shut. */
static int refuse_early(struct state *s, const struct options *o, struct error *err)
{
	enum move_phase phase;
	int64_t attempt;

	if (!(o->part & (DNS_PART_SWITCH | DNS_PART_AWAY)) || o->now)
		return 0;
	if (move_phase_read(s, &phase, &attempt, err) < 0)
		return -1;
	if (phase != MOVE_IDLE && phase != MOVE_GONE_BACK)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "this turns the mail %s, and the cut-over has not begun",
	          o->part & DNS_PART_AWAY ? "away from the old host" : "to the new host");
	return error_hint(err, "`mailhaul cutover` does it when it is time; --ahead makes only "
	                       "dns.changes; --now does it all the same");
}

/* The second step, while a cache may still lead mail to the old host: the first was in vain. */
static int refuse_second(struct cmd_run *run, struct state *s, const struct options *o,
                         struct error *err)
{
	struct dns_lowered away;
	char when[32];

	if (!config_turns_away(run->config) || !(o->part & DNS_PART_SWITCH) || o->force)
		return 0;
	if (dns_away_look(run->config, s, &away, err) < 0)
		return -1;
	if (!away.changes || (away.everywhere && clock_wall_ms() >= away.until_ms))
		return 0;
	if (!away.everywhere)
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
		          "the first step is not everywhere yet: %s", away.where);
	else
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
		          "a cache may hold the old address until %.19sZ",
		          clock_text(when, away.until_ms));
	return error_hint(err, "wait for it; --force does not");
}

static int make(struct cmd_run *run, const char *kind, struct state *s, struct dns_edits *e,
                const struct options *o, struct error *err)
{
	enum dns_apply_end end = DNS_APPLY_DONE;

	dns_edits_measure(run->config, e);
	if (!e->n) {
		show(run, e, false, "nothing to change");
		return EXIT_CODE_GOOD;
	}
	if (!o->force && dns_edits_limit(run->config, e, err) < 0)
		return -1;
	if (run->dry_run) {
		show(run, e, false, "would be changed");
		return EXIT_CODE_GOOD;
	}
	if (dns_apply(run->config, s, kind, e, o->by, &end, err) < 0)
		return -1;
	return report(run, e, o->by, end);
}

/* What was begun before is carried on first; true: *code says how that went. */
static int resume(struct cmd_run *run, const char *kind, struct state *s, const struct options *o,
                  bool *found, int *code, struct error *err)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	enum dns_apply_end end;

	*found = false;
	if (run->dry_run)
		return 0;
	if (dns_apply_resume(run->config, s, kind, o->by, found, &e, &end, err) < 0)
		return -1;
	if (*found)
		*code = report(run, &e, o->by, end);
	return 0;
}

/* After the first step: from when on nobody comes to the old address any longer. */
static int tell_away(const struct cmd_run *run, struct state *s, const struct options *o,
                     struct error *err)
{
	struct dns_lowered away;
	char when[32];

	if (!(o->part & DNS_PART_AWAY))
		return EXIT_CODE_GOOD;
	if (dns_away_look(run->config, s, &away, err) < 0)
		return -1;
	if (run->json || run->quiet)
		return EXIT_CODE_GOOD;
	if (away.everywhere)
		printf("a cache may hold the old address until %.19sZ; then comes the second "
		       "step\n",
		       clock_text(when, away.until_ms));
	else
		printf("not everywhere yet: %s\n", away.where);
	return EXIT_CODE_GOOD;
}

static int apply(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	AUTO_STATE struct state *s = NULL;
	struct options chosen = *o;
	int code = EXIT_CODE_GOOD;
	bool found = false;

	if (state_open(&s, run->move_dir, err) < 0 || choose_step(run->config, &chosen, err) < 0 ||
	    refuse_early(s, &chosen, err) < 0 ||
	    (chosen.part & (DNS_PART_AWAY | DNS_PART_SWITCH) &&
	     resume(run, DNS_KIND_AWAY, s, o, &found, &code, err) < 0) ||
	    (!found && resume(run, "apply", s, o, &found, &code, err) < 0))
		return -1;
	if (found)
		return code;
	if (plan_one(run->config, &chosen, &e, err) < 0 ||
	    (e.n && refuse_second(run, s, &chosen, err) < 0))
		return -1;
	code = make(run, chosen.part & DNS_PART_AWAY ? DNS_KIND_AWAY : "apply", s, &e, o, err);
	return code == EXIT_CODE_GOOD && e.n && !run->dry_run ? tell_away(run, s, &chosen, err)
	                                                      : code;
}

static int undo(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	AUTO_STATE struct state *s = NULL;
	enum dns_apply_end end;
	int64_t id;

	if (state_open(&s, run->move_dir, err) < 0 || dns_undo_find(s, NULL, &id, &e, err) < 0)
		return -1;
	if (!id || run->dry_run) {
		show(run, &e, false, id ? "would be taken back" : "nothing to take back");
		return EXIT_CODE_GOOD;
	}
	if (dns_undo(run->config, s, id, &e, o->by, &end, err) < 0)
		return -1;
	return report(run, &e, o->by, end);
}

/* ── TTLs ────────────────────────────────────────────────────────────────────────────────────── */

static int tell_lowered(const struct cmd_run *run, const struct dns_lowered *l)
{
	bool over = l->everywhere && clock_wall_ms() >= l->until_ms;
	char when[32], left[24];

	clock_text(when, l->until_ms);
	if (run->json) {
		json_t *all = json_pack("{s:I, s:b, s:I, s:s?, s:b, s:s}", "changes",
		                        (json_int_t)l->changes, "everywhere", (int)l->everywhere,
		                        "old_ttl", (json_int_t)l->old_ttl, "old_until",
		                        l->everywhere && l->changes ? when : NULL, "over",
		                        (int)over, "where", l->where);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else if (!l->changes) {
		puts("no TTL was lowered");
	} else if (!l->everywhere) {
		printf("not everywhere yet: %s\n", l->where);
	} else if (!over) {
		printf("every server gives the small TTL; the old one of %u s has run out "
		       "everywhere at %.19sZ, in %s\n",
		       l->old_ttl, when,
		       text_duration(left, (double)(l->until_ms - clock_wall_ms()) / 1000));
	} else {
		printf("the old TTL of %u s has run out everywhere since %.19sZ\n", l->old_ttl,
		       when);
	}
	return l->everywhere ? EXIT_CODE_GOOD : EXIT_CODE_LATER;
}

static int lower_ttl(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	AUTO_STATE struct state *s = NULL;
	struct dns_lowered l;
	uint64_t ttl = run->config->dns.ttl;
	struct cmd_run silent = *run;
	int code = EXIT_CODE_GOOD;
	bool found;

	if (optind < run->argc &&
	    (!text_parse_u64(run->argv[optind], &ttl) || ttl < 1 || ttl > TTL_MAX))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "lower-ttl wants seconds, 1 to %u, not \"%s\"", TTL_MAX,
		                 run->argv[optind]);
	silent.quiet |= run->json; /* one document, not two: the one about the TTL */
	silent.json &= run->dry_run;
	if (state_open(&s, run->move_dir, err) < 0 ||
	    resume(&silent, "lower-ttl", s, o, &found, &code, err) < 0)
		return -1;
	if (!found) {
		if (dns_edits_lower(run->config, (uint32_t)ttl, &e, err) < 0)
			return -1;
		code = make(&silent, "lower-ttl", s, &e, o, err);
	}
	if (code < 0 || run->dry_run)
		return code;
	if (dns_lowered_look(run->config, s, &l, err) < 0)
		return -1;
	return tell_lowered(run, &l);
}

static int go_early(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_STATE struct state *s = NULL;
	struct dns_lowered l;

	(void)o;
	if (optind + 1 != run->argc || !*run->argv[optind])
		return EXIT_CODE_USAGE;
	if (state_open(&s, run->move_dir, err) < 0 || dns_lowered_look(run->config, s, &l, err) < 0)
		return -1;
	if (!l.changes || (l.everywhere && clock_wall_ms() >= l.until_ms)) {
		if (!run->quiet)
			puts("there is nothing to wait for");
		return EXIT_CODE_GOOD;
	}
	if (!run->dry_run && dns_waive(s, &l, run->argv[optind], err) < 0)
		return -1;
	if (!run->quiet)
		printf("%s: the cut-over will not wait for the old TTL of %u s; some senders may "
		       "come to the old address until then\n",
		       run->dry_run ? "would note" : "noted", l.old_ttl);
	return EXIT_CODE_GOOD;
}

/* ── the verb ────────────────────────────────────────────────────────────────────────────────── */

static const struct verb verbs[] = {
	{ "diff", "[--ahead | --away | --switch]",
	  "what of dns in move.yaml is still to be changed", diff },
	{ "apply", "[--ahead | --away | --switch] [--by HOW] [--force] [--now] [--dry-run]",
	  "changes the zones", apply },
	{ "undo", "[--by HOW] [--dry-run]", "takes the last change back, exactly", undo },
	{ "lower-ttl", "[SECONDS] [--by HOW] [--force] [--dry-run]",
	  "lowers the TTLs ahead, and tells when the old ones have run out", lower_ttl },
	{ "go-early", "REASON", "lets the cut-over not wait for the old TTLs", go_early },
};

static int take_options(struct cmd_run *run, struct options *o)
{
	static const struct option rows[] = {
		{ "ahead", no_argument, NULL, 'a' },
		{ "switch", no_argument, NULL, 's' },
		{ "by", required_argument, NULL, 'b' },
		{ "force", no_argument, NULL, 'f' },
		{ "now", no_argument, NULL, 'n' },
		{ "away", no_argument, NULL, 'w' },
		{ 0 },
	};
	int c;

	optind = 0; /* getopt_long(3): starts afresh */
	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == 'a' || c == 's')
			o->part = c == 'a' ? DNS_PART_AHEAD : DNS_PART_SWITCH;
		else if (c == 'w')
			o->part = DNS_PART_AWAY;
		else if (c == 'f')
			o->force = true;
		else if (c == 'n')
			o->now = true;
		else if (c != 'b' || !dns_by_parse(optarg, &o->by))
			return -1;
	}
	return 0;
}

int cmd_dns(struct cmd_run *run, struct error *err)
{
	const char *name = run->argc > 1 ? run->argv[1] : "";
	struct options o = { .part = DNS_PART_ALL, .by = dns_by_default(run->config) };
	struct cmd_run below = *run;

	for (size_t i = 0; i < ROWS(verbs); i++) {
		int code = EXIT_CODE_USAGE;

		if (strcmp(verbs[i].name, name) != 0)
			continue;
		below.argc--;
		below.argv++;
		if (take_options(&below, &o) == 0)
			code = verbs[i].run(&below, &o, err);
		if (code == EXIT_CODE_USAGE)
			fprintf(stderr, "usage: mailhaul [-m MOVE] [--json] dns %s %s\n", name,
			        verbs[i].usage);
		return code;
	}
	fputs("usage: mailhaul [-m MOVE] [--json] dns VERB ...\n\n", stderr);
	for (size_t i = 0; i < ROWS(verbs); i++)
		fprintf(stderr, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	return EXIT_CODE_USAGE;
}
