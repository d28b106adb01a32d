/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "unit/unit.h"
#include "wire/mailbox.h"

static void messages_folders_and_files_come_back_as_they_were(void **state)
{
	AUTO_BUF struct buf body = { 0 };
	struct mail_message m = { .base = (char *)(uintptr_t) "1.a\n.host",
		                  .suffix = (char *)(uintptr_t) ":2,S",
		                  .keywords = (char *)(uintptr_t) "",
		                  .in_new = true,
		                  .mode = 0600,
		                  .uid = 7,
		                  .size = UINT64_MAX,
		                  .inode = 9,
		                  .mtime_ns = -5,
		                  .hashed = true,
		                  .digest = digest_of(SPAN("x")) };
	struct mail_folder f = { .name = (char *)(uintptr_t) "A/B",
		                 .mode = 0700,
		                 .uidvalidity = 11 };
	struct mail_file file = { .place = MAIL_PLACE_HOME,
		                  .path = (char *)(uintptr_t) "sieve/a.sieve",
		                  .target = (char *)(uintptr_t) "b.sieve",
		                  .mtime_ns = -1 };
	struct wire_reader r;
	struct error err = { 0 };

	wire_put_message(&body, &m);
	wire_put_folder(&body, &f);
	wire_put_file(&body, &file);
	r = (struct wire_reader){ .rest = buf_span(&body) };
	struct mail_message m2;
	struct mail_folder f2;
	struct mail_file file2;
	wire_get_message(&r, &m2);
	wire_get_folder(&r, &f2);
	wire_get_file(&r, &file2);
	assert_good(wire_read_end(&r, "test", &err), &err);
	assert_string_equal(m2.base, m.base);
	assert_string_equal(m2.suffix, ":2,S");
	assert_string_equal(m2.keywords, "");
	assert_true(m2.in_new && m2.uid == 7 && m2.size == UINT64_MAX && m2.mtime_ns == -5);
	assert_true(m2.hashed && digest_equal(&m2.digest, &m.digest));
	assert_string_equal(f2.name, "A/B");
	assert_int_equal(f2.uidvalidity, 11);
	assert_string_equal(file2.target, "b.sieve");
	assert_true(file2.place == MAIL_PLACE_HOME && file2.mtime_ns == -1);
	mail_message_fini(&m2);
	mail_folder_fini(&f2);
	mail_file_fini(&file2);
}

static bool takes_message(const char *base, size_t n, const char *suffix)
{
	AUTO_BUF struct buf body = { 0 };
	struct wire_reader r;
	struct mail_message m;

	wire_put_span(&body, (struct span){ base, n });
	wire_put_text(&body, suffix);
	wire_put_u64(&body, 0);
	wire_put_text(&body, "");
	for (int i = 0; i < 7; i++)
		wire_put_u64(&body, 0);
	wire_put_text(&body, "");
	r = (struct wire_reader){ .rest = buf_span(&body) };
	wire_get_message(&r, &m);
	mail_message_fini(&m);
	return !r.bad && r.rest.n == 0;
}

static void names_of_a_hostile_host_are_refused(void **state)
{
	assert_true(takes_message("a", 1, ""));
	assert_true(takes_message("a", 1, ":2,S"));
	assert_false(takes_message("", 0, ""));
	assert_false(takes_message("..", 2, ""));
	assert_false(takes_message("../a", 4, ""));
	assert_false(takes_message("a\0b", 3, ""));
	assert_false(takes_message("a:2,", 4, ""));
	assert_false(takes_message("a", 1, "b"));
	assert_false(takes_message("a", 1, ":2,/../x"));
	assert_true(mail_path_fits(""));
	assert_true(mail_path_fits(".a/b c/\xff"));
	assert_false(mail_path_fits("/etc"));
	assert_false(mail_path_fits("a//b"));
	assert_false(mail_path_fits("a/../b"));
	assert_false(mail_path_fits("a/"));
}

static void an_account_needs_an_absolute_root_and_a_known_format(void **state)
{
	struct mailbox_account a = { .user = (char *)(uintptr_t) "alice",
		                     .root = (char *)(uintptr_t) "Maildir" };
	AUTO_BUF struct buf body = { 0 };
	AUTO_MAILBOX_ACCOUNT struct mailbox_account out = { 0 };
	struct wire_reader r;

	wire_put_account(&body, &a);
	r = (struct wire_reader){ .rest = buf_span(&body) };
	wire_get_account(&r, &out);
	assert_true(r.bad);
}

static void known_messages_come_back_until_what_is_cut(void **state)
{
	AUTO_BUF struct buf rows = { 0 };
	struct wire_known out;
	struct span rest;

	wire_put_known(&rows,
	               &(struct wire_known){ SPAN("100.a"), SPAN(":2,S"), false, 1ull << 40 });
	wire_put_known(&rows, &(struct wire_known){ SPAN("200.b"), SPAN(""), true, 6 });
	rest = buf_span(&rows);
	assert_true(wire_get_known(&rest, &out));
	assert_true(span_is(out.base, "100.a") && span_is(out.suffix, ":2,S"));
	assert_true(!out.in_new && out.inode == 1ull << 40);
	assert_true(wire_get_known(&rest, &out));
	assert_true(span_is(out.base, "200.b") && !out.suffix.n && out.in_new && out.inode == 6);
	assert_false(wire_get_known(&rest, &out));
	assert_int_equal(rest.n, 0);
	rest = (struct span){ rows.p, 12 };
	assert_false(wire_get_known(&rest, &out));
	assert_int_equal(rest.n, 12);
}

UNIT_TESTS("wire/mailbox", cmocka_unit_test(messages_folders_and_files_come_back_as_they_were),
           cmocka_unit_test(names_of_a_hostile_host_are_refused),
           cmocka_unit_test(an_account_needs_an_absolute_root_and_a_known_format),
           cmocka_unit_test(known_messages_come_back_until_what_is_cut));
