/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "lists/header.h"
#include "lists/mbox.h"
#include "lists/message.h"
#include "pickle/read.h"

#include <string.h>

static struct value word(struct value_arena *arena, const char *text)
{
	return value_str(arena, span_of(text));
}

static void set(struct value_arena *arena, struct value dict, const char *key, struct value v)
{
	value_dict_set(arena, dict, word(arena, key), v);
}

/* A message with one header. */
static struct value message(struct value_arena *arena, const char *name, const char *text,
                            struct value payload)
{
	struct value state = value_new_dict(arena), headers = value_new_items(arena, VALUE_LIST);
	struct value header = value_new_items(arena, VALUE_TUPLE);
	const struct value_object o = {
		.class = value_global(arena, SPAN("Mailman.Message"), SPAN("Message")),
		.made = VALUE_MADE_PLAIN,
		.state = state,
	};

	value_add_item(arena, header, word(arena, name));
	value_add_item(arena, header, word(arena, text));
	value_add_item(arena, headers, header);
	set(arena, state, "_headers", headers);
	set(arena, state, "_payload", payload);
	set(arena, state, "_unixfrom", word(arena, "From a@example.org Sun Nov 22 15:00:00 2026"));
	set(arena, state, "preamble", value_none());
	set(arena, state, "epilogue", word(arena, ""));
	return value_new_object(arena, VALUE_INSTANCE, &o);
}

static void assert_text(struct value v, const char *text, enum lists_message_form form)
{
	AUTO_BUF struct buf out = { 0 };

	assert_int_equal(lists_message_text(v, &out), form);
	assert_string_equal(buf_text(&out), text);
}

static void a_plain_message_is_exact(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value m = message(arena, "Subject", "two\n lines", word(arena, "gr\xfcn\n"));
	AUTO_BUF struct buf subject = { 0 };

	(void)state;
	assert_text(m, "Subject: two\n lines\n\ngr\xfcn\n", LISTS_MESSAGE_EXACT);
	assert_true(
		span_is(lists_message_unix_from(m), "From a@example.org Sun Nov 22 15:00:00 2026"));
	assert_true(lists_message_header(m, "subject", &subject));
	assert_string_equal(buf_text(&subject), "two lines");
	assert_false(lists_message_header(m, "subj", &subject));
}

static void a_text_is_itself_without_its_from_line(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value m = word(arena, "From a@example.org\nTo: b\nSubject: x\n\tand y\n\nFrom\n");
	AUTO_BUF struct buf subject = { 0 };

	(void)state;
	assert_text(m, "To: b\nSubject: x\n\tand y\n\nFrom\n", LISTS_MESSAGE_EXACT);
	assert_true(span_is(lists_message_unix_from(m), "From a@example.org"));
	assert_true(lists_message_header(m, "SUBJECT", &subject));
	assert_string_equal(buf_text(&subject), "x\tand y");
}

static void parts_stand_between_their_boundary(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value parts = value_new_items(arena, VALUE_LIST);
	struct value inner = message(arena, "A", "1", word(arena, "one\n"));

	(void)state;
	value_add_item(arena, parts, inner);
	value_add_item(arena, parts, message(arena, "B", "2", word(arena, "two")));
	assert_text(message(arena, "Content-Type", "multipart/mixed; boundary=\"x\\\"y\"", parts),
	            "Content-Type: multipart/mixed; boundary=\"x\\\"y\"\n\n"
	            "--x\"y\nA: 1\n\none\n\n--x\"y\nB: 2\n\ntwo\n--x\"y--\n",
	            LISTS_MESSAGE_EXACT);
	/* no boundary is said: one is made, and said */
	assert_text(message(arena, "Content-Type", "multipart/digest", parts),
	            "Content-Type: multipart/digest;\n boundary=\"==mailhaul-1==\"\n\n"
	            "--==mailhaul-1==\nA: 1\n\none\n\n--==mailhaul-1==\nB: 2\n\ntwo\n"
	            "--==mailhaul-1==--\n",
	            LISTS_MESSAGE_NEARLY);
	assert_text(message(arena, "Subject", "s", parts),
	            "Subject: s\nContent-Type: multipart/mixed; boundary=\"==mailhaul-1==\"\n\n"
	            "--==mailhaul-1==\nA: 1\n\none\n\n--==mailhaul-1==\nB: 2\n\ntwo\n"
	            "--==mailhaul-1==--\n",
	            LISTS_MESSAGE_NEARLY);
}

static struct value piece(struct value_arena *arena, const char *text, const char *charset,
                          bool encoded)
{
	struct value tuple = value_new_items(arena, VALUE_TUPLE), state = value_new_dict(arena);
	const struct value_object o = {
		.class = value_global(arena, SPAN("email.charset"), SPAN("Charset")),
		.made = VALUE_MADE_PLAIN,
		.state = state,
	};

	set(arena, state, "input_charset", word(arena, charset));
	set(arena, state, "header_encoding", encoded ? value_int(arena, 2) : value_none());
	value_add_item(arena, tuple, word(arena, text));
	value_add_item(arena, tuple, value_new_object(arena, VALUE_INSTANCE, &o));
	return tuple;
}

static void pieces_of_a_header_are_put_together(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value pieces = value_new_items(arena, VALUE_LIST), s = value_new_dict(arena);
	const struct value_object o = {
		.class = value_global(arena, SPAN("email.header"), SPAN("Header")),
		.made = VALUE_MADE_PLAIN,
		.state = s,
	};
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	set(arena, s, "_chunks", pieces);
	value_add_item(arena, pieces, piece(arena, " [List] ", "us-ascii", false));
	value_add_item(arena, pieces, piece(arena, "a", "us-ascii", false));
	value_add_item(arena, pieces, piece(arena, "", "us-ascii", false));
	value_add_item(arena, pieces, piece(arena, "gr\xfcn", "iso-8859-1", true));
	assert_true(lists_header_text(value_new_object(arena, VALUE_INSTANCE, &o), &out));
	assert_string_equal(buf_text(&out), "[List] a =?utf-8?b?Z3LDvG4=?=");
	buf_reset(&out);
	value_add_item(arena, pieces,
	               piece(arena,
	                     "\xc6\xfc\xcb\xdc\xb8\xec\xc6\xfc\xcb\xdc\xb8\xec\xc6\xfc"
	                     "\xcb\xdc\xb8\xec\xc6\xfc\xcb\xdc\xb8\xec\xc6\xfc\xcb\xdc"
	                     "\xb8\xec\xc6\xfc",
	                     "euc-jp", true));
	assert_true(lists_header_text(value_new_object(arena, VALUE_INSTANCE, &o), &out));
	/* sixteen characters of three octets: the sixteenth does not fit */
	assert_string_equal(
		buf_text(&out),
		"[List] a =?utf-8?b?Z3LDvG4=?= "
		"=?utf-8?b?5pel5pys6Kqe5pel5pys6Kqe5pel5pys6Kqe5pel5pys6Kqe5pel5pys6Kqe?="
		"\n =?utf-8?b?5pel?=");
	assert_false(lists_header_text(value_none(), &out));
}

#define PARTED(header, charset, text)                                                              \
	"(iMailman.Message\nMessage\n(dS'_headers'\n(l(S'Subject'\n(i" header                      \
	"\nHeader\n(dS'_chunks'\n(l(S'gr\\xfcn'\n(i" charset                                       \
	"\nCharset\n(dS'input_charset'\nS'iso-8859-1'\nsS'header_encoding'\nI2\nsbtasbta("         \
	"S'Content-Type'\nS'multipart/mixed; boundary=b'\ntasS'_payload'\n(l(i" text               \
	"\nMIMEText\n(dS'_headers'\n(l(S'A'\nS'1'\ntasS'_payload'\nS'one\\n'\nsbasb."

/* Python 2.4 and older have other names for the same classes: of the writer, not of the reader. */
static void names_of_classes_are_those_of_the_writers_python(void **state)
{
	static const char *const rows[] = {
		PARTED("email.Header", "email.Charset", "email.MIMEText"),
		PARTED("email.header", "email.charset", "email.mime.text"),
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
		struct error err = { 0 };
		struct value m;
		size_t at = 0;

		assert_good(pickle_read(arena, span_of(rows[i]), &at, NULL, &m, &err), &err);
		assert_text(m,
		            "Subject: =?utf-8?b?Z3LDvG4=?=\nContent-Type: multipart/mixed; "
		            "boundary=b\n\n--b\nA: 1\n\none\n\n--b--\n",
		            LISTS_MESSAGE_NEARLY);
	}
}

static void a_message_in_a_message_has_no_boundary(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value inner = value_new_items(arena, VALUE_LIST);

	(void)state;
	value_add_item(arena, inner, message(arena, "A", "1", word(arena, "one\n")));
	assert_text(message(arena, "Content-Type", "message/rfc822", inner),
	            "Content-Type: message/rfc822\n\nA: 1\n\none\n", LISTS_MESSAGE_EXACT);
}

static void blocks_of_a_delivery_status_keep_their_lines(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value blocks = value_new_items(arena, VALUE_LIST);

	(void)state;
	value_add_item(arena, blocks, message(arena, "Reporting-MTA", "dns; x", word(arena, "")));
	value_add_item(arena, blocks, message(arena, "Action", "failed", word(arena, "")));
	assert_text(message(arena, "Content-Type", "message/delivery-status", blocks),
	            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
	            "Action: failed\n",
	            LISTS_MESSAGE_EXACT);
}

static void a_ports_unicode_stands_for_octets(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();

	(void)state;
	assert_text(message(arena, "Subject", "s", value_text(arena, SPAN("gr\xed\xb3\xbcn\n"))),
	            "Subject: s\n\ngr\xfcn\n", LISTS_MESSAGE_EXACT);
	assert_text(message(arena, "Subject", "s", value_text(arena, SPAN("gr\xc3\xbcn\n"))),
	            "Subject: s\n\ngr\xc3\xbcn\n", LISTS_MESSAGE_NEARLY);
}

static void a_message_that_holds_itself_ends(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value parts = value_new_items(arena, VALUE_LIST);
	struct value m = message(arena, "Content-Type", "multipart/mixed; boundary=b", parts);
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	value_add_item(arena, parts, m);
	assert_int_equal(lists_message_text(m, &out), LISTS_MESSAGE_NEARLY);
}

static void what_is_no_message_gives_nothing(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();

	(void)state;
	assert_text(value_none(), "", LISTS_MESSAGE_NONE);
	assert_text(value_new_dict(arena), "", LISTS_MESSAGE_NONE);
	assert_text((struct value){ 0 }, "", LISTS_MESSAGE_NONE);
}

static void count(const char *text, uint64_t messages, uint64_t separators)
{
	/* in one piece, and octet by octet */
	for (size_t step = strlen(text); step; step = step > 1 ? 1 : 0) {
		AUTO_LISTS_MBOX struct lists_mbox m = { 0 };

		for (size_t at = 0; at < strlen(text); at += step)
			lists_mbox_feed(&m, (struct span){ text + at, step });
		lists_mbox_end(&m);
		assert_int_equal(m.messages, messages);
		assert_int_equal(m.separators, separators);
	}
}

#define FROM "From a@example.org  Sun Nov 22 15:00:00 2026\n"

static void messages_of_an_mbox_are_counted_by_both_rules(void **state)
{
	(void)state;
	count("", 0, 0);
	count(FROM "Subject: x\n\nbody\n\n" FROM "To: y\n\n", 2, 2);
	/* pipermail begins a message there, cleanarch does not */
	count(FROM "Subject: x\n\nFrom the start.\n>From here\n", 2, 1);
	/* a date, but no header follows */
	count(FROM "no header\n", 1, 0);
	count("From a Sun Nov 22 15:00 CET 2026 +0100\r\nX-Y:\r\n", 1, 1);
	count("From a b Sun Nov 22 15:00:00 2026\nX: y\n", 1, 0);
	count("From a Sun Nov 22 15:00:00 26\nX: y\n", 1, 0);
}

static void a_message_is_appended_as_mailman_does(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	(void)state;
	lists_mbox_append(&out, SPAN("From x"), SPAN("A: b\n\nFrom y\n>From z\nend"));
	assert_string_equal(buf_text(&out), "From x\nA: b\n\n>From y\n>From z\nend\n\n");
}

UNIT_TESTS("lists_message", cmocka_unit_test(a_plain_message_is_exact),
           cmocka_unit_test(a_text_is_itself_without_its_from_line),
           cmocka_unit_test(parts_stand_between_their_boundary),
           cmocka_unit_test(pieces_of_a_header_are_put_together),
           cmocka_unit_test(names_of_classes_are_those_of_the_writers_python),
           cmocka_unit_test(a_message_in_a_message_has_no_boundary),
           cmocka_unit_test(blocks_of_a_delivery_status_keep_their_lines),
           cmocka_unit_test(a_ports_unicode_stands_for_octets),
           cmocka_unit_test(a_message_that_holds_itself_ends),
           cmocka_unit_test(what_is_no_message_gives_nothing),
           cmocka_unit_test(messages_of_an_mbox_are_counted_by_both_rules),
           cmocka_unit_test(a_message_is_appended_as_mailman_does));
