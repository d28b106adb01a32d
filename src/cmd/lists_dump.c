/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_dump -- what Mailman's files hold: `mailhaul lists dump`. */

#include "cmd/lists.h"

#include "base/file.h"
#include "pickle/read.h"
#include "pickle/show.h"
#include "pickle/write.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OCTETS_MAX ((size_t)1 << 30)

struct dump {
	const struct cmd_run *run;
	struct read_limits limits;
	bool nested;
	int protocol; /* of --pickle, or -1 */
	bool many;    /* files, so that JSON says which is which */
};

static void print(void *context, struct span octets)
{
	fwrite(octets.p, 1, octets.n, stdout);
}

static const struct show_sink to_stdout = { print, NULL };

static int read_stdin(struct buf *out, struct error *err)
{
	for (;;) {
		ssize_t n = read(STDIN_FILENO, buf_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? error_system(err, "read the input") : 0;
		buf_grown(out, (size_t)n);
		if (out->n > OCTETS_MAX)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
			                 "the input has more than %zu octets", OCTETS_MAX);
	}
}

static int read_file(const struct dump *d, const char *name, struct value_file *f,
                     struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };
	int result;

	if (!strcmp(name, "-"))
		result = read_stdin(&octets, err);
	else
		result = file_read(name, OCTETS_MAX, &octets, err);
	if (result < 0)
		return -1;
	if (value_file_read(f, &octets, &d->limits, err) < 0)
		return error_context(err, "%s", name);
	if (d->nested)
		value_file_open_nested(f, &d->limits);
	return 0;
}

/* ── as JSON ─────────────────────────────────────────────────────────────────────────────────── */

static int print_row_json(const struct value_file *f, size_t i, struct error *err)
{
	bool torn = f->is_torn && i + 1 == f->n;
	int result;

	if (torn)
		fputs("{\"$torn\": ", stdout);
	result = show_json(f->rows[i], f->octets.n, &to_stdout, err);
	if (torn)
		putchar('}');
	return result;
}

/* A pickle file is an array of its pickles; a marshal file the one value that it holds. */
static int print_rows_json(const struct value_file *f, struct error *err)
{
	int result = 0;

	if (f->is_marshal && f->n == 1)
		return print_row_json(f, 0, err);
	putchar('[');
	for (size_t i = 0; i < f->n; i++) {
		if (i)
			fputs(",\n", stdout);
		if (print_row_json(f, i, err) < 0)
			result = -1;
	}
	putchar(']');
	return result;
}

static void print_member(const char *head, const char *words)
{
	AUTO_BUF struct buf text = { 0 };

	show_json_text(span_of(words), &text);
	printf("%s%s", head, buf_text(&text));
}

static int print_json(const struct dump *d, const char *name, const struct value_file *f,
                      int result, struct error *err)
{
	if (d->many) {
		print_member("{\"file\": ", name);
		fputs(", \"values\": ", stdout);
	}
	if (print_rows_json(f, err) < 0)
		result = error_context(err, "%s", name);
	if (d->many && result < 0)
		print_member(", \"error\": ", err->text);
	fputs(d->many ? "}" : "\n", stdout);
	return result;
}

/* ── for people ──────────────────────────────────────────────────────────────────────────────── */

/* The frame is that of Mailman's dumpdb. */
static int print_text(const char *name, const struct value_file *f, int result, struct error *err)
{
	const char *form = f->is_marshal ? "marshal" : "pickle";

	printf("[----- start %s file -----]\n", form);
	for (size_t i = 0; i < f->n; i++) {
		printf("<----- start object %zu ----->\n", i + 1);
		if (show_text(f->rows[i], f->octets.n, &to_stdout, err) < 0)
			result = error_context(err, "%s", name);
		if (f->is_torn && i + 1 == f->n)
			puts("<----- the damage is here; what follows could not be read ----->");
	}
	printf("[----- end %s file -----]\n", form);
	return result;
}

/* ── as pickles ──────────────────────────────────────────────────────────────────────────────── */

/* A file that is damaged gives none: what Python reads has to be whole. */
static int print_pickles(const struct dump *d, const char *name, const struct value_file *f,
                         struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };

	for (size_t i = 0; i < f->n; i++)
		if (pickle_write(f->rows[i], (unsigned)d->protocol, &octets, err) < 0)
			return error_context(err, "%s", name);
	print(NULL, buf_span(&octets));
	return 0;
}

static int dump(const struct dump *d, const char *name, struct error *err)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	int result = read_file(d, name, &f, err);

	if (d->protocol >= 0)
		return result < 0 ? -1 : print_pickles(d, name, &f, err);
	if (d->run->json)
		return print_json(d, name, &f, result, err);
	if (d->many)
		printf("%s\n", name);
	return f.n || !result ? print_text(name, &f, result, err) : result;
}

static void tell(const struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_printable(&text, span_of(err->text));
	fprintf(stderr, "mailhaul: %s\n", buf_text(&text));
	if (err->hint[0])
		fprintf(stderr, "mailhaul: hint: %s\n", err->hint);
}

/* One that can't be read does not hide the others. */
static int dump_all(const struct dump *d, char *const names[], int n)
{
	int code = EXIT_CODE_GOOD;
	bool brackets = d->run->json && d->many && d->protocol < 0;

	if (brackets)
		fputs("[", stdout);
	for (int i = 0; i < n; i++) {
		struct error err = { 0 };

		if (brackets && i)
			fputs(",\n", stdout);
		if (dump(d, names[i], &err) < 0) {
			tell(&err);
			if (code == EXIT_CODE_GOOD)
				code = error_exit_code(&err);
		}
	}
	if (brackets)
		fputs("]\n", stdout);
	return code;
}

int lists_dump(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = {
		{ "foreign", no_argument, NULL, 'f' },
		{ "nested", no_argument, NULL, 'n' },
		{ "pickle", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct dump d = { .run = run, .protocol = -1 };
	int option;

	while ((option = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (option == 'f')
			d.limits.foreign = true;
		else if (option == 'n')
			d.nested = true;
		else if (option == 'p' && strlen(optarg) == 1 && strchr("012", *optarg))
			d.protocol = *optarg - '0';
		else
			return EXIT_CODE_USAGE;
	}
	if (optind == run->argc)
		return EXIT_CODE_USAGE;
	d.many = run->argc - optind > 1;
	/* what one file took serves the next: to give it back and take it again costs as much as
	 * reading does */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 16 << 20);
	return dump_all(&d, run->argv + optind, run->argc - optind);
}
