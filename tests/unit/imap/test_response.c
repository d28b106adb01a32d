/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/response.h"
#include "unit/unit.h"

#include <string.h>

struct one {
	struct imap_reader r;
	struct imap_response p;
};

/* Reads one response, `piece` octets at a time. */
static void read_one(struct one *one, const char *text, size_t piece)
{
	struct span rest = span_of(text);
	struct error err = { 0 };
	int whole = 0;

	*one = (struct one){ 0 };
	imap_reader_init(&one->r);
	while (rest.n && !whole) {
		size_t used;

		whole = imap_reader_feed(&one->r,
		                         (struct span){ rest.p, rest.n < piece ? rest.n : piece },
		                         &used, &err);
		if (whole < 0)
			fail_msg("%s", err.text);
		rest = span_from(rest, used);
	}
	assert_int_equal(whole, 1);
	assert_int_equal(rest.n, 0);
	assert_good(imap_response_parse(&one->r, &one->p, &err), &err);
}

static void end(struct one *one)
{
	imap_response_fini(&one->p);
	imap_reader_fini(&one->r);
}

static int add(void *context, struct span octets, struct error *err)
{
	buf_add_span(context, octets);
	return 0;
}

static void a_message_is_the_same_however_it_is_cut(void **state)
{
	static const char text[] =
		"* 12 FETCH (FLAGS (\\Seen $Junk) BODY[] {21}\r\nSubject: \"(\r\n\r\nx)\r\n\r\n"
		" INTERNALDATE \"05-Mar-2026 12:34:56 +0100\" UID 7 RFC822.SIZE 20)\r\n";

	for (size_t piece = 1; piece <= sizeof text; piece++) {
		AUTO_BUF struct buf stored = { 0 };
		struct error err = { 0 };
		struct one one;

		read_one(&one, text, piece);
		assert_int_equal(one.p.kind, IMAP_FETCH);
		assert_int_equal(one.p.uid, 7);
		assert_int_equal(one.p.size, 20);
		assert_int_equal(one.p.date, 1772710496);
		assert_true(span_is(one.p.flags, "\\Seen $Junk"));
		assert_int_equal(one.p.content, IMAP_CONTENT_THERE);
		assert_int_equal(one.r.body.size, 21);
		assert_int_equal(imap_body_walk(&one.r.body, add, &stored, &err), 0);
		assert_string_equal(buf_text(&stored), "Subject: \"(\n\nx)\n\n");
		end(&one);
	}
}

static void a_large_message_lies_in_a_file_and_is_the_same(void **state)
{
	AUTO_BUF struct buf want = { 0 }, stored = { 0 };
	struct error err = { 0 };
	struct imap_body body;

	imap_body_init(&body);
	for (unsigned i = 0; i < 200000; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_addf(&line, "line %u of it\r\r\r x\r\n", i);
		assert_int_equal(imap_body_add(&body, buf_span(&line), &err), 0);
		buf_addf(&want, "line %u of it\r\r\r x\n", i);
	}
	assert_true(body.fd >= 0);
	assert_int_equal(body.kept.room, 0);
	assert_int_equal(imap_body_walk(&body, add, &stored, &err), 0);
	assert_true(span_equal(buf_span(&stored), buf_span(&want)));
	assert_int_equal(imap_body_stored_size(&body), want.n);
	imap_body_fini(&body);
}

static void words_for_people_are_never_a_literal(void **state)
{
	struct one one;

	read_one(&one, "* BYE [UNAVAILABLE] too {many} {3}\r\n", 5);
	assert_int_equal(one.p.kind, IMAP_WORDS);
	assert_int_equal(one.p.status, IMAP_BYE);
	assert_true(span_is(one.p.code, "UNAVAILABLE"));
	end(&one);
	read_one(&one, "A7 NO [LIMIT] no {3}\r\n", 5);
	assert_int_equal(one.p.kind, IMAP_TAGGED);
	assert_true(span_is(one.p.words, "no {3}"));
	end(&one);
}

static void names_come_as_atoms_strings_and_literals(void **state)
{
	static const char *const texts[] = {
		"* LIST (\\Marked) \"/\" a&-b\r\n",
		"* LIST (\\Marked) \"/\" \"a&-b\"\r\n",
		"* LIST (\\Marked) \"/\" {4}\r\na&-b\r\n",
		"* list (\\Marked) \"/\" {4+}\r\na&-b (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
	};

	for (size_t i = 0; i < ROWS(texts); i++) {
		struct one one;

		read_one(&one, texts[i], 3);
		assert_int_equal(one.p.kind, IMAP_LIST);
		assert_int_equal(one.p.separator, '/');
		assert_string_equal(buf_text(&one.p.name), "a&-b");
		end(&one);
	}
}

static void numbers_namespaces_and_sets_are_read(void **state)
{
	struct span set;
	uint32_t first, last;
	struct one one;

	read_one(&one,
	         "* STATUS \"x\" (MESSAGES 3 X-Y (\"z\" 1) UIDNEXT 9 UIDVALIDITY 4000000000 "
	         "HIGHESTMODSEQ 90060115205545359)\r\n",
	         7);
	assert_int_equal(one.p.numbers.messages, 3);
	assert_int_equal(one.p.numbers.uidnext, 9);
	assert_int_equal(one.p.numbers.uidvalidity, 4000000000);
	assert_int_equal(one.p.numbers.modseq, 90060115205545359);
	end(&one);
	read_one(&one,
	         "* NAMESPACE ((\"INBOX.\" \".\" \"X-P\" (\"F\"))) NIL ((\"#a/\" \"/\")(\"b/\" "
	         "\"/\"))\r\n",
	         7);
	assert_string_equal(buf_text(&one.p.name), "INBOX.");
	assert_string_equal(buf_text(&one.p.others), "#a/\nb/\n");
	assert_int_equal(one.p.separator, '.');
	end(&one);
	read_one(&one, "* ESEARCH (TAG \"A3\") UID ALL 9:7,12\r\n", 7);
	assert_true(one.p.is_set);
	set = one.p.words;
	assert_true(imap_set_next(&set, &first, &last));
	assert_int_equal(first, 7);
	assert_int_equal(last, 9);
	assert_true(imap_set_next(&set, &first, &last));
	assert_int_equal(last, 12);
	assert_false(imap_set_next(&set, &first, &last));
	end(&one);
}

static void what_is_too_much_is_refused(void **state)
{
	static const char *const texts[] = {
		"* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\n",
		"* LIST () \"/\" {2000000}\r\n",
		"* 1 FETCH (UID 1 BODY[] {1}\r\nx BODY[] {1}\r\ny)\r\n",
	};

	for (size_t i = 0; i < ROWS(texts); i++) {
		struct imap_reader r;
		struct error err = { 0 };
		size_t used;

		imap_reader_init(&r);
		assert_fails(imap_reader_feed(&r, span_of(texts[i]), &used, &err), &err,
		             "the IMAP server sent");
		imap_reader_fini(&r);
	}
}

static void dates_of_all_ages_and_zones_are_read(void **state)
{
	int64_t seconds;

	assert_true(imap_date_parse(SPAN(" 1-Jan-1970 00:00:00 +0000"), &seconds));
	assert_int_equal(seconds, 0);
	assert_true(imap_date_parse(SPAN("01-Jan-1904 00:00:00 +0000"), &seconds));
	assert_int_equal(seconds, -2082844800);
	assert_true(imap_date_parse(SPAN("17-jul-1996 02:44:25 -0730"), &seconds));
	assert_int_equal(seconds, 837598465);
	assert_false(imap_date_parse(SPAN("17-Foo-1996 02:44:25 -0700"), &seconds));
	assert_false(imap_date_parse(SPAN(""), &seconds));
}

static void flags_become_letters_and_the_others_words(void **state)
{
	AUTO_BUF struct buf letters = { 0 }, keywords = { 0 };
	AUTO_STRINGS struct strings strange = { 0 };

	imap_flags_sort(SPAN("\\Seen $Junk \\ANSWERED Blue \\Recent \\X-Odd $Junk \\*"), &letters,
	                &keywords, &strange);
	assert_string_equal(buf_text(&letters), "RS");
	assert_string_equal(buf_text(&keywords), "$Junk Blue");
	assert_int_equal(strange.n, 1);
	assert_string_equal(strange.rows[0], "\\X-Odd");
}

UNIT_TESTS("imap/response", cmocka_unit_test(a_message_is_the_same_however_it_is_cut),
           cmocka_unit_test(a_large_message_lies_in_a_file_and_is_the_same),
           cmocka_unit_test(words_for_people_are_never_a_literal),
           cmocka_unit_test(names_come_as_atoms_strings_and_literals),
           cmocka_unit_test(numbers_namespaces_and_sets_are_read),
           cmocka_unit_test(what_is_too_much_is_refused),
           cmocka_unit_test(dates_of_all_ages_and_zones_are_read),
           cmocka_unit_test(flags_become_letters_and_the_others_words));
