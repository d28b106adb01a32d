/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/recipients.h"
#include "smtp/address.h"
#include "unit/unit.h"

#include <string.h>

static const char list[] = "# what the old server takes\n"
			   "domain example.org\n"
			   "domain Example.NET. incomplete\r\n"
			   "\n"
			   "  Alice@example.org\n"
			   "bob@example.net\n"
			   "\"john doe\"@example.org\n"
			   "@catch.example.com\n"
			   "delimiter +-\n"
			   "-odd@example.org\n"
			   "unknown 550 5.1.1 No such mailbox here\n";

static enum gate_verdict ask(const struct gate_recipients *r, const char *text)
{
	struct smtp_address a;
	AUTO_BUF struct buf path = { 0 };
	struct span rest;

	buf_addf(&path, "<%s>", text);
	rest = buf_span(&path);
	assert_int_equal(smtp_path_parse(&rest, &a), SMTP_ADDRESS_GOOD);
	return gate_recipients_ask(r, &a);
}

static void who_is_listed_is_taken_and_nobody_else(void **state)
{
	AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
	struct error err = { 0 };
	static const struct {
		const char *address;
		enum gate_verdict verdict;
	} cases[] = {
		{ "alice@example.org", GATE_TAKEN },
		{ "ALICE@EXAMPLE.ORG", GATE_TAKEN },
		{ "alice@example.org.", GATE_TAKEN },
		{ "alice+news@example.org", GATE_TAKEN },
		{ "alice-news+x@example.org", GATE_TAKEN },
		{ "+alice@example.org", GATE_UNKNOWN },
		{ "-odd@example.org", GATE_TAKEN },
		{ "\"alice\"@example.org", GATE_TAKEN },
		{ "\"john doe\"@example.org", GATE_TAKEN },
		{ "alice@example.net", GATE_UNSURE },
		{ "bob@example.net", GATE_TAKEN },
		{ "bob@example.org", GATE_UNKNOWN },
		{ "anybody@catch.example.com", GATE_TAKEN },
		{ "anybody@example.com", GATE_FOREIGN },
		{ "anybody@sub.example.org", GATE_FOREIGN },
		{ "alice%example.com@example.org", GATE_UNKNOWN },
		{ "\"x@example.com\"@example.org", GATE_UNKNOWN },
		{ "\"alice@example.org\"@example.com", GATE_FOREIGN },
		{ "alice@[192.0.2.1]", GATE_FOREIGN },
		{ "postmaster", GATE_TAKEN },
		{ "PostMaster@example.org", GATE_TAKEN },
		{ "postmaster@example.com", GATE_FOREIGN },
		{ "alice", GATE_FOREIGN },
	};

	(void)state;
	assert_good(gate_recipients_add(r, "list", SPAN(list), &err), &err);
	for (size_t i = 0; i < ROWS(cases); i++)
		if (ask(r, cases[i].address) != cases[i].verdict)
			fail_msg("%s: %d", cases[i].address, ask(r, cases[i].address));
	assert_int_equal(gate_recipients_unknown(r)->code, 550);
	assert_string_equal(gate_recipients_unknown(r)->enhanced, "5.1.1");
	assert_string_equal(gate_recipients_unknown(r)->text, "No such mailbox here");
	assert_int_equal(gate_recipients_size(r).addresses, 4);
	assert_int_equal(gate_recipients_size(r).domains, 3);
}

/* For weeks: by the links that members have in their mailboxes, and by VERP. */
static void what_comes_to_lists_later_is_taken(void **state)
{
	AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
	struct error err = { 0 };

	(void)state;
	assert_good(gate_recipients_add(r, "list",
	                                SPAN("domain example.org\ndelimiter +\n"
	                                     "talk-confirm@example.org\n"
	                                     "talk-bounces@example.org\n"),
	                                &err),
	            &err);
	assert_int_equal(
		ask(r, "talk-confirm+0123456789abcdef0123456789abcdef01234567@example.org"),
		GATE_TAKEN);
	assert_int_equal(ask(r, "talk-bounces+bob=sub.example.net@example.org"), GATE_TAKEN);
	assert_int_equal(ask(r, "talks-bounces+bob=sub.example.net@example.org"), GATE_UNKNOWN);
}

static void a_domain_of_the_command_line_is_whole_only_without_a_list(void **state)
{
	AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
	struct error err = { 0 };

	(void)state;
	assert_good(gate_recipients_add(r, "list", SPAN(list), &err), &err);
	assert_good(gate_recipients_add_domain(r, "example.org", false, &err), &err);
	assert_good(gate_recipients_add_domain(r, "other.example", false, &err), &err);
	assert_good(gate_recipients_add_domain(r, "whole.example", true, &err), &err);
	assert_int_equal(ask(r, "nobody@example.org"), GATE_UNKNOWN);
	assert_int_equal(ask(r, "nobody@other.example"), GATE_UNSURE);
	assert_int_equal(ask(r, "nobody@whole.example"), GATE_TAKEN);
	assert_good(gate_recipients_add(r, "list", SPAN("one@alone.example\n"), &err), &err);
	assert_int_equal(ask(r, "one@alone.example"), GATE_TAKEN);
	assert_int_equal(ask(r, "two@alone.example"), GATE_UNSURE);
	assert_fails(gate_recipients_add_domain(r, "a@b", true, &err), &err, "no domain");
}

static void a_table_of_many_finds_each(void **state)
{
	AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
	AUTO_BUF struct buf lines = { 0 };
	struct error err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		buf_addf(&lines, "user%u@d%u.example.org\n", i, i % 7);
	for (unsigned i = 0; i < 7; i++)
		buf_addf(&lines, "domain d%u.example.org\n", i);
	assert_good(gate_recipients_add(r, "list", buf_span(&lines), &err), &err);
	for (unsigned i = 0; i < 20000; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "user%u@d%u.example.org", i, i % 7);
		assert_int_equal(ask(r, text), GATE_TAKEN);
		(void)snprintf(text, sizeof text, "user%u@d%u.example.org", i, (i + 1) % 7);
		assert_int_equal(ask(r, text), GATE_UNKNOWN);
	}
}

static void what_is_no_line_of_a_list_is_told_with_its_number(void **state)
{
	static const struct {
		const char *lines, *words;
	} wrong[] = {
		{ "a@example.org\nnonsense\n", "list:2: no address" },
		{ "domain\n", "list:1: which domain" },
		{ "domain example.org complete\n", "\"incomplete\"" },
		{ "unknown 250 Ok\n", "from 400 to 599" },
		{ "unknown 550\n", "wants a text" },
		{ "delimiter\n", "wants up to 15" },
		{ "a b@example.org\n", "no address" },
		{ "@\n", "no domain" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(wrong); i++) {
		AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
		struct error err = { 0 };

		assert_fails(gate_recipients_add(r, "list", span_of(wrong[i].lines), &err), &err,
		             wrong[i].words);
	}
}

UNIT_TESTS("gate/recipients", cmocka_unit_test(who_is_listed_is_taken_and_nobody_else),
           cmocka_unit_test(what_comes_to_lists_later_is_taken),
           cmocka_unit_test(a_domain_of_the_command_line_is_whole_only_without_a_list),
           cmocka_unit_test(a_table_of_many_finds_each),
           cmocka_unit_test(what_is_no_line_of_a_list_is_told_with_its_number));
