/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "move/lists.h"
#include "move/move.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

/* What the move tells, with the time: an admin reads it while it runs, and again in the log. */
static void tell(void *listener, const char *words)
{
	const struct cmd_run *run = listener;
	AUTO_BUF struct buf line = { 0 };
	char now[32];

	if (run->quiet)
		return;
	buf_add_printable(&line, span_of(words));
	fprintf(run->json ? stderr : stdout, "%s  %s\n", clock_text(now, clock_wall_ms()) + 11,
	        buf_text(&line));
	fflush(run->json ? stderr : stdout);
}

static int open_move(struct cmd_run *run, struct move *m, struct error *err)
{
	*m = (struct move){
		.config = run->config,
		.state = run->state,
		.old = run->old_host,
		.new = run->new_host,
		.tell = tell,
		.listener = run,
	};
	return move_open(m, err);
}

static int report_end(struct cmd_run *run, struct move *m, const char *end, const char *why,
                      int code, struct error *err)
{
	int64_t began, opened;

	if (state_get_i64(run->state, "freeze.began_ms", 0, &began, err) < 0 ||
	    state_get_i64(run->state, "open.at_ms", 0, &opened, err) < 0)
		return -1;
	double window = began && opened > began ? (double)(opened - began) / 1000 : 0;
	if (run->json) {
		json_t *document = json_pack("{s:s, s:I, s:s, s:f}", "end", end, "attempt",
		                             (json_int_t)m->attempt, "why", why, "window_seconds",
		                             window);
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(document);
	} else {
		printf("%s%s%s\n", end, *why ? ": " : "", why);
		if (window > 0)
			printf("window %.1f s\n", window);
	}
	return code;
}

static int print_steps(struct cmd_run *run, const char *until, bool undo, struct error *err)
{
	bool lists;

	if (move_lists_wanted(run->config, run->state, &lists, err) < 0)
		return -1;
	for (unsigned i = 0; i < move_steps_rows; i++) {
		const struct step *s = &move_steps[undo ? move_steps_rows - 1 - i : i];

		if (!move_step_applies(s, run->config, lists) || (undo && !s->undo))
			continue;
		printf("would do %-18s %s\n", s->name, undo ? s->undone : s->does);
		if (until && s == move_step_find(until))
			break;
	}
	return EXIT_CODE_GOOD;
}

/* Back to where it was before the cut-over began; once the world is turned, that is a rollback. */
static int postpone(struct cmd_run *run, struct error *err)
{
	AUTO_MOVE struct move m = { 0 };
	enum journal_mark switched;
	enum move_phase phase;
	int64_t attempt;

	if (move_phase_read(run->state, &phase, &attempt, err) < 0 ||
	    journal_last(run->state, attempt, "switch", &switched, err) < 0)
		return -1;
	if (phase == MOVE_FINISHED || (phase == MOVE_UNDER_WAY && switched != JOURNAL_NONE)) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "too late to postpone: the switch has begun");
		return error_hint(err, "`mailhaul rollback` takes it back");
	}
	if (run->dry_run)
		return print_steps(run, NULL, true, err);
	if (open_move(run, &m, err) < 0)
		return -1;
	if (phase == MOVE_UNDER_WAY && move_rollback(&m, err) < 0)
		return -1;
	return report_end(run, &m, "postponed, the old side serves", "", EXIT_CODE_GOOD, err);
}

int cmd_cutover(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "until", required_argument, NULL, 'u' },
		                                 { "postpone", no_argument, NULL, 'p' },
		                                 { 0 } };
	AUTO_MOVE struct move m = { 0 };
	const char *until = NULL;
	struct error why = { 0 };
	enum move_end end;
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c == 'p')
			return postpone(run, err);
		if (c != 'u')
			return EXIT_CODE_USAGE;
		until = optarg;
	}
	if (until && !move_step_find(until))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "there is no step \"%s\"; `mailhaul plan` lists them", until);
	if (run->dry_run)
		return print_steps(run, until, false, err);
	if (open_move(run, &m, err) < 0 || move_cutover(&m, until, &end, &why, err) < 0)
		return -1;
	if (end == MOVE_END_WENT_BACK)
		return report_end(run, &m, "went back, the old side serves again", why.text,
		                  EXIT_CODE_NO, err);
	return report_end(run, &m, until ? "stands" : "done", until ? until : "", EXIT_CODE_GOOD,
	                  err);
}

int cmd_rollback(struct cmd_run *run, struct error *err)
{
	AUTO_MOVE struct move m = { 0 };
	enum move_phase phase;
	int64_t attempt;

	if (optind < run->argc && run->argc > 1)
		return EXIT_CODE_USAGE;
	if (run->dry_run)
		return print_steps(run, NULL, true, err);
	if (open_move(run, &m, err) < 0 || move_phase_read(run->state, &phase, &attempt, err) < 0)
		return -1;
	if (phase == MOVE_IDLE || phase == MOVE_GONE_BACK)
		return report_end(run, &m, "nothing to take back", move_phase_name(phase),
		                  EXIT_CODE_GOOD, err);
	if (move_rollback(&m, err) < 0)
		return -1;
	return report_end(run, &m, "gone back, the old side serves", "", EXIT_CODE_GOOD, err);
}
