/* SPDX-License-Identifier: BSD-2-Clause */

#include "unit/pickle/reading.h"

#include "pickle/write.h"

/* What is written of these octets' first row, read again. */
struct trip {
	struct value_file from, to;
	struct buf written;
};

static void trip_fini(struct trip *t)
{
	value_file_fini(&t->from);
	value_file_fini(&t->to);
	buf_fini(&t->written);
}
#define AUTO_TRIP __attribute__((cleanup(trip_fini)))

static void go(struct trip *t, struct span octets, unsigned protocol)
{
	const struct read_limits limits = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&t->from, octets, &limits, &err), &err);
	assert_good(pickle_write(t->from.rows[0], protocol, &t->written, &err), &err);
	assert_good(reading_file(&t->to, buf_span(&t->written), &limits, &err), &err);
	assert_int_equal(t->to.n, 1);
}

#define assert_returns(literal)                                                                    \
	do {                                                                                       \
		for (unsigned protocol_ = 0; protocol_ <= PICKLE_PROTOCOL_MAX; protocol_++) {      \
			AUTO_TRIP struct trip t_ = { 0 };                                          \
			go(&t_, SPAN(literal), protocol_);                                         \
			if (!value_equal(t_.from.rows[0], t_.to.rows[0]))                          \
				fail_msg("protocol %u: %s", protocol_, buf_text(&t_.written));     \
		}                                                                                  \
	} while (0)

#define assert_writes(literal, protocol, octets)                                                   \
	do {                                                                                       \
		AUTO_TRIP struct trip t_ = { 0 };                                                  \
		go(&t_, SPAN(literal), (protocol));                                                \
		assert_int_equal(t_.written.n, sizeof(octets) - 1);                                \
		assert_memory_equal(t_.written.p, (octets), sizeof(octets) - 1);                   \
	} while (0)

static void all_kinds_come_back_as_what_they_were(void **state)
{
	assert_returns("(I01\nI1\nL1L\nF1.0\nNI00\nI0\nt.");
	assert_returns("(I2147483648\nI-2147483649\nI255\nI256\nI65535\nI65536\nI-1\nt.");
	assert_returns("(I9223372036854775807\nI-9223372036854775808\nL-99999999999999999999L\nt.");
	assert_returns("(F0.1\nF1e+300\nF-0.0\nFinf\nt.");
	assert_returns(
		"(S'a\\'\"\\n\\x00\\xff\\\\'\nS''\nU\4\xc3\xa4\r\nV\\u005c\\u000a\\u20ac\xe4\n"
		"V\\U0001f600\\ud800\\u0000\nt.");
	assert_returns("((t(l(d(I1\nt(I1\nI2\nt(I1\nI2\nI3\nt(I1\nI2\nI3\nI4\nt(lI1\nat.");
	assert_returns("(dS'a'\nI1\nsV\\u20ac\nI2\nsI7\nI3\ns(I1\nS'x'\nt(lI1\nas.");
	assert_returns("(iMailman.UserDesc\nUserDesc\n(dS'a'\nI1\nsb.");
	assert_returns("(iMailman.UserDesc\nUserDesc\n.");
	assert_returns("\x80\2cMailman.Message\nMessage\n)\x81}U\1aK\1sb.");
	assert_returns("ccopy_reg\n_reconstructor\n(cMailman.Message\nMessage\nc__builtin__\n"
	               "object\nNtR}b.");
	assert_returns("ccollections\nOrderedDict\n(tR(K\1K\2K\3K\4u.");
	assert_returns("\x80\4\x8f(K\1U\1a\x90.");
	assert_returns("\x80\4(K\1(K\1t\x91.");
	assert_returns("\x80\3"
	               "C\2ab.");
}

static void octets_are_those_of_cpickle(void **state)
{
	assert_writes("I01\n.", 0, "I01\n.");
	assert_writes("I01\n.", 1, "I01\n.");
	assert_writes("I01\n.", 2, "\x80\2\x88.");
	assert_writes("I1\n.", 1, "K\1.");
	assert_writes("L1L\n.", 1, "L1L\n.");
	assert_writes("K\1.", 0, "I1\n.");
	assert_writes("G\x3f\xb9\x99\x99\x99\x99\x99\x9a.", 0, "F0.1\n.");
	assert_writes("S'\\xff'\n.", 1, "U\1\xff.");
	assert_writes("X\3\0\0\0\xe2\x82\xac.", 0, "V\\u20ac\n.");
	assert_writes("(I1\nI2\nl.", 1, "](K\1K\2e.");
	assert_writes("(I1\nl.", 1, "]K\1a.");
	assert_writes("(I1\nI2\nl.", 0, "(lI1\naI2\na.");
	assert_writes("(I1\nI2\nt.", 2, "\x80\2K\1K\2\x86.");
	assert_writes("(I1\nI2\nd.", 1, "}K\1K\2s.");
	assert_writes("(iMailman.X\nX\n.", 1, "(cMailman.X\nX\no.");
	assert_writes("(cMailman.X\nX\no.", 0, "(iMailman.X\nX\n.");
	assert_writes("\x80\5\x96\1\0\0\0\0\0\0\0a.", 1, "c__builtin__\nbytearray\n(U\1atR.");
	assert_writes("cbuiltins\nset\n(]tR.", 1, "c__builtin__\nset\n(]tR.");
}

static void what_is_shared_stays_one_thing(void **state)
{
	for (unsigned protocol = 0; protocol <= PICKLE_PROTOCOL_MAX; protocol++) {
		AUTO_TRIP struct trip t = { 0 };
		struct value v;

		go(&t, SPAN("(]q\1h\1X\1\0\0\0aq\2h\2(K\1K\2tq\3h\3}q\4h\4t."), protocol);
		v = t.to.rows[0];
		assert_int_equal(value_count(v), 8);
		for (size_t i = 0; i < 8; i += 2)
			assert_true(value_same(value_item(v, i), value_item(v, i + 1)));
		assert_true(value_equal(t.from.rows[0], v));
	}
}

static void what_holds_itself_does_so_again(void **state)
{
	for (unsigned protocol = 0; protocol <= PICKLE_PROTOCOL_MAX; protocol++) {
		AUTO_TRIP struct trip list = { 0 }, tuple = { 0 }, dict = { 0 }, object = { 0 };
		struct value v, one = value_int(NULL, 1); /* small: takes no memory */

		go(&list, SPAN("]q\1h\1a."), protocol);
		v = list.to.rows[0];
		assert_true(value_same(value_item(v, 0), v));

		/* t = ([t],) */
		go(&tuple, SPAN("]q\1(h\1tq\2a0h\2."), protocol);
		v = tuple.to.rows[0];
		assert_int_equal(value_kind(v), VALUE_TUPLE);
		assert_true(value_same(value_item(value_item(v, 0), 0), v));

		go(&dict, SPAN("}q\1K\1h\1s."), protocol);
		v = dict.to.rows[0];
		assert_true(value_same(value_dict_find_key(v, one), v));

		go(&object, SPAN("(iMailman.X\nX\nq\1}U\2meh\1sb."), protocol);
		v = object.to.rows[0];
		assert_true(value_same(value_attribute(v, SPAN("me")), v));
	}
}

static void a_long_list_goes_in_batches(void **state)
{
	AUTO_BUF struct buf rows = { 0 }, pairs = { 0 };

	buf_add_char(&rows, '(');
	buf_add_char(&pairs, '(');
	for (unsigned i = 0; i < 2001; i++) {
		buf_addf(&rows, "I%u\n", i);
		buf_addf(&pairs, "I%u\nN", i);
	}
	buf_add_text(&rows, "l.");
	buf_add_text(&pairs, "d.");
	for (unsigned protocol = 0; protocol <= PICKLE_PROTOCOL_MAX; protocol++) {
		AUTO_TRIP struct trip t = { 0 }, u = { 0 };

		go(&t, buf_span(&rows), protocol);
		assert_int_equal(value_count(t.to.rows[0]), 2001);
		assert_true(value_equal(t.from.rows[0], t.to.rows[0]));
		go(&u, buf_span(&pairs), protocol);
		assert_true(value_equal(u.from.rows[0], u.to.rows[0]));
	}
}

static void what_python_2_can_not_read_is_refused(void **state)
{
	const struct read_limits limits = { .foreign = true };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("\x80\4cMailman.X\nX\n)}U\1aK\1s\x92."), &limits, &err),
	            &err);
	buf_add_text(&out, "before");
	assert_fails(pickle_write(f.rows[0], 2, &out, &err), &err, "made with keywords");
	assert_int_equal(out.n, 6);
	assert_fails(pickle_write(value_none(), 3, &out, &err), &err, "none higher than 2");
}

static void a_changed_value_is_written_and_nothing_else(void **state)
{
	const struct read_limits limits = { 0 };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("}(U\4hostU\1aU\4nameU\1aU\4listU\1au."), &limits, &err),
	            &err);
	value_dict_set(f.arena, f.rows[0], value_str(f.arena, SPAN("host")),
	               value_str(f.arena, SPAN("www.example.org")));
	value_dict_set(f.arena, f.rows[0], value_str(f.arena, SPAN("new")), value_bool(true));
	assert_true(value_dict_remove(f.rows[0], value_str(f.arena, SPAN("list"))));
	assert_false(value_dict_remove(f.rows[0], value_str(f.arena, SPAN("list"))));
	assert_good(pickle_write(f.rows[0], 1, &out, &err), &err);
	assert_string_equal(buf_text(&out), "}(U\4hostU\xfwww.example.orgU\4nameU\1aU\3newI01\nu.");
}

UNIT_TESTS("pickle/write", cmocka_unit_test(all_kinds_come_back_as_what_they_were),
           cmocka_unit_test(octets_are_those_of_cpickle),
           cmocka_unit_test(what_is_shared_stays_one_thing),
           cmocka_unit_test(what_holds_itself_does_so_again),
           cmocka_unit_test(a_long_list_goes_in_batches),
           cmocka_unit_test(what_python_2_can_not_read_is_refused),
           cmocka_unit_test(a_changed_value_is_written_and_nothing_else));
