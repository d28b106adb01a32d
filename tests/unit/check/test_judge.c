/* SPDX-License-Identifier: BSD-2-Clause */

/* What is worse than before, how it is shown, and what is read of TXT records. */

#include "check/records.h"
#include "unit/unit.h"

#include <string.h>

static const struct check_question two = { .id = "a.two",
	                                   .topic = "a",
	                                   .words = "Is <it>?",
	                                   .remedy = "mend \"it\"",
	                                   .source = "RFC 1",
	                                   .weight = CHECK_SHOULD };
static const struct check_question whole = { .id = "a.must",
	                                     .topic = "a",
	                                     .words = "Is all?",
	                                     .remedy = "mend all",
	                                     .source = "RFC 2",
	                                     .weight = CHECK_MUST };

static void add(struct check_steps *s, const struct check_question *q, enum check_of of,
                enum check_answer answer, const char *seen)
{
	check_steps_add(s, q, of);
	s->rows[s->n - 1].answer = answer;
	buf_add_text(&s->rows[s->n - 1].seen, seen);
}

static void test_only_what_got_worse_is_worse(void **state)
{
	static const char *const expected = "-NN-"
					    "----"
					    "-N--"
					    "----";

	for (enum check_answer before = CHECK_YES; before <= CHECK_SKIPPED; before++)
		for (enum check_answer now = CHECK_YES; now <= CHECK_SKIPPED; now++)
			assert_int_equal(check_is_worse(before, now),
			                 expected[4 * before + now] == 'N');
}

static void test_new_is_held_against_old(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_CHECK_VERDICT struct check_verdict v = { 0 };

	add(&steps, &whole, CHECK_WHOLE, CHECK_UNKNOWN, "");
	add(&steps, &two, CHECK_OLD, CHECK_YES, "");
	add(&steps, &two, CHECK_NEW, CHECK_NO, "");
	check_judge(&steps, NULL, &v);
	assert_int_equal(v.asked, 3);
	assert_int_equal(v.bad, 1); /* a must that nobody can tell is in the way */
	assert_int_equal(v.worse, 1);
	assert_string_equal(v.worse_ids.rows[0], "a.two");
}

static void test_each_side_is_held_against_its_earlier_run(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_CHECK_VERDICT struct check_verdict v = { 0 };
	struct answer then[] = {
		{ .id = (char[]){ "a.two" },
		  .side = (char[]){ "old" },
		  .answer = (char[]){ "no" } },
		{ .id = (char[]){ "a.two" },
		  .side = (char[]){ "new" },
		  .answer = (char[]){ "yes" } },
	};
	const struct answers baseline = { .rows = then, .n = 2 };

	add(&steps, &two, CHECK_OLD, CHECK_NO, "");
	add(&steps, &two, CHECK_NEW, CHECK_UNKNOWN, "");
	add(&steps, &whole, CHECK_WHOLE, CHECK_NO, ""); /* was not asked then */
	check_judge(&steps, &baseline, &v);
	assert_int_equal(v.worse, 1);
	assert_string_equal(v.worse_ids.rows[0], "a.two");
}

static void test_the_table_has_a_letter_a_side(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_BUF struct buf out = { 0 };

	add(&steps, &two, CHECK_OLD, CHECK_YES, "");
	add(&steps, &two, CHECK_NEW, CHECK_NO, "esc \033[2J");
	add(&steps, &whole, CHECK_WHOLE, CHECK_UNKNOWN, "");
	check_add_table(&out, &steps);
	assert_non_null(strstr(buf_text(&out), "Y N  a.two"));
	assert_non_null(strstr(buf_text(&out), "  ?  a.must"));
	assert_non_null(strstr(buf_text(&out), "should: mend \"it\""));
	assert_null(strchr(buf_text(&out), '\033'));
}

static void test_xml_is_never_broken_by_what_a_server_says(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_BUF struct buf out = { 0 };

	add(&steps, &two, CHECK_NEW, CHECK_NO, "\"/><x a='1'>&\001");
	check_add_junit(&out, &steps);
	assert_non_null(strstr(buf_text(&out), "failures=\"1\""));
	assert_non_null(strstr(buf_text(&out), "Is &lt;it&gt;?"));
	assert_non_null(strstr(buf_text(&out), "&quot;/&gt;&lt;x a='1'&gt;&amp;\\x01"));
}

static void test_strings_of_a_txt_record_are_joined(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	dns_texts_join(SPAN("\"v=spf1 \\\"q\\\" \" \"m\\120\\\\\""), &out);
	assert_string_equal(buf_text(&out), "v=spf1 \"q\" mx\\");
	buf_reset(&out);
	dns_texts_join(SPAN("\"a\\"), &out);
	dns_texts_join(SPAN("\"a\\1"), &out);
	dns_texts_join(SPAN(""), &out);
}

static void test_terms_of_spf_are_counted(void **state)
{
	AUTO_SPF struct records_spf spf = { 0 };
	AUTO_STRINGS struct strings includes = { 0 };

	records_spf_count(SPAN("v=spf1 a mx/24 +a:x.example.org ptr exists:%{i}.example.org all.x "
	                       "include:one.example.com ip4:192.0.2.0/24 -ip4:192.0.2.7 "
	                       "?ip6:2001:db8::/32 redirect=two.example.com -all mx"),
	                  &spf, &includes);
	assert_int_equal(spf.lookups, 7);
	assert_int_equal(includes.n, 2);
	assert_int_equal(spf.networks.n, 1);
	assert_false(spf.mx); /* mx/24 is more than the hosts; what stands behind all is not read */
}

static void test_networks_hold_their_addresses(void **state)
{
	assert_true(records_network_has("192.0.2.0/24", "192.0.2.255"));
	assert_false(records_network_has("192.0.2.0/24", "192.0.3.0"));
	assert_true(records_network_has("192.0.2.1", "192.0.2.1"));
	assert_false(records_network_has("192.0.2.1", "192.0.2.0"));
	assert_true(records_network_has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(records_network_has("2001:db8::/33", "2001:db8:8000::1"));
	assert_false(records_network_has("192.0.2.0/33", "192.0.2.0"));
	assert_false(records_network_has("192.0.2.0/", "192.0.2.0"));
	assert_false(records_network_has("192.0.2.0/24", "2001:db8::1"));
	assert_false(records_network_has("nonsense", "192.0.2.1"));
}

static void test_an_address_is_turned_for_its_name(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	assert_true(records_reverse("192.0.2.1", &out));
	assert_string_equal(buf_text(&out), "1.2.0.192.in-addr.arpa");
	buf_reset(&out);
	assert_true(records_reverse("2001:db8::a1", &out));
	assert_string_equal(buf_text(&out), "1.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	                                    "8.b.d.0.1.0.0.2.ip6.arpa");
	assert_false(records_reverse("example.org", &out));
}

static void test_every_question_can_be_asked(void **state)
{
	AUTO_CHECK_QUESTIONS struct check_questions all = { 0 };

	check_questions_all(&all);
	assert_true(all.n > 40);
	for (size_t i = 0; i < all.n; i++) {
		const struct check_question *q = &all.rows[i];

		assert_ptr_equal(check_question_find(&all, q->id), q); /* once */
		assert_true(strlen(q->topic) < strlen(q->id) && q->id[strlen(q->topic)] == '.');
		assert_true(q->ofs && q->windows && *q->source && *q->remedy);
		assert_true(q->words[strlen(q->words) - 1] == '?' || q->row ||
		            strstr(q->words, "?"));
		assert_true(!q->ask == (q->row || q->through == CHECK_BY_PERSON));
	}
}

UNIT_TESTS("judge", cmocka_unit_test(test_only_what_got_worse_is_worse),
           cmocka_unit_test(test_new_is_held_against_old),
           cmocka_unit_test(test_each_side_is_held_against_its_earlier_run),
           cmocka_unit_test(test_the_table_has_a_letter_a_side),
           cmocka_unit_test(test_xml_is_never_broken_by_what_a_server_says),
           cmocka_unit_test(test_strings_of_a_txt_record_are_joined),
           cmocka_unit_test(test_terms_of_spf_are_counted),
           cmocka_unit_test(test_networks_hold_their_addresses),
           cmocka_unit_test(test_an_address_is_turned_for_its_name),
           cmocka_unit_test(test_every_question_can_be_asked));
