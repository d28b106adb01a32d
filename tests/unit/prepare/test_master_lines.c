/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "prepare/master_lines.h"

#include <string.h>

/* The only line of a text. */
static struct master_line *only(struct master_lines *l, const char *text, const char *chroot)
{
	assert_int_equal(master_lines_parse(span_of(text), chroot, l), 0);
	assert_int_equal(l->n, 1);
	return &l->rows[0];
}

static void a_line_is_the_same_whatever_its_blanks(void **state)
{
	AUTO_MASTER_LINES struct master_lines a = { 0 }, b = { 0 }, c = { 0 };
	struct master_line *x = only(
		&a, "smtp       inet  n       -       n       -       -       smtpd", "n");
	struct master_line *y = only(&b, "smtp inet n - - - - smtpd\n", "n");
	struct master_line *z = only(&c, "smtp inet n - - - - smtpd\n", "y");

	(void)state;
	assert_true(master_line_same(x, y));
	assert_false(master_line_same(x, z)); /* the default of "-" goes by the level */
}

static void options_reach_the_new_host_as_they_are(void **state)
{
	AUTO_MASTER_LINES struct master_lines l = { 0 };
	struct master_line *x = only(&l,
	                             "submission inet n - y 60? 1 smtpd -o "
	                             "{ smtpd_relay_restrictions = permit_mynetworks,  reject }",
	                             "n");
	AUTO_FREE char *edit = master_line_edit(x), *program = master_line_program(x);

	(void)state;
	assert_true(master_line_good(x));
	assert_string_equal(program, "smtpd");
	assert_string_equal(edit, "submission/inet=submission inet n - y 60? 1 smtpd -o { "
	                          "smtpd_relay_restrictions = permit_mynetworks,  reject }");
}

static void what_a_hostile_host_calls_a_service_is_refused(void **state)
{
	static const char *const bad[] = {
		"evil unix - n n - - ../../../../srv/evil",
		"evil unix - n n - - /srv/evil",
		"-e unix - n n - - smtpd",
		"a=b unix - n n - - smtpd",
		"../../srv/x unix - n n - - smtpd",
		"evil shell - n n - - smtpd",
		"evil unix - $(x) n - - smtpd",
		"evil unix - n n - - smtpd\001",
		"evil unix - n n - - .hidden",
	};
	static const char *const fine[] = {
		"127.0.0.1:10025 inet n - n - - smtpd",
		"[2001:db8::10]:smtp inet n - n - - smtpd",
		"scalemail-backend unix - n n - 2 pipe flags=R argv=/usr/lib/x ${nexthop}",
		"postlog unix-dgram n - n - 1 postlogd",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		AUTO_MASTER_LINES struct master_lines l = { 0 };

		if (master_line_good(only(&l, bad[i], "n")))
			fail_msg("%s", bad[i]);
	}
	for (size_t i = 0; i < ROWS(fine); i++) {
		AUTO_MASTER_LINES struct master_lines l = { 0 };

		if (!master_line_good(only(&l, fine[i], "n")))
			fail_msg("%s", fine[i]);
	}
}

static void addresses_of_the_old_machine_are_left_out_and_others_stay(void **state)
{
	static const struct {
		const char *text, *edit;
		bool changed;
	} rows[] = {
		{ "203.0.113.10:smtp inet n - n - - smtpd", "smtp/inet=smtp inet n - n - - smtpd",
		  true },
		{ "[2001:db8::10]:25 inet n - n - - smtpd", "25/inet=25 inet n - n - - smtpd",
		  true },
		{ "127.0.0.1:10025 inet n - n - - smtpd",
		  "127.0.0.1:10025/inet=127.0.0.1:10025 inet n - n - - smtpd", false },
		{ "203.0.113.100:smtp inet n - n - - smtpd",
		  "203.0.113.100:smtp/inet=203.0.113.100:smtp inet n - n - - smtpd", false },
		{ "slow unix - - n - - smtp -o smtp_bind_address=203.0.113.10 -o x=y",
		  "slow/unix=slow unix - - n - - smtp  -o x=y", true },
		{ "slow unix - - n - - smtp -o x=y -o smtp_bind_address6=2001:db8::10",
		  "slow/unix=slow unix - - n - - smtp -o x=y", true },
		{ "slow unix - - n - - smtp -o smtp_bind_address=192.0.2.1",
		  "slow/unix=slow unix - - n - - smtp -o smtp_bind_address=192.0.2.1", false },
	};
	AUTO_STRINGS struct strings addresses = { 0 };

	(void)state;
	strings_add(&addresses, "203.0.113.10");
	strings_add(&addresses, "2001:db8::10");
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_MASTER_LINES struct master_lines l = { 0 };
		struct master_line *x = only(&l, rows[i].text, "n");

		assert_int_equal(master_line_without_addresses(x, &addresses), rows[i].changed);
		AUTO_FREE char *edit = master_line_edit(x);
		assert_string_equal(edit, rows[i].edit);
	}
}

static void lines_that_are_none_are_counted(void **state)
{
	AUTO_MASTER_LINES struct master_lines l = { 0 };

	(void)state;
	assert_int_equal(
		master_lines_parse(SPAN("# comment\n\nsmtp inet n - n -\nx unix - - - - - \n"
	                                "pickup unix n - y 60 1 pickup\n"),
	                           "n", &l),
		2);
	assert_int_equal(l.n, 1);
	assert_non_null(master_line_find(&l, "pickup", "unix"));
	assert_null(master_line_find(&l, "pickup", "fifo"));
}

UNIT_TESTS("prepare/master_lines", cmocka_unit_test(a_line_is_the_same_whatever_its_blanks),
           cmocka_unit_test(options_reach_the_new_host_as_they_are),
           cmocka_unit_test(what_a_hostile_host_calls_a_service_is_refused),
           cmocka_unit_test(addresses_of_the_old_machine_are_left_out_and_others_stay),
           cmocka_unit_test(lines_that_are_none_are_counted));
