/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "store/mbox.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FROM "From alice@example.org Sun Mar  1 02:13:07 2026\n"

struct text {
	struct span bytes;
	size_t most; /* of one read, so that windows end anywhere */
};

static ssize_t read_text(void *context, void *out, size_t n, uint64_t offset)
{
	const struct text *t = context;
	size_t left = offset < t->bytes.n ? t->bytes.n - (size_t)offset : 0;

	if (n > left)
		n = left;
	if (n)
		memcpy(out, t->bytes.p + offset, n);
	return (ssize_t)n;
}

/* "OFFSET-END uid flags keywords|content|" for each message */
struct told {
	struct buf all, content;
};

static int keep_content(void *context, struct span bytes, struct error *err)
{
	struct told *t = context;

	buf_add_span(&t->content, bytes);
	return 0;
}

static int keep_end(void *context, const struct mbox_message *m, struct error *err)
{
	struct told *t = context;
	struct digest want = digest_of(buf_span(&t->content));

	assert_true(digest_equal(&want, &m->digest));
	assert_int_equal(m->size, t->content.n);
	if (m->internal)
		buf_add_text(&t->all, "internal ");
	buf_addf(&t->all, "%llu-%llu %u %s %s|", (unsigned long long)m->offset,
	         (unsigned long long)m->end, m->uid, m->flags, buf_text(&m->keywords));
	buf_add_span(&t->all, buf_span(&t->content));
	buf_add_char(&t->all, '|');
	buf_reset(&t->content);
	return 0;
}

static int walk(struct span bytes, struct told *t, struct error *err)
{
	struct text text = { .bytes = bytes };
	const struct mbox_visitor visitor = { t, NULL, keep_content, keep_end };

	*t = (struct told){ 0 };
	return mbox_walk(read_text, &text, 0, bytes.n, false, "box", &visitor, err);
}

static void gives(struct span bytes, const char *want)
{
	struct error err = { 0 };
	struct told t;

	assert_good(walk(bytes, &t, &err), &err);
	assert_string_equal(buf_text(&t.all), want);
	buf_fini(&t.all);
	buf_fini(&t.content);
}

static void messages_end_at_the_next_from_line_that_has_a_date(void **state)
{
	gives(SPAN(FROM "A: b\n\none\nFrom here\n\n" FROM "\ntwo\n\n"),
	      "0-69 0  |A: b\n\none\nFrom here\n|69-123 0  |\ntwo\n|");
	gives(SPAN(FROM "A: b\n\nno blank line\n" FROM "\ntwo"),
	      "0-68 0  |A: b\n\nno blank line|68-120 0  |\ntwo|");
	gives(SPAN(FROM "A: b\r\n\r\none\r\n\r\n" FROM "A: b\n\n" FROM "A: b\nStatus: O\n"),
	      "0-63 0  |A: b\r\n\r\none\r\n|63-117 0  |A: b\n|117-180 0  |A: b\n|");
	gives(SPAN(""), "");
}

static void a_true_content_length_hides_from_lines_and_a_wrong_one_does_not(void **state)
{
	gives(SPAN(FROM "Content-Length: 53\n\n" FROM "two\n\n\n" FROM "\nx\n\n"),
	      "0-122 0  |\n" FROM "two\n\n|122-174 0  |\nx\n|");
	gives(SPAN(FROM "Content-Length: 5\n\n" FROM "\n\n"), "0-67 0  ||67-117 0  |\n|");
}

static void books_of_programs_are_read_and_are_no_content(void **state)
{
	gives(SPAN(FROM "X-IMAPbase: 11 0000000005 $Junk\nSubject: x\n X-UID: 9\nX-UID: 3\n"
	                "Status: RO\nX-Status: AFDT\nX-Keywords: b $Junk a\nStatus-x: y\n\nq\n\n"),
	      "0-174 3 DFRST $Junk a b|Subject: x\n X-UID: 9\nStatus-x: y\n\nq\n|");
}

static void dovecots_own_first_message_is_no_mail(void **state)
{
	gives(SPAN(FROM "Subject: FOLDER INTERNAL DATA\nX-IMAP: 11 5\nStatus: RO\n\ndata\n\n"),
	      "internal 0-109 0 S |Subject: FOLDER INTERNAL DATA\n\ndata\n|");
}

static void a_giant_header_goes_through(void **state)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	struct told t;

	buf_add_text(&text, FROM "X-UID: 7\nX-Keywords: ");
	for (size_t i = 0; i < 1000000; i++)
		buf_add_char(&text, 'k');
	buf_add_text(&text, "\nX-Status: F\n\nbody\n\n");
	assert_good(walk(buf_span(&text), &t, &err), &err);
	assert_true(t.all.n > 1000000); /* too long to be a book: content */
	assert_non_null(strstr(buf_text(&t.all), " 7 F "));
	buf_fini(&t.all);
	buf_fini(&t.content);
}

static void what_is_no_mbox_is_refused_with_its_place(void **state)
{
	struct error err = { 0 };
	struct told t;

	assert_fails(walk(SPAN("hello\n"), &t, &err), &err, "box: no From_ line at octet 0");
}

static void from_lines_are_those_that_dovecot_takes(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ "From alice Sun Mar  1 02:13:07 2026", true },
		{ "From alice Sun Mar  1 02:13 2026", true },
		{ "From alice Sun Mar  1 02:13:07 CET 2026", true },
		{ "From alice Sun Mar  1 02:13:07 2026 +0100", true },
		{ "From alice Sun Mar  1 02:13:07 +0100 2026", true },
		{ "From \"a b\"@example.org Sun Mar  1 02:13:07 2026", true },
		{ "From MAILER-DAEMON Fri Feb 29 00:00:00 2036", true },
		{ "From alice Sun, 1 Mar 2026 02:13:07 +0100", true },
		{ "From a b Sun Mar  1 02:13:07 2026", false },
		{ "From alice Sun Mar 32 02:13:07 2026", false },
		{ "From alice Sun Mar  1 24:13:07 2026", false },
		{ "From alice Sun Mrz  1 02:13:07 2026", false },
		{ "From alice Sun Mar  1 02:13:07", false },
		{ "From here on", false },
		{ ">From alice Sun Mar  1 02:13:07 2026", false },
		{ "from alice Sun Mar  1 02:13:07 2026", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t time = 0;

		if (mbox_from_line(span_of(rows[i].line), &time) != rows[i].good)
			fail_msg("%s", rows[i].line);
	}

	int64_t time = 0;
	assert_true(mbox_from_line(SPAN("From alice Sun Mar  1 02:13:07 2026"), &time));
	assert_true(time == 1772331187);
}

static void a_from_line_s_date_is_local_unless_it_has_a_zone_behind(void **state)
{
	static const struct {
		const char *line;
		int64_t utc;
	} rows[] = {
		{ "From alice Sun Mar  1 02:13:07 2026", 1772331187 - 3600 },
		{ "From alice Wed Jul  1 02:13:07 2026", 1782871987 - 7200 },
		{ "From alice Sun Mar  1 02:13:07 2026 -0730", 1772331187 + 27000 },
		{ "From alice Sun Mar  1 02:13:07 +0500 2026", 1772331187 - 3600 },
		{ "From alice Sun, 1 Mar 2026 02:13:07 +0300", 1772331187 - 10800 },
		{ "From here on", 0 },
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < ROWS(rows); i++)
		if (mbox_from_utc(span_of(rows[i].line)) != rows[i].utc)
			fail_msg("%s", rows[i].line);
}

/* Bodies are given in long pieces: a From_ line may lie across two of them. */
static void a_from_line_is_found_wherever_the_windows_end(void **state)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t body = (128u << 10) - 80; body < (128u << 10) + 4; body++) {
		struct error err = { 0 };
		struct told t;

		buf_reset(&text);
		buf_add_text(&text, FROM "\n");
		for (size_t i = 0; i < body; i++)
			buf_add_char(&text, i % 61 ? 'x' : '\n');
		buf_add_text(&text, "\n\n" FROM "\ntwo\n\n");
		assert_good(walk(buf_span(&text), &t, &err), &err);
		if (!strstr(buf_text(&t.all), "0  |\ntwo\n|"))
			fail_msg("%zu octets", body);
		buf_fini(&t.all);
		buf_fini(&t.content);
	}
}

static void every_cut_of_a_file_is_read_without_harm(void **state)
{
	static const char text[] = FROM "X-UID: 1\nContent-Length: 4\n\none\n\n" FROM
					"A: b\r\n\r\ntwo\r\n\r\n" FROM "\n\n\n";

	for (size_t n = 0; n < sizeof text; n++) {
		struct error err = { 0 };
		struct told t;

		(void)!walk((struct span){ text, n }, &t, &err);
		buf_fini(&t.all);
		buf_fini(&t.content);
	}
}

UNIT_TESTS("store/mbox", cmocka_unit_test(messages_end_at_the_next_from_line_that_has_a_date),
           cmocka_unit_test(a_true_content_length_hides_from_lines_and_a_wrong_one_does_not),
           cmocka_unit_test(books_of_programs_are_read_and_are_no_content),
           cmocka_unit_test(dovecots_own_first_message_is_no_mail),
           cmocka_unit_test(a_giant_header_goes_through),
           cmocka_unit_test(what_is_no_mbox_is_refused_with_its_place),
           cmocka_unit_test(from_lines_are_those_that_dovecot_takes),
           cmocka_unit_test(a_from_line_s_date_is_local_unless_it_has_a_zone_behind),
           cmocka_unit_test(a_from_line_is_found_wherever_the_windows_end),
           cmocka_unit_test(every_cut_of_a_file_is_read_without_harm));
