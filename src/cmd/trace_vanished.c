/* SPDX-License-Identifier: BSD-2-Clause */

/* trace_vanished -- `mailhaul trace --vanished`: posts of all lists that are nowhere. */

#include "cmd/trace.h"

#include "lists/plain.h"
#include "lists/vanished.h"

#include <stdio.h>

/* What a person has to know of each kind, once. */
static const struct {
	enum lists_vanished_kind kind;
	const char *words;
} kinds[] = {
	{ LISTS_VANISHED_STRANDED, "approved, and waits where no runner takes it" },
	{ LISTS_VANISHED_APPROVED, "approved, and then nothing" },
	{ LISTS_VANISHED_HELD, "held, decided about by nobody, and held no more" },
	{ LISTS_VANISHED_ACCEPTED, "given to Mailman by the MTA, and never seen there" },
};

static void print_row(const struct lists_vanished_row *row)
{
	AUTO_BUF struct buf line = { 0 };

	buf_addf(&line, "  %s <%s>", row->list, *row->id ? row->id : "not known");
	if (*row->sender)
		buf_addf(&line, " from %s", row->sender);
	buf_add_text(&line, ", last seen ");
	lists_plain_time((double)row->at, &line);
	buf_addf(&line, " on %s: ", row->host);
	buf_add_printable(&line, span_of(row->words));
	buf_addf(&line, " [%s", row->file);
	if (!row->waits)
		buf_addf(&line, ", octet %llu", (unsigned long long)row->offset);
	buf_add_char(&line, ']');
	if (row->doubt)
		buf_addf(&line, " (not sure: %s)", row->doubt);
	puts(buf_text(&line));
}

static void print_kind(const struct lists_vanished *v, size_t kind)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		if (v->rows[i].kind != kinds[kind].kind)
			continue;
		if (!n++)
			printf("%s:\n", kinds[kind].words);
		print_row(&v->rows[i]);
	}
}

static void print_all(const struct lists_vanished *v)
{
	for (size_t i = 0; i < ROWS(kinds); i++)
		print_kind(v, i);
	if (v->untold)
		printf("and %llu more\n", (unsigned long long)v->untold);
	for (size_t i = 0; i < v->not_read.n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(v->not_read.rows[i]));
		printf("not read: %s\n", buf_text(&line));
	}
	printf("%llu given to Mailman by an MTA, %llu held, %llu approved; %zu of them are "
	       "nowhere or stranded\n",
	       (unsigned long long)v->accepted, (unsigned long long)v->held,
	       (unsigned long long)v->approved, v->n + v->untold);
	if (v->without_id)
		printf("%llu have no Message-ID, and nobody can follow them\n",
		       (unsigned long long)v->without_id);
}

static json_t *row_json(const struct lists_vanished_row *row)
{
	AUTO_BUF struct buf file = { 0 };

	buf_add_printable(&file, span_of(row->file));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:s, s:b, s:s?}", "kind",
	                 lists_vanished_kind_name(row->kind), "list", row->list, "message_id",
	                 *row->id ? lists_plain_json_text(row->id) : json_null(), "sender",
	                 *row->sender ? lists_plain_json_text(row->sender) : json_null(), "at",
	                 lists_plain_json_time((double)row->at), "host", row->host, "file",
	                 buf_text(&file), "offset", (json_int_t)row->offset, "last_trace",
	                 row->words, "waits", row->waits != NULL, "doubt", row->doubt);
}

static void print_json(const struct lists_vanished *v)
{
	json_t *rows = json_array(), *unread = json_array(), *all;

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(rows, row_json(&v->rows[i]));
	for (size_t i = 0; i < v->not_read.n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(v->not_read.rows[i]));
		json_array_append_new(unread, json_string(buf_text(&line)));
	}
	all = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:i}", "vanished", rows, "untold",
	                (json_int_t)v->untold, "accepted", (json_int_t)v->accepted, "held",
	                (json_int_t)v->held, "approved", (json_int_t)v->approved,
	                "without_message_id", (json_int_t)v->without_id, "not_read", unread,
	                "passes", (int)v->passes);
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(all);
}

int trace_vanished(const struct cmd_run *run, const char *prefix, struct host *const *hosts,
                   size_t n, struct error *err)
{
	AUTO_TRACE_MAILMANS struct trace_mailmans m = { .prefix = prefix };
	AUTO_LISTS_VANISHED struct lists_vanished v = { 0 };

	if (trace_mailmans_find(&m, hosts, n, err) < 0)
		return -1;
	if (!m.n) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "there is no Mailman 2.1 on any of the hosts, in a place that is known "
		          "here");
		return error_hint(err, "--prefix DIR names the directory with Mailman/ in it");
	}
	if (lists_vanished_read(&v, m.hosts, m.sites, m.n, 0, err) < 0)
		return -1;
	if (run->json)
		print_json(&v);
	else
		print_all(&v);
	return v.n || v.untold ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
