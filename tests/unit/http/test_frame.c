/* SPDX-License-Identifier: BSD-2-Clause */

/* What mailhaul and mailhaul-http say to each other. */

#include "base/memory.h"
#include "http/frame.h"
#include "unit/unit.h"

#include <string.h>

static struct span body_of(const struct buf *frames, enum wire_kind kind)
{
	struct wire_frame frame;
	struct error err;
	size_t used;

	assert_int_equal(wire_read_frame(buf_span(frames), &frame, &used, &err), 1);
	assert_int_equal(frame.kind, kind);
	assert_int_equal(frame.request, 7);
	assert_int_equal(used, frames->n);
	return frame.body;
}

static void test_a_request_comes_as_it_was_sent(void **state)
{
	const struct http_request ask = { .method = HTTP_PATCH,
		                          .url = "https://lists.example.org/a?b",
		                          .body = SPAN("{\0}"),
		                          .type = "application/json",
		                          .user = "rest",
		                          .password = "a secret",
		                          .most = 5 };
	AUTO_STRINGS struct strings addresses = { 0 };
	AUTO_HTTP_ASKED struct http_asked a = { 0 };
	AUTO_BUF struct buf frames = { 0 };
	struct error err = { 0 };

	strings_add(&addresses, "192.0.2.1");
	strings_add(&addresses, "2001:db8::1");
	http_ask_put(&frames, 7, &ask, &addresses);
	assert_int_equal(http_ask_get(body_of(&frames, HTTP_ASK), &a, &err), 0);
	assert_int_equal(a.ask.method, HTTP_PATCH);
	assert_string_equal(a.ask.url, ask.url);
	assert_string_equal(a.url.host, "lists.example.org");
	assert_true(span_equal(a.ask.body, ask.body));
	assert_string_equal(a.ask.type, "application/json");
	assert_null(a.ask.accept);
	assert_null(a.ask.authorization);
	assert_string_equal(a.ask.password, "a secret");
	assert_int_equal(a.ask.time_ms, HTTP_TIME_MS);
	assert_int_equal(a.ask.most, 5);
	assert_int_equal(a.addresses.n, 2);
	assert_string_equal(a.addresses.rows[1], "2001:db8::1");
}

static void test_what_cannot_be_asked_is_refused(void **state)
{
	static char long_text[HTTP_TEXT_MAX + 2];
	const struct http_request bad[] = {
		{ .url = NULL },
		{ .url = "file:///etc/passwd" },
		{ .url = "http://example.org/", .method = HTTP_METHODS },
		{ .url = "http://example.org/", .address = "example.org" },
		{ .url = "http://example.org/", .type = "a\r\nb: c" },
		{ .url = "http://example.org/", .accept = long_text },
		{ .url = "http://example.org/", .user = "a" },
		{ .url = "http://example.org/", .user = "a:b", .password = "c" },
		{ .url = "http://example.org/",
		  .user = "a",
		  .password = "b",
		  .authorization = "c" },
		{ .url = "https://example.org/", .authorization = "c", .any_certificate = true },
		{ .url = "http://example.org/", .body = SPAN("x") },
		{ .url = "http://example.org/", .most = HTTP_PAGE_MAX + 1 },
		{ .url = "http://example.org/", .time_ms = HTTP_TIME_MS_MAX + 1 },
	};
	struct error err = { 0 };

	memset(long_text, 'x', sizeof long_text - 1);
	for (size_t i = 0; i < ROWS(bad); i++) {
		assert_int_equal(http_request_check(&bad[i], &err), -1);
		assert_int_equal(err.retry, ERROR_RETRY_NEVER);
	}
}

static void fill(struct http_answer *a)
{
	a->status = 301;
	a->location = xstrdup("https://example.org/\033[1m");
	a->cut = true;
	a->address = xstrdup("192.0.2.1");
	buf_add(&a->page, "a\0b", 3);
	a->certificate = (struct http_certificate){ .shown = true,
		                                    .wrong = HTTP_WRONG_NAME | HTTP_WRONG_EXPIRED,
		                                    .words = xstrdup("two things"),
		                                    .issuer = xstrdup("CN=A\nCA"),
		                                    .from_s = -5,
		                                    .until_s = 1767225600 };
	strings_add(&a->certificate.names, "example.org");
}

static void test_an_answer_comes_in_print(void **state)
{
	AUTO_HTTP_ANSWER struct http_answer sent = { 0 };
	AUTO_HTTP_ANSWER struct http_answer a = { 0 };
	AUTO_BUF struct buf frames = { 0 };
	struct error err = { 0 };

	fill(&sent);
	http_answer_put(&frames, 7, &sent);
	assert_int_equal(http_answer_get(body_of(&frames, HTTP_ANSWER), &a, &err), 0);
	assert_int_equal(a.status, 301);
	assert_string_equal(a.location, "https://example.org/\\x1b[1m");
	assert_null(a.type);
	assert_true(a.cut && !a.reused && a.certificate.shown);
	assert_int_equal(a.page.n, 3);
	assert_memory_equal(a.page.p, "a\0b", 3);
	assert_int_equal(a.certificate.wrong, HTTP_WRONG_NAME | HTTP_WRONG_EXPIRED);
	assert_string_equal(a.certificate.issuer, "CN=A\\x0aCA");
	assert_int_equal(a.certificate.from_s, -5);
	assert_int_equal(a.certificate.names.n, 1);
}

/* Each beginning of a whole one, and one with more behind it. */
static void test_half_an_answer_is_none(void **state)
{
	AUTO_HTTP_ANSWER struct http_answer sent = { 0 };
	AUTO_BUF struct buf frames = { 0 };
	struct error err = { 0 };
	struct span body;

	fill(&sent);
	http_answer_put(&frames, 7, &sent);
	body = body_of(&frames, HTTP_ANSWER);
	for (size_t n = 0; n < body.n; n++) {
		AUTO_HTTP_ANSWER struct http_answer a = { 0 };

		assert_int_equal(http_answer_get((struct span){ body.p, n }, &a, &err), -1);
	}
	sent.status = 99;
	buf_reset(&frames);
	http_answer_put(&frames, 7, &sent);
	assert_int_equal(http_answer_get(body_of(&frames, HTTP_ANSWER), &sent, &err), -1);
}

UNIT_TESTS("http/frame", cmocka_unit_test(test_a_request_comes_as_it_was_sent),
           cmocka_unit_test(test_what_cannot_be_asked_is_refused),
           cmocka_unit_test(test_an_answer_comes_in_print),
           cmocka_unit_test(test_half_an_answer_is_none));
