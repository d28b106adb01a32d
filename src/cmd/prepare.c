/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/memory.h"
#include "prepare/prepare.h"
#include "state/evidence.h"
#include "state/journal.h"

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
                         const struct prepare *p)
{
	if (run->json || run->quiet)
		return;
	printf("%-14s %s: ", action->name, action->does);
	if (p->changes.n)
		printf("%zu %s", p->changes.n, run->dry_run ? "to do" : "done");
	else
		fputs(run->dry_run ? "nothing to do" : "as it should be", stdout);
	if (p->same.n)
		printf(" (%zu so already)", p->same.n);
	putchar('\n');
	for (size_t i = 0; i < p->changes.n; i++)
		printf("  %s %s\n", run->dry_run ? "would:" : "+", p->changes.rows[i]);
	for (size_t i = 0; i < p->same.n && run->verbose; i++)
		printf("  = %s\n", p->same.rows[i]);
	fflush(stdout);
}

static void print_list(struct cmd_run *run, const char *heading, const struct strings *list)
{
	if (run->json || !list->n)
		return;
	printf("\n%s (%zu)\n", heading, list->n);
	for (size_t i = 0; i < list->n; i++)
		printf("  %s\n", list->rows[i]);
}

/* Journalled BEGIN, acts, DONE; a dry run leaves no trace. */
static int act(struct cmd_run *run, struct prepare *p, const struct prepare_action *action,
               struct error *err)
{
	AUTO_FREE char *step = xasprintf("prepare.%s", action->name), *words = NULL;
	struct error ignored;

	if (run->dry_run)
		return prepare_run(p, action, err);
	if (journal_write(run->state, 0, step, JOURNAL_BEGIN, NULL, err) < 0)
		return -1;
	if (prepare_run(p, action, err) < 0) {
		(void)!journal_write(run->state, 0, step, JOURNAL_FAILED, err->text, &ignored);
		return -1;
	}
	words = xasprintf("%zu changes, %zu so already", p->changes.n, p->same.n);
	return journal_write(run->state, 0, step, JOURNAL_DONE, words, err);
}

static void print_end(struct cmd_run *run, const struct prepare *p, size_t changes)
{
	print_list(run, "For a person to look at", &p->left);
	print_list(run, "NOT DONE, and missing without it", &p->failed);
	if (run->json || run->quiet)
		return;
	printf(run->dry_run ? "\n%zu changes would be made\n"
	       : changes    ? "\n%zu changes; Postfix and Dovecot on the new host are "
	                      "configured and stopped\n"
	                    : "\n%zu changes: the new host is as prepare leaves it\n",
	       changes);
}

static int finish(struct cmd_run *run, struct prepare *p, size_t changes, json_t *actions,
                  struct error *err)
{
	json_t *document = json_pack("{s:b, s:I, s:O, s:o, s:o}", "dry_run", run->dry_run,
	                             "changes", (json_int_t)changes, "actions", actions, "left",
	                             list_json(&p->left), "failed", list_json(&p->failed));
	AUTO_FREE char *text = json_dumps(document, JSON_INDENT(2));
	AUTO_FREE char *words = xasprintf(
		"prepare: %zu changes, %zu things for a person to look at, %zu not done", changes,
		p->left.n, p->failed.n);

	json_decref(document);
	if (!run->dry_run && evidence_put(run->state, "prepare", words, text, err) < 0)
		return -1;
	if (prepare_finish(p, err) < 0)
		return -1;
	print_end(run, p, changes);
	if (run->json)
		puts(text);
	return p->failed.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

static int run_all(struct cmd_run *run, struct prepare *p, json_t *actions, size_t *changes,
                   struct error *err)
{
	for (unsigned i = 0; i < prepare_actions_rows; i++) {
		const struct prepare_action *action = &prepare_actions[i];
		int result = act(run, p, action, err);

		print_action(run, action, p);
		if (result < 0)
			return -1;
		*changes += p->changes.n;
		json_array_append_new(actions, json_pack("{s:s, s:s, s:o, s:o}", "name",
		                                         action->name, "does", action->does,
		                                         "changes", list_json(&p->changes), "same",
		                                         list_json(&p->same)));
	}
	return 0;
}

int cmd_prepare(struct cmd_run *run, struct error *err)
{
	AUTO_PREPARE struct prepare p = {
		.old_host = run->old_host,
		.new_host = run->new_host,
		.state = run->state,
		.config = run->config,
		.dry_run = run->dry_run,
	};
	json_t *actions;
	size_t changes = 0;
	int result;

	if (run->argc > 1)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "prepare takes no arguments");
	if (prepare_begin(&p, err) < 0)
		return -1;
	actions = json_array();
	result = run_all(run, &p, actions, &changes, err);
	if (result == 0)
		result = finish(run, &p, changes, actions, err);
	json_decref(actions);
	return result;
}
