/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "cmd/open.h"
#include "cmd/trace.h"
#include "move/arrivals.h"
#include "mta/mta.h"
#include "state/messages.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* One place where the message was seen. */
struct trace {
	const char *id;
	const char *prefix; /* where Mailman is, or NULL */
	bool vanished;
	const char *words[TRACE_HOSTS_MAX]; /* of --host */
	struct host *own[TRACE_HOSTS_MAX];  /* owned: those */
	struct host *hosts[TRACE_HOSTS_MAX];
	size_t words_n, hosts_n;
	json_t *places; /* owned; {site, where, at_ms, file, place, what} */
};

#define LOOKS (CMD_NEEDS_CONFIG | CMD_NEEDS_STATE | CMD_NEEDS_OLD | CMD_NEEDS_NEW)

void trace_add(json_t *places, const char *site, const char *where, int64_t at_ms, const char *file,
               const char *place, const char *what)
{
	json_array_append_new(places, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "site", site,
	                                        "where", where, "at_ms", (json_int_t)at_ms, "file",
	                                        file, "place", place, "what", what));
}

static void add_place(struct trace *t, const char *site, const char *where, int64_t at_ms,
                      const char *format, ...) PRINTF_LIKE(5, 6);
static void add_place(struct trace *t, const char *site, const char *where, int64_t at_ms,
                      const char *format, ...)
{
	AUTO_BUF struct buf printable = { 0 };
	AUTO_FREE char *what = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		abort();
	va_end(args);
	buf_add_printable(&printable, span_of(what));
	trace_add(t->places, site, where, at_ms, "", "", buf_text(&printable));
}

/* With or without the angle brackets of a Message-ID. */
static bool is_the_one(const char *given, const char *seen)
{
	struct span a = span_of(given), b = span_of(seen);

	if (b.n >= 2 && b.p[0] == '<' && (!a.n || a.p[0] != '<'))
		b = (struct span){ b.p + 1, b.n - 2 };
	return a.n && span_equal(a, b);
}

static int trace_queue(struct trace *t, struct host *h, struct error *err)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };
	const struct mta_ops *mta = NULL;
	struct error why = { 0 };

	if (mta_find(h, &mta, err) < 0)
		return -1;
	if (!mta)
		return 0;
	/* the names only; a queue that can't be read is told, and nothing stops */
	if (mta_queue(h, &q, &why) < 0) {
		add_place(t, host_name(h), "queue", 0, "could not be read: %s", why.text);
		return 0;
	}
	for (size_t i = 0; i < q.n; i++)
		if (!strcmp(q.rows[i].id, t->id))
			add_place(t, host_name(h), "queue", q.rows[i].arrived_ms, "%s waits in %s",
			          q.rows[i].id, q.rows[i].queue);
	return 0;
}

static int add_stored(void *context, const struct message_record *r, struct error *err)
{
	struct trace *t = context;

	add_place(t, r->in_manifest ? "new" : "old", "mailbox", r->first_ms,
	          "copied from %s %s/%s (uid %u)%s%s", r->account, r->folder, r->base, r->uid,
	          r->in_manifest ? ", there at the freeze" : "",
	          r->gone ? ", expunged on old since" : "");
	return 0;
}

/* What copies brought over is in the ledger; a Message-ID stands there with its brackets. */
static int trace_mailboxes(struct cmd_run *run, struct trace *t, struct error *err)
{
	AUTO_BUF struct buf id = { 0 };

	buf_addf(&id, t->id[0] == '<' ? "%s" : "<%s>", t->id);
	return messages_find(run->state, buf_text(&id), add_stored, t, err);
}

static int add_arrival(void *context, const struct arrival *a, struct error *err)
{
	struct trace *t = context;

	if (is_the_one(t->id, a->message_id))
		add_place(t, "new", "mailbox", a->mtime_ns / 1000000, "arrived in %s %s/%s",
		          a->account, a->folder, a->base);
	return 0;
}

/* What the new mailboxes took since the opening is in no ledger yet: looked up there. */
static int trace_arrivals(struct cmd_run *run, struct trace *t, struct error *err)
{
	AUTO_MOVE struct move m = {
		.config = run->config,
		.state = run->state,
		.old = run->old_host,
		.new = run->new_host,
	};

	if (move_open(&m, err) < 0)
		return -1;
	return arrivals_walk(&m, add_arrival, t, err);
}

static int by_time(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;
	json_int_t p = json_integer_value(json_object_get(*x, "at_ms"));
	json_int_t q = json_integer_value(json_object_get(*y, "at_ms"));

	/* what has no time is behind all that has: so things are now */
	if (!p || !q)
		return !p - !q;
	return p < q ? -1 : p > q;
}

static void sort_places(struct trace *t)
{
	size_t n = json_array_size(t->places);
	json_t **rows = calloc(n + 1, sizeof *rows), *sorted = json_array();

	for (size_t i = 0; i < n; i++)
		rows[i] = json_array_get(t->places, i);
	qsort(rows, n, sizeof *rows, by_time);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, rows[i]);
	free(rows);
	json_decref(t->places);
	t->places = sorted;
}

/* How wide a column has to be. */
static int width_of(const struct trace *t, const char *key, int least)
{
	json_t *place;
	size_t i;

	json_array_foreach (t->places, i, place) {
		int n = (int)strlen(json_string_value(json_object_get(place, key)));

		least = n > least ? n : least;
	}
	return least;
}

static const char *text_of(json_t *place, const char *key)
{
	return json_string_value(json_object_get(place, key));
}

static void print_places(const struct trace *t)
{
	int site = width_of(t, "site", 3), where = width_of(t, "where", 8);
	json_t *place;
	size_t i;
	char when[32];

	json_array_foreach (t->places, i, place) {
		int64_t at = json_integer_value(json_object_get(place, "at_ms"));
		const char *file = text_of(place, "file"), *in = text_of(place, "place");

		printf("%-24s %-*s %-*s %s%s%s%s%s%s\n", at ? clock_text(when, at) : "", site,
		       text_of(place, "site"), where, text_of(place, "where"),
		       text_of(place, "what"), *file ? " [" : "", file, *in ? ", " : "", in,
		       *file ? "]" : "");
	}
}

static int trace(struct cmd_run *run, struct trace *t, struct error *err)
{
	for (size_t i = 0; i < t->hosts_n; i++)
		if (trace_mail(t->places, t->id, t->hosts[i], err) < 0 ||
		    trace_queue(t, t->hosts[i], err) < 0)
			return -1;
	if (run->state && (trace_mailboxes(run, t, err) < 0 || trace_arrivals(run, t, err) < 0))
		return -1;
	if (trace_lists(t->places, t->id, t->prefix, t->hosts, t->hosts_n, err) < 0)
		return -1;
	sort_places(t);
	if (run->json) {
		json_dumpf(t->places, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_places(t);
	}
	if (json_array_size(t->places))
		return EXIT_CODE_GOOD;
	if (!run->json)
		printf("%s was seen nowhere: in no log, no queue, no list and no mailbox of any "
		       "host\n",
		       t->id);
	return EXIT_CODE_NO;
}

/* Hosts that were named, or the move's two. */
static int open_hosts(struct cmd_run *run, struct trace *t, struct error *err)
{
	for (; t->hosts_n < t->words_n; t->hosts_n++) {
		struct host **own = &t->own[t->hosts_n];

		if (cmd_open_place(own, t->words[t->hosts_n], t->words[t->hosts_n], false, err) < 0)
			return -1;
		t->hosts[t->hosts_n] = *own;
	}
	if (t->words_n)
		return 0;
	if (cmd_open(run, LOOKS, err) < 0)
		return -1;
	t->hosts[t->hosts_n++] = run->old_host;
	t->hosts[t->hosts_n++] = run->new_host;
	return 0;
}

static bool get_options(struct cmd_run *run, struct trace *t)
{
	static const struct option options[] = { { "host", required_argument, NULL, 'h' },
		                                 { "prefix", required_argument, NULL, 'p' },
		                                 { "vanished", no_argument, NULL, 'v' },
		                                 { 0 } };
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c == 'h' && t->words_n == TRACE_HOSTS_MAX)
			return false;
		if (c == 'h')
			t->words[t->words_n++] = optarg;
		else if (c == 'p')
			t->prefix = optarg;
		else if (c == 'v')
			t->vanished = true;
		else
			return false;
	}
	t->id = optind < run->argc ? run->argv[optind] : NULL;
	return run->argc - optind == (t->vanished ? 0 : 1);
}

static void trace_fini(struct trace *t)
{
	for (size_t i = 0; i < TRACE_HOSTS_MAX; i++)
		host_close(t->own[i]);
	json_decref(t->places);
}

int cmd_trace(struct cmd_run *run, struct error *err)
{
	__attribute__((cleanup(trace_fini))) struct trace t = { .places = json_array() };

	if (!get_options(run, &t)) {
		fputs("mailhaul: trace wants one Message-ID or queue id, or --vanished\n", stderr);
		return EXIT_CODE_USAGE;
	}
	if (open_hosts(run, &t, err) < 0)
		return -1;
	if (t.vanished)
		return trace_vanished(run, t.prefix, t.hosts, t.hosts_n, err);
	return trace(run, &t, err);
}
