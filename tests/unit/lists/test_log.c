/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/gunzip.h"
#include "lists/log_line.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ── records ─────────────────────────────────────────────────────────────────────────────────── */

static const char text[] =
	"left over from a line before\n"
	"Nov 22 15:11:21 2026 (8689) Message discarded, msgid: <a@example.com>'\n"
	"\tlist: Talk,\n"
	"\thandler: Moderate\n"
	"Nov 22 15:11:22 2026 (8690) talk: held message approved, message-id: <b@x>\n"
	"Nov 22 15:11:23 2026 (x) odd\n"
	"\n"
	"Nov 22 15:11:24 2026 (1) no end";

struct seen {
	size_t n;
	uint64_t offsets[8], pids[8];
	char *texts[8];
};

static void take(void *context, const struct lists_log_record *record)
{
	struct seen *s = context;

	assert_true(s->n < 8);
	assert_int_equal(record->stamp.n, 20);
	s->offsets[s->n] = record->offset;
	s->pids[s->n] = record->pid;
	s->texts[s->n++] = span_dup(record->text);
}

static void check_and_end(struct seen *s)
{
	assert_int_equal(s->n, 4);
	assert_int_equal(s->offsets[0], 29);
	assert_int_equal(s->pids[0], 8689);
	assert_string_equal(s->texts[0], "Message discarded, msgid: <a@example.com>'\n"
	                                 "\tlist: Talk,\n\thandler: Moderate");
	assert_string_equal(s->texts[1], "talk: held message approved, message-id: <b@x>");
	assert_int_equal(s->pids[2], 0);
	assert_string_equal(s->texts[3], "no end");
	for (size_t i = 0; i < s->n; i++) {
		assert_memory_equal(text + s->offsets[i], "Nov 22", 6);
		free(s->texts[i]);
	}
}

static void test_records_go_over_several_lines_cut_anywhere(void **state)
{
	for (size_t first = 0; first < strlen(text); first++) {
		AUTO_LISTS_LOG_READER struct lists_log_reader r = { 0 };
		struct seen s = { 0 };

		lists_log_feed(&r, (struct span){ text, first }, take, &s);
		lists_log_feed(&r, span_from(span_of(text), first), take, &s);
		lists_log_end(&r, take, &s);
		check_and_end(&s);
		assert_int_equal(r.lost, 29);
	}
}

static void test_a_line_without_end_is_stepped_over(void **state)
{
	AUTO_LISTS_LOG_READER struct lists_log_reader r = { 0 };
	struct seen s = { 0 };
	char junk[4096];

	memset(junk, 'x', sizeof junk);
	for (size_t i = 0; i < 1000; i++)
		lists_log_feed(&r, (struct span){ junk, sizeof junk }, take, &s);
	assert_true(r.rest.n < 3 * LISTS_LOG_RECORD_MAX);
	lists_log_feed(&r, SPAN("\nNov 22 15:11:24 2026 (1) found\n"), take, &s);
	lists_log_end(&r, take, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.texts[0], "found");
	free(s.texts[0]);
}

static void test_times_are_those_of_this_machine(void **state)
{
	struct lists_log_clock c = { 0 };
	int64_t at = 0;

	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	assert_true(lists_log_time(&c, SPAN("Nov 22 15:00:01 2026"), &at));
	assert_int_equal(at, 1795359601);
	assert_true(lists_log_time(&c, SPAN("Nov 22 15:59:00 2026"), &at));
	assert_int_equal(at, 1795359600 + 59 * 60);
	assert_true(lists_log_time(&c, SPAN("Nov  2 05:00:00 2025"), &at));
	assert_int_equal(at, 1762059600);
	assert_false(lists_log_time(&c, SPAN("Nov 22 25:00:00 2026"), &at));
	assert_false(lists_log_time(&c, SPAN("Xxx 22 15:00:00 2026"), &at));
	assert_false(lists_log_time(&c, SPAN("Nov 22"), &at));
}

/* ── events ──────────────────────────────────────────────────────────────────────────────────── */

static void test_each_line_tells_what_it_says(void **state)
{
	static const struct {
		enum lists_log log;
		const char *text;
		enum lists_log_kind kind;
		const char *list, *id, *sender, *base;
	} rows[] = {
		{ LISTS_LOG_VETTE,
		  "Talk post from a@x.example held, message-id=<1: 2@x>: Message: too big",
		  LISTS_LOG_HELD, "Talk", "1: 2@x", "a@x.example", "" },
		{ LISTS_LOG_VETTE, "Talk post from a@x held, message-id=n/a: Post by non-member",
		  LISTS_LOG_HELD, "Talk", "", "a@x", "" },
		{ LISTS_LOG_VETTE, "talk: held message approved, message-id: <1@x>",
		  LISTS_LOG_APPROVED, "talk", "1@x", "", "" },
		{ LISTS_LOG_VETTE, "talk: Refused posting:\n\tFrom: a@x\n\tSubject: From: b",
		  LISTS_LOG_DECIDED, "talk", "", "a@x", "" },
		{ LISTS_LOG_VETTE, "talk: Discarded posting:\n\tFrom: a@x\n\tSubject: no\n",
		  LISTS_LOG_DECIDED, "talk", "", "a@x", "" },
		{ LISTS_LOG_VETTE, "Message discarded, msgid: <1@x>'\n\tlist: Talk,\n\thandler: M",
		  LISTS_LOG_DISCARDED, "Talk", "1@x", "", "" },
		{ LISTS_LOG_VETTE, "Message discarded, msgid: 1@x'\n\tlist: Talk,\n",
		  LISTS_LOG_DISCARDED, "Talk", "1@x", "", "" },
		{ LISTS_LOG_VETTE, "Message rejected, msgid: <1@x>\n\tlist: Talk,\n\treason: no",
		  LISTS_LOG_REJECTED, "Talk", "1@x", "", "" },
		{ LISTS_LOG_VETTE, "No command, message discarded, msgid: <1@x>",
		  LISTS_LOG_DISCARDED, "", "1@x", "", "" },
		{ LISTS_LOG_POST, "post to talk from a@x, size=1202, message-id=<1, 2@x>, success",
		  LISTS_LOG_POSTED, "talk", "1, 2@x", "a@x", "" },
		{ LISTS_LOG_POST, "post to talk from a@x, size=1, message-id=odd id, 2 failures",
		  LISTS_LOG_POSTED, "talk", "odd id", "a@x", "" },
		{ LISTS_LOG_SMTP, "<1@x> smtp to talk for 3 recips, completed in 0.1 seconds",
		  LISTS_LOG_SENT, "talk", "1@x", "", "" },
		{ LISTS_LOG_SMTP_FAILURE, "All recipients refused: {}, msgid: <1@x>",
		  LISTS_LOG_REFUSED, "", "1@x", "", "" },
		{ LISTS_LOG_SMTP_FAILURE, "delivery to b@x failed with code 550: no",
		  LISTS_LOG_UNDELIVERED, "", "", "", "" },
		{ LISTS_LOG_BOUNCE, "talk: bounce message w/no discernable addresses: <1@x>",
		  LISTS_LOG_BOUNCED, "talk", "1@x", "", "" },
		{ LISTS_LOG_ERROR, "SHUNTING: 1795360376.962675+c8b2", LISTS_LOG_SHUNTED, "", "",
		  "", "1795360376.962675+c8b2" },
		{ LISTS_LOG_ERROR, "Skipping and preserving unparseable message: 1.5+00",
		  LISTS_LOG_UNREADABLE, "", "", "", "1.5+00" },
		{ LISTS_LOG_ERROR, "Uncaught runner exception: no", LISTS_LOG_EXCEPTION, "", "", "",
		  "" },
		{ LISTS_LOG_VETTE, "talk: auto approved subscribe from a@x", LISTS_LOG_OTHER, "",
		  "", "", "" },
		{ LISTS_LOG_POST, "post to talk from a@x anonymized", LISTS_LOG_OTHER, "", "", "",
		  "" },
		{ LISTS_LOG_QRUNNER, "SHUNTING: 1.5+00", LISTS_LOG_OTHER, "", "", "", "" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct lists_log_event e = { 0 };
		bool told = lists_log_event(rows[i].log, span_of(rows[i].text), &e);

		assert_int_equal(told, rows[i].kind != LISTS_LOG_OTHER);
		if (!told)
			continue;
		assert_int_equal(e.kind, rows[i].kind);
		assert_true(span_is(e.list, rows[i].list));
		assert_true(span_is(e.id, rows[i].id));
		assert_true(span_is(e.sender, rows[i].sender));
		assert_true(span_is(e.base, rows[i].base));
	}
}

/* ── packed ──────────────────────────────────────────────────────────────────────────────────── */

/* forty times the first line below, packed by gzip -9 */
static const unsigned char packed[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xcc, 0xc1, 0x09, 0xc2,
	0x40, 0x10, 0x05, 0xd0, 0xb3, 0xa9, 0xe2, 0xdf, 0x54, 0x08, 0xe2, 0x0e, 0x18, 0xe2, 0x22,
	0x21, 0x0d, 0x98, 0x93, 0x0d, 0x0c, 0xd9, 0x21, 0x2c, 0xee, 0x92, 0xe0, 0x88, 0x58, 0xbe,
	0x75, 0x08, 0xff, 0x15, 0xf0, 0xa6, 0xf5, 0x03, 0x11, 0x84, 0x4b, 0x0c, 0x21, 0x4a, 0x80,
	0x9c, 0xa5, 0xc3, 0xa1, 0xef, 0xfa, 0xeb, 0x11, 0x77, 0x73, 0xd7, 0xc5, 0x90, 0xb2, 0xcf,
	0xfa, 0x4a, 0x96, 0x5a, 0x54, 0x5f, 0x72, 0x8a, 0xb8, 0xe9, 0x68, 0x5f, 0xad, 0x5b, 0xb1,
	0xd3, 0xbc, 0xd6, 0x61, 0xdf, 0xec, 0x4a, 0xf6, 0x77, 0xc4, 0x43, 0xcb, 0xb3, 0x6d, 0x26,
	0x9e, 0x3c, 0x79, 0xf2, 0xe4, 0xc9, 0x93, 0x27, 0x4f, 0x9e, 0x3c, 0x79, 0xf2, 0xfc, 0xc3,
	0xf3, 0x07, 0xb6, 0xb1, 0xc3, 0xcc, 0x20, 0x0d, 0x00, 0x00
};
static const char line[] =
	"Nov 22 15:11:21 2026 (8689) Message discarded, msgid: <a@example.com>'\n\tlist: Talk,\n";

struct source {
	struct span left;
	size_t piece;
};

static int give(void *context, struct span *octets, struct error *err)
{
	struct source *s = context;

	*octets = s->left;
	if (octets->n > s->piece)
		octets->n = s->piece;
	s->left = span_from(s->left, octets->n);
	return 0;
}

static void keep(void *context, struct span octets)
{
	buf_add_span(context, octets);
}

static int unpack(struct span from, size_t piece, struct buf *out, struct error *err)
{
	struct source s = { from, piece };

	return lists_gunzip(give, &s, keep, out, err);
}

static void test_what_was_packed_is_unpacked_whole(void **state)
{
	struct span all = { (const char *)packed, sizeof packed };

	for (size_t piece = 1; piece <= sizeof packed; piece += 13) {
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };

		assert_good(unpack(all, piece, &out, &err), &err);
		assert_int_equal(out.n, 40 * strlen(line));
		for (size_t i = 0; i < 40; i++)
			assert_memory_equal(out.p + i * strlen(line), line, strlen(line));
	}
}

static void test_members_stand_one_behind_the_other(void **state)
{
	AUTO_BUF struct buf two = { 0 }, out = { 0 };
	struct error err = { 0 };

	buf_add(&two, packed, sizeof packed);
	buf_add(&two, packed, sizeof packed);
	buf_add(&two, "\0\0\0\0", 4); /* as tar(1) fills up */
	assert_good(unpack(buf_span(&two), 7, &out, &err), &err);
	assert_int_equal(out.n, 80 * strlen(line));
}

static void test_what_is_cut_or_damaged_is_refused(void **state)
{
	unsigned char bad[sizeof packed];

	for (size_t n = 0; n < sizeof packed; n++) {
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };

		assert_int_equal(unpack((struct span){ (const char *)packed, n }, 64, &out, &err),
		                 -1);
	}
	/* behind the head, of which little matters, each bit counts */
	for (size_t bit = 80; bit < 8 * sizeof packed; bit++) {
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };

		memcpy(bad, packed, sizeof packed);
		bad[bit / 8] = (unsigned char)(bad[bit / 8] ^ 1u << bit % 8);
		if (unpack((struct span){ (const char *)bad, sizeof bad }, 64, &out, &err) < 0)
			continue;
		/* bits that fill up an octet */
		assert_int_equal(out.n, 40 * strlen(line));
		for (size_t i = 0; i < 40; i++)
			assert_memory_equal(out.p + i * strlen(line), line, strlen(line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_go_over_several_lines_cut_anywhere),
		cmocka_unit_test(test_a_line_without_end_is_stepped_over),
		cmocka_unit_test(test_times_are_those_of_this_machine),
		cmocka_unit_test(test_each_line_tells_what_it_says),
		cmocka_unit_test(test_what_was_packed_is_unpacked_whole),
		cmocka_unit_test(test_members_stand_one_behind_the_other),
		cmocka_unit_test(test_what_is_cut_or_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
