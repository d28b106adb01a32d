/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "move/arrivals.h"
#include "move/logs.h"
#include "mta/mta.h"
#include "state/messages.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* One place where the message was seen. */
struct trace {
	const char *id;
	json_t *places; /* owned; {site, where, at_ms, what} */
};

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
	json_array_append_new(t->places,
	                      json_pack("{s:s, s:s, s:I, s:s}", "site", site, "where", where,
	                                "at_ms", (json_int_t)at_ms, "what", buf_text(&printable)));
}

/* With or without the angle brackets of a Message-ID. */
static bool is_the_one(const char *given, const char *seen)
{
	struct span a = span_of(given), b = span_of(seen);

	if (b.n >= 2 && b.p[0] == '<' && (!a.n || a.p[0] != '<'))
		b = (struct span){ b.p + 1, b.n - 2 };
	return a.n && span_equal(a, b);
}

static const char *status_name(enum mta_log_status status)
{
	static const char *const names[] = {
		[MTA_STATUS_NONE] = "tried",        [MTA_STATUS_SENT] = "sent",
		[MTA_STATUS_DEFERRED] = "deferred", [MTA_STATUS_BOUNCED] = "bounced",
		[MTA_STATUS_EXPIRED] = "expired",   [MTA_STATUS_OTHER] = "probed",
	};

	return names[status];
}

static int trace_logs(struct trace *t, struct host *h, struct error *err)
{
	AUTO_LOGS struct logs logs = { 0 };

	if (logs_read(h, &logs, err) < 0)
		return -1;
	if (logs.words.n)
		add_place(t, host_name(h), "log", 0, "could not be read: %s",
		          buf_text(&logs.words));
	for (size_t i = 0; i < logs.n; i++) {
		const struct log_message *m = &logs.rows[i];

		if (!is_the_one(t->id, m->message_id) && strcmp(t->id, m->id) != 0 &&
		    strcmp(t->id, m->follows) != 0)
			continue;
		add_place(t, host_name(h), "log", m->accepted_ms, "%s accepted as %s from <%s>%s%s",
		          m->message_id, m->id, m->from, *m->client ? " by " : "", m->client);
		for (size_t k = 0; k < m->deliveries_n; k++) {
			const struct log_delivery *d = &m->deliveries[k];

			add_place(t, host_name(h), "log", d->at_ms, "%s for <%s> by %s: %s %s",
			          status_name(d->status), d->to, d->relay, d->dsn, d->text);
		}
		if (m->removed_ms)
			add_place(t, host_name(h), "log", m->removed_ms, "%s left the queue",
			          m->id);
	}
	return 0;
}

static int trace_queue(struct trace *t, struct host *h, struct error *err)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };
	struct error why = { 0 };

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

static void print_places(const struct trace *t)
{
	json_t *place;
	size_t i;
	char when[32];

	json_array_foreach(t->places, i, place)
	{
		int64_t at = json_integer_value(json_object_get(place, "at_ms"));

		printf("%-24s %-3s %-8s %s\n", at ? clock_text(when, at) : "",
		       json_string_value(json_object_get(place, "site")),
		       json_string_value(json_object_get(place, "where")),
		       json_string_value(json_object_get(place, "what")));
	}
}

static int trace(struct cmd_run *run, struct trace *t, struct error *err)
{
	struct host *const hosts[] = { run->old_host, run->new_host };

	for (size_t i = 0; i < ROWS(hosts); i++)
		if (trace_logs(t, hosts[i], err) < 0 || trace_queue(t, hosts[i], err) < 0)
			return -1;
	if (trace_mailboxes(run, t, err) < 0 || trace_arrivals(run, t, err) < 0)
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
		printf("%s was seen nowhere: in no log, no queue and no mailbox of either side\n",
		       t->id);
	return EXIT_CODE_NO;
}

int cmd_trace(struct cmd_run *run, struct error *err)
{
	struct trace t = { .places = json_array() };
	int code;

	if (run->argc != 2) {
		fputs("mailhaul: trace wants one Message-ID or queue id\n", stderr);
		json_decref(t.places);
		return EXIT_CODE_USAGE;
	}
	t.id = run->argv[1];
	code = trace(run, &t, err);
	json_decref(t.places);
	return code;
}
