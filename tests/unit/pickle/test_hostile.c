/* SPDX-License-Identifier: BSD-2-Clause */

#include "unit/pickle/reading.h"

static void a_name_that_mailman_does_not_write_is_refused(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *seen = NULL;

	assert_refused("cos\nsystem\n(S'id'\ntR.", "octet 0: GLOBAL: os.system", "");
	assert_refused("(S'id'\nios\nsystem\n.", "octet 7: INST: os.system",
	               "{\"$tuple\": [\"b:id\"]}");
	assert_refused("(cposix\nsystem\nU\2ido.", "octet 1: GLOBAL: posix.system", "");
	assert_refused("\x80\x04\x8c\2os\x8c\6system\x93.", "STACK_GLOBAL: os.system", "");
	assert_refused("cMailman.Utils\nos.system\n.", "GLOBAL: Mailman.Utils.os.system", "");
	assert_refused("cMailman.Utils\nsha_new\n(tR.", "REDUCE: calls sha_new", "");
	assert_refused("(S'id'\niMailman.Post\ninject\n.", "INST: a class called with 1", "");
	assert_refused("c__builtin__\neval\n.", "__builtin__.eval", "");
	assert_refused("cbuiltins\ngetattr\n.", "builtins.getattr", "");
	/* a hint that says what it is */
	seen = reading_json(SPAN("cos\nsystem\n."), &err);
	assert_non_null(strstr(err.hint, "planted"));
}

static void where_it_is_asked_for_it_is_shown_and_not_called(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { .foreign = true };
	AUTO_BUF struct buf text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("cos\nsystem\n(S'id'\ntR."), &limits, &err), &err);
	assert_good(show_json(f.rows[0], 0, &sink, &err), &err);
	assert_string_equal(buf_text(&text), "{\"$call\": \"os.system\", \"args\": [\"b:id\"]}");
}

static void what_is_not_in_the_file_is_refused(void **state)
{
	assert_refused("Pabc\n.", "octet 0: PERSID", "");
	assert_refused("K\1Q.", "octet 2: BINPERSID", "1");
	assert_refused("\x80\x02\x82\1.", "octet 2: EXT1", "");
	assert_refused("\x80\x02\x83\1\0.", "EXT2", "");
	assert_refused("\x80\x02\x84\1\0\0\0.", "EXT4", "");
	assert_refused("\x80\x05\x97.", "NEXT_BUFFER", "");
	assert_refused("\x80\x05N\x98.", "READONLY_BUFFER", "null");
	assert_refused("\x80\x06.", "PROTO: protocol 6", "");
	assert_refused("\xff.", "\\xff is no opcode", "");
	assert_refused("", "empty", "");
}

static void counts_that_the_file_can_not_hold_are_refused(void **state)
{
	assert_refused("T\xff\xff\xff\x7fx", "octet 0: BINSTRING: of 2147483647 octets", "");
	assert_refused("T\xff\xff\xff\xffx", "length below zero", "");
	assert_refused("X\xff\xff\xff\xffx", "BINUNICODE: of 4294967295", "");
	assert_refused("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffx", "BINBYTES8", "");
	assert_refused("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "FRAME", "");
	assert_refused("\x80\x02\x8b\xff\xff\xff\x7fx", "LONG4: a number of 2147483647", "");
	assert_refused("\x80\x04\x96\xff\0\0\0\0\0\0\0x", "BYTEARRAY8", "");
}

static void the_memo_has_as_many_rows_as_the_file_can_fill(void **state)
{
	assert_refused("Nr\xff\xff\xff\x7f.", "LONG_BINPUT: memo row 2147483647", "null");
	assert_refused("Np4294967296\n.", "PUT: memo row 4294967296", "null");
	assert_refused("Np99999999999999999999\n.", "no number of a memo row", "null");
	assert_refused("Np-1\n.", "no number of a memo row", "null");
	assert_refused("h\5.", "BINGET: nothing was put into memo row 5", "");
	assert_refused("j\xff\xff\xff\xff.", "LONG_BINGET: nothing was put", "");
	assert_refused("q\1.", "BINPUT: nothing is on the stack", "");
	assert_refused("Nr\xff\xff\0\0.", "memo row 65535", "null");
	assert_reads("Nr\xff\0\0\0.", "null");
}

static void the_stack_is_never_read_below_its_end(void **state)
{
	assert_refused(".", "STOP: 0 values", "");
	assert_refused("NN.", "STOP: 2 values", "null");
	assert_refused("(.", "STOP: a mark is left", "");
	assert_refused("(N0.", "STOP: a mark", "");
	assert_refused("0.", "POP: nothing", "");
	assert_refused("1.", "POP_MARK: there is no mark", "");
	assert_refused("2.", "DUP: nothing", "");
	assert_refused("N(2.", "DUP: nothing", "null");
	assert_refused("t.", "TUPLE: there is no mark", "");
	assert_refused("]e.", "APPENDS: there is no mark", "[]");
	assert_refused("]a.", "APPEND: nothing", "");
	assert_refused("(e.", "APPENDS: nothing", "");
	assert_refused("}Ns.", "SETITEM: nothing", "{\"$dict\": []}");
	assert_refused("}(Nu.", "SETITEMS: a key without a value", "{\"$dict\": []}");
	assert_refused(")Na.", "APPEND: to a tuple", "{\"$tuple\": []}");
	assert_refused("NN\x85NNNs.", "SETITEM: of a None", "null");
	assert_refused("]}b.", "BUILD: of a list", "[]");
	assert_refused("N)R.", "REDUCE: calls a None", "");
	assert_refused("(o.", "OBJ: without a class", "");
	assert_refused("(No.", "OBJ: of a None", "");
	assert_refused("\x80\x02N)\x81.", "NEWOBJ: of a None", "");
	assert_refused("\x80\x02\x86.", "TUPLE2: nothing", "");
	assert_refused("(iMailman.X\nX\n}b}b.", "BUILD: of something that has a state already",
	               "{\"$inst\": \"Mailman.X.X\", \"state\": {\"$dict\": []}}");
}

static void numbers_and_strings_that_are_none_are_refused(void **state)
{
	assert_refused("Ix\n.", "INT: not a number", "");
	assert_refused("I\n.", "INT: not a number", "");
	assert_refused("L-L\n.", "LONG: not a number", "");
	assert_refused("F1.5x\n.", "FLOAT: not a number", "");
	assert_refused("F0x1p3\n.", "FLOAT: not a number", "");
	assert_refused("Sabc\n.", "STRING: a string without its quotes", "");
	assert_refused("S'\n.", "without its quotes", "");
	assert_refused("S'a\"\n.", "without its quotes", "");
	assert_refused("S'\\x1'\n.", "a backslash", "");
	assert_refused("V\\u12\n.", "\\u with nothing", "");
	assert_refused("V\\U00110000\n.", "\\u with nothing", "");
	assert_refused("X\1\0\0\0\xff.", "what should be UTF-8 is not", "");
	assert_refused("X\2\0\0\0\xc0\x80.", "what should be UTF-8 is not", "");
}

static void things_inside_things_have_an_end(void **state)
{
	AUTO_BUF struct buf deep = { 0 }, opened = { 0 }, memo = { 0 };
	struct error err = { 0 };
	AUTO_FREE char *seen = NULL, *marks = NULL, *tied = NULL;

	for (unsigned i = 0; i < 600; i++)
		buf_add_char(&deep, ']');
	for (unsigned i = 0; i < 599; i++)
		buf_add_char(&deep, 'a');
	buf_add_char(&deep, '.');
	seen = reading_json(buf_span(&deep), &err);
	assert_non_null(strstr(err.text, "APPEND: more than 500 things are inside one another"));

	for (unsigned i = 0; i < 100000; i++)
		buf_add_char(&opened, '(');
	marks = reading_json(buf_span(&opened), &err);
	assert_non_null(strstr(err.text, "octet 100000: the file ends"));

	/* each is put into the one that was there before it, when that is full already */
	buf_add_text(&memo, "]q\1");
	for (unsigned i = 0; i < 2000; i++)
		buf_add_text(&memo, "]q\2h\1h\2a0h\2q\0010");
	buf_add_text(&memo, "0h\2.");
	memset(&err, 0, sizeof err);
	tied = reading_json(buf_span(&memo), &err);
	assert_non_null(tied);
}

/* Ten lists, each nine times the one before it. */
static void shared_things_do_not_expand_without_end(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf laughs = { 0 }, text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	const struct read_limits limits = { 0 };
	struct error err = { 0 };

	buf_add_text(&laughs, "]q\1(U\3lolU\3lole");
	for (char i = 1; i < 12; i++) {
		buf_addf(&laughs, "0]q%c(", i + 1);
		for (unsigned n = 0; n < 9; n++)
			buf_addf(&laughs, "h%c", i);
		buf_add_char(&laughs, 'e');
	}
	buf_add_char(&laughs, '.');
	assert_good(reading_file(&f, buf_span(&laughs), &limits, &err), &err);
	assert_fails(show_json(f.rows[0], laughs.n, &sink, &err), &err, "expands to too much");
	assert_true(text.n > SHOW_OCTETS_LEAST / 2 && text.n < 2 * SHOW_OCTETS_LEAST);
	buf_reset(&text);
	assert_fails(show_text(f.rows[0], laughs.n, &sink, &err), &err, "expands to too much");
	assert_true(text.n < 2 * SHOW_OCTETS_LEAST);
	assert_true(value_equal(f.rows[0], f.rows[0]));
}

/* Keys of dicts that are all the same to look at, and take for ever. */
static void keys_are_looked_at_within_bounds(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 }, text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	const struct read_limits limits = { 0 };
	struct error err = { 0 };

	buf_add_text(&octets, "}(");
	for (char key = 1; key <= 3; key++) {
		buf_addf(&octets, "(K\1K\2tq%c0", key);
		for (unsigned depth = 0; depth < 60; depth++)
			buf_addf(&octets, "(h%ch%ctq%c0", key, key, key);
		buf_addf(&octets, "h%cN", key);
	}
	buf_add_text(&octets, "u.");
	assert_good(reading_file(&f, buf_span(&octets), &limits, &err), &err);
	(void)show_text(f.rows[0], 0, &sink, &err);
	buf_reset(&text);
	(void)show_json(f.rows[0], 0, &sink, &err);
	assert_true(value_is_absent(value_dict_find(f.rows[0], SPAN("x"))));
	(void)value_dict_settle(f.rows[0]);
}

/* (a tuple of 120 rows, a number): what is looked at of a key for its hash is the same for all. */
static void keys_with_one_hash_cost_no_square(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 };
	const struct value_pair *pairs;
	const struct read_limits limits = { 0 };
	struct error err = { 0 };

	buf_add_text(&octets, "}(((");
	for (unsigned i = 0; i < 120; i++)
		buf_add_char(&octets, 'N');
	buf_add_text(&octets, "tq\1I0\ntN");
	for (unsigned i = 1; i < 5000; i++)
		buf_addf(&octets, "(h\1I%u\ntN", i);
	buf_add_text(&octets, "U\3endK\1u.");
	assert_good(reading_file(&f, buf_span(&octets), &limits, &err), &err);
	assert_int_equal(value_dict_settle(f.rows[0]), 0);
	assert_int_equal(value_dict_pairs(f.rows[0], &pairs), 5001);
	assert_false(value_is_absent(value_dict_find(f.rows[0], SPAN("end"))));
}

static void memory_is_bounded(void **state)
{
	const struct read_limits limits = { .memory = 100000 };
	AUTO_VALUE_FILE struct value_file f = { 0 }, g = { 0 };
	AUTO_BUF struct buf dicts = { 0 };
	struct error err = { 0 };

	for (unsigned i = 0; i < 50000; i++)
		buf_add_char(&dicts, '}');
	assert_fails(reading_file(&f, buf_span(&dicts), &limits, &err), &err, "more than 1");
	for (unsigned i = 0; i < 50000; i++)
		dicts.p[i] = '(';
	assert_fails(reading_file(&g, buf_span(&dicts), &limits, &err), &err, "MARK: the values");
}

/* All that the reader knows, in one file. */
static const char everything[] =
	"\x80\x02}q\0(U\1aI01\nU\1bF1.5\nU\1cL12L\nU\1d(I1\nI2\nlU\1eX\2\0\0\0\xc3\xa4U\1f"
	"V\\u20ac\nq\1U\1gh\1U\1h(iMailman.UserDesc\nUserDesc\n}U\1xS'\\x41'\nsbU\1i"
	"(cMailman.Bouncer\n_BounceInfo\no}bU\1jc__builtin__\nset\n(]K\1atRU\1k"
	"\x8a\1\5U\1lG\x3f\xf0\0\0\0\0\0\0U\1m\x8c\1zU\1n\x8f(K\1\x90U\1oNU\1pM\1\2\x85u.";

static void a_file_cut_at_any_octet_gives_an_error_and_what_was_read(void **state)
{
	AUTO_FREE char *whole = reading_json(SPAN(everything), NULL);

	for (size_t n = 1; n < sizeof everything - 1; n++) {
		/* its own memory, so that the sanitizer sees one octet too many */
		AUTO_FREE char *copy = xmalloc(n), *seen = NULL;
		struct error err = { 0 };

		memcpy(copy, everything, n);
		seen = reading_json((struct span){ copy, n }, &err);
		if (!err.text[0] || strncmp(err.text, "octet ", 6) != 0)
			fail_msg("cut at %zu: \"%s\"", n, err.text);
		/* the first pair is there as soon as it can be */
		if (n > 12 && !strstr(seen, "[\"b:a\", true]"))
			fail_msg("cut at %zu: %s", n, seen);
	}
	assert_non_null(strstr(whole, "[\"b:p\", {\"$tuple\": [513]}]"));
}

static void an_octet_that_is_changed_never_harms(void **state)
{
	char copy[sizeof everything - 1];

	for (size_t at = 0; at < sizeof copy; at++)
		for (unsigned octet = 0; octet < 256; octet += 3) {
			struct error err = { 0 };
			AUTO_FREE char *seen = NULL;

			memcpy(copy, everything, sizeof copy);
			copy[at] = (char)octet;
			seen = reading_json((struct span){ copy, sizeof copy }, &err);
			assert_non_null(seen);
		}
}

UNIT_TESTS("pickle/hostile", cmocka_unit_test(a_name_that_mailman_does_not_write_is_refused),
           cmocka_unit_test(where_it_is_asked_for_it_is_shown_and_not_called),
           cmocka_unit_test(what_is_not_in_the_file_is_refused),
           cmocka_unit_test(counts_that_the_file_can_not_hold_are_refused),
           cmocka_unit_test(the_memo_has_as_many_rows_as_the_file_can_fill),
           cmocka_unit_test(the_stack_is_never_read_below_its_end),
           cmocka_unit_test(numbers_and_strings_that_are_none_are_refused),
           cmocka_unit_test(things_inside_things_have_an_end),
           cmocka_unit_test(shared_things_do_not_expand_without_end),
           cmocka_unit_test(keys_are_looked_at_within_bounds),
           cmocka_unit_test(keys_with_one_hash_cost_no_square), cmocka_unit_test(memory_is_bounded),
           cmocka_unit_test(a_file_cut_at_any_octet_gives_an_error_and_what_was_read),
           cmocka_unit_test(an_octet_that_is_changed_never_harms));
