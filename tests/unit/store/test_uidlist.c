/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keywords.h"
#include "store/uidlist.h"
#include "unit/unit.h"

static void parse(const char *text, struct uidlist *out, struct strings *troubles)
{
	struct error err = { 0 };

	assert_good(uidlist_parse(span_of(text), "list", out, troubles, &err), &err);
}

static uint32_t uid_of(const struct uidlist *u, const char *base)
{
	const struct uidlist_row *row = uidlist_find(u, span_of(base));

	return row ? row->uid : 0;
}

static void version_3_gives_uids_and_the_folders_numbers(void **state)
{
	AUTO_UIDLIST struct uidlist u = { 0 };

	parse("3 V1173186633 N17 G3085f01b7f11094c501100008c4a11c1\n"
	      "1 :b.host\n2 W1024 P77 :a.host,S=1:2,S\n",
	      &u, NULL);
	assert_int_equal(u.uidvalidity, 1173186633);
	assert_int_equal(u.uidnext, 17);
	assert_string_equal(u.guid, "3085f01b7f11094c501100008c4a11c1");
	assert_int_equal(uid_of(&u, "b.host"), 1);
	assert_int_equal(uid_of(&u, "a.host,S=1"), 2);
	assert_int_equal(uid_of(&u, "c.host"), 0);
	assert_true(span_is(uidlist_find(&u, SPAN("a.host,S=1"))->fields, "W1024 P77"));
}

static void version_1_is_read_too(void **state)
{
	AUTO_UIDLIST struct uidlist u = { 0 };

	parse("1 11 3\n1 a.host\n2 b.host:2,S\n", &u, NULL);
	assert_int_equal(u.uidvalidity, 11);
	assert_int_equal(uid_of(&u, "b.host"), 2);
}

static void a_line_still_being_written_waits(void **state)
{
	AUTO_UIDLIST struct uidlist u = { 0 };

	parse("3 V11 N2\n1 :a.host\n2 :b.ho", &u, NULL);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.uidnext, 2);
}

static void bad_lines_are_named_and_stepped_over(void **state)
{
	AUTO_UIDLIST struct uidlist u = { 0 };
	AUTO_STRINGS struct strings troubles = { 0 };

	parse("3 V11 N2\nx :a\n0 :b\n4294967296 :c\n5 W1\n6 :\n\n7 :d\n", &u, &troubles);
	assert_int_equal(u.n, 1);
	assert_int_equal(uid_of(&u, "d"), 7);
	assert_int_equal(u.uidnext, 8);
	assert_int_equal(troubles.n, 6);
	assert_string_equal(troubles.rows[0], "list:2: no UID");
	assert_string_equal(troubles.rows[3], "list:5: no file name");
}

static void other_headers_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {
		"", "2 V1 N1\n", "3 N1\n", "3 Vx N1\n", "3\n", "3 V1 N1"
	};
	AUTO_UIDLIST struct uidlist u = { 0 };

	for (size_t i = 0; i < ROWS(bad); i++) {
		struct error err = { 0 };

		assert_fails(uidlist_parse(span_of(bad[i]), "list", &u, NULL, &err), &err,
		             "list:1:");
	}
}

static void of_two_uids_for_one_file_the_greater_counts(void **state)
{
	AUTO_UIDLIST struct uidlist u = { 0 };

	parse("3 V11 N9\n8 :a\n3 :a\n", &u, NULL);
	assert_int_equal(u.n, 1);
	assert_int_equal(uid_of(&u, "a"), 8);
}

static bool has_b(void *context, struct span base)
{
	return span_is(base, "b");
}

static void a_filtered_list_never_gives_a_uid_twice(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	uidlist_filter(SPAN("3 V11 N1 Gabc\n2 :a\n3 W5 :b\n9 :c\n12 :half"), has_b, NULL, &out);
	assert_string_equal(buf_text(&out), "3 V11 N10 Gabc\n3 W5 :b\n");
}

static void lists_agree_when_new_knows_all_that_old_does(void **state)
{
	AUTO_UIDLIST struct uidlist old = { 0 }, same = { 0 }, other = { 0 };

	parse("3 V11 N4 G3085f01b7f11094c501100008c4a11c1\n1 :a\n3 P7 :b\n", &old, NULL);
	parse("3 V11 N9 G3085f01b7f11094c501100008c4a11c1\n1 W2 :a\n3 P7 :b\n8 :x\n", &same, NULL);
	assert_true(uidlist_agrees(&old, &same));
	parse("3 V11 N9 G3085f01b7f11094c501100008c4a11c1\n1 :a\n3 :b\n", &other, NULL);
	assert_false(uidlist_agrees(&old, &other)); /* the POP3 UIDL is gone */
	parse("3 V11 N3 G3085f01b7f11094c501100008c4a11c1\n1 :a\n2 P7 :b\n", &other, NULL);
	assert_false(uidlist_agrees(&old, &other));
	parse("3 V12 N9 G3085f01b7f11094c501100008c4a11c1\n1 :a\n3 P7 :b\n", &other, NULL);
	assert_false(uidlist_agrees(&old, &other));
}

static void keywords_beyond_z_have_no_letter(void **state)
{
	AUTO_STRINGS struct strings troubles = { 0 };
	struct mail_keywords k = { 0 };

	keywords_parse(SPAN("0 $Forwarded\n25 last\n26 none\nx y\n3\n\n"), "kw", &k, &troubles);
	assert_string_equal(k.names[0], "$Forwarded");
	assert_string_equal(k.names[25], "last");
	assert_null(k.names[3]);
	assert_int_equal(troubles.n, 2);
	assert_string_equal(troubles.rows[0], "kw:4: no keyword");
	mail_keywords_fini(&k);
}

UNIT_TESTS("store/uidlist", cmocka_unit_test(version_3_gives_uids_and_the_folders_numbers),
           cmocka_unit_test(version_1_is_read_too),
           cmocka_unit_test(a_line_still_being_written_waits),
           cmocka_unit_test(bad_lines_are_named_and_stepped_over),
           cmocka_unit_test(other_headers_are_refused_with_their_place),
           cmocka_unit_test(of_two_uids_for_one_file_the_greater_counts),
           cmocka_unit_test(a_filtered_list_never_gives_a_uid_twice),
           cmocka_unit_test(lists_agree_when_new_knows_all_that_old_does),
           cmocka_unit_test(keywords_beyond_z_have_no_letter));
