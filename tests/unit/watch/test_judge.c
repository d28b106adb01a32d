/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"
#include "watch/watch.h"

#include <stdlib.h>
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

/* Of a past whose columns stand on the stack. */
static void forget_since(struct watch_past *past)
{
	for (size_t i = 0; i < past->since_n; i++)
		free(past->since[i].server);
	free(past->since);
}
#define SEEN __attribute__((cleanup(forget_since)))

/* "n" new, "o" old with TTL 20 and MX TTL 300, "x" mixed, "-" silent, "w" no way, "?" unclear,
 * "t" other, "c" closed, "." unasked; row after row. */
static struct watch_table table(struct watch_sight sights[6], const char *letters)
{
	static const char known[WATCH_LOOKS + 1] = ".-w?tcoxn";

	for (size_t i = 0; i < 6; i++) {
		enum watch_look look = (enum watch_look)(strchr(known, letters[i]) - known);

		sights[i] = (struct watch_sight){ .look = look };
		if (look >= WATCH_CLOSED) {
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
	char *closed_rows[] = { (char[]){ "203.0.113.30" } };
	const struct watch_plan plan = { .old_addresses = { .rows = old_rows, .n = 2 },
		                         .new_addresses = { .rows = new_rows, .n = 2 },
		                         .closed_addresses = { .rows = closed_rows, .n = 1 } };
	const struct watch_plan stays = { .old_addresses = plan.new_addresses,
		                          .new_addresses = plan.new_addresses };
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
		{ "203.0.113.30 198.51.100.7", WATCH_CLOSED },
		{ "203.0.113.30 2001:db8::10", WATCH_MIXED },
		{ "203.0.113.30 2001:db8::20", WATCH_MIXED },
		{ "", WATCH_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		AUTO_STRINGS struct strings a = { 0 };
		struct span rest = span_of(cases[i].addresses), word;

		while (span_next_word(&rest, &word))
			strings_add_span(&a, word);
		assert_int_equal(watch_classify(&a, &plan), cases[i].look);
		/* an address that stays is a new one */
		assert_int_equal(watch_classify(&stays.new_addresses, &stays), WATCH_NEW);
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
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
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

static void a_server_may_have_said_old_until_the_look_at_which_it_says_new(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "oooo..");

	(void)state;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 20000);
	t = table(sights, "nn--..");
	t.at_ms = AT + 3000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 23000);
	t = table(sights, "nnnn.."); /* what the second said while it was silent, nobody knows */
	t.at_ms = AT + 7000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 27000);
	t = table(sights, "--nn.."); /* silence of one that said new is no reason to wait */
	t.at_ms = AT + 8000;
	watch_remember(&past, &t);
	t = table(sights, "nnnn..");
	t.at_ms = AT + 9000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 27000);
}

static void the_mx_counts_only_when_the_mx_has_changed(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
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

static void closed_is_neither_old_nor_new_until_the_second_step(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_column both[] = { columns[0], columns[1] };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "oooooo");

	(void)state;
	both[0].closed = both[1].closed = true;
	watch_remember(&past, &t);
	t = table(sights, "ccoccc"); /* one server is behind */
	t.columns = both;
	t.at_ms = AT + 1000;
	watch_remember(&past, &t);
	assert_false(watch_judge(&t, &past, AT + 90000).away);
	t = table(sights, "cccc--"); /* who is silent counts until the old answers have run out */
	t.columns = both;
	t.at_ms = AT + 2000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 22000);
	assert_false(watch_judge(&t, &past, AT + 21999).away);
	assert_true(watch_judge(&t, &past, AT + 22000).away);
	assert_false(watch_judge(&t, &past, AT + 22000).agree);
	t.at_ms = AT + 30000;
	watch_remember(&past, &t); /* closed is no old answer: nothing is waited for anew */
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 22000);

	/* the second step: what a cache holds of the closed address keeps senders away */
	t = table(sights, "nncccc");
	t.columns = both;
	t.at_ms = AT + 40000;
	watch_remember(&past, &t);
	assert_false(watch_judge(&t, &past, AT + 40000).away);
	t = table(sights, "nnnnnn");
	t.columns = both;
	t.at_ms = AT + 41000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 61000);
	assert_false(watch_judge(&t, &past, AT + 60999).done);
	assert_true(watch_judge(&t, &past, AT + 61000).done);

	/* gone back, and away again: another second step is to come */
	t = table(sights, "oooooo");
	t.at_ms = AT + 100000;
	watch_remember(&past, &t);
	t = table(sights, "cccccc");
	t.columns = both;
	t.at_ms = AT + 101000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 121000);
	assert_true(watch_judge(&t, &past, AT + 121000).away);
}

static void a_switch_before_the_first_look_is_counted_from_that_look(void **state)
{
	struct watch_plan plan = { .switched_ms = AT - 5000, .old_ttl_s = 600 };
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "nnnnnn");

	(void)state;
	strings_add(&names, "example.org");
	strings_add(&names, "example.net");
	plan.domains = names;
	watch_past_init(&past, &plan);
	watch_remember(&past, &t);
	/* when the secondary followed, nobody has seen: at the latest now */
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 600000);
	t.at_ms = AT + 60000;
	watch_remember(&past, &t);
	assert_true(watch_judge(&t, &past, AT).old_until_ms == AT + 600000);
}

static void so_is_the_first_of_two_steps(void **state)
{
	struct watch_plan plan = { .switched_ms = AT - 5000, .old_ttl_s = 600 };
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	struct watch_column both[] = { columns[0], columns[1] };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "cccccc");

	(void)state;
	both[0].closed = both[1].closed = true;
	t.columns = both;
	strings_add(&names, "example.org");
	strings_add(&names, "example.net");
	plan.domains = names;
	watch_past_init(&past, &plan);
	watch_remember(&past, &t);
	assert_false(watch_judge(&t, &past, AT + 599999).away);
	assert_true(watch_judge(&t, &past, AT + 600000).away);

	/* the closed address has 20 s: so long it matters from the second step on, and the old one no more */
	t = table(sights, "nnnnnn");
	t.columns = both;
	t.at_ms = AT + 600000;
	watch_remember(&past, &t);
	assert_false(watch_judge(&t, &past, AT + 619999).done);
	assert_true(watch_judge(&t, &past, AT + 620000).done);
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
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "nn-.oo");
	struct watch_round round = { .now = &t, .past = &past };
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	watch_remember(&past, &t);
	round.verdict = watch_judge(&t, &past, AT);
	watch_add_matrix(&out, &round, 0);
	assert_string_equal(buf_text(&out),
	                    "server                     example.org         mail.example.org\n"
	                    "ns1.example.org 192.0.2.1  NEW 00:00:00        NEW 00:00:00\n"
	                    "ns2.example.org 192.0.2.2  no answer 00:00:00  .\n"
	                    "resolver 192.0.2.9#5353    old 20 s 00:00:00   old 20 s 00:00:00\n"
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
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
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

static void a_server_is_known_by_since_when_and_a_cache_by_how_long(void **state)
{
	struct watch_past_column past_columns[2] = { 0 };
	SEEN struct watch_past past = { .columns = past_columns, .n = 2 };
	struct watch_sight sights[6];
	struct watch_table t = table(sights, "oooooo");
	const struct watch_since *cache;

	(void)state;
	watch_remember(&past, &t);
	t = table(sights, "nnnnoo");
	t.at_ms = AT + 5000;
	watch_remember(&past, &t);
	assert_int_equal(watch_since_of(&past, &rows[0], 1)->since_ms, AT + 5000);
	cache = watch_since_of(&past, &rows[2], 1);
	assert_int_equal(cache->since_ms, AT);
	/* it may have asked right before that look */
	assert_int_equal(cache->stretched_ms, 0);
	assert_int_equal(watch_worst_ms(&past, 1), AT + 5000 + WATCH_STRETCH_S * 1000);
	t.at_ms = AT + 27000;
	watch_remember(&past, &t);
	assert_int_equal(watch_since_of(&past, &rows[2], 1)->stretched_ms, 0);
	t.at_ms = AT + 27001;
	watch_remember(&past, &t);
	assert_int_equal(watch_since_of(&past, &rows[2], 1)->stretched_ms, AT + 27001);
	assert_int_equal(watch_since_of(&past, &rows[2], 1)->since_ms, AT);
}

static void stragglers_are_known_by_their_names_and_by_whose_mail_they_bring(void **state)
{
	static const char log[] =
		/* the gate's: what a client says is quoted, and is its own to choose */
		"2026-01-01T00:10:00.000Z taken id=0006b session=1 client=[192.0.2.7]:1 "
		"from=<a@Example.com> to=<b@example.org> size=26\n"
		"2026-01-01T00:10:01.000Z client=[192.0.2.7]:1 port=25 end=quit "
		"said=\"EHLO MX.example.com\" session=1 messages=1\n"
		"2026-01-01T00:11:00.000Z relayed session=2 client=[192.0.2.7]:2 from=<> size=2 "
		"answer=\"250 ok\"\n"
		"2026-01-01T00:11:01.000Z client=[192.0.2.8]:2 port=25 end=talked "
		"said=\"HELO a b\\x1b\xff\" session=2 messages=0\n"
		/* Postfix's */
		"2026-01-01T01:00:00+00:00 mail postfix/smtpd[7]: connect from "
		"unknown[2001:db8::7]\n"
		"2026-01-01T01:00:01+00:00 mail postfix/smtpd[7]: 4F2A: "
		"client=unknown[2001:db8::7]\n"
		"2026-01-01T01:00:02+00:00 mail postfix/qmgr[8]: 4F2A: from=<x@example.net>, "
		"size=1, nrcpt=1 (queue active)\n"
		"2026-01-01T01:05:02+00:00 mail postfix/qmgr[8]: 4F2A: from=<x@example.net>, "
		"size=1, nrcpt=1 (queue active)\n"
		"2026-01-01T01:06:00+00:00 mail postfix/smtpd[7]: NOQUEUE: reject: RCPT from "
		"mx.example.net[198.51.100.9]: 554 5.7.1 <q@example.org>: Relay access denied; "
		"from=<y@sub.example.net> to=<q@example.org> proto=ESMTP helo=<he.example.net>\n"
		"2026-01-01T01:06:01+00:00 mail postfix/qmgr[8]: 5555: from=<root@example.org>, "
		"size=1, nrcpt=1 (queue active)\n"
		"2026-01-01T01:06:02+00:00 mail postfix/smtpd[7]: connect from x[nowhere]\n";
	struct watch_stragglers s = { 0 }, again = { 0 };
	AUTO_BUF struct buf out = { 0 };
	json_t *kept;

	(void)state;
	assert_int_equal(watch_stragglers_add(&s, span_of(log), AT, AT + 7000000), strlen(log));
	kept = watch_stragglers_json(&s);
	assert_non_null(kept);
	watch_stragglers_read_json(&again, kept);
	json_decref(kept);
	assert_int_equal(again.all, 3);
	watch_stragglers_add_table(&out, &again);
	assert_string_equal(
		buf_text(&out),
		"came to the old address:\n"
		"  192.0.2.7 mx.example.com: 1, the last at 2026-01-01T00:11:00Z; mail of <>, "
		"example.com\n"
		"  192.0.2.8 a: 1, the last at 2026-01-01T00:11:01Z\n"
		"  2001:db8::7: 1, the last at 2026-01-01T01:00:02Z; mail of example.net\n"
		"  198.51.100.9 he.example.net: 0, the last at 2026-01-01T01:06:00Z; mail of "
		"sub.example.net\n"
		"  by hour: 2026-01-01T00Z 2 2026-01-01T01Z 1\n");
	assert_int_equal(again.senders_n, 4);
	assert_string_equal(again.senders[2].domain, "example.net");
	assert_int_equal(again.senders[2].n, 1);
	watch_stragglers_fini(&s);
	watch_stragglers_fini(&again);
}

static void stragglers_are_counted_by_hour_and_client(void **state)
{
	static const char log[] =
		"2026-01-01T00:10:00.000Z client=[192.0.2.7]:1 port=25 end=quit said=\"\"\n"
		"2025-12-31T23:59:59.000Z client=[192.0.2.7]:2 port=25 end=quit said=\"\"\n"
		"2026-01-01T00:20:00.000Z ready mode=relay why=\"client=[192.0.2.99]\"\n"
		"2026-01-01T01:00:00+00:00 mail postfix/smtpd[7]: connect from "
		"mx.example.com[2001:db8::7]\n"
		"2026-01-01T01:01:00+00:00 mail postfix/smtpd[7]: disconnect from "
		"mx.example.com[2001:db8::7]\n"
		"no time client=[192.0.2.8]:1\n"
		"2026-01-01T01:30:00.000Z client=[192.0.2.7]:3 port=25 end=quit said=\"\"\n"
		"2026-01-01T01:40:00.000Z client=[127.0.0.1]:3 port=25 end=quit said=\"\"\n"
		"2026-01-01T01:50:00.000Z client=[192.0.2.9";
	struct watch_stragglers s = { 0 }, again = { 0 };
	size_t taken = watch_stragglers_add(&s, span_of(log), AT, AT + 7000000);
	json_t *kept;

	(void)state;
	assert_int_equal(taken, strlen(log) - strlen("2026-01-01T01:50:00.000Z client=[192.0.2.9"));
	kept = watch_stragglers_json(&s);
	watch_stragglers_read_json(&again, kept);
	json_decref(kept);
	assert_int_equal(again.all, 3);
	assert_int_equal(again.n, 2);
	assert_string_equal(again.rows[0].client, "192.0.2.7");
	assert_int_equal(again.rows[0].n, 2);
	assert_string_equal(again.rows[1].client, "2001:db8::7");
	assert_int_equal(again.hours_n, 2);
	assert_int_equal(again.hours[0].at_ms, AT);
	assert_int_equal(again.hours[1].n, 2);
	assert_int_equal(again.last_ms, AT + 5400000);
	watch_stragglers_fini(&s);
	watch_stragglers_fini(&again);
}

UNIT_TESTS("watch/judge", cmocka_unit_test(only_known_addresses_decide),
           cmocka_unit_test(agreement_wants_everybody_who_counts),
           cmocka_unit_test(an_old_answer_lives_for_its_ttl_after_it_was_last_seen),
           cmocka_unit_test(a_server_may_have_said_old_until_the_look_at_which_it_says_new),
           cmocka_unit_test(the_mx_counts_only_when_the_mx_has_changed),
           cmocka_unit_test(so_is_the_first_of_two_steps),
           cmocka_unit_test(closed_is_neither_old_nor_new_until_the_second_step),
           cmocka_unit_test(a_switch_before_the_first_look_is_counted_from_that_look),
           cmocka_unit_test(stragglers_are_known_by_their_names_and_by_whose_mail_they_bring),
           cmocka_unit_test(what_the_move_recorded_holds_when_nothing_old_was_seen),
           cmocka_unit_test(the_matrix_has_a_row_for_each_server),
           cmocka_unit_test(a_server_is_known_by_since_when_and_a_cache_by_how_long),
           cmocka_unit_test(stragglers_are_counted_by_hour_and_client),
           cmocka_unit_test(a_pipe_gets_what_has_changed));
