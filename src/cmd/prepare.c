/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/memory.h"
#include "prepare/prepare.h"
#include "state/evidence.h"

#include <jansson.h>
#include <stdio.h>

static json_t *list_json(const struct strings *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(json, json_string(list->rows[i]));
	return json;
}

static void print_action(struct cmd_run *run, const struct prepare_action *action,
                         const struct strings *changes)
{
	if (run->json || run->quiet)
		return;
	printf("%-14s %s: %s\n", action->name, action->does,
	       changes->n       ? "" :
	       run->dry_run ? "nothing to do" :
	                          "as it should be");
	for (size_t i = 0; i < changes->n; i++)
		printf("  %s %s\n", run->dry_run ? "would:" : "+", changes->rows[i]);
	fflush(stdout);
}

static void print_left(struct cmd_run *run, const struct strings *left)
{
	if (run->json || !left->n)
		return;
	printf("\nFor a person to look at (%zu)\n", left->n);
	for (size_t i = 0; i < left->n; i++)
		printf("  %s\n", left->rows[i]);
}

static int finish(struct cmd_run *run, struct prepare *p, size_t changes, json_t *actions,
                  struct error *err)
{
	json_t *document = json_pack("{s:b, s:I, s:o, s:o}", "dry_run", run->dry_run, "changes",
	                             (json_int_t)changes, "actions", actions, "left",
	                             list_json(&p->left));
	AUTO_FREE char *text = json_dumps(document, JSON_INDENT(2));
	AUTO_FREE char *words = xasprintf("prepare: %zu changes, %zu things for a person to look at",
	                                  changes, p->left.n);

	json_decref(document);
	if (prepare_finish(p, err) < 0 ||
	    (!run->dry_run && evidence_put(run->state, "prepare", words, text, err) < 0))
		return -1;
	print_left(run, &p->left);
	if (run->json)
		puts(text);
	else if (!run->quiet)
		printf(run->dry_run ? "\n%zu changes would be made\n" :
		       changes      ? "\n%zu changes; Postfix and Dovecot on the new host are "
		                      "configured and stopped\n" :
		                      "\n%zu changes: the new host is as prepare leaves it\n",
		       changes);
	return EXIT_CODE_GOOD;
}

int cmd_prepare(struct cmd_run *run, struct error *err)
{
	AUTO_PREPARE struct prepare p = {
		.old_host = run->old_host,
		.new_host = run->new_host,
		.state = run->state,
		.dry_run = run->dry_run,
	};
	json_t *actions;
	size_t changes = 0;

	if (run->argc > 1)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "prepare takes no arguments");
	if (prepare_begin(&p, err) < 0)
		return -1;
	actions = json_array();
	for (unsigned i = 0; i < prepare_actions_rows; i++) {
		const struct prepare_action *action = &prepare_actions[i];
		int result = prepare_run(&p, action, err);

		print_action(run, action, &p.changes);
		if (result < 0) {
			json_decref(actions);
			return -1;
		}
		changes += p.changes.n;
		json_array_append_new(actions, json_pack("{s:s, s:o}", "name", action->name, "changes",
		                                         list_json(&p.changes)));
	}
	return finish(run, &p, changes, actions, err);
}
