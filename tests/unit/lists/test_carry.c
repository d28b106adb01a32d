/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/carry_entry.h"
#include "lists/carry_names.h"
#include "unit/unit.h"

#include "base/cleanup.h"
#include "pickle/read.h"

#include <string.h>

static void locks_are_seen_wherever_they_stand(void **state)
{
	assert_true(carry_is_lock("test.lock"));
	assert_true(carry_is_lock("test.lock.mail.example.org.123.0"));
	assert_true(carry_is_lock("test/database/2005-May-article.lock"));
	assert_true(carry_is_lock("test/attachments/20050501/1234abcd/attachments.lock.old.9.1"));
	assert_false(carry_is_lock("locksmiths/config.pck"));
	assert_false(carry_is_lock("test.locksmith"));
	assert_false(carry_is_lock(""));
}

static void saves_that_did_not_end_are_seen(void **state)
{
	assert_true(carry_is_torn("config.pck.tmp.mail.example.org.123"));
	assert_true(carry_is_torn("request.pck.tmp"));
	assert_true(carry_is_torn("pending.pck.tmp.12.1100000000"));
	assert_false(carry_is_torn("config.pck"));
	assert_false(carry_is_torn("config.pck.last"));
}

static void entries_are_known_by_their_names(void **state)
{
	static const struct {
		const char *name;
		enum carry_entry is;
	} rows[] = {
		{ "1199145600.1229999+0123456789abcdef0123456789abcdef01234567.pck",
		  CARRY_ENTRY_WAITS },
		{ "1199145600+ab.bak", CARRY_ENTRY_IN_WORK },
		{ "1199145600.1+ab.psv", CARRY_ENTRY_KEPT },
		{ "no-time.psv", CARRY_ENTRY_KEPT },
		{ "1199145600.1+ab.pck.tmp", CARRY_ENTRY_TORN },
		{ "1199145600.1+ab.db", CARRY_ENTRY_OLD },
		{ "1199145600.1+ab.msg", CARRY_ENTRY_OLD },
		{ "message.pck", CARRY_ENTRY_ODD },
		{ "1+2+3.pck", CARRY_ENTRY_ODD },
		{ "1.2.3+ab.pck", CARRY_ENTRY_ODD },
		{ ".+ab.pck", CARRY_ENTRY_ODD },
		{ "now+ab.bak", CARRY_ENTRY_ODD },
		{ "1+.pck", CARRY_ENTRY_ODD },
		{ "1+xyz.pck", CARRY_ENTRY_ODD },
		{ "+ab.pck", CARRY_ENTRY_ODD },
		{ "notes.txt", CARRY_ENTRY_NONE },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (carry_entry_of(rows[i].name) != rows[i].is)
			fail_msg("%s: %d", rows[i].name, (int)carry_entry_of(rows[i].name));
}

static void data_is_told_apart_and_whose_it_is(void **state)
{
	static const struct {
		const char *name;
		enum carry_data is;
		const char *list;
	} rows[] = {
		{ "heldmsg-test-1.pck", CARRY_DATA_HELD, "test" },
		{ "heldmsg-a-b-12.txt", CARRY_DATA_HELD, "a-b" },
		{ "heldmsg-news_example.org-3.pck", CARRY_DATA_HELD, "news_example.org" },
		{ "heldmsg-1-2.pck", CARRY_DATA_HELD, "1" },
		{ "heldmsg-test-x.pck", CARRY_DATA_OTHER, "" },
		{ "heldmsg-.pck", CARRY_DATA_OTHER, "" },
		{ "heldmsg--1.pck", CARRY_DATA_OTHER, "" },
		{ "heldmsg-test-.pck", CARRY_DATA_OTHER, "" },
		{ "bounce-events-00123.pck", CARRY_DATA_BOUNCES, "" },
		{ "adm.pw", CARRY_DATA_PASSWORD, "" },
		{ "aliases.db", CARRY_DATA_GENERATED, "" },
		{ "last_mailman_version", CARRY_DATA_OF_HOST, "" },
		{ "master-qrunner.pid", CARRY_DATA_OF_HOST, "" },
		{ "owner-bounces.mbox", CARRY_DATA_SITE, "" },
		{ "pending.pck.tmp.1.2", CARRY_DATA_TORN, "" },
		{ "notes", CARRY_DATA_OTHER, "" },
	};
	struct span list;

	for (size_t i = 0; i < ROWS(rows); i++) {
		if (carry_data_of(rows[i].name, &list) != rows[i].is)
			fail_msg("%s: %d", rows[i].name, (int)carry_data_of(rows[i].name, NULL));
		assert_true(span_is(list, rows[i].list));
	}
	assert_true(span_is(carry_spam_list("spam-my-list-7.msg"), "my-list"));
	assert_false(carry_spam_list("other.msg").n);
}

static void names_that_mailman_does_not_see_are_no_lists(void **state)
{
	assert_true(carry_list_name_is_good(SPAN("news_example.org")));
	assert_true(carry_list_name_is_good(SPAN("c++")));
	assert_false(carry_list_name_is_good(SPAN("Test")));
	assert_false(carry_list_name_is_good(SPAN("a b")));
	assert_false(carry_list_name_is_good(SPAN("r&d")));
	assert_false(carry_list_name_is_good(SPAN("..")));
	assert_false(carry_list_name_is_good(SPAN("")));
}

/* ── entries ─────────────────────────────────────────────────────────────────────────────────── */

#define OLD_QUEUE "/usr/local/mailman/qfiles/in"
#define TEXT "S'From: a@example.org\\n\\nbody\\n'\np1\n."

/* Metadata in protocol 1; the string's own octets come between. */
static void make(struct buf *out, const char *message, const char *opcode, const char *queue,
                 const char *behind)
{
	buf_reset(out);
	buf_add_text(out, message);
	buf_add_text(out, "}q\x01(U\x08listnameU\x04testU\x09_parsemsgI01\nU\x06whichq");
	buf_add_text(out, opcode);
	if (*opcode == 'U')
		buf_add_char(out, (char)strlen(queue));
	for (unsigned i = 0; *opcode != 'U' && i < 4; i++)
		buf_add_char(out, (char)(strlen(queue) >> (8 * i)));
	buf_add_text(out, queue);
	buf_add_text(out, behind);
}

static void the_path_of_a_queue_changes_and_nothing_else(void **state)
{
	static const char *const opcodes[] = { "U", "T", "X" };
	static const char new[] = "/var/spool/mailman/in";
	AUTO_BUF struct buf content = { 0 };
	AUTO_BUF struct buf expected = { 0 };
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(opcodes); i++) {
		make(&content, TEXT, opcodes[i], OLD_QUEUE, "q\x02U\x04odds(K\x01K\x02lu.trail");
		make(&expected, TEXT, opcodes[i], new, "q\x02U\x04odds(K\x01K\x02lu.trail");
		assert_good(carry_entry_set_whichq(&content, new, &err), &err);
		assert_true(span_equal(buf_span(&content), buf_span(&expected)));
	}
}

static void in_protocol_0_too(void **state)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err = { 0 };

	buf_add_text(&content, TEXT "(dp1\nS'whichq'\np2\nS'/old/qfiles/in'\np3\nsS'n'\ng3\ns.");
	assert_fails(carry_entry_set_whichq(&content, "/new/in", &err), &err, "something else");
	buf_reset(&content);
	buf_add_text(&content, TEXT "(dp1\nS'whichq'\np2\nS'/old/qfiles/in'\np3\nsS'n'\nI7\ns.");
	assert_good(carry_entry_set_whichq(&content, "/new/in", &err), &err);
	assert_string_equal(buf_text(&content),
	                    TEXT "(dp1\nS'whichq'\np2\nS'/new/in'\np3\nsS'n'\nI7\ns.");
}

static void a_long_path_takes_the_long_form(void **state)
{
	AUTO_BUF struct buf content = { 0 };
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct carry_entry_words words;
	struct error err = { 0 };
	char path[400] = "/";

	memset(path + 1, 'a', 350);
	make(&content, TEXT, "U", OLD_QUEUE, "u.");
	assert_good(carry_entry_set_whichq(&content, path, &err), &err);
	assert_good(carry_entry_read(arena, buf_span(&content), &words, &err), &err);
	assert_true(span_is(words.whichq, path));
	assert_true(span_is(words.list, "test"));
}

static void what_has_no_path_is_left_as_it_is(void **state)
{
	AUTO_BUF struct buf content = { 0 };
	struct error err = { 0 };

	buf_add_text(&content, TEXT "}U\x08listnameU\x04tests.");
	assert_fails(carry_entry_set_whichq(&content, "/new/in", &err), &err, "by itself");
	assert_string_equal(buf_text(&content), TEXT "}U\x08listnameU\x04tests.");
	make(&content, TEXT, "U", OLD_QUEUE, "u.");
	assert_fails(carry_entry_set_whichq(&content, "/new/'in'", &err), &err, "characters");
	buf_reset(&content);
	buf_add_text(&content, TEXT);
	assert_fails(carry_entry_set_whichq(&content, "/new/in", &err), &err, "metadata");
}

static void a_text_that_is_not_marked_so_is_seen(void **state)
{
	static const struct {
		const char *octets;
		bool mismarked;
	} rows[] = {
		{ TEXT "}U\x09_parsemsgI01\ns.", false },
		{ TEXT "}U\x09_parsemsgI00\ns.", true },
		{ TEXT "}U\x07versionK\x03s.", true },
		{ "(iMailman.Message\nMessage\n}b.}U\x09_parsemsgI00\ns.", false },
		{ "(iMailman.Message\nMessage\n}b.}U\x09_parsemsgI01\ns.", true },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
		struct carry_entry_words words;
		struct error err = { 0 };

		assert_good(carry_entry_read(arena, span_of(rows[i].octets), &words, &err), &err);
		if (words.is_mismarked != rows[i].mismarked)
			fail_msg("row %zu", i);
	}
}

/* As bin/update of 2.1.39 writes it anew (protocol 1), in protocol 0, and without any mark. */
static void a_wrong_mark_becomes_right_and_nothing_else(void **state)
{
	static const char *const rows[] = {
		TEXT "}q\x01(U\x08listnameq\x02U\x04testq\x03U\x09_"
		     "parsemsgq\x04I00\nU\x06whichqq\x05U\x02/qu.",
		TEXT
		"(dp1\nS'listname'\np2\nS'test'\np3\nsS'_parsemsg'\nI00\nsS'whichq'\nS'/q'\ns.",
		TEXT "}(U\x08listnameU\x04testU\x06whichqU\x02/qu.",
		("(iMailman.Message\nMessage\n}b.}(U\x08listnameU\x04testU\x09_parsemsgI01\n"
		 "U\x06whichqU\x02/qu.trail"),
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
		AUTO_BUF struct buf content = { 0 };
		struct carry_entry_words before, after;
		struct error err = { 0 };

		buf_add_text(&content, rows[i]);
		assert_good(carry_entry_read(arena, span_of(rows[i]), &before, &err), &err);
		assert_true(before.is_mismarked);
		assert_good(carry_entry_set_mark(&content, &err), &err);
		assert_good(carry_entry_read(arena, buf_span(&content), &after, &err), &err);
		assert_false(after.is_mismarked);
		assert_true(span_is(after.list, "test") && span_is(after.whichq, "/q"));
		assert_int_equal(after.data_at, before.data_at);
		assert_memory_equal(content.p, rows[i], before.data_at);
		assert_int_equal(span_ends(buf_span(&content), "trail"), i == 3);
		/* then the path can be changed, too */
		assert_good(carry_entry_set_whichq(&content, "/new/queue", &err), &err);
	}
}

static void the_hour_of_giving_up_is_read(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct carry_entry_words words;
	struct error err = { 0 };

	assert_good(carry_entry_read(arena, SPAN(TEXT "(dS'deliver_until'\nF1795360500.5\ns."),
	                             &words, &err),
	            &err);
	assert_true(words.deliver_until > 1795360500.4 && words.deliver_until < 1795360500.6);
	assert_good(carry_entry_read(arena, SPAN(TEXT "(d."), &words, &err), &err);
	assert_true(words.deliver_until <= 0);
}

static void what_is_no_entry_is_refused(void **state)
{
	static const char *const rows[] = {
		"", ".", "N.", TEXT, TEXT "N.", TEXT "(lp1\n.", "cos\nsystem\n(S'x'\ntR.}.",
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
		struct carry_entry_words words;
		struct error err = { 0 };

		if (carry_entry_read(arena, span_of(rows[i]), &words, &err) == 0)
			fail_msg("row %zu was taken", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_are_seen_wherever_they_stand),
		cmocka_unit_test(saves_that_did_not_end_are_seen),
		cmocka_unit_test(entries_are_known_by_their_names),
		cmocka_unit_test(data_is_told_apart_and_whose_it_is),
		cmocka_unit_test(names_that_mailman_does_not_see_are_no_lists),
		cmocka_unit_test(the_path_of_a_queue_changes_and_nothing_else),
		cmocka_unit_test(in_protocol_0_too),
		cmocka_unit_test(a_long_path_takes_the_long_form),
		cmocka_unit_test(what_has_no_path_is_left_as_it_is),
		cmocka_unit_test(a_text_that_is_not_marked_so_is_seen),
		cmocka_unit_test(a_wrong_mark_becomes_right_and_nothing_else),
		cmocka_unit_test(the_hour_of_giving_up_is_read),
		cmocka_unit_test(what_is_no_entry_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
