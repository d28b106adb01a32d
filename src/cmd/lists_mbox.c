/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_mbox -- `mailhaul lists mbox`: how many messages an mbox has, by whose rule, and where each
 * of them is. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "lists/mbox_index.h"
#include "lists/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define NAMED_MAX 5u      /* places that are named to a person */
#define PLACES_MAX 10000u /* in JSON */

struct looking {
	const char *find; /* a Message-ID, or NULL */
	bool list, json;
	const char *file;
	int fd;
	struct lists_mbox_index ix;
};

static bool has_date(const struct lists_mbox_row *row)
{
	return row->flags & (LISTS_MBOX_HAS_DATE | LISTS_MBOX_FROM_DATE);
}

static size_t count(const struct looking *l, unsigned flag, bool with)
{
	size_t n = 0;

	for (size_t i = 0; i < l->ix.n; i++)
		n += !!(l->ix.rows[i].flags & flag) == with;
	return n;
}

static size_t count_without_id(const struct looking *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->ix.n; i++)
		n += !l->ix.rows[i].id;
	return n;
}

/* The first and the last day that messages tell of. False: none does. */
static bool get_span(const struct looking *l, int64_t *first, int64_t *last)
{
	bool any = false;

	for (size_t i = 0; i < l->ix.n; i++) {
		const struct lists_mbox_row *row = &l->ix.rows[i];

		if (!has_date(row))
			continue;
		*first = !any || row->at < *first ? row->at : *first;
		*last = !any || row->at > *last ? row->at : *last;
		any = true;
	}
	return any;
}

/* The Message-ID of a row as it stands in the file, fit for a terminal. */
static void add_id(const struct looking *l, const struct lists_mbox_row *row, struct buf *out)
{
	AUTO_BUF struct buf id = { 0 };
	ssize_t n = pread(l->fd, buf_room(&id, row->id_octets + 1u), row->id_octets,
	                  (off_t)(row->offset + row->id_offset));

	if (n > 0)
		buf_grown(&id, (size_t)n);
	buf_add_printable(out, buf_span(&id));
}

/* ── for a person ────────────────────────────────────────────────────────────────────────────── */

static void print_row(const struct looking *l, size_t i)
{
	const struct lists_mbox_row *row = &l->ix.rows[i];
	AUTO_BUF struct buf line = { 0 };

	if (has_date(row))
		lists_plain_time((double)row->at, &line);
	else
		buf_add_char(&line, '-');
	buf_addf(&line, " %llu %llu ", (unsigned long long)row->offset,
	         (unsigned long long)lists_mbox_index_octets(&l->ix, i));
	if (row->id)
		add_id(l, row, &line);
	else
		buf_add_char(&line, '-');
	if (!(row->flags & LISTS_MBOX_SEPARATOR))
		buf_add_text(&line, " (no message by cleanarch's rule)");
	if (row->flags & LISTS_MBOX_AGAIN)
		buf_add_text(&line, " (again)");
	puts(buf_text(&line));
}

static void print_doubtful(const struct looking *l)
{
	size_t n = l->ix.n - l->ix.separators, named = 0;

	if (!n)
		return;
	printf("  %zu of them begin at a \"From \" line that is none by cleanarch's rule: at octet",
	       n);
	for (size_t i = 0; i < l->ix.n && named < NAMED_MAX; i++)
		if (!(l->ix.rows[i].flags & LISTS_MBOX_SEPARATOR))
			printf("%s %llu", named++ ? "," : "",
			       (unsigned long long)l->ix.rows[i].offset);
	printf("%s\n  by that rule %llu messages; do not rebuild the archive from it as it is\n",
	       n > named ? " ..." : "", (unsigned long long)l->ix.separators);
}

static void print_count(const char *words, uint64_t n)
{
	if (n)
		printf("  %llu %s\n", (unsigned long long)n, words);
}

static void print_summary(const struct looking *l)
{
	AUTO_BUF struct buf line = { 0 };
	int64_t first = 0, last = 0;

	buf_add_printable(&line, span_of(l->file));
	buf_addf(&line, ": %zu messages, %llu octets", l->ix.n, (unsigned long long)l->ix.octets);
	if (get_span(l, &first, &last)) {
		buf_add_text(&line, ", ");
		lists_plain_time((double)first, &line);
		buf_add_text(&line, " to ");
		lists_plain_time((double)last, &line);
	}
	puts(buf_text(&line));
	print_doubtful(l);
	print_count("without a Message-ID", count_without_id(l));
	print_count("with a Message-ID that one before has", l->ix.again);
	print_count("without a date that can be read",
	            l->ix.n - count(l, LISTS_MBOX_HAS_DATE, true) -
	                    count(l, LISTS_MBOX_FROM_DATE, true));
	print_count("with a date in the From_ line only", count(l, LISTS_MBOX_FROM_DATE, true));
	print_count("without an empty line before them", count(l, LISTS_MBOX_NO_BLANK, true));
	print_count("go on behind the next From_ line, says Content-Length",
	            count(l, LISTS_MBOX_LONGER, true));
	print_count("lines begin with \">From \"", l->ix.quoted);
	print_count("lines begin with \">>From \": a writer of mboxrd", l->ix.quoted_again);
	print_count("octets stand before the first message", l->ix.before);
	if (l->ix.is_cut)
		puts("  the last line has no end");
}

/* ── as JSON ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *row_json(const struct looking *l, size_t i)
{
	const struct lists_mbox_row *row = &l->ix.rows[i];
	AUTO_BUF struct buf id = { 0 };

	if (row->id)
		add_id(l, row, &id);
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:b, s:b}", "offset", (json_int_t)row->offset,
	                 "octets", (json_int_t)lists_mbox_index_octets(&l->ix, i), "body_offset",
	                 (json_int_t)row->body_offset, "message_id",
	                 row->id ? lists_plain_json_text(buf_text(&id)) : json_null(), "at",
	                 has_date(row) ? lists_plain_json_time((double)row->at) : json_null(),
	                 "separator", (row->flags & LISTS_MBOX_SEPARATOR) != 0, "again",
	                 (row->flags & LISTS_MBOX_AGAIN) != 0);
}

static json_t *doubtful_json(const struct looking *l)
{
	json_t *places = json_array();

	for (size_t i = 0; i < l->ix.n && json_array_size(places) < PLACES_MAX; i++)
		if (!(l->ix.rows[i].flags & LISTS_MBOX_SEPARATOR))
			json_array_append_new(places,
			                      json_integer((json_int_t)l->ix.rows[i].offset));
	return places;
}

static json_t *summary_json(const struct looking *l)
{
	int64_t first = 0, last = 0;
	bool any = get_span(l, &first, &last);

	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
	                 "s:b, s:o, s:o}",
	                 "file", lists_plain_json_text(l->file), "octets", (json_int_t)l->ix.octets,
	                 "messages", (json_int_t)l->ix.n, "separators",
	                 (json_int_t)l->ix.separators, "doubtful", doubtful_json(l),
	                 "without_message_id", (json_int_t)count_without_id(l), "again",
	                 (json_int_t)l->ix.again, "dated",
	                 (json_int_t)count(l, LISTS_MBOX_HAS_DATE, true), "dated_by_from_line",
	                 (json_int_t)count(l, LISTS_MBOX_FROM_DATE, true), "no_blank",
	                 (json_int_t)count(l, LISTS_MBOX_NO_BLANK, true), "longer",
	                 (json_int_t)count(l, LISTS_MBOX_LONGER, true), "quoted",
	                 (json_int_t)l->ix.quoted, "quoted_again", (json_int_t)l->ix.quoted_again,
	                 "before", (json_int_t)l->ix.before, "is_cut", l->ix.is_cut, "first",
	                 any ? lists_plain_json_time((double)first) : json_null(), "last",
	                 any ? lists_plain_json_time((double)last) : json_null());
}

/* ── one file ────────────────────────────────────────────────────────────────────────────────── */

static void print_document(json_t *document)
{
	json_dumpf(document, stdout, JSON_SORT_KEYS);
	json_decref(document);
}

/* The rows that were asked for, one by one: a million of them never stand in memory as JSON. */
static size_t print_rows(const struct looking *l)
{
	size_t i = l->find ? lists_mbox_index_find(&l->ix, span_of(l->find)) : 0, n = 0;

	while (i < l->ix.n) {
		if (l->json) {
			fputs(n ? ",\n  " : "\n  ", stdout);
			print_document(row_json(l, i));
		} else {
			print_row(l, i);
		}
		n++;
		i = l->find ? lists_mbox_index_next(&l->ix, i) : i + 1;
	}
	return n;
}

/* Whether all is as it is to be: the message was found; or each message is one for cleanarch. */
static bool print_file(const struct looking *l)
{
	size_t n = 0;

	if (l->json) {
		fputs("{\"summary\": ", stdout);
		print_document(summary_json(l));
		fputs(", \"messages\": [", stdout);
	} else if (!l->find) {
		print_summary(l);
	}
	if (l->find || l->list)
		n = print_rows(l);
	if (l->json)
		fputs("]}", stdout);
	return l->find ? n > 0 : l->ix.separators == l->ix.n;
}

static int look(struct looking *l, bool *good, struct error *err)
{
	AUTO_CLOSE int fd = open(l->file, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return error_system(err, "%s", l->file);
	l->fd = fd;
	result = lists_mbox_index_file(&l->ix, fd, err);
	if (result == 0)
		*good = print_file(l);
	lists_mbox_index_fini(&l->ix);
	return result < 0 ? error_context(err, "%s", l->file) : 0;
}

int lists_mbox_verb(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "find", required_argument, NULL, 'f' },
		                                 { "list", no_argument, NULL, 'l' },
		                                 { 0 } };
	struct looking l = { .json = run->json };
	bool any = false, all = true;
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c == '?')
			return EXIT_CODE_USAGE;
		l.list = l.list || c == 'l';
		l.find = c == 'f' ? optarg : l.find;
	}
	if (optind == run->argc || (l.list && l.find))
		return EXIT_CODE_USAGE;
	if (l.json)
		fputs("[", stdout);
	for (int i = optind; i < run->argc; i++) {
		bool good = false;

		if (l.json && i > optind)
			fputs(",\n", stdout);
		l.file = run->argv[i];
		if (look(&l, &good, err) < 0)
			return -1;
		any = any || good;
		all = all && good;
	}
	if (l.json)
		fputs("]\n", stdout);
	return (l.find ? any : all) ? EXIT_CODE_GOOD : EXIT_CODE_NO;
}
