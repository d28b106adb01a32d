/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "lists/charset.h"
#include "lists/plain.h"
#include "lists/recode.h"

#include <jansson.h>
#include <string.h>

/* Decodes `octets` by the charset, and says how it went. */
static void assert_decodes(const char *charset, const char *octets, const char *text,
                           enum lists_decoded how)
{
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new(charset);
	AUTO_BUF struct buf out = { 0 };

	assert_int_equal(lists_decode(c, span_of(octets), &out), how);
	assert_string_equal(buf_text(&out), text);
}

static void each_language_has_its_charset(void **state)
{
	(void)state;
	assert_string_equal(lists_language_charset(SPAN("de")), "iso-8859-1");
	assert_string_equal(lists_language_charset(SPAN("pt_BR")), "iso-8859-1");
	assert_string_equal(lists_language_charset(SPAN("ja")), "euc-jp");
	assert_string_equal(lists_language_charset(SPAN("zh_TW")), "utf-8");
	assert_string_equal(lists_language_charset(SPAN("en")), "us-ascii");
	assert_string_equal(lists_language_charset(SPAN("")), "us-ascii");
	assert_string_equal(lists_language_charset(SPAN("pt_")), "us-ascii");
}

static void romanian_and_russian_had_others_before_2_1_19(void **state)
{
	(void)state;
	assert_string_equal(lists_language_charset_then(SPAN("ru"), 104), "koi8-r");
	assert_string_equal(lists_language_charset_then(SPAN("ro"), 88), "iso-8859-2");
	assert_string_equal(lists_language_charset_then(SPAN("ru"), 108), "utf-8");
	assert_string_equal(lists_language_charset_then(SPAN("ru"), 0), "utf-8");
	assert_string_equal(lists_language_charset_then(SPAN("de"), 104), "iso-8859-1");
	assert_string_equal(lists_settings_charset(NULL, SPAN("ru"), 97), "koi8-r");
	/* of a list whose settings nobody has: UTF-8 is known as such, by Debian's 2.1.16 */
	assert_decodes("koi8-r", "\xf7\xde\xc5\xd2\xc1", "\xd0\x92\xd1\x87\xd0\xb5\xd1\x80\xd0\xb0",
	               LISTS_DECODED);
	assert_decodes("koi8-r", "\xd0\x92\xd1\x87", "\xd0\x92\xd1\x87", LISTS_DECODED_UTF8);
}

/* A port to Python 3 takes a file in which there is such a one for empty. */
static void texts_that_are_none_are_counted_wherever_they_stand(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_LISTS_CHARSET struct lists_charset *utf8 = lists_charset_new("utf-8");
	struct value dict = value_new_dict(arena), user = value_new_dict(arena);
	struct value rows = value_new_items(arena, VALUE_TUPLE);
	const struct value_object o = {
		.class = value_global(arena, SPAN("Mailman.UserDesc"), SPAN("UserDesc")),
		.made = VALUE_MADE_PLAIN,
		.state = user,
	};

	(void)state;
	value_dict_set(arena, user, value_str(arena, SPAN("fullname")),
	               value_str(arena, SPAN("J\xfcrgen")));
	value_add_item(arena, rows, value_new_object(arena, VALUE_INSTANCE, &o));
	value_add_item(arena, rows, value_str(arena, SPAN("J\xc3\xbcrgen")));
	value_add_item(arena, rows, value_text(arena, SPAN("J\xc3\xbcrgen")));
	value_dict_set(arena, dict, value_int(arena, 1), rows);
	value_dict_set(arena, dict, value_str(arena, SPAN("\xe9@example.org")), value_none());
	assert_int_equal(lists_recode_misfits(utf8, dict), 2);
}

static void text_is_decoded_by_the_charset_of_the_list(void **state)
{
	(void)state;
	assert_decodes("iso-8859-1",
	               "Gr\xfc\xdf"
	               "e",
	               "Gr\xc3\xbc\xc3\x9f"
	               "e",
	               LISTS_DECODED);
	assert_decodes("euc-jp", "\xc6\xfc\xcb\xdc", "\xe6\x97\xa5\xe6\x9c\xac", LISTS_DECODED);
	assert_decodes("utf-8", "\xd0\x9d", "\xd0\x9d", LISTS_DECODED);
	assert_decodes("iso-8859-2", "\xb1", "\xc4\x85", LISTS_DECODED);
}

static void utf8_is_taken_as_utf8_wherever_it_stands(void **state)
{
	(void)state;
	assert_decodes("iso-8859-1", "Gr\xc3\xbc", "Gr\xc3\xbc", LISTS_DECODED_UTF8);
	assert_decodes("us-ascii", "\xd0\x9d", "\xd0\x9d", LISTS_DECODED_UTF8);
	assert_decodes("no-such-charset", "\xd0\x9d", "\xd0\x9d", LISTS_DECODED_UTF8);
}

static void octets_that_are_no_text_are_kept(void **state)
{
	(void)state;
	assert_decodes("us-ascii", "caf\xe9", "caf\\xe9", LISTS_DECODED_OCTETS);
	assert_decodes("utf-8", "a\xc3(\xed\xa0\x80", "a\\xc3(\\xed\\xa0\\x80",
	               LISTS_DECODED_OCTETS);
	/* a character that is cut off, and one that is none, after others that are good */
	assert_decodes("euc-jp", "\xc6\xfc\xcb", "\\xc6\\xfc\\xcb", LISTS_DECODED_OCTETS);
	assert_decodes("euc-jp", "\xc6\xfc\xff!", "\\xc6\\xfc\\xff!", LISTS_DECODED_OCTETS);
}

static void json_keeps_every_octet(void **state)
{
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new("us-ascii");
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value dict = value_new_dict(arena);
	char *text;
	json_t *json;

	(void)state;
	value_dict_set(arena, dict, value_str(arena, SPAN("a")), value_str(arena, SPAN("\xff\0x")));
	value_dict_set(arena, dict, value_int(arena, 1), value_none());
	json = lists_plain_json(c, dict);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, "[[\"a\",{\"octets\":\"\xc3\xbf\\u0000x\"}],[1,null]]");
	free(text);
	json_decref(json);
}

static void a_dict_has_an_order(void **state)
{
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new("us-ascii");
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value dict = value_new_dict(arena);
	AUTO_BUF struct buf line = { 0 };

	(void)state;
	value_dict_set(arena, dict, value_str(arena, SPAN("b")), value_int(arena, 1));
	value_dict_set(arena, dict, value_str(arena, SPAN("ab")), value_bool(true));
	value_dict_set(arena, dict, value_text(arena, SPAN("a")), value_none());
	lists_plain_line(c, dict, &line);
	assert_string_equal(buf_text(&line), "{\"a\": None, \"ab\": yes, \"b\": 1}");
}

static void a_line_stays_a_line_and_a_thing_in_itself_ends(void **state)
{
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new("us-ascii");
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value list = value_new_items(arena, VALUE_LIST);
	AUTO_BUF struct buf line = { 0 };

	(void)state;
	value_add_item(arena, list, value_str(arena, SPAN("two\nlines\x1b[m")));
	value_add_item(arena, list, value_float(arena, 0.1));
	value_add_item(arena, list, list);
	lists_plain_line(c, list, &line);
	assert_string_equal(buf_text(&line), "[\"two\\nlines\\x1b[m\", 0.1, ...]");
}

static void what_another_charset_does_to_a_text_is_known(void **state)
{
	static const struct {
		const char *from, *to, *octets;
		enum lists_recode_fit fit;
	} rows[] = {
		{ "iso-8859-1", "utf-8", "plain", LISTS_RECODE_FITS },
		{ "iso-8859-1", "utf-8", "Gr\xfc", LISTS_RECODE_NEEDED },
		{ "iso-8859-1", "utf-8", "Gr\xc3\xbc", LISTS_RECODE_UNSURE },
		{ "utf-8", "iso-8859-1", "Gr\xc3\xbc", LISTS_RECODE_UNSURE },
		{ "utf-8", "us-ascii", "Gr\xc3\xbc", LISTS_RECODE_NEEDED },
		{ "us-ascii", "utf-8", "Gr\xc3\xbc", LISTS_RECODE_FITS },
		{ "us-ascii", "utf-8", "Gr\xfc", LISTS_RECODE_NEITHER },
		{ "euc-jp", "utf-8", "\xc6\xfc\xcb\xdc", LISTS_RECODE_NEEDED },
		{ "iso-8859-1", "iso-8859-15", "Gr\xfc", LISTS_RECODE_FITS },
		{ "iso-8859-1", "iso-8859-15", "\xa4", LISTS_RECODE_UNSURE },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LISTS_CHARSET struct lists_charset *from = lists_charset_new(rows[i].from);
		AUTO_LISTS_CHARSET struct lists_charset *to = lists_charset_new(rows[i].to);

		if (lists_recode_fit(from, to, span_of(rows[i].octets)) != rows[i].fit)
			fail_msg("row %zu", i);
	}
}

UNIT_TESTS("lists_charset", cmocka_unit_test(each_language_has_its_charset),
           cmocka_unit_test(romanian_and_russian_had_others_before_2_1_19),
           cmocka_unit_test(texts_that_are_none_are_counted_wherever_they_stand),
           cmocka_unit_test(text_is_decoded_by_the_charset_of_the_list),
           cmocka_unit_test(utf8_is_taken_as_utf8_wherever_it_stands),
           cmocka_unit_test(octets_that_are_no_text_are_kept),
           cmocka_unit_test(what_another_charset_does_to_a_text_is_known),
           cmocka_unit_test(json_keeps_every_octet), cmocka_unit_test(a_dict_has_an_order),
           cmocka_unit_test(a_line_stays_a_line_and_a_thing_in_itself_ends));
