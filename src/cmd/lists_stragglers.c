/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_stragglers -- `mailhaul lists stragglers`: what has come to old's lists after the switch. */

#include "cmd/lists.h"

#include "cmd/open.h"
#include "move/lists.h"
#include "move/move.h"

#include <stdio.h>

static void tell(void *listener, const char *words)
{
	const struct cmd_run *run = listener;
	AUTO_BUF struct buf line = { 0 };

	if (run->quiet)
		return;
	buf_add_printable(&line, span_of(words));
	fprintf(run->json ? stderr : stdout, "%s\n", buf_text(&line));
}

static int bring(struct cmd_run *run, struct error *err)
{
	const unsigned needs = CMD_NEEDS_CONFIG | CMD_NEEDS_STATE | CMD_NEEDS_OLD | CMD_NEEDS_NEW |
	                       CMD_NEEDS_CONTROL_OLD | CMD_NEEDS_CONTROL_NEW;
	AUTO_MOVE struct move m = { .tell = tell, .listener = run };
	enum move_phase phase;
	int64_t attempt;

	if (cmd_open(run, needs, err) < 0)
		return -1;
	m.config = run->config;
	m.state = run->state;
	m.old = run->old_host;
	m.new = run->new_host;
	if (move_open(&m, err) < 0 || move_phase_read(m.state, &phase, &attempt, err) < 0)
		return -1;
	if (phase != MOVE_FINISHED) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the cut-over is not at its end: there are no stragglers yet");
		return error_hint(err, "`mailhaul cutover` brings what there is");
	}
	return move_lists_bring_stragglers(&m, err) < 0 ? -1 : EXIT_CODE_GOOD;
}

int lists_stragglers_verb(struct cmd_run *run, struct error *err)
{
	int result;

	if (run->argc != 1 || run->dry_run)
		return EXIT_CODE_USAGE;
	result = bring(run, err);
	cmd_close(run);
	return result;
}
