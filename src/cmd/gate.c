/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "move/gate.h"
#include "state/evidence.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static uint64_t waiting(const struct gate_now *now)
{
	return now->messages > now->held ? now->messages - now->held : 0;
}

static void print_gate(struct cmd_run *run, const struct gate_now *now)
{
	AUTO_BUF struct buf why = { 0 };

	if (run->json) {
		json_t *document = json_pack(
			"{s:b, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "runs", now->runs,
			"mode", now->mode, "hold", now->hold, "connections",
			(json_int_t)now->connections, "taken", (json_int_t)now->taken, "relayed",
			(json_int_t)now->relayed, "waiting", (json_int_t)waiting(now), "held",
			(json_int_t)now->held, "reachable", now->reachable, "why", now->why);

		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(document);
		return;
	}
	if (!now->runs) {
		puts("No gate runs on the old host.");
		return;
	}
	printf("The gate on the old host: mode %s%s, %llu connections\n", now->mode,
	       now->hold ? ", gives nothing out yet" : "", (unsigned long long)now->connections);
	printf("  taken %llu, passed through %llu, waiting in its spool %llu\n",
	       (unsigned long long)now->taken, (unsigned long long)now->relayed,
	       (unsigned long long)waiting(now));
	if (now->held)
		printf("  refused by the server, for a person to decide: %llu (there: "
		       "`mailhaul-gate "
		       "spool list`)\n",
		       (unsigned long long)now->held);
	if (!now->reachable) {
		buf_add_printable(&why, span_of(now->why));
		printf("  the server that it gives out to is out of reach: %s\n", buf_text(&why));
	}
}

/* While the cut-over is under way the gate is its own. */
static int end(struct cmd_run *run, struct move *m, const struct gate_now *now, struct error *err)
{
	enum move_phase phase;
	int64_t attempt;

	if (move_phase_read(run->state, &phase, &attempt, err) < 0)
		return -1;
	if (phase == MOVE_UNDER_WAY || phase == MOVE_GOING_BACK) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "the cut-over is %s",
		          move_phase_name(phase));
		return error_hint(err, "bring it to its end first; it needs the gate");
	}
	if (waiting(now)) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
		          "%llu messages wait in the gate's spool",
		          (unsigned long long)waiting(now));
		return error_hint(err, "it ends when they are given out");
	}
	if (run->dry_run)
		return puts("would end the gate on the old host") < 0;
	if (gate_end(m, err) < 0 ||
	    evidence_put(run->state, "gate", "the gate on the old host was ended", NULL, err) < 0)
		return -1;
	if (!run->quiet && !run->json)
		puts("The gate has ended; whoever still comes to the old address is refused.");
	return EXIT_CODE_GOOD;
}

int cmd_gate(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "end", no_argument, NULL, 'e' }, { 0 } };
	AUTO_MOVE struct move m = { .config = run->config,
		                    .state = run->state,
		                    .old = run->old_host,
		                    .new = run->new_host };
	struct gate_now now;
	bool ends = false;
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c != 'e')
			return EXIT_CODE_USAGE;
		ends = true;
	}
	if (optind < run->argc)
		return EXIT_CODE_USAGE;
	if (move_open(&m, err) < 0 || gate_look(&m, &now, err) < 0)
		return -1;
	if (ends)
		return end(run, &m, &now, err);
	print_gate(run, &now);
	return EXIT_CODE_GOOD;
}
