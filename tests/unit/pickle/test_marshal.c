/* SPDX-License-Identifier: BSD-2-Clause */

#include "unit/pickle/reading.h"

#include "pickle/write.h"

static void all_types_of_python_2_are_read(void **state)
{
	assert_reads("{s\1\0\0\0ai\xff\xff\xff\xff"
	             "0",
	             "{\"$dict\": [[\"b:a\", -1]]}");
	assert_reads("{NN"
	             "TF"
	             "0",
	             "{\"$dict\": [[null, null], [true, false]]}");
	assert_reads("{i\1\0\0\0I\0\0\0\0\1\0\0\0"
	             "0",
	             "{\"$dict\": [[1, 4294967296]]}");
	assert_reads("{Nl\2\0\0\0\1\0\1\0"
	             "0",
	             "{\"$dict\": [[null, {\"$long\": \"32769\"}]]}");
	assert_reads("{Nl\xfe\xff\xff\xff\1\0\1\0"
	             "0",
	             "{\"$dict\": [[null, {\"$long\": \"-32769\"}]]}");
	assert_reads("{Nl\2\0\0\0\xff\x7f\xff\x7f"
	             "0",
	             "{\"$dict\": [[null, {\"$long\": \"1073741823\"}]]}");
	assert_reads("{Nl\0\0\0\0"
	             "0",
	             "{\"$dict\": [[null, {\"$long\": \"0\"}]]}");
	assert_reads("{Nf\3"
	             "1.5"
	             "0",
	             "{\"$dict\": [[null, {\"$float\": \"1.5\"}]]}");
	assert_reads("{Ng\0\0\0\0\0\0\xf8\x3f"
	             "0",
	             "{\"$dict\": [[null, {\"$float\": \"1.5\"}]]}");
	assert_reads("{Nu\2\0\0\0\xc3\xa4"
	             "0",
	             "{\"$dict\": [[null, \"u:\\u00e4\"]]}");
	assert_reads("{N(\2\0\0\0t\1\0\0\0aR\0\0\0\0"
	             "0",
	             "{\"$dict\": [[null, {\"$tuple\": [\"b:a\", \"b:a\"]}]]}");
	assert_reads("{N[\1\0\0\0{0"
	             "0",
	             "{\"$dict\": [[null, [{\"$dict\": []}]]]}");
	assert_reads("{N>\1\0\0\0N"
	             "0",
	             "{\"$dict\": [[null, {\"$frozenset\": [null]}]]}");
}

static void forms_of_python_3_are_read(void **state)
{
	assert_reads("\xfb\xda\1a\xe9\1\0\0\0"
	             "z\1br\1\0\0\0"
	             "0",
	             "{\"$dict\": [[\"u:a\", 1], [\"u:b\", \"u:a\"]]}");
	assert_reads("{Z\1a)\2NN"
	             "0",
	             "{\"$dict\": [[\"u:a\", {\"$tuple\": [null, null]}]]}");
	assert_reads("{A\1\0\0\0aa\1\0\0\0b"
	             "0",
	             "{\"$dict\": [[\"u:a\", \"u:b\"]]}");
}

static void what_is_no_plain_value_is_refused(void **state)
{
	assert_refused("{Nc\0\0\0\0", "octet 2: marshal type: \\x63 is no type", "{\"$dict\": []}");
	assert_refused("{NR\0\0\0\0"
	               "0",
	               "octet 2: marshal reference to an interned str: to number 0",
	               "{\"$dict\": []}");
	assert_refused("{N[\xff\xff\xff\x7f", "octet 2: marshal list: of 2147483647",
	               "{\"$dict\": []}");
	assert_refused("{N[\1\0\0\0"
	               "00",
	               "octet 2: marshal list: the end of a dict", "{\"$dict\": [[null, []]]}");
	assert_refused("{N0", "octet 0: marshal dict: the dict ends behind a key",
	               "{\"$dict\": []}");
	assert_refused("{Ns\5\0\0\0ab", "of 5, and the file has 2", "{\"$dict\": []}");
	assert_refused("{0x", "octet 2: there is more behind", "{\"$dict\": []}");
	assert_refused("{Nl\xff\xff\xff\x7f", "digits of 15 bits", "{\"$dict\": []}");
}

static void a_file_cut_at_any_octet_gives_an_error(void **state)
{
	static const char whole[] =
		"{t\1\0\0\0a(\2\0\0\0i\1\0\0\0g\0\0\0\0\0\0\xf8\x3fR\0\0\0\0{NT0"
		"u\1\0\0\0b[\1\0\0\0I\0\0\0\0\1\0\0\0"
		"0";
	AUTO_FREE char *seen = reading_json(SPAN(whole), NULL);

	assert_non_null(seen);
	for (size_t n = 1; n < sizeof whole - 1; n++) {
		AUTO_FREE char *copy = xmalloc(n), *part = NULL;
		struct error err = { 0 };

		memcpy(copy, whole, n);
		part = reading_json((struct span){ copy, n }, &err);
		if (strncmp(err.text, "octet ", 6) != 0)
			fail_msg("cut at %zu: \"%s\"", n, err.text);
	}
}

static void a_deep_one_is_refused(void **state)
{
	AUTO_BUF struct buf deep = { 0 };
	struct error err = { 0 };
	AUTO_FREE char *seen = NULL;

	for (unsigned i = 0; i < 100000; i++)
		buf_add_text(&deep, "{N");
	seen = reading_json(buf_span(&deep), &err);
	assert_non_null(strstr(err.text, "more than 500 things"));
}

static void what_was_read_is_written_as_it_was(void **state)
{
	static const char whole[] =
		"{s\1\0\0\0a(\2\0\0\0i\1\0\0\0g\0\0\0\0\0\0\xf8\x3fs\1\0\0\0b{NT0"
		"u\2\0\0\0\xc3\xa4[\1\0\0\0I\0\0\0\0\1\0\0\0Fl\xfd\xff\xff\xff"
		"\1\0\2\0\3\0"
		"0";
	const struct read_limits limits = { 0 };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN(whole), &limits, &err), &err);
	assert_good(marshal_write(f.rows[0], &out, &err), &err);
	assert_int_equal(out.n, sizeof whole - 1);
	assert_memory_equal(out.p, whole, out.n);
}

static void instances_and_loops_are_no_marshal(void **state)
{
	const struct read_limits limits = { 0 };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("(iMailman.X\nX\n.]q\1h\1a."), &limits, &err), &err);
	assert_fails(marshal_write(f.rows[0], &out, &err), &err, "an instance");
	assert_fails(marshal_write(f.rows[1], &out, &err), &err, "holds itself");
	assert_int_equal(out.n, 0);
}

static void pickles_in_a_dict_are_opened(void **state)
{
	const struct read_limits limits = { 0 };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("{i\1\0\0\0s\3\0\0\0(l.i\2\0\0\0s\2\0\0\0a.0"), &limits,
	                         &err),
	            &err);
	assert_int_equal(value_file_open_nested(&f, &limits), 1);
	assert_good(show_json(f.rows[0], 0, &sink, &err), &err);
	assert_string_equal(buf_text(&text),
	                    "{\"$dict\": [[1, {\"$call\": \"pickle.loads\", \"args\": [[]]}], "
	                    "[2, \"b:a.\"]]}");
}

UNIT_TESTS("pickle/marshal", cmocka_unit_test(all_types_of_python_2_are_read),
           cmocka_unit_test(forms_of_python_3_are_read),
           cmocka_unit_test(what_is_no_plain_value_is_refused),
           cmocka_unit_test(a_file_cut_at_any_octet_gives_an_error),
           cmocka_unit_test(a_deep_one_is_refused),
           cmocka_unit_test(what_was_read_is_written_as_it_was),
           cmocka_unit_test(instances_and_loops_are_no_marshal),
           cmocka_unit_test(pickles_in_a_dict_are_opened));
