/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/digest.h"
#include "mail/header.h"
#include "unit/unit.h"

static void message_id(struct span message, const char *want)
{
	AUTO_BUF struct buf got = { 0 };

	header_message_id(message, &got);
	assert_string_equal(buf_text(&got), want);
}

static void a_message_id_is_found_in_any_case_folded_or_not(void **state)
{
	message_id(SPAN("Subject: x\nMESSAGE-id:<a@example.org>\n\n"), "<a@example.org>");
	message_id(SPAN("Message-ID:\r\n\t<a@example.org>\r\n\r\n"), "<a@example.org>");
	message_id(SPAN("Message-ID : <a@example.org> (comment)\n"), "<a@example.org>");
	message_id(SPAN("not a field\nMessage-ID: <a@example.org>\n"), "<a@example.org>");
}

static void what_stands_behind_the_header_is_no_message_id(void **state)
{
	message_id(SPAN("Subject: x\n\nMessage-ID: <a@example.org>\n"), "");
	message_id(SPAN("Subject: x\n Message-ID: <a@example.org>\n\n"), "");
	message_id(SPAN("\nMessage-ID: <a@example.org>\n"), "");
	message_id(SPAN("Message-ID:\n\n"), "");
	message_id(SPAN(""), "");
}

static void nuls_and_8_bit_octets_are_no_obstacle(void **state)
{
	struct span value;

	assert_true(header_find(SPAN("A: \0\xff\nB: c\0d\n\n"), "b", &value));
	assert_int_equal(value.n, 3);
}

static void digests_are_those_of_the_standard(void **state)
{
	struct digest empty = digest_of(SPAN("")), abc = digest_of(SPAN("abc"));
	struct digest_state s;
	struct digest pieces;
	char hex[2 * DIGEST_SIZE + 1];

	/* FIPS 180-4, examples of the Secure Hash Standard */
	assert_string_equal(digest_text(hex, &empty),
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(digest_text(hex, &abc),
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_begin(&s);
	digest_add(&s, "a", 1);
	digest_add(&s, NULL, 0);
	digest_add(&s, "bc", 2);
	pieces = digest_end(&s);
	assert_true(digest_equal(&pieces, &abc));
	assert_false(digest_equal(&pieces, &empty));
}

UNIT_TESTS("mail/header", cmocka_unit_test(a_message_id_is_found_in_any_case_folded_or_not),
           cmocka_unit_test(what_stands_behind_the_header_is_no_message_id),
           cmocka_unit_test(nuls_and_8_bit_octets_are_no_obstacle),
           cmocka_unit_test(digests_are_those_of_the_standard));
