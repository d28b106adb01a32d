/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "check/check.h"
#include "cmd/open.h"
#include "state/evidence.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP_S 20
#define WHOLE_FACTOR 4 /* times the limit of one question */

struct options {
	uint64_t step_s;
	bool baseline, all, send, restore;
	uint64_t against; /* a run's number; 0: the old side */
	const char *junit, *ca_file, *history, *answer, *as;
	int first; /* of the words that are left */
};

static int take_options(struct cmd_run *run, struct options *o)
{
	static const struct option rows[] = {
		{ "time", required_argument, NULL, 't' },
		{ "baseline", optional_argument, NULL, 'b' },
		{ "all", no_argument, NULL, 'a' },
		{ "send", no_argument, NULL, 's' },
		{ "restore", no_argument, NULL, 'r' },
		{ "junit", required_argument, NULL, 'x' },
		{ "ca-file", required_argument, NULL, 'c' },
		{ "history", required_argument, NULL, 'i' },
		{ "answer", required_argument, NULL, 'w' },
		{ "as", required_argument, NULL, 'n' },
		{ 0 },
	};
	int c;

	o->step_s = STEP_S;
	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == 't' &&
		    (!text_parse_u64(optarg, &o->step_s) || !o->step_s || o->step_s > 3600))
			return -1;
		if (c == 'b' && optarg && (!text_parse_u64(optarg, &o->against) || !o->against))
			return -1;
		o->baseline |= c == 'b';
		o->all |= c == 'a';
		o->send |= c == 's';
		o->restore |= c == 'r';
		o->junit = c == 'x' ? optarg : o->junit;
		o->ca_file = c == 'c' ? optarg : o->ca_file;
		o->history = c == 'i' ? optarg : o->history;
		o->answer = c == 'w' ? optarg : o->answer;
		o->as = c == 'n' ? optarg : o->as;
		if (c == '?')
			return -1;
	}
	o->first = optind;
	return 0;
}

/* ── people's answers, and history ───────────────────────────────────────────────────────────── */

static int no_such_question(const char *id, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "there is no question \"%s\"",
	                 id);
}

static const char *own_name(const struct options *o)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *p = getpwuid(getuid());

	return o->as ? o->as : sudo && *sudo ? sudo : p ? p->pw_name : "unknown";
}

static int take_answer(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_CHECK_QUESTIONS struct check_questions all = { 0 };
	const struct check_question *q;
	AUTO_BUF struct buf note = { 0 };
	struct answer row = { .at_ms = clock_wall_ms() };

	check_questions_all(&all);
	q = check_question_find(&all, o->answer);
	if (!q)
		return no_such_question(o->answer, err);
	if (q->through != CHECK_BY_PERSON)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "%s is asked by mailhaul, not of a person", q->id);
	if (run->argc - o->first < 2 ||
	    (strcmp(run->argv[o->first], "yes") != 0 && strcmp(run->argv[o->first], "no") != 0))
		return EXIT_CODE_USAGE;
	for (int i = o->first + 1; i < run->argc; i++)
		buf_addf(&note, "%s%s", note.n ? " " : "", run->argv[i]);
	row.id = (char *)(uintptr_t)q->id;
	row.side = (char *)(uintptr_t)check_of_name(CHECK_WHOLE);
	row.answer = run->argv[o->first];
	row.evidence = note.p;
	row.who = (char *)(uintptr_t)own_name(o);
	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0 ||
	    answers_put_person(run->state, &row, err) < 0)
		return -1;
	if (!run->quiet)
		printf("%s: %s, says %s\n", row.id, row.answer, row.who);
	return EXIT_CODE_GOOD;
}

static int show_history(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_CHECK_QUESTIONS struct check_questions all = { 0 };
	AUTO_ANSWERS struct answers found = { 0 };

	check_questions_all(&all);
	if (!check_question_find(&all, o->history))
		return no_such_question(o->history, err);
	if (cmd_open(run, CMD_NEEDS_STATE_READ, err) < 0 ||
	    answers_load(run->state, -1, o->history, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++) {
		const struct answer *a = &found.rows[i];
		AUTO_BUF struct buf printable = { 0 };
		char when[32];

		buf_add_printable(&printable, span_of(a->evidence));
		printf("%s  run %lld  %-4s %-7s %s%s%s\n", clock_text(when, a->at_ms),
		       (long long)a->run, a->side, a->answer, *a->who ? a->who : "",
		       *a->who ? ": " : "", buf_text(&printable));
	}
	if (!found.n)
		puts("never asked");
	return EXIT_CODE_GOOD;
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static bool wanted(const struct cmd_run *run, const struct options *o,
                   const struct check_site *site, const struct check_question *q)
{
	if (run->argc == o->first)
		return o->all || q->windows & site->window;
	for (int i = o->first; i < run->argc; i++)
		if (!strcmp(run->argv[i], q->topic) || !strcmp(run->argv[i], q->id))
			return true;
	return false;
}

/* A person's last answer. */
static void take_person(struct check_step *s, const struct answers *given)
{
	char when[32];

	s->done = true;
	s->answer = CHECK_UNKNOWN;
	s->at_ms = clock_wall_ms();
	buf_add_text(&s->seen, "nobody has answered");
	for (size_t i = 0; i < given->n; i++) {
		const struct answer *a = &given->rows[i];

		if (strcmp(a->id, s->question->id) != 0)
			continue;
		s->answer = strcmp(a->answer, "yes") == 0 ? CHECK_YES : CHECK_NO;
		buf_reset(&s->seen);
		buf_addf(&s->seen, "%s (%s, %.10s)", a->evidence, a->who,
		         clock_text(when, a->at_ms));
	}
}

static void choose(const struct cmd_run *run, const struct options *o,
                   const struct check_site *site, const struct check_questions *all,
                   const struct answers *given, struct check_steps *out)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct check_question *q = &all->rows[i];

		if (!wanted(run, o, site, q))
			continue;
		for (enum check_of of = CHECK_OLD; of < CHECK_OFS; of++) {
			if (!(q->ofs & (1u << of)))
				continue;
			check_steps_add(out, q, of);
			if (q->through == CHECK_BY_PERSON)
				take_person(&out->rows[out->n - 1], given);
		}
	}
}

/* In the process that asks; nothing is closed, because it ends. */
static int open_for(void *context, unsigned through, struct host *hosts[2], struct move *m,
                    struct error *err)
{
	struct cmd_run *run = context;
	unsigned needs = CMD_NEEDS_STATE_READ | (through & CHECK_BY_OLD ? CMD_NEEDS_OLD : 0) |
	                 (through & CHECK_BY_NEW ? CMD_NEEDS_NEW : 0);

	/* a person has said --restore; that host alone is opened then */
	if (through & CHECK_CHANGES)
		needs |= through & CHECK_BY_OLD ? CMD_NEEDS_CONTROL_OLD : CMD_NEEDS_CONTROL_NEW;

	if (cmd_open(run, needs, err) < 0)
		return -1;
	hosts[CHECK_OLD] = run->old_host;
	hosts[CHECK_NEW] = run->new_host;
	*m = (struct move){ .config = run->config,
		            .state = run->state,
		            .old = run->old_host,
		            .new = run->new_host };
	return through & CHECK_BY_STATE ? move_open(m, err) : 0;
}

/* An address that moves is not where the new host is now: that one is asked. */
static int find_new_addresses(struct check_site *site, const struct check_limits *limits,
                              struct cmd_run *run, struct error *err)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	struct span rest, word;

	if (site->addresses[CHECK_NEW].n)
		return 0;
	check_steps_add(&steps, &check_addresses_question, CHECK_NEW);
	if (check_run(&steps, site, limits, open_for, run, err) < 0)
		return -1;
	rest = buf_span(&steps.rows[0].seen);
	while (steps.rows[0].answer == CHECK_YES && span_next_word(&rest, &word))
		strings_add_span(&site->addresses[CHECK_NEW], word);
	return 0;
}

/* ── keeping, telling ────────────────────────────────────────────────────────────────────────── */

static int keep(struct cmd_run *run, const struct check_steps *steps, const char *json,
                const struct check_verdict *v, int64_t *number, struct error *err)
{
	AUTO_ANSWERS struct answers rows = { 0 };

	for (size_t i = 0; i < steps->n; i++) {
		const struct check_step *s = &steps->rows[i];
		AUTO_BUF struct buf printable = { 0 };

		buf_add_printable(&printable, buf_span(&s->seen));
		answers_add(&rows,
		            &(struct answer){
				    .at_ms = s->at_ms,
				    .id = (char *)(uintptr_t)s->question->id,
				    .side = (char *)(uintptr_t)check_of_name(s->of),
				    .answer = (char *)(uintptr_t)check_answer_name(s->answer),
				    .evidence = (char *)(uintptr_t)buf_text(&printable),
				    .who = (char[]){ "" },
			    });
	}
	if (answers_put_run(run->state, &rows, number, err) < 0)
		return -1;
	return evidence_put(run->state, "check",
	                    v->bad ? "some musts are not met" : "all musts are met", json, err);
}

static int tell(const struct cmd_run *run, const struct options *o, const struct check_steps *steps,
                const struct check_verdict *v, int64_t number, const char *json, struct error *err)
{
	AUTO_BUF struct buf out = { 0 }, xml = { 0 };

	if (o->junit) {
		check_add_junit(&xml, steps);
		if (file_write_path_durable(o->junit, 0644, buf_span(&xml), err) < 0)
			return -1;
	}
	if (run->json) {
		puts(json);
	} else {
		check_add_table(&out, steps);
		fwrite(out.p, 1, out.n, stdout);
		printf("%u answers, %u in the way; run %lld\n", v->asked, v->bad,
		       (long long)number);
		for (size_t i = 0; o->baseline && i < v->worse_ids.n; i++)
			printf("worse than %s: %s\n", o->against ? "then" : "old",
			       v->worse_ids.rows[i]);
	}
	return (o->baseline ? v->worse : v->bad) ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

/* Since when each side has told us to wait, run after run. */
static int read_waits(struct cmd_run *run, struct check_site *site, struct error *err)
{
	AUTO_ANSWERS struct answers told = { 0 };

	if (answers_load(run->state, -1, "smtp.greylist", &told, err) < 0)
		return -1;
	for (size_t i = 0; i < told.n; i++) {
		const struct answer *a = &told.rows[i];
		enum check_of of = strcmp(a->side, "old") == 0 ? CHECK_OLD : CHECK_NEW;

		if (!strstr(a->evidence, CHECK_TOLD_TO_WAIT))
			site->waits_since_ms[of] = 0;
		else if (!site->waits_since_ms[of])
			site->waits_since_ms[of] = a->at_ms;
	}
	return 0;
}

/* What is to be known before; the state is closed again, because no process may take it along. */
static int read_before(struct cmd_run *run, const struct options *o, struct check_site *site,
                       struct answers *given, struct answers *baseline, struct error *err)
{
	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0 ||
	    check_site_read(site, run->config, run->state, err) < 0 ||
	    read_waits(run, site, err) < 0 || answers_load(run->state, 0, NULL, given, err) < 0 ||
	    (o->against && answers_load(run->state, (int64_t)o->against, NULL, baseline, err) < 0))
		return -1;
	state_close(run->state);
	run->state = NULL;
	site->ca_file = o->ca_file;
	site->step_ms = (int)o->step_s * 1000;
	site->may_send = o->send;
	site->may_restore = o->restore;
	if (!o->against || baseline->n)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "there was no run %llu",
	                 (unsigned long long)o->against);
}

static int ask_all(struct cmd_run *run, const struct options *o, struct error *err)
{
	struct check_limits limits = { .step_ms = (int)o->step_s * 1000,
		                       .whole_ms = (int)o->step_s * 1000 * WHOLE_FACTOR };
	AUTO_CHECK_SITE struct check_site site = { 0 };
	AUTO_CHECK_QUESTIONS struct check_questions all = { 0 };
	AUTO_ANSWERS struct answers given = { 0 }, baseline = { 0 };
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_CHECK_VERDICT struct check_verdict v = { 0 };
	AUTO_FREE char *json = NULL;
	int64_t number;

	if (read_before(run, o, &site, &given, &baseline, err) < 0)
		return -1;
	check_questions_all(&all);
	choose(run, o, &site, &all, &given, &steps);
	if (find_new_addresses(&site, &limits, run, err) < 0 ||
	    check_run(&steps, &site, &limits, open_for, run, err) < 0)
		return -1;
	check_judge(&steps, o->against ? &baseline : NULL, &v);
	json = check_json(&steps, &v);
	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0 ||
	    keep(run, &steps, json, &v, &number, err) < 0)
		return -1;
	return tell(run, o, &steps, &v, number, json, err);
}

int cmd_check(struct cmd_run *run, struct error *err)
{
	struct options o = { 0 };

	if (take_options(run, &o) < 0)
		return EXIT_CODE_USAGE;
	if (o.answer)
		return take_answer(run, &o, err);
	if (o.history)
		return show_history(run, &o, err);
	return ask_all(run, &o, err);
}
