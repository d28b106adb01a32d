/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "smtp/body.h"

#include <string.h>

#define HOLDS(what)                                                                                \
	do                                                                                         \
		if (!(what))                                                                       \
			__builtin_trap();                                                          \
	while (0)

struct heard {
	struct buf body;
	enum smtp_body_fault fault;
	bool ended;
	size_t left;
};

/* What is handed out can't be taken for an end by anybody. */
static void check_clean(const struct buf *body)
{
	for (size_t i = 0; i < body->n; i++) {
		bool cr = i && body->p[i - 1] == '\r';

		HOLDS((body->p[i] == '\n') == cr);
		HOLDS(body->p[i] != 0 || (i && body->p[i - 1] != '\n'));
	}
	HOLDS(!body->n || body->p[body->n - 1] != '\r');
}

static void hear(struct heard *h, struct span data, unsigned cut, enum smtp_newlines newlines)
{
	struct smtp_body_reader r = { .newlines = (uint8_t)newlines };
	struct span input = { data.p, cut ? 0 : data.n }, bytes;
	enum smtp_body_fault fault;

	for (;;) {
		enum smtp_body_step step = smtp_data_next(&r, &input, &bytes, &fault);
		size_t at = (size_t)(input.p - data.p) + input.n, more;

		if (step == SMTP_BODY_BYTES)
			buf_add_span(&h->body, bytes);
		if (step == SMTP_BODY_FAULT)
			h->fault = fault;
		h->ended = step == SMTP_BODY_END;
		h->left = input.n + data.n - at;
		HOLDS(step != SMTP_BODY_MORE || input.n <= 3);
		if (h->ended || (step == SMTP_BODY_MORE && at == data.n))
			return;
		if (step != SMTP_BODY_MORE)
			continue;
		more = 1 + (cut + at) % 7;
		input.n += data.n - at < more ? data.n - at : more;
	}
}

static void check_data(struct span data, enum smtp_newlines newlines)
{
	struct heard whole = { 0 }, cut = { 0 };

	hear(&whole, data, 0, newlines);
	hear(&cut, data, 1 + (unsigned)data.n, newlines);
	HOLDS(whole.ended == cut.ended && whole.fault == cut.fault);
	HOLDS(!whole.ended || whole.left == cut.left);
	HOLDS(span_equal(buf_span(&whole.body), buf_span(&cut.body)));
	HOLDS(newlines == SMTP_NEWLINES_REJECT || !whole.fault);
	if (whole.ended && !whole.fault)
		check_clean(&whole.body);
	buf_fini(&whole.body);
	buf_fini(&cut.body);
}

static enum smtp_body_fault hear_chunks(struct span data, bool whole, enum smtp_newlines newlines,
                                        struct buf *body)
{
	struct smtp_body_reader r = { .newlines = (uint8_t)newlines };
	enum smtp_body_fault found = SMTP_BODY_GOOD, fault;
	enum smtp_body_step step;
	struct span bytes;

	do {
		size_t n = whole || !data.n ? data.n : 1u + (unsigned char)data.p[0] % 5u;
		struct span chunk = { data.p, n < data.n ? n : data.n };

		data = span_from(data, chunk.n);
		do {
			step = smtp_chunk_next(&r, &chunk, !data.n, &bytes, &fault);
			if (step == SMTP_BODY_BYTES)
				buf_add_span(body, bytes);
			if (step == SMTP_BODY_FAULT)
				found = fault;
		} while (step == SMTP_BODY_BYTES || step == SMTP_BODY_FAULT);
		HOLDS(!chunk.n);
		HOLDS((step == SMTP_BODY_END) == !data.n);
	} while (step != SMTP_BODY_END);
	return found;
}

static void check_chunks(struct span data, enum smtp_newlines newlines)
{
	AUTO_BUF struct buf whole = { 0 }, cut = { 0 };
	enum smtp_body_fault fault = hear_chunks(data, true, newlines, &whole);

	HOLDS(hear_chunks(data, false, newlines, &cut) == fault);
	HOLDS(span_equal(buf_span(&whole), buf_span(&cut)));
	if (!fault)
		check_clean(&whole);
	if (!fault && newlines == SMTP_NEWLINES_REJECT)
		HOLDS(span_equal(buf_span(&whole), data));
}

static void send_message(struct span message, bool cut, struct buf *sent)
{
	struct smtp_stuffer s = { 0 };

	while (message.n) {
		/* of the places to cut, the one behind a CR is the worst */
		ssize_t cr = span_find(message, '\r');
		size_t n = !cut || cr < 0 ? message.n : (size_t)cr + 1;

		smtp_stuff(&s, (struct span){ message.p, n }, sent);
		message = span_from(message, n);
	}
	buf_add_span(sent, smtp_stuff_end(&s));
}

/* Whatever is stored: what goes out has one end, and is heard as it is when it was good. */
static void check_sending(struct span message)
{
	AUTO_BUF struct buf sent = { 0 }, cut = { 0 };
	struct heard h = { 0 };

	send_message(message, false, &sent);
	send_message(message, true, &cut);
	HOLDS(span_equal(buf_span(&sent), buf_span(&cut)));
	hear(&h, buf_span(&sent), 3, SMTP_NEWLINES_REJECT);
	HOLDS(h.ended && !h.left && !h.fault);
	check_clean(&h.body);
	HOLDS(h.body.n >= message.n);
	buf_fini(&h.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size };

	for (int i = 0; i < 2; i++) {
		check_data(all, i ? SMTP_NEWLINES_NORMALIZE : SMTP_NEWLINES_REJECT);
		check_chunks(all, i ? SMTP_NEWLINES_NORMALIZE : SMTP_NEWLINES_REJECT);
	}
	check_sending(all);
	return 0;
}
