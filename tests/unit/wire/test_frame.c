/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"
#include "wire/wire.h"

#include <string.h>

static void a_frame_is_read_only_when_it_is_whole(void **state)
{
	AUTO_BUF struct buf bytes = { 0 };
	struct wire_frame frame;
	struct error err = { 0 };
	size_t used = 0;

	(void)state;
	wire_frame(&bytes, WIRE_READ, 7, SPAN("abc"));
	wire_frame(&bytes, WIRE_END, 8, SPAN(""));
	for (size_t cut = 0; cut < WIRE_HEADER_SIZE + 3; cut++)
		assert_int_equal(
			wire_read_frame((struct span){ bytes.p, cut }, &frame, &used, &err), 0);
	assert_int_equal(wire_read_frame(buf_span(&bytes), &frame, &used, &err), 1);
	assert_int_equal(frame.kind, WIRE_READ);
	assert_int_equal(frame.request, 7);
	assert_true(span_is(frame.body, "abc"));
	assert_int_equal(wire_read_frame(span_from(buf_span(&bytes), used), &frame, &used, &err),
	                 1);
	assert_int_equal(frame.request, 8);
}

static void a_frame_that_is_too_long_is_refused_before_it_is_there(void **state)
{
	const char header[] = "\xff\xff\xff\x7f\x01\0\0\0\0";
	struct wire_frame frame;
	struct error err = { 0 };
	size_t used;

	(void)state;
	assert_fails(wire_read_frame((struct span){ header, 9 }, &frame, &used, &err), &err,
	             "a frame of 2147483647 octets");
}

static void a_field_that_is_cut_anywhere_is_bad_and_never_read_past(void **state)
{
	AUTO_BUF struct buf body = { 0 };
	struct wire_entry entry = { 0 };
	struct error err = { 0 };

	(void)state;
	wire_put_entry(&body, &(struct wire_entry){ .path = SPAN("a\0b"),
	                                            .mtime_ns = UINT64_MAX,
	                                            .target = SPAN("t") });
	/* each cut in memory of its own, so that a sanitizer sees one octet too far */
	for (size_t cut = 0; cut < body.n; cut++) {
		char *copy = malloc(cut + 1);

		memcpy(copy, body.p, cut);
		copy = realloc(copy, cut ? cut : 1);
		assert_fails(wire_get_entry((struct span){ copy, cut }, &entry, &err), &err,
		             "malformed directory entry");
		free(copy);
	}
	assert_good(wire_get_entry(buf_span(&body), &entry, &err), &err);
	assert_int_equal(entry.path.n, 3);
	assert_true(entry.mtime_ns == UINT64_MAX);
	buf_add_char(&body, 0);
	assert_fails(wire_get_entry(buf_span(&body), &entry, &err), &err, "malformed");
}

static void an_error_travels_with_scope_retry_and_hint(void **state)
{
	struct error sent = { 0 }, got = { 0 };
	AUTO_BUF struct buf body = { 0 };

	(void)state;
	error_set(&sent, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 28, "write \033[2Jx");
	error_hint(&sent, "make room");
	wire_put_error(&body, &sent);
	assert_int_equal(wire_get_error(buf_span(&body), &got), -1);
	assert_int_equal(got.scope, ERROR_SCOPE_MAILBOX);
	assert_int_equal(got.retry, ERROR_RETRY_PERSON);
	assert_int_equal(got.sys_errno, 28);
	assert_string_equal(got.text, "write \\x1b[2Jx: No space left on device");
	assert_string_equal(got.hint, "make room");
}

UNIT_TESTS("wire/frame", cmocka_unit_test(a_frame_is_read_only_when_it_is_whole),
           cmocka_unit_test(a_frame_that_is_too_long_is_refused_before_it_is_there),
           cmocka_unit_test(a_field_that_is_cut_anywhere_is_bad_and_never_read_past),
           cmocka_unit_test(an_error_travels_with_scope_retry_and_hint));
