/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"
#include "watch/watch.h"

#include <string.h>

/* Two authoritative servers and a resolver; a domain and a host. */
static struct watch_row rows[] = {
	{ .name = (char[]){ "ns1.example.org" }, .address = (char[]){ "192.0.2.1" }, .port = 53 },
	{ .name = (char[]){ "ns2.example.org" }, .address = (char[]){ "192.0.2.2" }, .port = 53 },
	{ .name = (char[]){ "resolver" },
	  .address = (char[]){ "192.0.2.9" },
	  .port = 5353,
	  .resolver = true },
};
static struct watch_column columns[] = {
	{ .name = (char[]){ "example.org" }, .mail = true },
	{ .name = (char[]){ "mail.example.org" } },
};

#define AT 1767225600000 /* milliseconds */

/* "n" new, "o" old with TTL 20 and MX TTL 300, "x" mixed, "-" silent, "w" no way, "?" unclear,
 * "t" other, "." unasked; row after row. */
static struct watch_table table(struct watch_sight sights[6], const char *letters)
{
	static const char known[WATCH_LOOKS + 1] = ".-w?toxn";

	for (size_t i = 0; i < 6; i++) {
		enum watch_look look = (enum watch_look)(strchr(known, letters[i]) - known);

		sights[i] = (struct watch_sight){ .look = look };
		if (look >= WATCH_OLD) {
			sights[i].address_ttl = 20;
			sights[i].mail_ttl = i % 2 ? 0 : 300;
			sights[i].mail_hosts = 77;
		}
	}
	return (struct watch_table){ .rows = rows,
		                     .columns = columns,
		                     .rows_n = 3,
		                     .columns_n = 2,
		                     .sights = sights,
		                     .at_ms = AT };
}

static void only_known_addresses_decide(void **state)
{
	char *old_rows[] = { (char[]){ "203.0.113.10" }, (char[]){ "2001:db8::10" } };
	char *new_rows[] = { (char[]){ "203.0.113.20" }, (char[]){ "2001:db8::20" } };
	const struct strings old = { .rows = old_rows, .n = 2 }, new = { .rows = new_rows, .n = 2 };
	static const struct {
		const char *addresses;
		enum watch_look look;
	} cases[] = {
		{ "203.0.113.10", WATCH_OLD },
		{ "203.0.113.20 2001:db8::20", WATCH_NEW },
		{ "203.0.113.20 2001:db8::10", WATCH_MIXED }, /* the AAAA that was left behind */
		{ "198.51.100.7 203.0.113.10", WATCH_OLD },   /* a backup MX elsewhere */
		{ "198.51.100.7 203.0.113.20", WATCH_NEW },
		{ "198.51.100.7", WATCH_OTHER },
		{ "", WATCH_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		AUTO_STRINGS struct strings a = { 0 };
		struct span rest = span_of(cases[i].addresses), word;

		while (span_next_word(&rest, &word))
			strings_add_span(&a, word);
		assert_int_equal(watch_classify(&a, &old, &new), cases[i].look);
		/* an address that stays is a new one */
		assert_int_equal(watch_classify(&new, &new, &new), WATCH_NEW);
	}
}

static void agreement_wants_everybody_who_counts(void **state)
{
	static const struct {
		const char *sights;
		bool agree_before, agree_after; /* before and after old answers ran out */
	} cases[] = {
		{ "nnnnnn", true, true },
		{ "nnonnn", false, false },
		{ "nnnnno", false, false },
		{ "nnnnnx", false, false },
		{ "nnnnnt", false, false },
		{ "nn--nn", false, false }, /* a secondary that may come back with an old zone */
		{ "nnnn--", false, true },  /* a resolver can hold nothing old any longer */
		{ "nnnn??", false, true },
		{ "nnwwnn", true, true },
		{ "nn..nn", true, true },
		{ "wwwwnn", false, false }, /* the resolver alone is no proof */
		{ "n.n.nn", false, false }, /* nobody speaks for the second name */
		{ "......", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		struct watch_past_column past_columns[2] = { { .address_until = AT + 5000 } };
		struct watch_past past = { .columns = past_columns, .n = 2 };
		struct watch_sight sights[6];
		struct watch_table t = table(sights, cases[i].sights);
		struct watch_verdict v = watch_judge(&t, &past, AT + 4999);

		if (v.agree != cases[i].agree_before)
			fail_msg("%s before", cases[i].sights);
		assert_false(v.done);
		assert_true(v.old_until_ms == AT + 5000);
		v = watch_judge(&t, &past, AT + 5000);
		if (v.agree != cases[i].agree_after || v.done != v.agree)
			fail_msg("%s after", cases[i].sights);
	}
}

static void an_old_answer_lives_for_its_ttl_after_it_was_last_seen(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "oooooo");

	(void)state;
	t.sights[5].address_ttl = 35; /* a resolver that keeps it for longer than it was told */
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 35000);
	assert_int_equal(watch_seconds_left(&past, &t, 2, 1), 35);
	assert_int_equal(watch_seconds_left(&past, &t, 2, 0), 20);

	t = table(sights, "nnnnoo");
	t.at_ms = AT + 10000;
	t.sights[4].address_ttl = t.sights[5].address_ttl = 10;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT + 10000).old_until_ms == AT + 35000);

	t = table(sights, "nnnnnn");
	assert_int_equal(watch_seconds_left(&past, &t, 2, 0), 0);
	t.at_ms = AT + 20000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT + 20000).agree);
	assert_false(watch_judge(&t, &past, AT + 20000).done);
	assert_true(watch_judge(&t, &past, AT + 35000).done);
}

static void the_mx_counts_only_when_the_mx_has_changed(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "o.o.o.");

	(void)state;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 20000);
	t = table(sights, "n.n.n.");
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 20000);
	for (size_t i = 0; i < 6; i++)
		sights[i].mail_hosts = 78;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 300000);
}

static void what_the_move_recorded_holds_when_nothing_old_was_seen(void **state)
{
	struct watch_plan plan = { .switched_ms = AT, .old_ttl_s = 600 };
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "nnnnnn");

	(void)state;
	watch_past_init(&past, &plan);
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 600000);
	assert_false(watch_judge(&t, &past, AT + 599999).done);
	assert_true(watch_judge(&t, &past, AT + 600000).done);
}

/* ── showing ─────────────────────────────────────────────────────────────────────────────────── */

static void the_matrix_has_a_row_for_each_server(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "nn-.oo");
	struct watch_round round = { .now = &t, .past = &past };
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	watch_remember(&past, &t);
	round.verdict = watch_judge(&t, &past, AT);
	watch_add_matrix(&out, &round, 0);
	assert_string_equal(buf_text(&out),
	                    "server                     example.org  mail.example.org\n"
	                    "ns1.example.org 192.0.2.1  NEW          NEW\n"
	                    "ns2.example.org 192.0.2.2  no answer    .\n"
	                    "resolver 192.0.2.9#5353    old 20 s     old 20 s\n"
	                    "2 of 5 answers are NEW, 1 no answer, 2 old; a cache may hold the old "
	                    "answer until 2026-01-01T00:00:20Z, 20.0 s more\n");
	buf_reset(&out);
	watch_add_matrix(&out, &round, 40); /* too narrow */
	assert_non_null(strstr(buf_text(&out), "ns1.example.org 192.0.2.1: 2 NEW\n"));
	assert_non_null(strstr(buf_text(&out), "resolver 192.0.2.9#5353: 2 old (example.org "
	                                       "mail.example.org)\n"));
}

static void a_pipe_gets_what_has_changed(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight before_sights[6], sights[6];
	struct watch_table before = table(before_sights, "nn-.oo"), t = table(sights, "nnn.on");
	struct watch_round round = { .now = &t, .before = &before, .past = &past };
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	watch_remember(&past, &t);
	round.verdict = watch_judge(&t, &past, AT);
	watch_add_lines(&out, &round);
	assert_string_equal(
		buf_text(&out),
		"2026-01-01T00:00:00.000Z ns2.example.org 192.0.2.2 example.org NEW\n"
		"2026-01-01T00:00:00.000Z resolver 192.0.2.9#5353 mail.example.org NEW\n"
		"2026-01-01T00:00:00.000Z 4 of 5 answers are NEW, 1 old; a cache may hold "
		"the old answer until 2026-01-01T00:00:20Z, 20.0 s more\n");
}

UNIT_TESTS("watch/judge", cmocka_unit_test(only_known_addresses_decide),
           cmocka_unit_test(agreement_wants_everybody_who_counts),
           cmocka_unit_test(an_old_answer_lives_for_its_ttl_after_it_was_last_seen),
           cmocka_unit_test(the_mx_counts_only_when_the_mx_has_changed),
           cmocka_unit_test(what_the_move_recorded_holds_when_nothing_old_was_seen),
           cmocka_unit_test(the_matrix_has_a_row_for_each_server),
           cmocka_unit_test(a_pipe_gets_what_has_changed));
