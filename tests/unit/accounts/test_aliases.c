/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "accounts/aliases.h"
#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

/* All rows as "name>target|target;". */
static char *flatten(enum alias_form form, struct span text, size_t *bad)
{
	AUTO_ALIAS_READER struct alias_reader r;
	AUTO_BUF struct buf target = { 0 }, out = { 0 };
	struct alias_row row;

	alias_reader_init(&r, form, text);
	while (alias_next(&r, &row)) {
		bool first = true;

		buf_add_span(&out, row.name);
		buf_add_char(&out, '>');
		while (alias_next_target(&row.value, form, &target)) {
			if (!first)
				buf_add_char(&out, '|');
			buf_add_span(&out, buf_span(&target));
			first = false;
		}
		buf_add_char(&out, ';');
	}
	if (bad)
		*bad = r.bad;
	return buf_take(&out);
}

static void tables_are_read_as_their_manuals_say(void **state)
{
	static const struct {
		enum alias_form form;
		const char *text, *want;
	} rows[] = {
		{ ALIAS_FORM_ALIASES, "root: alice\n", "root>alice;" },
		{ ALIAS_FORM_ALIASES, "root: alice", "root>alice;" },
		{ ALIAS_FORM_ALIASES, "# c\n\nsales:\talice , bob\n", "sales>alice|bob;" },
		{ ALIAS_FORM_ALIASES, "team: a,\n  b,\n\tc\nnext: d\n", "team>a|b|c;next>d;" },
		{ ALIAS_FORM_ALIASES, "team: a,\n# comment\n\n  b\n", "team>a|b;" },
		{ ALIAS_FORM_ALIASES, "x: \"|/usr/local/bin/p -a \\\"b c\\\"\"\n",
		  "x>|/usr/local/bin/p -a \"b c\";" },
		{ ALIAS_FORM_ALIASES, "x: \"|/bin/p a,b\", y\n", "x>|/bin/p a,b|y;" },
		{ ALIAS_FORM_ALIASES, "\"a: b\": c\n", "a: b>c;" },
		{ ALIAS_FORM_ALIASES, "l: :include:/etc/mail/l\n", "l>:include:/etc/mail/l;" },
		{ ALIAS_FORM_ALIASES, "bob: \\bob, far@example.com\r\n",
		  "bob>\\bob|far@example.com;" },
		{ ALIAS_FORM_TABLE, "a@example.net\tb@example.org, c@example.org\n",
		  "a@example.net>b@example.org|c@example.org;" },
		{ ALIAS_FORM_TABLE, "example.net anything\n@example.net all@example.org\n",
		  "example.net>anything;@example.net>all@example.org;" },
		{ ALIAS_FORM_TABLE, "key value\n  more\n", "key>value   more;" },
		{ ALIAS_FORM_LIST, "bob\nivan, ute@example.net\n# no\n",
		  ">bob;>ivan|ute@example.net;" },
		{ ALIAS_FORM_LIST, "\\frank frank.away@example.com\n",
		  ">\\frank|frank.away@example.com;" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *got = flatten(rows[i].form, span_of(rows[i].text), NULL);

		assert_string_equal(got, rows[i].want);
	}
}

static void lines_that_are_no_entries_are_counted(void **state)
{
	size_t bad;
	AUTO_FREE char *got = flatten(ALIAS_FORM_ALIASES, span_of("no colon here\nok: x\n: y\n"),
	                              &bad);

	(void)state;
	assert_string_equal(got, "ok>x;");
	assert_int_equal(bad, 2);
}

static void a_line_without_end_is_cut_and_counted(void **state)
{
	AUTO_BUF struct buf text = { 0 };
	size_t bad;

	(void)state;
	buf_add_text(&text, "a: b\nlong: ");
	memset(buf_room(&text, ALIAS_LINE_MAX + 10), 'x', ALIAS_LINE_MAX + 10);
	buf_grown(&text, ALIAS_LINE_MAX + 10);
	buf_add_text(&text, "\nc: d\n");
	AUTO_FREE char *got = flatten(ALIAS_FORM_ALIASES, buf_span(&text), &bad);
	assert_string_equal(got, "a>b;c>d;");
	assert_true(bad > 0);
}

static void targets_are_told_apart(void **state)
{
	static const struct {
		const char *target;
		enum alias_target kind;
		const char *what;
	} rows[] = {
		{ "alice", ALIAS_TARGET_ADDRESS, "alice" },
		{ "/var/log/copy", ALIAS_TARGET_FILE, "/var/log/copy" },
		{ "| /bin/x -y", ALIAS_TARGET_PIPE, "/bin/x -y" },
		{ ":Include:/etc/list", ALIAS_TARGET_INCLUDE, "/etc/list" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct span what;

		assert_int_equal(alias_target_of(span_of(rows[i].target), &what), rows[i].kind);
		assert_true(span_is(what, rows[i].what));
	}
}

static void the_program_of_a_command_is_its_first_path(void **state)
{
	static const struct {
		const char *command, *program;
	} rows[] = {
		{ "/usr/local/bin/intake -q x", "/usr/local/bin/intake" },
		{ "\"/usr/bin/vacation\" bob", "/usr/bin/vacation" },
		{ "IFS=' ' && exec /usr/bin/procmail -f- || exit 75", "/usr/bin/procmail" },
		{ "exec /x/y", "/x/y" },
		{ "procmail", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_true(span_is(alias_program(span_of(rows[i].command)), rows[i].program));
}

/* A file that is cut off anywhere is read without harm, and never gives a name that was not there. */
static void a_table_cut_at_every_octet_is_read(void **state)
{
	static const char text[] =
		"root: alice\nteam: a,\n  \"|/bin/p \\\" x\", :include:/l\n\"q:\": z\n";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		AUTO_FREE char *copy = xmalloc(n + 1);

		memcpy(copy, text, n);
		free(flatten(ALIAS_FORM_ALIASES, (struct span){ copy, n }, NULL));
		free(flatten(ALIAS_FORM_TABLE, (struct span){ copy, n }, NULL));
		free(flatten(ALIAS_FORM_LIST, (struct span){ copy, n }, NULL));
	}
}

UNIT_TESTS("accounts/aliases", cmocka_unit_test(tables_are_read_as_their_manuals_say),
           cmocka_unit_test(lines_that_are_no_entries_are_counted),
           cmocka_unit_test(a_line_without_end_is_cut_and_counted),
           cmocka_unit_test(targets_are_told_apart),
           cmocka_unit_test(the_program_of_a_command_is_its_first_path),
           cmocka_unit_test(a_table_cut_at_every_octet_is_read));
