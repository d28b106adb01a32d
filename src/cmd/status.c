/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "cmd/limit.h"
#include "move/lists_hyperkitty.h"
#include "move/move.h"
#include "state/mailing_lists.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* What was reached, and the verb that comes next. */
struct standing {
	enum move_phase phase;
	int64_t attempt, surveyed_ms, prepared_ms, seeded_ms, seed_ms, frozen_ms, opened_ms;
	char *last_step, *resting, *gate;
	const char *waits_for;
	struct error why; /* of the last failure that is in the journal */
	struct mailing_lists lists;
	json_t *archives; /* owned; NULL: none go anywhere by themselves */
};

static int take_record(void *context, const struct journal_record *r, struct error *err)
{
	struct standing *s = context;

	if (r->attempt != s->attempt)
		return 0;
	json_decref(s->archives);
	free(s->last_step);
	s->last_step = NULL;
	if (asprintf(&s->last_step, "%s: %s%s%s", r->step, journal_mark_name(r->mark),
	             *r->detail ? ": " : "", r->detail) < 0)
		abort();
	return 0;
}

static const char *next_of(const struct standing *s)
{
	switch (s->phase) {
	case MOVE_UNDER_WAY:
		return "the cut-over stands in the middle: `mailhaul cutover` goes on, `mailhaul "
		       "rollback` goes back";
	case MOVE_GOING_BACK:
		return "a rollback stands in the middle: `mailhaul rollback` brings it to its end";
	case MOVE_FINISHED:
		return "the new side serves: `mailhaul watch`, `mailhaul verify`, `mailhaul "
		       "report`";
	case MOVE_GONE_BACK:
		return "the old side serves: mend what failed, `mailhaul seed`, then `mailhaul "
		       "cutover`";
	case MOVE_IDLE:
		break;
	}
	if (!s->surveyed_ms)
		return "nothing is known yet: `mailhaul survey`";
	if (!s->prepared_ms)
		return "the new side is not prepared: `mailhaul prepare`";
	if (!s->seeded_ms)
		return "nothing is copied yet: `mailhaul seed`";
	return "ready: `mailhaul plan`, `mailhaul check`, then `mailhaul cutover`";
}

static int read_standing(struct cmd_run *run, struct standing *s, struct error *err)
{
	struct {
		const char *name;
		int64_t *value;
	} facts[] = {
		{ "survey.at_ms", &s->surveyed_ms },  { "prepare.at_ms", &s->prepared_ms },
		{ "seed.at_ms", &s->seeded_ms },      { "seed.last_pass_ms", &s->seed_ms },
		{ "freeze.began_ms", &s->frozen_ms }, { "open.at_ms", &s->opened_ms },
	};

	if (move_phase_read(run->state, &s->phase, &s->attempt, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(facts); i++)
		if (state_get_i64(run->state, facts[i].name, 0, facts[i].value, err) < 0)
			return -1;
	if (journal_walk(run->state, take_record, s, err) < 0 ||
	    limit_resting(run->state, &s->resting, err) < 0 ||
	    state_get(run->state, "gate.stands", &s->gate, err) < 0 ||
	    mailing_lists_load(run->state, &s->lists, err) < 0 ||
	    move_archives_sums(run->state, &s->archives, err) < 0)
		return -1;
	s->waits_for = next_of(s);
	return 0;
}

static void print_time(const char *what, int64_t ms)
{
	char when[32];

	printf("  %-12s %s\n", what, ms ? clock_text(when, ms) : "not yet");
}

static bool has_gate(const struct standing *s)
{
	return s->gate && !strcmp(s->gate, "yes");
}

/* "12: 9 verified, 3 opened", and by name those with trouble, or all. */
static void print_lists(const struct cmd_run *run, const struct mailing_lists *lists)
{
	AUTO_BUF struct buf words = { 0 };

	if (!lists->n)
		return;
	for (enum mailing_list_phase phase = MAILING_LIST_KNOWN; phase <= MAILING_LIST_OPENED;
	     phase++) {
		size_t n = 0;

		for (size_t i = 0; i < lists->n; i++)
			n += lists->rows[i].phase == phase;
		if (n)
			buf_addf(&words, "%s%zu %s", words.n ? ", " : "", n,
			         mailing_list_phase_name(phase));
	}
	printf("  %-12s %zu: %s\n", "lists", lists->n, buf_text(&words));
	for (size_t i = 0; i < lists->n; i++) {
		const struct mailing_list *l = &lists->rows[i];
		AUTO_BUF struct buf line = { 0 };

		if (!run->verbose && !*l->trouble)
			continue;
		buf_add_printable(&line, span_of(l->name));
		buf_addf(&line, ": %s%s", mailing_list_phase_name(l->phase),
		         *l->trouble ? ": " : "");
		buf_add_printable(&line, span_of(l->trouble));
		printf("  %-12s %s\n", "", buf_text(&line));
	}
}

static void print_archives(json_t *sums)
{
	const char *const names[] = { "lists", "messages", "there", "copies", "refused" };
	long long n[ROWS(names)];

	for (size_t i = 0; i < ROWS(names); i++)
		n[i] = (long long)json_integer_value(json_object_get(sums, names[i]));
	if (sums)
		printf("  %-12s %lld, %lld messages: %lld in HyperKitty, %lld copies, %lld "
		       "refused\n",
		       "archives", n[0], n[1], n[2], n[3], n[4]);
}

static json_t *lists_json(const struct mailing_lists *lists)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < lists->n; i++) {
		const struct mailing_list *l = &lists->rows[i];

		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "name", l->name, "state",
		                        mailing_list_phase_name(l->phase), "since_ms",
		                        (json_int_t)l->at_ms, "wave", (json_int_t)l->wave,
		                        "attempt", (json_int_t)l->attempt, "trouble", l->trouble));
	}
	return rows;
}

static void print_standing(struct cmd_run *run, const struct standing *s)
{
	AUTO_BUF struct buf last = { 0 };
	char length[24];

	printf("Move \"%s\": cut-over %s", run->config->name, move_phase_name(s->phase));
	printf(s->attempt ? " (attempt %lld)\n" : "\n", (long long)s->attempt);
	print_time("surveyed", s->surveyed_ms);
	print_time("prepared", s->prepared_ms);
	print_time("seeded", s->seeded_ms);
	if (s->frozen_ms)
		print_time("frozen", s->frozen_ms);
	if (s->opened_ms > s->frozen_ms && s->frozen_ms)
		printf("  %-12s %s\n", "window",
		       text_duration(length, (double)(s->opened_ms - s->frozen_ms) / 1000));
	else if (s->frozen_ms)
		printf("  %-12s %s so far, budget %u s\n", "window",
		       text_duration(length, (double)(clock_wall_ms() - s->frozen_ms) / 1000),
		       run->config->window.budget);
	print_lists(run, &s->lists);
	print_archives(s->archives);
	if (s->resting)
		printf("  %-12s %s\n", "copying", s->resting);
	if (has_gate(s))
		printf("  %-12s %s\n", "gate",
		       "stands on the old host: `mailhaul gate` asks it how it does");
	if (s->last_step) {
		buf_add_printable(&last, span_of(s->last_step));
		printf("  %-12s %s\n", "last step", buf_text(&last));
	}
	printf("%s\n", s->waits_for);
}

static void dump_standing(struct cmd_run *run, const struct standing *s)
{
	json_t *document = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s*, s:s*, s:b, s:s, s:o}", "name",
		run->config->name, "phase", move_phase_name(s->phase), "attempt",
		(json_int_t)s->attempt, "surveyed_ms", (json_int_t)s->surveyed_ms, "prepared_ms",
		(json_int_t)s->prepared_ms, "seeded_ms", (json_int_t)s->seeded_ms, "frozen_ms",
		(json_int_t)s->frozen_ms, "opened_ms", (json_int_t)s->opened_ms, "last_step",
		s->last_step, "resting", s->resting, "gate_stands", has_gate(s), "waits_for",
		s->waits_for, "mailing_lists", lists_json(&s->lists));
	if (s->archives)
		json_object_set(document, "archives", s->archives);

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void standing_fini(struct standing *s)
{
	free(s->last_step);
	free(s->resting);
	free(s->gate);
	mailing_lists_fini(&s->lists);
}

int cmd_status(struct cmd_run *run, struct error *err)
{
	struct standing s = { 0 };

	if (read_standing(run, &s, err) < 0) {
		standing_fini(&s);
		return -1;
	}
	if (run->json)
		dump_standing(run, &s);
	else
		print_standing(run, &s);
	standing_fini(&s);
	return EXIT_CODE_GOOD;
}
