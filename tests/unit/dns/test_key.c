/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsig.h"
#include "dns/update.h"
#include "unit/unit.h"

#include "dns/exchange.h"

#include <string.h>

static void a_key_is_read_as_bind_writes_it(void **state)
{
	static const char *const texts[] = {
		"key \"mover\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
		("# made by hand\nkey Mover. { // here\n secret c2VjcmV0; /* so\n far */ algorithm "
		 "HMAC-SHA256.; };"),
		("key mover{algorithm hmac-sha256;secret \"c2Vj\n cmV0\";};"),
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		AUTO_KEY struct dns_key key = { 0 };
		struct error err = { 0 };

		assert_good(dns_key_parse(span_of(texts[i]), &key, &err), &err);
		assert_string_equal(key.name, "mover");
		assert_string_equal(key.algorithm, "hmac-sha256");
		assert_int_equal(key.secret_size, 6);
		assert_memory_equal(key.secret, "secret", 6);
	}
}

static void a_wrong_key_is_refused_with_its_line_and_without_its_secret(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "line 1: \"key\" is missing" },
		{ "key mover {\nalgorithm hmac-md5;\nsecret \"c2VjcmV0\"; };",
		  "line 2: the key's algorithm" },
		{ "key mover {\n\n secret \"c2Vjcm!!\"; };", "line 3: the secret is no base64" },
		{ "key mover { secret \"c2VjcmV\"; };", "no base64" },
		{ "key mover { secret \"\"; };", "no base64" },
		{ "key mover { secret \"c2VjcmV0\"; };", "names no algorithm" },
		{ "key mover { algorithm hmac-sha512; };", "has no secret" },
		{ "key mover { algorithm hmac-sha512;", "no \"}\"" },
		{ "key mover { algorithm", "ends too early" },
		{ "key mover { algorithm hmac-sha256; secret c2VjcmV0; }", "\";\" is missing" },
		{ "key mover { colour red; };", "neither" },
		{ "key \"mo ver\" { };", "name" },
		{ "key a..b { };", "name" },
		{ "key \"mover { };", "a quote without its end" },
		{ "/* key", "a comment without its end" },
		{ "key mover { secret c2VjcmV0; secret c2VjcmV0; };", "a second secret" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_KEY struct dns_key key = { 0 };
		struct error err = { 0 };

		assert_fails(dns_key_parse(span_of(rows[i].text), &key, &err), &err, rows[i].words);
		assert_null(strstr(err.text, "c2Vjcm"));
		assert_null(strstr(err.hint, "c2Vjcm"));
	}
}

/* Cut anywhere, it is refused or read; never more than is there. */
static void a_key_cut_at_every_octet_does_no_harm(void **state)
{
	static const char text[] =
		"/* a */ key \"mover\" { algorithm hmac-sha256; secret \"c2Vj\"; }; # b";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		size_t whole = (size_t)(strstr(text, "};") - text) + 2;
		char *copy = malloc(n + 1);
		AUTO_KEY struct dns_key key = { 0 };
		struct error err = { 0 };

		memcpy(copy, text, n);
		assert_int_equal(dns_key_parse((struct span){ copy, n }, &key, &err),
		                 n >= whole ? 0 : -1);
		free(copy);
	}
}

/* ── signatures ──────────────────────────────────────────────────────────────────────────────── */

#define NOW 1767225600

static void sign_query(struct buf *message, struct dns_key *key, struct dns_mac *mac)
{
	struct error err = { 0 };

	assert_good(dns_key_parse(SPAN("key k.example.org { algorithm hmac-sha384; secret "
	                               "\"c2VjcmV0IHNlY3JldA==\"; };"),
	                          key, &err),
	            &err);
	buf_add(message,
	        "\x12\x34\x28\x00\0\x01\0\0\0\0\0\0\x07"
	        "example\x03org\0\0\x06\0\x01",
	        DNS_HEADER_SIZE + 17);
	assert_good(dns_tsig_sign(message, key, NOW, mac, &err), &err);
}

/* As a server would: the MAC of the request goes into the answer's. Here a request without one. */
static void what_we_signed_ourselves_is_good_and_any_change_is_not(void **state)
{
	AUTO_BUF struct buf message = { 0 };
	AUTO_KEY struct dns_key key = { 0 };
	struct dns_mac mac;
	unsigned code;
	size_t before;

	(void)state;
	sign_query(&message, &key, &mac);
	assert_int_equal(mac.n, 48);
	assert_int_equal(message.p[11], 1); /* one more record in the additional section */
	before = message.n;

	/* a signature of the request is none of the answer: the request's MAC is missing in it */
	assert_int_equal(dns_tsig_verify(buf_span(&message), &key, &mac, NOW, &code),
	                 DNS_TSIG_WRONG);
	for (size_t i = 0; i < before; i++)
		for (int bit = 0; bit < 8; bit++) {
			enum dns_tsig_verdict verdict;

			message.p[i] = (char)(message.p[i] ^ 1 << bit);
			verdict = dns_tsig_verify(buf_span(&message), &key, &mac, NOW, &code);
			assert_true(verdict != DNS_TSIG_GOOD && verdict != DNS_TSIG_LATE);
			message.p[i] = (char)(message.p[i] ^ 1 << bit);
		}
	for (size_t n = 0; n < before; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, message.p, n);
		assert_true(dns_tsig_verify((struct span){ copy, n }, &key, &mac, NOW, &code) !=
		            DNS_TSIG_GOOD);
		free(copy);
	}
}

UNIT_TESTS("dns/key", cmocka_unit_test(a_key_is_read_as_bind_writes_it),
           cmocka_unit_test(a_wrong_key_is_refused_with_its_line_and_without_its_secret),
           cmocka_unit_test(a_key_cut_at_every_octet_does_no_harm),
           cmocka_unit_test(what_we_signed_ourselves_is_good_and_any_change_is_not));
