/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/memory.h"
#include "state/evidence.h"
#include "survey/show.h"
#include "survey/survey.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static int look(struct cmd_run *run, struct host *h, const char *name, struct survey_site *out,
                struct error *err)
{
	struct progress *p = progress_new(run, name);
	int result;

	progress_at(p, 0, 0, 0, "settings, users, mailboxes");
	result = survey_site_read(out, h, name, false, err);
	if (result == 0) {
		progress_at(p, 1, 2, 0, "everything else");
		result = survey_site_items(out, err);
	}
	progress_free(p);
	return result;
}

static void print(struct cmd_run *run, const struct survey_site *s)
{
	AUTO_BUF struct buf title = { 0 };

	buf_addf(&title, "%s host: ", s->name);
	buf_add_printable(&title, host_hello(s->h)->hostname);
	if (*host_target(s->h))
		buf_addf(&title, " (%s)", host_target(s->h));
	survey_print(stdout, &s->items, buf_text(&title));
}

static int dump(const struct survey_site *old, const struct survey_site *new)
{
	json_t *document = json_pack("{s:o, s:o}", "old", survey_json(&old->items), "new",
	                             survey_json(&new->items));

	json_dumpf(document, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(document);
	return EXIT_CODE_GOOD;
}

static int store(struct cmd_run *run, struct survey_site *old, struct survey_site *new,
                 struct error *err)
{
	uint64_t messages = 0, octets = 0;
	char size[16];

	if (survey_site_store(new, run->state, err) < 0 ||
	    survey_site_store(old, run->state, err) < 0)
		return -1;
	for (size_t i = 0; i < old->items.n; i++) {
		if (strcmp(old->items.rows[i].kind, "mailbox") != 0)
			continue;
		messages += old->items.rows[i].count;
		octets += old->items.rows[i].size;
	}
	AUTO_FREE char *words = xasprintf("%zu items on the old host, %zu mailboxes with %llu "
	                                  "messages (%s), %zu things for a "
	                                  "person to look at",
	                                  old->items.n, old->accounts.n,
	                                  (unsigned long long)messages, text_size(size, octets),
	                                  old->for_person.n);
	if (!run->json && !run->quiet)
		printf("\n%s\n", words);
	return evidence_put(run->state, "survey", words, NULL, err);
}

int cmd_survey(struct cmd_run *run, struct error *err)
{
	AUTO_SURVEY_SITE struct survey_site old = { 0 }, new = { 0 };

	if (run->argc > 1)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "survey takes no arguments");
	if (look(run, run->old_host, "old", &old, err) < 0 ||
	    look(run, run->new_host, "new", &new, err) < 0)
		return -1;
	if (!run->json && !run->quiet) {
		print(run, &old);
		putchar('\n');
		print(run, &new);
	}
	if (store(run, &old, &new, err) < 0)
		return -1;
	return run->json ? dump(&old, &new) : EXIT_CODE_GOOD;
}
