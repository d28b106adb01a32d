/* SPDX-License-Identifier: BSD-2-Clause */

#include "unit/pickle/reading.h"

static void numbers_keep_their_kind_in_every_protocol(void **state)
{
	assert_reads("I12\n.", "12");
	assert_reads("I00\n.", "false");
	assert_reads("I01\n.", "true");
	assert_reads("I0\n.", "0");
	assert_reads("I-2147483649\n.", "-2147483649");
	assert_reads("I9223372036854775807\n.", "9223372036854775807");
	assert_reads("I9223372036854775808\n.", "{\"$long\": \"9223372036854775808\"}");
	assert_reads("L5L\n.", "{\"$long\": \"5\"}");
	assert_reads("L-000123456789012345678901234567890L\n.",
	             "{\"$long\": \"-123456789012345678901234567890\"}");
	assert_reads("K\xff.", "255");
	assert_reads("M\x01\x02.", "513");
	assert_reads("J\xff\xff\xff\xff.", "-1");
	assert_reads("J\xff\xff\xff\x7f.", "2147483647");
	assert_reads("\x80\x02\x88.", "true");
	assert_reads("\x80\x02\x89.", "false");
	assert_reads("\x80\x02\x8a\x01\x80.", "{\"$long\": \"-128\"}");
	assert_reads("\x80\x02\x8a\0.", "{\"$long\": \"0\"}");
	assert_reads("\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01.",
	             "{\"$long\": \"18446744073709551616\"}");
	assert_reads("\x80\x02\x8b\x02\0\0\0\xff\x00.", "{\"$long\": \"255\"}");
	assert_reads("\x80\x03\x8a\x06\0\0\0\0\0\x01.", "1099511627776");
	assert_reads("N.", "null");
}

static void floats_are_the_same_to_the_last_bit(void **state)
{
	assert_reads("F1.5\n.", "{\"$float\": \"1.5\"}");
	assert_reads("F1199145600.1229999\n.", "{\"$float\": \"1199145600.123\"}");
	assert_reads("F1e+16\n.", "{\"$float\": \"1e+16\"}");
	assert_reads("F-0.0\n.", "{\"$float\": \"-0.0\"}");
	assert_reads("F0.10000000000000001\n.", "{\"$float\": \"0.1\"}");
	assert_reads("F1e-05\n.", "{\"$float\": \"1e-05\"}");
	assert_reads("F0.0001\n.", "{\"$float\": \"0.0001\"}");
	assert_reads("F123456789012345680.0\n.", "{\"$float\": \"1.2345678901234568e+17\"}");
	assert_reads("F1234567890123456.0\n.", "{\"$float\": \"1234567890123456.0\"}");
	assert_reads("Finf\n.", "{\"$float\": \"inf\"}");
	assert_reads("Fnan\n.", "{\"$float\": \"nan\"}");
	assert_reads("G\x3f\xf0\0\0\0\0\0\0.", "{\"$float\": \"1.0\"}");
	assert_reads("G\0\0\0\0\0\0\0\x01.", "{\"$float\": \"5e-324\"}");
	assert_reads("G\x7f\xef\xff\xff\xff\xff\xff\xff.",
	             "{\"$float\": \"1.7976931348623157e+308\"}");
}

static void strings_are_octets_and_unicode_is_text(void **state)
{
	assert_reads("S'a\\nb\\x00\\\\\\'\\\"\\t\\101'\n.", "\"b:a\\nb\\u0000\\\\'\\\"\\tA\"");
	assert_reads("S\"it's\"\n.", "\"b:it's\"");
	assert_reads("S'gr\xfc\xdf'\n.", "\"b:gr\\u00fc\\u00df\"");
	assert_reads("S'\\q'\n.", "\"b:\\\\q\"");
	assert_reads("U\x03"
	             "a\x00\xff.",
	             "\"b:a\\u0000\\u00ff\"");
	assert_reads("T\x02\0\0\0ok.", "\"b:ok\"");
	assert_reads("Va\\u20acb\xe4\n.", "\"u:a\\u20acb\\u00e4\"");
	assert_reads("V\\U0001f600\\ud800\n.", "\"u:\\ud83d\\ude00\\ud800\"");
	/* a backslash before another is none that escapes */
	assert_reads("V\\\\u0041\n.", "\"u:\\\\\\\\u0041\"");
	assert_reads("X\x06\0\0\0\xe2\x82\xac\xed\xb2\x80.", "\"u:\\u20ac\\udc80\"");
	assert_reads("\x80\x04\x8c\x01z.", "\"u:z\"");
	assert_reads("\x80\x04\x8d\x01\0\0\0\0\0\0\0z.", "\"u:z\"");
	assert_reads("\x80\x03"
	             "C\x01z.",
	             "\"b:z\"");
	assert_reads("\x80\x03"
	             "B\x01\0\0\0z.",
	             "\"b:z\"");
	assert_reads("\x80\x04\x8e\x01\0\0\0\0\0\0\0z.", "\"b:z\"");
}

static void containers_are_built_in_every_way(void **state)
{
	assert_reads("(lp0\nI1\naI2\na.", "[1, 2]");
	assert_reads("(I1\nI2\nl.", "[1, 2]");
	assert_reads("]q\x01(K\1K\2e.", "[1, 2]");
	assert_reads("]K\1a.", "[1]");
	assert_reads("(t.", "{\"$tuple\": []}");
	assert_reads(").", "{\"$tuple\": []}");
	assert_reads("(K\1K\2t.", "{\"$tuple\": [1, 2]}");
	assert_reads("\x80\x02K\1\x85.", "{\"$tuple\": [1]}");
	assert_reads("\x80\x02K\1K\2\x86.", "{\"$tuple\": [1, 2]}");
	assert_reads("\x80\x02K\1K\2K\3\x87.", "{\"$tuple\": [1, 2, 3]}");
	assert_reads("(dp0\nS'a'\nI1\ns.", "{\"$dict\": [[\"b:a\", 1]]}");
	assert_reads("(S'a'\nI1\nd.", "{\"$dict\": [[\"b:a\", 1]]}");
	assert_reads("}(U\1bK\1U\1aK\2u.", "{\"$dict\": [[\"b:a\", 2], [\"b:b\", 1]]}");
	assert_reads("\x80\x04\x8f(K\1K\2\x90.", "{\"$set\": [1, 2]}");
	assert_reads("\x80\x04(K\1\x91.", "{\"$frozenset\": [1]}");
	assert_reads("c__builtin__\nset\n(]K\1atR.", "{\"$set\": [1]}");
}

static void of_a_key_that_comes_twice_the_later_holds(void **state)
{
	assert_reads("}(U\1aK\1U\1bK\2U\1aK\3u.", "{\"$dict\": [[\"b:a\", 3], [\"b:b\", 2]]}");
}

static void keys_stand_in_an_order_of_their_own(void **state)
{
	assert_reads("}(K\012K\0K\011K\0U\1bK\0U\2bbK\0X\1\0\0\0aK\0NK\0(U\1at)u.",
	             "{\"$dict\": [[\"b:b\", 0], [\"b:bb\", 0], [\"u:a\", 0], [10, 0], [9, 0], "
	             "[null, 0], [{\"$tuple\": [\"b:a\"]}, {\"$tuple\": []}]]}");
}

static void what_is_shared_is_one_thing(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("(lp0\n(lp1\nag1\nag1\na."), &limits, &err), &err);
	assert_int_equal(value_count(f.rows[0]), 3);
	assert_true(value_same(value_item(f.rows[0], 0), value_item(f.rows[0], 2)));
	assert_reads("]q\0(h\0e.", "[{\"$again\": \"list\"}]");
	assert_reads("\x80\x04]\x94(\x8c\1a\x94h\1e.", "[\"u:a\", \"u:a\"]");
	assert_reads("(I1\nI2\n0t.", "{\"$tuple\": [1]}");
	assert_reads("I1\n(I2\nI3\n1.", "1");
	assert_reads("(I1\n2t.", "{\"$tuple\": [1, 1]}");
}

static void instances_are_told_of_and_not_made(void **state)
{
	assert_reads("(iMailman.UserDesc\nUserDesc\np0\n(dp1\nS'a'\nI1\nsb.",
	             "{\"$inst\": \"Mailman.UserDesc.UserDesc\", \"state\": "
	             "{\"$dict\": [[\"b:a\", 1]]}}");
	assert_reads("(cMailman.Bouncer\n_BounceInfo\nq\1oq\2}b.",
	             "{\"$inst\": \"Mailman.Bouncer._BounceInfo\", \"state\": {\"$dict\": []}}");
	assert_reads("\x80\x04\x8c\x0fMailman.Message\x94\x8c\7Message\x94\x93\x94)\x81\x94}b.",
	             "{\"$inst\": \"Mailman.Message.Message\", \"state\": {\"$dict\": []}}");
	assert_reads("ccopy_reg\n_reconstructor\n(cMailman.Message\nMessage\nc__builtin__\n"
	             "object\nNtR}b.",
	             "{\"$inst\": \"Mailman.Message.Message\", \"state\": {\"$dict\": []}}");
	assert_reads("c_codecs\nencode\n(X\3\0\0\0a\xc3\xbcX\6\0\0\0latin1tR.", "\"b:a\\u00fc\"");
	assert_reads("c__builtin__\nbytes\n(tR.", "\"b:\"");
	assert_reads("ccollections\nOrderedDict\n(tR(K\1K\2u.",
	             "{\"$call\": \"collections.OrderedDict\", \"args\": [], \"pairs\": "
	             "{\"$dict\": [[1, 2]]}}");
}

static void several_pickles_in_a_file_are_rows(void **state)
{
	assert_reads("S'text'\n.(dS'version'\nI3\ns.",
	             "\"b:text\"\n{\"$dict\": [[\"b:version\", 3]]}");
}

static void the_name_says_what_a_value_is(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	struct error err = { 0 };
	struct value v;
	struct span s;
	int64_t i;

	assert_good(reading_file(&f,
	                         SPAN("}(U\1aI01\nU\1b(cMailman.Bouncer\n_BounceInfo\no}U\5scoreG"
	                              "\x3f\xf0\0\0\0\0\0\0sbu."),
	                         &limits, &err),
	            &err);
	v = value_dict_find(f.rows[0], SPAN("a"));
	assert_int_equal(value_kind(v), VALUE_BOOL);
	assert_true(value_get_int(v, &i) && i == 1);
	assert_false(value_get_str(v, &s));
	v = value_dict_find(f.rows[0], SPAN("b"));
	assert_true(value_is_instance(v, "_BounceInfo"));
	assert_int_equal(value_kind(value_attribute(v, SPAN("score"))), VALUE_FLOAT);
	assert_true(value_is_absent(value_attribute(v, SPAN("cookie"))));
	assert_true(value_is_absent(value_dict_find(f.rows[0], SPAN("c"))));
}

static void no_limits_are_the_usual_ones(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_VALUE_FILE struct value_file f = { 0 }, g = { 0 };
	struct error err = { 0 };
	struct value v;
	size_t at = 0;

	assert_good(reading_file(&f, SPAN("(dS'a'\nI1\ns."), NULL, &err), &err);
	assert_good(reading_file(&g, SPAN("{s\1\0\0\0as\4\0\0\0I1\n.0"), NULL, &err), &err);
	assert_int_equal(value_file_open_nested(&g, NULL), 1);
	assert_int_equal(value_file_open_nested(&f, NULL), 0);
	assert_good(pickle_read(arena, SPAN("I1\n."), &at, NULL, &v, &err), &err);
	at = 0;
	assert_good(marshal_read(arena, SPAN("i\1\0\0\0"), &at, NULL, &v, &err), &err);
	at = 0;
	/* and foreign names are refused */
	assert_int_equal(pickle_read(arena, SPAN("cos\nsystem\n."), &at, NULL, &v, &err), -1);
}

UNIT_TESTS("pickle/read", cmocka_unit_test(numbers_keep_their_kind_in_every_protocol),
           cmocka_unit_test(floats_are_the_same_to_the_last_bit),
           cmocka_unit_test(strings_are_octets_and_unicode_is_text),
           cmocka_unit_test(containers_are_built_in_every_way),
           cmocka_unit_test(of_a_key_that_comes_twice_the_later_holds),
           cmocka_unit_test(keys_stand_in_an_order_of_their_own),
           cmocka_unit_test(what_is_shared_is_one_thing),
           cmocka_unit_test(instances_are_told_of_and_not_made),
           cmocka_unit_test(several_pickles_in_a_file_are_rows),
           cmocka_unit_test(the_name_says_what_a_value_is),
           cmocka_unit_test(no_limits_are_the_usual_ones));
