/* SPDX-License-Identifier: BSD-2-Clause */

/* A message ends at CR LF . CR LF and nowhere else, however it is cut into packets. */

#include "smtp/body.h"
#include "unit/unit.h"

#include <string.h>

struct heard {
	struct buf body;
	bool ended;
	enum smtp_body_fault fault;
	size_t left; /* octets behind the end */
};

/* The octets come in pieces of `step`; what was not used comes again with the next piece. */
static void hear(struct heard *h, struct span data, size_t step, enum smtp_newlines newlines)
{
	struct smtp_body_reader r = { .newlines = (uint8_t)newlines };
	struct span input = { data.p, 0 };

	*h = (struct heard){ 0 };
	while (!h->ended) {
		struct span bytes;
		enum smtp_body_fault fault;

		switch (smtp_data_next(&r, &input, &bytes, &fault)) {
		case SMTP_BODY_BYTES:
			assert_int_not_equal(bytes.n, 0);
			assert_int_equal(h->fault, SMTP_BODY_GOOD);
			buf_add_span(&h->body, bytes);
			break;
		case SMTP_BODY_FAULT:
			assert_int_equal(h->fault, SMTP_BODY_GOOD);
			h->fault = fault;
			break;
		case SMTP_BODY_END:
			h->ended = true;
			h->left = data.n - (size_t)(input.p - data.p);
			break;
		case SMTP_BODY_MORE: {
			size_t at = (size_t)(input.p - data.p) + input.n;

			assert_true(input.n <= 3);
			if (at == data.n)
				return;
			input.n += data.n - at < step ? data.n - at : step;
			break;
		}
		}
	}
}

/* ".\r\nMAIL" is what would be smuggled. */
struct form {
	struct span text;
	enum smtp_body_fault fault;
	const char *normal; /* what SMTP_NEWLINES_NORMALIZE makes of it */
};
#define FORM(text, fault, normal)                                                                  \
	{                                                                                          \
		{ text, sizeof(text) - 1 }, fault, normal                                          \
	}
static const struct form forms[] = {
	FORM("\n.\n", SMTP_BODY_BARE_LF, "\r\n\r\n"),
	FORM("\n.\r\n", SMTP_BODY_BARE_LF, "\r\n\r\n"),
	FORM("\r\n.\n", SMTP_BODY_BARE_LF, "\r\n\r\n"),
	FORM("\r.\r\n", SMTP_BODY_BARE_CR, " .\r\n"),
	FORM("\r.\r", SMTP_BODY_BARE_CR, " . "),
	FORM("\r\n.\r", SMTP_BODY_BARE_CR, "\r\n "),
	FORM("\n.\r", SMTP_BODY_BARE_LF, "\r\n "),
	FORM("\r.\n", SMTP_BODY_BARE_CR, " .\r\n"),
	FORM("\r\0\n.\r\n", SMTP_BODY_BARE_CR, " \0\r\n\r\n"),
	FORM("\r\n\0.\r\n", SMTP_BODY_NUL, "\r\n .\r\n"),
	FORM("\r\n\0\0.\r\n", SMTP_BODY_NUL, "\r\n \0.\r\n"),
	FORM("\r\n.\0\r\n", SMTP_BODY_NUL, "\r\n \r\n"),
	FORM("\r\n.\0.\r\n", SMTP_BODY_NUL, "\r\n .\r\n"),
	FORM("\r\n.\r\r\n", SMTP_BODY_BARE_CR, "\r\n \r\n"),
	FORM("\r\r\n.\r\r\n", SMTP_BODY_BARE_CR, " \r\n \r\n"),
	FORM("\r\r\n.\n", SMTP_BODY_BARE_CR, " \r\n\r\n"),
	FORM("\n\n.\r\n", SMTP_BODY_BARE_LF, "\r\n\r\n\r\n"),
	FORM("\r\n.\r\0\n", SMTP_BODY_BARE_CR, "\r\n \0\r\n"),
	FORM("\n\r.\r\n", SMTP_BODY_BARE_LF, "\r\n .\r\n"),
};

static const char smuggled[] = "MAIL FROM:<b@example.net>\r\n", after[] = "\r\n.\r\nQUIT\r\n";

static void make(struct buf *out, const struct form *f)
{
	buf_reset(out);
	buf_add_text(out, "Subject: a\r\n\r\nb");
	buf_add_span(out, f->text);
	buf_add_text(out, smuggled);
	buf_add_text(out, after);
}

static void no_smuggling_form_ends_a_message(void **state)
{
	AUTO_BUF struct buf data = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(forms); i++)
		for (size_t step = 1; step <= 40; step++) {
			struct heard h;

			make(&data, &forms[i]);
			hear(&h, buf_span(&data), step, SMTP_NEWLINES_REJECT);
			assert_true(h.ended);
			assert_int_equal(h.left, strlen("QUIT\r\n"));
			if (h.fault != forms[i].fault)
				fail_msg("form %zu by %zu: fault %d", i, step, (int)h.fault);
			buf_fini(&h.body);
		}
}

static void what_is_mended_holds_no_form_any_more(void **state)
{
	AUTO_BUF struct buf data = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(forms); i++)
		for (size_t step = 1; step <= 40; step++) {
			struct heard h;
			size_t head = strlen("Subject: a\r\n\r\nb");

			make(&data, &forms[i]);
			hear(&h, buf_span(&data), step, SMTP_NEWLINES_NORMALIZE);
			assert_true(h.ended);
			assert_int_equal(h.fault, SMTP_BODY_GOOD);
			assert_int_equal(h.left, strlen("QUIT\r\n"));
			/* the text is compared as far as a C string goes, and the rest by its
			 * end */
			if (strncmp(h.body.p + head, forms[i].normal, strlen(forms[i].normal)) != 0)
				fail_msg("form %zu by %zu: \"%s\"", i, step, h.body.p + head);
			assert_true(
				span_ends(buf_span(&h.body), "MAIL FROM:<b@example.net>\r\n\r\n") ||
				span_ends(buf_span(&h.body), "MAIL FROM:<b@example.net>\r\n"));
			buf_fini(&h.body);
		}
}

static void dots_come_and_go(void **state)
{
	static const char said[] = "a\r\n..\r\n...b\r\n.c\r\n\r\n.\r\nX";
	struct heard h;

	(void)state;
	for (size_t step = 1; step < sizeof said; step++) {
		hear(&h, SPAN(said), step, SMTP_NEWLINES_REJECT);
		assert_true(h.ended);
		assert_int_equal(h.left, 1);
		assert_string_equal(buf_text(&h.body), "a\r\n.\r\n..b\r\nc\r\n\r\n");
		buf_fini(&h.body);
	}
}

static void an_empty_message_is_one(void **state)
{
	struct heard h;

	(void)state;
	hear(&h, SPAN(".\r\n"), 1, SMTP_NEWLINES_REJECT);
	assert_true(h.ended);
	assert_int_equal(h.body.n, 0);
}

static void octets_pass_in_the_pieces_they_came_in(void **state)
{
	AUTO_BUF struct buf data = { 0 };
	struct smtp_body_reader r = { 0 };
	struct span input, bytes;
	enum smtp_body_fault fault;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addf(&data, "line %d of many, of the length that lines have\r\n", i);
	buf_add_text(&data, ".\r\n");
	input = buf_span(&data);
	assert_int_equal(smtp_data_next(&r, &input, &bytes, &fault), SMTP_BODY_BYTES);
	assert_ptr_equal(bytes.p, data.p);
	assert_int_equal(bytes.n, data.n - 3);
	assert_int_equal(smtp_data_next(&r, &input, &bytes, &fault), SMTP_BODY_END);
}

static void a_line_of_any_length_stays_whole(void **state)
{
	AUTO_BUF struct buf data = { 0 };
	struct heard h;

	(void)state;
	memset(buf_room(&data, 100000), 'x', 100000);
	buf_grown(&data, 100000);
	buf_add_text(&data, "\r\n.\r\n");
	hear(&h, buf_span(&data), 4096, SMTP_NEWLINES_REJECT);
	assert_true(h.ended);
	assert_int_equal(h.body.n, 100002);
	buf_fini(&h.body);
}

/* ── BDAT ────────────────────────────────────────────────────────────────────────────────────── */

static enum smtp_body_fault hear_chunks(struct span data, size_t step, enum smtp_newlines newlines,
                                        struct buf *body)
{
	struct smtp_body_reader r = { .newlines = (uint8_t)newlines };
	enum smtp_body_fault found = SMTP_BODY_GOOD;

	for (;;) {
		struct span chunk = { data.p, data.n < step ? data.n : step }, bytes;
		enum smtp_body_step got = SMTP_BODY_BYTES;

		data = span_from(data, chunk.n);
		while (got == SMTP_BODY_BYTES || got == SMTP_BODY_FAULT) {
			enum smtp_body_fault fault;

			got = smtp_chunk_next(&r, &chunk, !data.n, &bytes, &fault);
			if (got == SMTP_BODY_BYTES)
				buf_add_span(body, bytes);
			if (got == SMTP_BODY_FAULT)
				found = fault;
		}
		assert_int_equal(chunk.n, 0);
		if (got == SMTP_BODY_END)
			return found;
		assert_int_not_equal(data.n, 0);
	}
}

static void chunks_may_be_cut_between_cr_and_lf(void **state)
{
	static const char said[] = "a\r\n.\r\n..b\r\n\r\n";

	(void)state;
	for (size_t step = 1; step < sizeof said; step++) {
		AUTO_BUF struct buf body = { 0 };

		assert_int_equal(hear_chunks(SPAN(said), step, SMTP_NEWLINES_REJECT, &body),
		                 SMTP_BODY_GOOD);
		assert_string_equal(buf_text(&body), said);
	}
}

static void bare_octets_are_found_in_chunks_too(void **state)
{
	static const struct {
		struct span text;
		enum smtp_body_fault fault;
		const char *normal;
	} rows[] = {
		{ { "a\n.\nb", 5 }, SMTP_BODY_BARE_LF, "a\r\n.\r\nb" },
		{ { "a\rb", 3 }, SMTP_BODY_BARE_CR, "a b" },
		{ { "a\r", 2 }, SMTP_BODY_BARE_CR, "a " },
		{ { "a\r\n\0.", 5 }, SMTP_BODY_NUL, "a\r\n ." },
		{ { "\r\r\n", 3 }, SMTP_BODY_BARE_CR, " \r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t step = 1; step < 6; step++) {
			AUTO_BUF struct buf kept = { 0 }, mended = { 0 };

			assert_int_equal(
				hear_chunks(rows[i].text, step, SMTP_NEWLINES_REJECT, &kept),
				rows[i].fault);
			assert_int_equal(
				hear_chunks(rows[i].text, step, SMTP_NEWLINES_NORMALIZE, &mended),
				SMTP_BODY_GOOD);
			assert_string_equal(buf_text(&mended), rows[i].normal);
		}
}

/* ── sending ─────────────────────────────────────────────────────────────────────────────────── */

static void send_all(struct span message, size_t step, struct buf *out)
{
	struct smtp_stuffer s = { 0 };

	while (message.n) {
		struct span piece = { message.p, message.n < step ? message.n : step };

		message = span_from(message, piece.n);
		smtp_stuff(&s, piece, out);
	}
	buf_add_span(out, smtp_stuff_end(&s));
}

static void what_is_sent_is_what_is_heard(void **state)
{
	static const char message[] = ".\r\n..\r\na\r\n.b\r\n\r\n.\r\nc\r\n";

	(void)state;
	for (size_t step = 1; step < sizeof message; step++) {
		AUTO_BUF struct buf sent = { 0 };
		struct heard h;

		send_all(SPAN(message), step, &sent);
		hear(&h, buf_span(&sent), 7, SMTP_NEWLINES_REJECT);
		assert_true(h.ended);
		assert_int_equal(h.left, 0);
		assert_string_equal(buf_text(&h.body), message);
		buf_fini(&h.body);
	}
}

static void a_message_without_a_last_newline_gets_one(void **state)
{
	AUTO_BUF struct buf sent = { 0 };

	(void)state;
	send_all(SPAN("a"), 1, &sent);
	assert_string_equal(buf_text(&sent), "a\r\n.\r\n");
}

static void what_somebody_stored_can_not_smuggle(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(forms); i++)
		for (size_t step = 1; step <= 40; step++) {
			AUTO_BUF struct buf message = { 0 }, sent = { 0 };
			struct heard h;

			buf_add_text(&message, "b");
			buf_add_span(&message, forms[i].text);
			buf_add_text(&message, smuggled);
			send_all(buf_span(&message), step, &sent);
			hear(&h, buf_span(&sent), 11, SMTP_NEWLINES_REJECT);
			assert_true(h.ended);
			assert_int_equal(h.left, 0);
			assert_int_equal(h.fault, SMTP_BODY_GOOD);
			buf_fini(&h.body);
		}
}

static void a_header_is_counted_as_it_passes(void **state)
{
	static const char message[] = "Received: one\r\nSubject: a\r\nRECEIVED: two\r\n"
				      "\tfolded\r\nReceivedX: no\r\n\r\nReceived: not any more\r\n";

	(void)state;
	for (size_t step = 1; step < sizeof message; step++) {
		struct smtp_header_watch w = { 0 };
		struct span rest = SPAN(message);

		while (rest.n) {
			smtp_header_look(&w,
			                 (struct span){ rest.p, rest.n < step ? rest.n : step });
			rest = span_from(rest, step);
		}
		assert_true(w.done);
		assert_int_equal(w.hops, 2);
		assert_int_equal(w.octets, strstr(message, "Received: not") - message);
	}
}

UNIT_TESTS("smtp/body", cmocka_unit_test(no_smuggling_form_ends_a_message),
           cmocka_unit_test(what_is_mended_holds_no_form_any_more),
           cmocka_unit_test(dots_come_and_go), cmocka_unit_test(an_empty_message_is_one),
           cmocka_unit_test(octets_pass_in_the_pieces_they_came_in),
           cmocka_unit_test(a_line_of_any_length_stays_whole),
           cmocka_unit_test(chunks_may_be_cut_between_cr_and_lf),
           cmocka_unit_test(bare_octets_are_found_in_chunks_too),
           cmocka_unit_test(what_is_sent_is_what_is_heard),
           cmocka_unit_test(a_message_without_a_last_newline_gets_one),
           cmocka_unit_test(what_somebody_stored_can_not_smuggle),
           cmocka_unit_test(a_header_is_counted_as_it_passes));
