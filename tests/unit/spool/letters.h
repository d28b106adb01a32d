/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* letters -- messages for the spool's tests: each has a number, which its envelope and all its
 * octets tell. */

#include "base/memory.h"
#include "smtp/envelope.h"
#include "spool/spool.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

static inline void letter_make(unsigned number, unsigned recipients, struct smtp_envelope *e,
                               struct smtp_peer *peer)
{
	char text[64];

	snprintf(text, sizeof text, "sender%u@example.org", number);
	smtp_text_set(&e->sender, span_of(text));
	for (unsigned i = 0; i < recipients; i++) {
		snprintf(text, sizeof text, "user%u.%u@example.net", number, i);
		smtp_envelope_add(e, span_of(text));
	}
	snprintf(peer->from.address, sizeof peer->from.address, "192.0.2.%u", number % 250);
	peer->from.port = (uint16_t)(1024 + number % 60000);
	peer->arrived_ms = 1700000000000 + number;
	smtp_text_set(&peer->helo, span_of("mail.example.org"));
}

static inline char letter_octet(unsigned number, uint64_t at)
{
	return (char)((at * 31 + number * 7 + (at >> 8)) & 255);
}

static inline void letter_body(unsigned number, uint64_t octets, struct buf *out)
{
	char *p = buf_room(out, octets);

	for (uint64_t i = 0; i < octets; i++)
		p[i] = letter_octet(number, i);
	buf_grown(out, octets);
}

/* Puts the whole message in; `done` as spool_finish(). */
static inline void letter_send(struct spool *s, unsigned number, unsigned recipients,
                               uint64_t octets, spool_done *done, void *context)
{
	struct spool_ticket *t = spool_begin(s);
	struct smtp_envelope e = { 0 };
	struct smtp_peer peer = { 0 };
	struct buf body = { 0 };

	letter_make(number, recipients, &e, &peer);
	letter_body(number, octets, &body);
	for (size_t at = 0; at < body.n; at += 50000)
		(void)spool_add(
			t, (struct span){ body.p + at, body.n - at < 50000 ? body.n - at : 50000 });
	spool_finish(t, &e, &peer, done, context);
	buf_fini(&body);
	smtp_envelope_fini(&e);
	smtp_peer_fini(&peer);
}

/* Reads a message and holds all of it against what letter_send() put in. Returns its number. */
static inline unsigned letter_check(struct spool *s, uint64_t id)
{
	struct spool_reader *r = spool_reader_open(s, id);
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct error err = { 0 };
	struct span octets;
	unsigned number = 0;
	uint64_t at = 0;
	struct spool_item item;
	char text[64];

	assert_non_null(r);
	if (spool_read_envelope(r, true, &e, &peer, &err) != SPOOL_OK)
		fail_msg("%s", err.text);
	assert_int_equal(sscanf(e->sender, "sender%u@", &number), 1);
	assert_int_equal(peer->arrived_ms, 1700000000000 + number);
	assert_int_equal(peer->from.port, 1024 + number % 60000);
	assert_string_equal(peer->helo, "mail.example.org");
	for (size_t i = 0; i < e->recipients_n; i++) {
		snprintf(text, sizeof text, "user%u.%zu@example.net", number, i);
		assert_string_equal(e->recipients[i].address, text);
	}
	for (;;) {
		enum spool_read got = spool_read_next(r, true, &octets, &err);

		if (got == SPOOL_END)
			break;
		if (got != SPOOL_OK)
			fail_msg("%s", err.text);
		for (size_t i = 0; i < octets.n; i++, at++)
			if (octets.p[i] != letter_octet(number, at))
				fail_msg("message %u: octet %llu", number, (unsigned long long)at);
	}
	assert_true(spool_find(s, id, &item));
	assert_int_equal(item.due.size, at);
	assert_int_equal(item.due.recipients, e->recipients_n);
	spool_reader_close(r);
	return number;
}
