/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_queue -- `mailhaul lists queue`: what waits in a Mailman, by queue and by list. */

#include "cmd/lists.h"

#include "cmd/lists_site.h"
#include "lists/plain.h"
#include "lists/queue.h"
#include "lists/waiting.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 3u      /* senders that are named to a person */
#define SENDERS_MAX 1000u /* in JSON, of each row */

/* Rows of one list, place and state. */
struct part {
	const struct lists_waiting *w;
	size_t from, to;
	struct lists_waiting_sum sum;
};

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The next part behind *p; false: there is none. */
static bool next_part(struct part *p)
{
	const struct lists_waiting_item *rows = p->w->rows;

	p->from = p->to;
	p->sum = (struct lists_waiting_sum){ 0 };
	for (; p->to < p->w->n; p->to++) {
		if (!is_same(rows[p->to].list, rows[p->from].list) ||
		    strcmp(rows[p->to].place, rows[p->from].place) != 0 ||
		    strcmp(rows[p->to].state, rows[p->from].state) != 0)
			break;
		lists_waiting_add(&p->sum, &rows[p->to]);
	}
	return p->to > p->from;
}

static bool is_gone(const struct lists_site *site, const char *list)
{
	return list && !strings_has(&site->names, list);
}

/* All rows of one place and state, of every list. False: there are none. */
static bool add_place(const struct lists_waiting *w, const char *place, const char *state,
                      struct lists_waiting_sum *sum)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->rows[i].place, place) && !strcmp(w->rows[i].state, state))
			lists_waiting_add(sum, &w->rows[i]);
	return sum->n > 0;
}

/* In the order of a message's way; what waits for a person is behind them. */
static const enum lists_path queues[] = {
	LISTS_INQUEUE_DIR,    LISTS_CMDQUEUE_DIR,   LISTS_BOUNCEQUEUE_DIR, LISTS_VIRGINQUEUE_DIR,
	LISTS_OUTQUEUE_DIR,   LISTS_RETRYQUEUE_DIR, LISTS_ARCHQUEUE_DIR,   LISTS_NEWSQUEUE_DIR,
	LISTS_SHUNTQUEUE_DIR, LISTS_BADQUEUE_DIR,
};
static const char *const places[] = { "held",   "joining", "leaving", "unknown request",
	                              "orphan", "bounce" };
static const char *const states[] = { "waits", "lost", "not counted" };

typedef void place_fn(void *context, const char *place, const char *state,
                      const struct lists_waiting_sum *sum);

static void each_place(const struct lists_waiting *w, place_fn *call, void *context)
{
	for (size_t i = 0; i < ROWS(queues); i++)
		for (int s = LISTS_QUEUE_WAITS; s <= LISTS_QUEUE_FOREIGN; s++) {
			struct lists_waiting_sum sum = { 0 };
			const char *state = lists_queue_state_name((enum lists_queue_state)s);
			const char *place = lists_queue_name(queues[i]);

			if (add_place(w, place, state, &sum))
				call(context, place, state, &sum);
		}
	for (size_t i = 0; i < ROWS(places); i++)
		for (size_t s = 0; s < ROWS(states); s++) {
			struct lists_waiting_sum sum = { 0 };

			if (add_place(w, places[i], states[s], &sum))
				call(context, places[i], states[s], &sum);
		}
}

/* ── for a person ────────────────────────────────────────────────────────────────────────────── */

static void add_sum(struct buf *line, const struct lists_waiting_sum *sum)
{
	buf_addf(line, ": %llu, %llu octets", (unsigned long long)sum->n,
	         (unsigned long long)sum->octets);
	if (sum->oldest > 0) {
		buf_add_text(line, ", oldest ");
		lists_plain_time(sum->oldest, line);
	}
	if (sum->problems)
		buf_addf(line, ", %llu with a problem", (unsigned long long)sum->problems);
}

static void print_place(void *context, const char *place, const char *state,
                        const struct lists_waiting_sum *sum)
{
	AUTO_BUF struct buf line = { 0 };

	buf_addf(&line, "%s %s", place, state);
	add_sum(&line, sum);
	puts(buf_text(&line));
}

static void print_part(const struct part *p)
{
	const struct lists_waiting_item *first = &p->w->rows[p->from];
	struct lists_waiting_sender senders[NAMED_MAX];
	AUTO_BUF struct buf line = { 0 };
	size_t n = lists_waiting_senders(p->w, p->from, p->to, senders, NAMED_MAX);

	buf_addf(&line, "  %s %s", first->place, first->state);
	add_sum(&line, &p->sum);
	for (size_t i = 0; i < n && i < NAMED_MAX; i++)
		if (senders[i].name)
			buf_addf(&line, "%s %s (%llu)", i ? "," : "; from", senders[i].name,
			         (unsigned long long)senders[i].n);
	if (n > NAMED_MAX)
		buf_addf(&line, " and %zu more", n - NAMED_MAX);
	puts(buf_text(&line));
}

static void print_findings(const struct lists_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		printf("finding %s%s%s: %s\n", f->rows[i].where, f->rows[i].who ? " " : "",
		       f->rows[i].who ? f->rows[i].who : "", f->rows[i].text);
}

static void print_all(const struct lists_site *site, const struct lists_waiting *w)
{
	struct part p = { .w = w };
	const char *before = NULL;

	each_place(w, print_place, NULL);
	for (size_t i = 0; next_part(&p); i++) {
		const char *list = w->rows[p.from].list;
		AUTO_BUF struct buf name = { 0 };

		buf_add_printable(&name, span_of(list ? list : "of no list that is named"));
		if (!i || !is_same(before, list))
			printf("\n%s%s\n", buf_text(&name),
			       is_gone(site, list) ? ", a list that is not there" : "");
		before = list;
		print_part(&p);
	}
	print_findings(&site->findings);
	print_findings(&w->findings);
	if (!w->n)
		puts("nothing waits");
}

/* ── as JSON ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *sum_json(const char *place, const char *state, const struct lists_waiting_sum *sum)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:I}", "place", place, "state", state,
	                 "count", (json_int_t)sum->n, "octets", (json_int_t)sum->octets, "oldest",
	                 lists_plain_json_time(sum->oldest), "newest",
	                 lists_plain_json_time(sum->newest), "problems", (json_int_t)sum->problems);
}

static void add_place_json(void *context, const char *place, const char *state,
                           const struct lists_waiting_sum *sum)
{
	json_array_append_new(context, sum_json(place, state, sum));
}

static json_t *part_json(const struct lists_site *site, const struct part *p)
{
	const struct lists_waiting_item *first = &p->w->rows[p->from];
	static struct lists_waiting_sender senders[SENDERS_MAX];
	json_t *object = sum_json(first->place, first->state, &p->sum), *list = json_array();
	size_t n = lists_waiting_senders(p->w, p->from, p->to, senders, SENDERS_MAX);

	for (size_t i = 0; i < n && i < SENDERS_MAX; i++)
		json_array_append_new(list, json_pack("{s:o, s:I}", "sender",
		                                      lists_plain_json_text(senders[i].name),
		                                      "count", (json_int_t)senders[i].n));
	json_object_set_new(object, "list", lists_plain_json_text(first->list));
	json_object_set_new(object, "list_is_there", json_boolean(!is_gone(site, first->list)));
	json_object_set_new(object, "senders", list);
	json_object_set_new(object, "senders_in_all", json_integer((json_int_t)n));
	return object;
}

static void add_findings_json(json_t *array, const struct lists_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(array,
		                      json_pack("{s:o, s:o, s:o}", "where",
		                                lists_plain_json_text(f->rows[i].where), "who",
		                                lists_plain_json_text(f->rows[i].who), "what",
		                                lists_plain_json_text(f->rows[i].text)));
}

static void print_json(const struct lists_site *site, const struct lists_waiting *w)
{
	json_t *by_place = json_array(), *by_list = json_array(), *findings = json_array(), *all;
	struct part p = { .w = w };

	each_place(w, add_place_json, by_place);
	while (next_part(&p))
		json_array_append_new(by_list, part_json(site, &p));
	add_findings_json(findings, &site->findings);
	add_findings_json(findings, &w->findings);
	all = json_pack("{s:o, s:o, s:o}", "places", by_place, "lists", by_list, "findings",
	                findings);
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(all);
}

int lists_queue_verb(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { LISTS_PLACE_OPTIONS, { 0 } };
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_LISTS_WAITING struct lists_waiting w = { 0 };
	struct lists_place_wishes wishes = { 0 };
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1)
		if (!lists_place_option(&wishes, c, optarg))
			return EXIT_CODE_USAGE;
	if (optind < run->argc)
		return EXIT_CODE_USAGE;
	if (lists_open(&o, run, &wishes, err) < 0 || lists_waiting_read(&w, &o.site, err) < 0)
		return -1;
	if (run->json)
		print_json(&o.site, &w);
	else
		print_all(&o.site, &w);
	return EXIT_CODE_GOOD;
}
