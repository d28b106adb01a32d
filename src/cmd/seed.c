/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/chosen.h"
#include "cmd/limit.h"
#include "copy/copy.h"
#include "move/lists.h"
#include "move/lists_hyperkitty.h"
#include "move/lists_mailman3.h"
#include "state/evidence.h"
#include "state/items.h"
#include "state/messages.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#define PASSES_MAX 20
#define WORDS_TOLD 20u

struct seed {
	struct cmd_run *run;
	struct account_pairs accounts;
	struct progress *progress;
	uint64_t total; /* a guess */
	json_t *passes;
	struct copy_result last;                                    /* of the last pass */
	bool lists;                                                 /* mailing lists go too */
	struct move_lists places;                                   /* then: where they are */
	uint64_t lists_n, lists_changes;                            /* of the last pass */
	uint64_t archives_n, letters, letters_new, letters_refused; /* the same of archives */
};

static void show(void *context, const struct copy_progress *p)
{
	struct seed *s = context;

	progress_at(s->progress, p->messages, s->total, p->octets, p->account);
}

/* How many messages survey saw that are not on new yet. A guess for the time that is left. */
static uint64_t guess_total(struct seed *s)
{
	AUTO_ITEMS struct items items = { 0 };
	struct error ignored = { 0 };
	uint64_t want = 0, have, octets;

	if (items_load(s->run->state, "old", "mailbox", &items, &ignored) < 0 ||
	    messages_count(s->run->state, NULL, MESSAGES_PRESENT, &have, &octets, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < items.n; i++)
		want += items.rows[i].count;
	return want > have ? want - have : 0;
}

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->rows[i]));
	return list;
}

static json_t *result_json(const struct copy_result *r)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o}",
	                 "old_messages", (json_int_t)r->old_messages, "copied",
	                 (json_int_t)r->copied, "copied_octets", (json_int_t)r->copied_octets,
	                 "renamed", (json_int_t)r->renamed, "removed", (json_int_t)r->removed,
	                 "unchanged", (json_int_t)r->unchanged, "vanished", (json_int_t)r->vanished,
	                 "folders_made", (json_int_t)r->folders_made, "folders_removed",
	                 (json_int_t)r->folders_removed, "files", (json_int_t)r->files, "seconds",
	                 r->seconds, "skipped", words_json(&r->skipped), "extra",
	                 words_json(&r->extra), "notes", words_json(&r->notes));
}

static void print_pass(const struct seed *s, int number, const struct copy_result *r)
{
	char octets[16], time[24];

	if (s->run->json || s->run->quiet)
		return;
	printf("pass %d: %llu messages%s (%s), %llu renamed, %llu removed, %llu unchanged, %llu "
	       "files, %s\n",
	       number, (unsigned long long)r->copied,
	       s->run->dry_run ? " would be copied" : " copied",
	       text_size(octets, r->copied_octets), (unsigned long long)r->renamed,
	       (unsigned long long)r->removed, (unsigned long long)r->unchanged,
	       (unsigned long long)r->files, text_duration(time, r->seconds));
	if (s->lists)
		printf("pass %d: %llu mailing lists, %llu %s %s\n", number,
		       (unsigned long long)s->lists_n, (unsigned long long)s->lists_changes,
		       move_lists_to_mailman3(s->run->config) ? "things of them" : "of their files",
		       s->run->dry_run ? "would be made or changed" : "made or changed");
	if (s->archives_n)
		printf("pass %d: %llu archives, %llu messages, %llu %s HyperKitty, %llu refused\n",
		       number, (unsigned long long)s->archives_n, (unsigned long long)s->letters,
		       (unsigned long long)s->letters_new,
		       s->run->dry_run ? "would come into" : "came into",
		       (unsigned long long)s->letters_refused);
	fflush(stdout);
}

static void print_words(const char *title, const struct strings *words, bool all)
{
	if (words->n)
		printf("%s: %zu\n", title, words->n);
	for (size_t i = 0; i < words->n && (all || i < WORDS_TOLD); i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(words->rows[i]));
		printf("  %s\n", buf_text(&line));
	}
	if (!all && words->n > WORDS_TOLD)
		printf("  ... and %zu more (-v shows all)\n", words->n - WORDS_TOLD);
}

static int keep_facts(struct seed *s, int64_t began_ms, const struct copy_result *r,
                      struct error *err)
{
	struct state *state = s->run->state;
	int64_t first_ms, now_ms = clock_wall_ms();
	char octets[16];

	if (s->run->dry_run)
		return 0;
	AUTO_FREE char *words = xasprintf(
		"seed: %llu messages copied (%s), %llu renamed, %llu removed, %zu skipped",
		(unsigned long long)r->copied, text_size(octets, r->copied_octets),
		(unsigned long long)r->renamed, (unsigned long long)r->removed, r->skipped.n);
	json_t *document = result_json(r);
	AUTO_FREE char *json = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	if (state_get_i64(state, "seed.first_ms", 0, &first_ms, err) < 0 ||
	    (!first_ms && state_put_i64(state, "seed.first_ms", began_ms, err) < 0) ||
	    state_put_i64(state, "seed.at_ms", now_ms, err) < 0 ||
	    state_put_i64(state, "seed.last_pass_ms", now_ms - began_ms, err) < 0)
		return -1;
	return evidence_put(state, "seed", words, json, err);
}

/* ── mailing lists ───────────────────────────────────────────────────────────────────────────── */

/* Those of the whole move; who names mailboxes wants no lists. A site that they can't come to is told of as
 * all else that could not be copied. */
static int find_lists(struct seed *s, bool all, struct error *err)
{
	if (!all)
		return 0;
	return move_lists_wanted(s->run->config, s->run->state, &s->lists, err);
}

static void show_lists(void *context, uint64_t files, uint64_t octets, const char *what)
{
	struct seed *s = context;

	progress_at(s->progress, files, 0, octets, what);
}

static int note_lists_ms(struct seed *s, int64_t began_ms, struct error *err)
{
	return s->run->dry_run ? 0
	                       : state_put_i64(s->run->state, "seed.lists_ms",
	                                       clock_monotonic_ms() - began_ms, err);
}

/* Behind their lists. What can't come joins what could not be copied. */
static int give_archives(struct seed *s, const struct mailman3_way *way, struct copy_result *sum,
                         struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };
	struct error why = { 0 };

	if (!move_archives_wanted(s->run->config))
		return 0;
	if (move_archives_pass(way, s->run->dry_run ? ARCHIVES_COUNT : ARCHIVES_GIVE, &p, &why) <
	    0) {
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		strings_addf(&sum->skipped, "mailing lists: %s", why.text);
		return 0;
	}
	strings_add_each(&sum->skipped, "mailing lists: ", &p.failed);
	strings_add_each(&sum->notes, "mailing lists: ", &p.notes);
	s->archives_n = p.lists;
	s->letters = p.messages;
	s->letters_new = p.new;
	s->letters_refused = p.refused;
	return 0;
}

/* The whole of them in each pass: only what differs is changed there. */
static int give_lists(struct seed *s, struct copy_result *sum, struct error *err)
{
	AUTO_MAILMAN3_PASS struct mailman3_pass p = { 0 };
	const struct mailman3_way way = { .config = s->run->config,
		                          .state = s->run->state,
		                          .old = s->run->old_host,
		                          .new = s->run->new_host,
		                          .keep = !s->run->dry_run };
	int64_t began_ms = clock_monotonic_ms();
	struct error why = { 0 };

	if (mailman3_pass(&way, s->run->dry_run ? LISTS_END_LOOK : LISTS_END_GIVE, &p, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		strings_addf(&sum->skipped, "mailing lists: %s", why.text);
		return 0;
	}
	strings_add_each(&sum->skipped, "mailing lists: ", &p.failed);
	strings_add_each(&sum->notes, "mailing lists: ", &p.notes);
	strings_add_each(&sum->notes, "mailing lists: ", &p.left);
	s->lists_n = p.lists;
	s->lists_changes = p.changes;
	if (give_archives(s, &way, sum, err) < 0)
		return -1;
	return note_lists_ms(s, began_ms, err);
}

static int copy_lists(struct seed *s, struct copy_result *sum, struct error *err)
{
	AUTO_LISTS_CARRY struct lists_carry_result r = { 0 };
	struct lists_carry_options options = { .from = s->run->old_host,
		                               .to = s->run->new_host,
		                               .state = s->run->state,
		                               .dry_run = s->run->dry_run,
		                               .leave_queues = true,
		                               .progress = show_lists,
		                               .context = s };
	int64_t began_ms = clock_monotonic_ms();
	struct error why = { 0 };

	if (!s->places.old && move_lists_find(s->run->config, s->run->old_host, s->run->new_host,
	                                      &s->places, &why) < 0) {
		move_lists_fini(&s->places);
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		strings_addf(&sum->skipped, "mailing lists: %s", why.text);
		return 0;
	}
	options.old = s->places.old;
	options.new = s->places.new;
	if (lists_carry(&options, &r, err) < 0)
		return -1;
	strings_add_each(&sum->skipped, "mailing lists: ", &r.failed);
	strings_add_each(&sum->notes, "mailing lists: ", &r.notes);
	s->lists_n = r.lists;
	s->lists_changes = lists_carry_changes(&r);
	return note_lists_ms(s, began_ms, err);
}

static json_t *pass_json(const struct seed *s, const struct copy_result *r)
{
	json_t *pass = result_json(r);

	if (s->lists)
		json_object_set_new(pass, "mailing_lists",
		                    json_pack("{s:I, s:I}", "lists", (json_int_t)s->lists_n,
		                              "changes", (json_int_t)s->lists_changes));
	if (s->lists && move_archives_wanted(s->run->config))
		json_object_set_new(pass, "archives",
		                    json_pack("{s:I, s:I, s:I, s:I}", "lists",
		                              (json_int_t)s->archives_n, "messages",
		                              (json_int_t)s->letters, "new",
		                              (json_int_t)s->letters_new, "refused",
		                              (json_int_t)s->letters_refused));
	return pass;
}

static int one_pass(struct seed *s, int number, struct error *err)
{
	AUTO_FREE struct copy_account *accounts = xcalloc(s->accounts.n + 1, sizeof *accounts);
	const struct copy_options options = { .dry_run = s->run->dry_run,
		                              .progress = show,
		                              .context = s };
	struct copy_result sum = { 0 };
	int64_t began_ms = clock_wall_ms();
	int result;

	for (size_t i = 0; i < s->accounts.n; i++) {
		const struct account_pair *pair = &s->accounts.rows[i];

		accounts[i] = (struct copy_account){ &pair->from, &pair->to, &pair->beside };
	}
	s->progress = progress_new(s->run, s->run->dry_run ? "compare" : "copy");
	s->total = guess_total(s);
	result = copy_accounts(s->run->old_host, s->run->new_host, accounts, s->accounts.n,
	                       s->run->state, &options, &sum, err);
	if (result == 0 && s->lists)
		result = move_lists_to_mailman3(s->run->config) ? give_lists(s, &sum, err)
		                                                : copy_lists(s, &sum, err);
	progress_free(s->progress);
	copy_result_fini(&s->last);
	s->last = sum;
	json_array_append_new(s->passes, pass_json(s, &sum));
	print_pass(s, number, &sum);
	return result < 0 ? -1 : keep_facts(s, began_ms, &sum, err);
}

static uint64_t delta(const struct seed *s)
{
	return s->last.copied + s->last.renamed + s->last.removed + s->lists_changes +
	       s->letters_new;
}

static int all_passes(struct seed *s, bool until_small, struct error *err)
{
	uint64_t before = 0;

	for (int number = 1; number <= PASSES_MAX; number++) {
		if (one_pass(s, number, err) < 0)
			return -1;
		if (!until_small || s->run->dry_run || delta(s) == 0 ||
		    (number > 1 && delta(s) >= before))
			break;
		before = delta(s);
	}
	return 0;
}

static void tell(struct seed *s)
{
	if (!s->run->json) {
		print_words("could not be copied", &s->last.skipped, s->run->verbose);
		print_words("on the new host only, left alone", &s->last.extra, s->run->verbose);
		if (s->run->verbose)
			print_words("notes", &s->last.notes, true);
		return;
	}

	json_t *document = json_pack("{s:O}", "passes", s->passes);
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

/* After the freeze new lives its own life: a pass would set its flags back to those of old. */
static int refuse_after_freeze(struct cmd_run *run, struct error *err)
{
	int64_t frozen_ms;
	char when[32];

	if (messages_frozen_at(run->state, &frozen_ms, err) < 0)
		return -1;
	if (!frozen_ms)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "the old side was frozen at %s, and all of it is on the new one",
	          clock_text(when, frozen_ms));
	return error_hint(err, "`mailhaul cutover` goes on, `mailhaul rollback` goes back");
}

int cmd_seed(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "until-small", no_argument, NULL, 'u' },
		                                 { "limit", required_argument, NULL, 'l' },
		                                 { 0 } };
	struct seed s = { .run = run };
	struct old_limit limit = { .run = run };
	bool until_small = false;
	int option, result;

	while ((option = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (option == 'u')
			until_small = true;
		else if (option != 'l' || !limit_parse_rate(optarg, &limit.rate))
			return EXIT_CODE_USAGE;
	}
	if (refuse_after_freeze(run, err) < 0 ||
	    chosen_accounts(run, run->argv + optind, run->argc - optind, &s.accounts, err) < 0 ||
	    find_lists(&s, optind == run->argc, err) < 0)
		return -1;
	s.passes = json_array();
	result = limit_begin(&limit, err);
	if (result == 0)
		result = all_passes(&s, until_small, err);
	limit_end(&limit);
	if (result == 0) {
		tell(&s);
		result = s.last.skipped.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
	}
	json_decref(s.passes);
	copy_result_fini(&s.last);
	move_lists_fini(&s.places);
	account_pairs_fini(&s.accounts);
	return result;
}
