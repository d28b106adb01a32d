/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "move/checks.h"
#include "state/evidence.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool wanted(const struct cmd_run *run, const struct check_row *row)
{
	if (run->argc < 2)
		return true;
	for (int i = 1; i < run->argc; i++)
		if (!strcmp(run->argv[i], row->topic) || !strcmp(run->argv[i], row->id))
			return true;
	return false;
}

static void print_answer(const struct check_row *row, enum check_answer answer,
                         const struct buf *seen)
{
	static const char letters[] = { 'Y', 'N', '?', '-' };
	AUTO_BUF struct buf printable = { 0 };

	buf_add_printable(&printable, buf_span(seen));
	printf("%c  %-17s %s\n", letters[answer], row->id, row->question);
	if (printable.n)
		printf("   %-17s   %s\n", "", buf_text(&printable));
	if (answer == CHECK_NO)
		printf("   %-17s   %s: %s\n", "", row->weight == CHECK_MUST ? "must" : "should",
		       row->remedy);
}

int cmd_check(struct cmd_run *run, struct error *err)
{
	AUTO_MOVE struct move m = {
		.config = run->config,
		.state = run->state,
		.old = run->old_host,
		.new = run->new_host,
	};
	json_t *all = json_array();
	unsigned asked = 0, bad = 0;

	if (move_open(&m, err) < 0) {
		json_decref(all);
		return -1;
	}
	for (unsigned i = 0; i < move_checks_rows; i++) {
		const struct check_row *row = &move_checks[i];
		AUTO_BUF struct buf seen = { 0 }, printable = { 0 };
		enum check_answer answer;

		if (!wanted(run, row))
			continue;
		asked++;
		answer = row->ask(&m, &seen);
		bad += row->weight == CHECK_MUST && (answer == CHECK_NO || answer == CHECK_UNKNOWN);
		buf_add_printable(&printable, buf_span(&seen));
		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", row->id,
		                                     "question", row->question, "answer",
		                                     check_answer_name(answer), "weight",
		                                     row->weight == CHECK_MUST ? "must" : "should",
		                                     "evidence", buf_text(&printable)));
		if (!run->json)
			print_answer(row, answer, &seen);
	}
	char *text = json_dumps(all, JSON_INDENT(2));
	json_decref(all);
	if (run->json)
		puts(text);
	else
		printf("%u questions, %u in the way\n", asked, bad);
	int kept = evidence_put(run->state, "check",
	                        bad ? "some musts are not met" : "all musts are met", text, err);
	free(text);
	if (kept < 0)
		return -1;
	return bad ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
