/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/texts.h"
#include "unit/unit.h"

#include <string.h>

#define ROW_1                                                                                      \
	"mailbox-guid=g1 uid=7 size.physical=26 text=Message-ID: <a@b.example>\n"                  \
	"\n"
#define ROW_2 "mailbox-guid=g1 uid=9 size.physical=0 text=\n"
#define ROW_3 "mailbox-guid=g2 uid=1 size.physical=7 text=a\r\nb\rc\n\n"

static void feed(struct span text, size_t cut, struct buf *out)
{
	struct texts t = { 0 };
	struct error err = { 0 };

	assert_good(texts_feed(&t, (struct span){ text.p, cut }, out, &err), &err);
	assert_good(texts_feed(&t, span_from(text, cut), out, &err), &err);
	assert_true(texts_is_whole(&t));
	texts_fini(&t);
}

static void add_line(struct buf *out, const char *front, struct span octets, const char *id)
{
	char hex[2 * DIGEST_SIZE + 1];
	struct digest digest = digest_of(octets);

	buf_addf(out, "%s\t%s\t%s\n", front, digest_text(hex, &digest), id);
}

static void each_message_is_a_line_wherever_the_octets_are_cut(void **state)
{
	const struct span text = SPAN(ROW_1 ROW_2 ROW_3);
	AUTO_BUF struct buf wanted = { 0 };

	(void)state;
	add_line(&wanted, "g1\t7", SPAN("Message-ID: <a@b.example>\n"), "<a@b.example>");
	add_line(&wanted, "g1\t9", SPAN(""), "");
	/* CRLF counts as LF, a CR alone stays */
	add_line(&wanted, "g2\t1", SPAN("a\nb\rc\n"), "");
	for (size_t cut = 0; cut <= text.n; cut++) {
		AUTO_BUF struct buf out = { 0 };

		feed(text, cut, &out);
		assert_string_equal(buf_text(&out), buf_text(&wanted));
	}
}

static void lies_about_sizes_are_found(void **state)
{
	static const char *const rows[] = {
		"mailbox-guid=g uid=1 size.physical=2 text=abc\n",
		"mailbox-guid=g uid=1 size.physical=99999999999999999999 text=abc\n",
		"mailbox-guid=g uid=x size.physical=1 text=a\n",
		"mailbox-guid= uid=1 size.physical=1 text=a\n",
		"uid=1 size.physical=1 text=a\n",
		"mailbox-guid=g uid=1 size.physical=1\n",
		"hello\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };
		struct texts t = { 0 };
		struct error err = { 0 };

		assert_int_equal(texts_feed(&t, span_of(rows[i]), &out, &err), -1);
		assert_int_equal(out.n, 0);
		texts_fini(&t);
	}
}

static void a_message_that_is_cut_off_is_not_whole(void **state)
{
	AUTO_BUF struct buf out = { 0 };
	struct texts t = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(
		texts_feed(&t, SPAN("mailbox-guid=g uid=1 size.physical=9 text=abc"), &out, &err),
		&err);
	assert_false(texts_is_whole(&t));
	assert_int_equal(out.n, 0);
	texts_fini(&t);
}

UNIT_TESTS("agent/texts", cmocka_unit_test(each_message_is_a_line_wherever_the_octets_are_cut),
           cmocka_unit_test(lies_about_sizes_are_found),
           cmocka_unit_test(a_message_that_is_cut_off_is_not_whole));
