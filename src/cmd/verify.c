/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/chosen.h"
#include "cmd/open.h"
#include "copy/verify.h"
#include "move/lists.h"
#include "move/lists_hyperkitty.h"
#include "move/lists_mailman3.h"
#include "state/evidence.h"
#include "state/mailing_lists.h"
#include "state/messages.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

struct verifying {
	struct cmd_run *run;
	struct account_pairs accounts;
	struct verify_options options;
	struct verify_result sum;
	struct progress *progress;
	uint64_t messages, octets;
	bool lists; /* mailing lists moved too */
	uint64_t lists_n;
};

static void show(void *context, const struct copy_progress *p)
{
	struct verifying *v = context;

	progress_at(v->progress, v->messages + p->messages, 0, v->octets + p->octets, p->account);
}

static int compare_all(struct verifying *v, struct error *err)
{
	for (size_t i = 0; i < v->accounts.n; i++) {
		const struct account_pair *pair = &v->accounts.rows[i];
		const struct copy_account account = { &pair->from, &pair->to, &pair->beside };

		if (verify_account(v->run->old_host, v->run->new_host, &account, v->run->state,
		                   &v->options, &v->sum, err) < 0)
			return -1;
		v->messages = v->sum.messages;
		v->octets = v->sum.octets;
	}
	return 0;
}

/* All of them, each message. */
static int compare_archives(struct verifying *v, const struct mailman3_way *way, struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };

	if (!move_archives_wanted(v->run->config))
		return 0;
	if (move_archives_pass(way, ARCHIVES_LOOK, &p, err) < 0)
		return -1;
	strings_add_each(&v->sum.differences, "mailing lists: ", &p.failed);
	strings_add_each(&v->sum.notes, "mailing lists: ", &p.notes);
	strings_addf(&v->sum.notes,
	             "archives: %llu messages, %llu in HyperKitty, %llu copies, %llu refused",
	             (unsigned long long)p.messages, (unsigned long long)p.there,
	             (unsigned long long)p.copies, (unsigned long long)p.refused);
	return 0;
}

/* Asked by a program that runs in it, for which the agent of this verb has no right. Once they live there, old
 * is not what they have to be. */
static int compare_with_mailman3(struct verifying *v, struct error *err)
{
	AUTO_MAILMAN3_PASS struct mailman3_pass p = { 0 };
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_HOST struct host *new = NULL;
	struct mailman3_way way = { .config = v->run->config,
		                    .state = v->run->state,
		                    .old = v->run->old_host };

	if (mailing_lists_load(v->run->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (known.rows[i].phase == MAILING_LIST_OPENED)
			return 0;
	if (cmd_open_place(&new, "local", "new", true, err) < 0)
		return -1;
	way.new = new;
	if (mailman3_pass(&way, LISTS_END_LOOK, &p, err) < 0)
		return -1;
	strings_add_each(&v->sum.differences, "mailing lists: ", &p.failed);
	strings_add_each(&v->sum.differences, "mailing lists: ", &p.different);
	strings_add_each(&v->sum.notes, "mailing lists: ", &p.notes);
	v->lists_n = p.lists;
	return compare_archives(v, &way, err);
}

/* Those that do not live on new yet; what differs joins the mailboxes' differences. */
static int compare_lists(struct verifying *v, struct error *err)
{
	AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
	AUTO_MOVE_LISTS struct move_lists places = { 0 };
	struct lists_carry_options options = { .from = v->run->old_host,
		                               .to = v->run->new_host,
		                               .state = v->run->state,
		                               .leave_queues = true };

	if (move_lists_to_mailman3(v->run->config))
		return compare_with_mailman3(v, err);
	if (move_lists_find(v->run->config, v->run->old_host, v->run->new_host, &places, err) < 0)
		return -1;
	options.old = places.old;
	options.new = places.new;
	if (lists_carry_verify(&options, &r, err) < 0)
		return -1;
	strings_add_each(&v->sum.differences, "mailing lists: ", &r.failed);
	strings_add_each(&v->sum.notes, "mailing lists: ", &r.notes);
	v->lists_n = r.lists;
	return 0;
}

static void print_lines(const struct strings *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(lines->rows[i]));
		puts(buf_text(&line));
	}
}

static void print(struct verifying *v, const char *words)
{
	print_lines(&v->sum.differences);
	if (v->run->verbose)
		print_lines(&v->sum.notes);
	puts(words);
}

static json_t *lines_json(const struct strings *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++)
		json_array_append_new(list, json_string(lines->rows[i]));
	return list;
}

static json_t *to_json(const struct verifying *v)
{
	const struct verify_result *r = &v->sum;

	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "good",
	                 r->differences.n == 0, "deep", v->options.deep, "accounts",
	                 (json_int_t)v->accounts.n, "mailing_lists", (json_int_t)v->lists_n,
	                 "folders", (json_int_t)r->folders, "messages", (json_int_t)r->messages,
	                 "octets", (json_int_t)r->octets, "arrived", (json_int_t)r->arrived,
	                 "changed", (json_int_t)r->changed, "seconds", r->seconds, "differences",
	                 lines_json(&r->differences), "notes", lines_json(&r->notes));
}

static char *words_of(const struct verifying *v)
{
	const struct verify_result *r = &v->sum;
	char octets[16], time[24];
	AUTO_BUF struct buf words = { 0 };

	buf_addf(&words,
	         "%zu mailboxes, %llu folders, %llu messages (%s) compared in %s: ", v->accounts.n,
	         (unsigned long long)r->folders, (unsigned long long)r->messages,
	         text_size(octets, r->octets), text_duration(time, r->seconds));
	if (v->lists)
		buf_addf(&words, "%llu mailing lists; ", (unsigned long long)v->lists_n);
	if (r->differences.n)
		buf_addf(&words, "%zu differences", r->differences.n);
	else
		buf_add_text(&words, "no difference");
	if (v->options.opened_ms)
		buf_addf(&words, "; since the opening %llu came and %llu were changed",
		         (unsigned long long)r->arrived, (unsigned long long)r->changed);
	return buf_take(&words);
}

static int tell(struct verifying *v, int64_t took_ms, struct error *err)
{
	AUTO_FREE char *words = words_of(v);
	json_t *document = to_json(v);
	AUTO_FREE char *json = json_dumps(document, JSON_COMPACT);
	int result = 0;

	if (v->run->json) {
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(v, words);
	}
	json_decref(document);
	if (state_put_i64(v->run->state, "verify.last_ms", took_ms, err) < 0 ||
	    evidence_put(v->run->state, "verify", words, json, err) < 0)
		result = -1;
	return result;
}

/* Since when mail on new may be its own: the freeze, once new is open (the queue that was carried
 * over is delivered while it opens). 0 before; an opening of an earlier attempt does not count. */
static int opened_at(struct state *s, int64_t *opened_ms, struct error *err)
{
	int64_t frozen_ms;

	if (state_get_i64(s, "open.at_ms", 0, opened_ms, err) < 0 ||
	    messages_frozen_at(s, &frozen_ms, err) < 0)
		return -1;
	*opened_ms = frozen_ms && *opened_ms >= frozen_ms ? frozen_ms : 0;
	return 0;
}

int cmd_verify(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "deep", no_argument, NULL, 'd' }, { 0 } };
	struct verifying v = { .run = run };
	int64_t began_ms = clock_monotonic_ms();
	int option, result = -1;

	while ((option = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (option != 'd')
			return EXIT_CODE_USAGE;
		v.options.deep = true;
	}
	v.options.progress = show;
	v.options.context = &v;
	if (opened_at(run->state, &v.options.opened_ms, err) < 0 ||
	    chosen_accounts(run, run->argv + optind, run->argc - optind, &v.accounts, err) < 0)
		return -1;
	if (optind == run->argc && move_lists_wanted(run->config, run->state, &v.lists, err) < 0) {
		account_pairs_fini(&v.accounts);
		return -1;
	}
	v.progress = progress_new(run, "compare");
	if (compare_all(&v, err) == 0 && (!v.lists || compare_lists(&v, err) == 0))
		result = 0;
	progress_free(v.progress);
	if (result == 0)
		result = tell(&v, clock_monotonic_ms() - began_ms, err);
	if (result == 0)
		result = v.sum.differences.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
	verify_result_fini(&v.sum);
	account_pairs_fini(&v.accounts);
	return result;
}
