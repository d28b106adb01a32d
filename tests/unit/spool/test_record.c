/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/envelope.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/sum.h"
#include "unit/unit.h"

#include <string.h>

static void test_the_sum_is_crc_32c_by_both_ways(void **state)
{
	char octets[300];

	/* RFC 3720 appendix B.4, and the check value of the catalogue of CRCs */
	memset(octets, 0, 32);
	assert_int_equal(spool_sum(0, octets, 32), 0x8a9136aa);
	assert_int_equal(spool_sum(0, "123456789", 9), 0xe3069283);
	for (unsigned i = 0; i < sizeof octets; i++)
		octets[i] = (char)(i * 41);
	for (unsigned n = 0; n < sizeof octets; n++) {
		uint32_t whole = spool_sum(0, octets, n);

		assert_int_equal(whole, spool_sum_plain(0, octets, n));
		assert_int_equal(whole,
		                 spool_sum(spool_sum(0, octets, n / 3), octets + n / 3, n - n / 3));
	}
}

static void test_a_header_with_any_bit_changed_is_none(void **state)
{
	struct record r = { RECORD_SETTLE, true, 77, 5, 1234, 0xdeadbeef }, got;
	unsigned char header[RECORD_HEADER];

	record_put(header, &r, 42);
	assert_true(record_get(header, 42, &got));
	assert_int_equal(got.kind, RECORD_SETTLE);
	assert_true(got.last);
	assert_int_equal(got.id, 77);
	assert_int_equal(got.group, 5);
	assert_int_equal(got.length, 1234);
	assert_int_equal(got.sum, 0xdeadbeef);
	assert_false(record_get(header, 43, &got));
	for (unsigned bit = 0; bit < 8 * RECORD_HEADER; bit++) {
		header[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_false(record_get(header, 42, &got));
		header[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	r.length = RECORD_PAYLOAD_MAX + 1;
	record_put(header, &r, 42);
	assert_false(record_get(header, 42, &got));
}

static void test_only_our_names_are_segments(void **state)
{
	static const char *const others[] = {
		"lock",
		"0000000a-000000000000002a.segmen",
		"0000000a-000000000000002a.segment~",
		"0000000A-000000000000002a.segment",
		"00000000-000000000000002a.segment",
		"0000000a_000000000000002a.segment",
		".000000a-000000000000002a.segment",
	};
	char name[SEGMENT_NAME_SIZE];
	uint32_t number;
	uint64_t salt;

	assert_string_equal(segment_name(name, 10, 42), "0000000a-000000000000002a.segment");
	assert_true(segment_name_parse(name, &number, &salt));
	assert_int_equal(number, 10);
	assert_int_equal(salt, 42);
	for (size_t i = 0; i < ROWS(others); i++)
		assert_false(segment_name_parse(others[i], &number, &salt));
}

static void test_an_envelope_keeps_everything(void **state)
{
	struct smtp_envelope e = { .ret = SMTP_RET_HDRS, .body = SMTP_BODY_8BITMIME, .utf8 = true };
	struct smtp_envelope got = { 0 };
	struct smtp_peer peer = { .from = { "2001:db8::7", 1025 },
		                  .to = { "192.0.2.1", 25 },
		                  .name_state = SMTP_NAME_FAILED,
		                  .esmtp = true,
		                  .arrived_ms = -5 };
	struct smtp_peer heard = { 0 };
	struct buf stored = { 0 };

	e.size = 12345;
	smtp_text_set(&e.sender, SPAN(""));
	smtp_text_set(&e.envid, SPAN("QQ314159"));
	smtp_text_set(&smtp_envelope_add(&e, SPAN("j\xc3\xb6rg@example.net"))->orcpt,
	              SPAN("rfc822;joerg@example.net"));
	e.recipients[0].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
	smtp_envelope_add(&e, SPAN("\"a b\"@example.net"));
	smtp_text_set(&peer.helo, SPAN("mail.example.org"));
	smtp_text_set(&peer.name, SPAN("mx.example.org"));
	smtp_text_set(&peer.login, SPAN("alice"));
	smtp_text_set(&peer.tls_version, SPAN("TLSv1.3"));
	letter_put(&stored, &e, &peer);
	assert_true(letter_get(buf_span(&stored), &got, &heard));
	assert_string_equal(got.sender, "");
	assert_string_equal(got.envid, "QQ314159");
	assert_int_equal(got.ret, SMTP_RET_HDRS);
	assert_int_equal(got.body, SMTP_BODY_8BITMIME);
	assert_true(got.utf8);
	assert_int_equal(got.size, 12345);
	assert_int_equal(got.recipients_n, 2);
	assert_string_equal(got.recipients[0].address, "j\xc3\xb6rg@example.net");
	assert_string_equal(got.recipients[0].orcpt, "rfc822;joerg@example.net");
	assert_int_equal(got.recipients[0].notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
	assert_string_equal(got.recipients[1].address, "\"a b\"@example.net");
	assert_null(got.recipients[1].orcpt);
	assert_memory_equal(&heard.from, &peer.from, sizeof peer.from);
	assert_memory_equal(&heard.to, &peer.to, sizeof peer.to);
	assert_string_equal(heard.helo, "mail.example.org");
	assert_string_equal(heard.name, "mx.example.org");
	assert_string_equal(heard.login, "alice");
	assert_string_equal(heard.tls_version, "TLSv1.3");
	assert_null(heard.tls_cipher);
	assert_int_equal(heard.name_state, SMTP_NAME_FAILED);
	assert_true(heard.esmtp);
	assert_int_equal(heard.arrived_ms, -5);
	smtp_envelope_fini(&got);
	smtp_peer_fini(&heard);
	/* one that was cut off anywhere is none */
	for (size_t n = 0; n < stored.n; n++)
		assert_false(letter_get((struct span){ stored.p, n }, &got, &heard));
	smtp_envelope_fini(&e);
	smtp_peer_fini(&peer);
	buf_fini(&stored);
}

static void test_the_index_finds_what_is_in_it(void **state)
{
	struct index x;
	bool there[500] = { false };
	unsigned seed = 1, n = 0;

	index_init(&x);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned id = 1 + (seed = seed * 1103515245u + 12345u) / 65536 % 499;
		struct item *i = index_find(&x, id);

		assert_int_equal(i != NULL, there[id]);
		if (i) {
			index_remove(&x, i);
		} else {
			i = index_add(&x, id, 1 + id % 20);
			i->due_ms = id % 3 ? 0 : id;
			index_queue(&x, i);
			assert_null(index_add(&x, id, 1));
		}
		there[id] = !there[id];
		n += there[id] ? 1 : -1u;
		assert_int_equal(x.n, n);
		assert_int_equal(x.ready.n + x.waiting.n, n);
	}
	for (uint64_t order = 0; n; n--) {
		struct item *i = index_due(&x, 1000);

		assert_true(i->order >= order);
		order = i->order;
		index_remove(&x, i);
	}
	assert_null(index_due(&x, 1000));
	index_fini(&x);
}

UNIT_TESTS("spool records", cmocka_unit_test(test_the_sum_is_crc_32c_by_both_ways),
           cmocka_unit_test(test_a_header_with_any_bit_changed_is_none),
           cmocka_unit_test(test_only_our_names_are_segments),
           cmocka_unit_test(test_an_envelope_keeps_everything),
           cmocka_unit_test(test_the_index_finds_what_is_in_it));
