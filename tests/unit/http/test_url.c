/* SPDX-License-Identifier: BSD-2-Clause */

/* Addresses of pages, and where a redirect leads. */

#include "http/url.h"
#include "unit/unit.h"

#include <stdlib.h>

static void expect_url(const char *text, const char *expected)
{
	AUTO_HTTP_URL struct http_url url = { 0 };
	AUTO_BUF struct buf out = { 0 };

	if (!http_url_read(span_of(text), &url)) {
		assert_null(expected);
		return;
	}
	assert_non_null(expected);
	http_url_add(&out, &url);
	assert_string_equal(buf_text(&out), expected);
}

static void test_urls_are_read_or_refused(void **state)
{
	expect_url("https://Lists.example.org", "https://lists.example.org/");
	expect_url("http://example.org:8080/a?b#c", "http://example.org:8080/a?b");
	expect_url("https://example.org:443?b", "https://example.org/?b");
	expect_url("http://[2001:DB8::1]:8001/a", "http://[2001:db8::1]:8001/a");
	expect_url("http://[2001:db8::1]", "http://[2001:db8::1]/");
	expect_url("ftp://example.org/", NULL);
	expect_url("http:///path", NULL);
	expect_url("http://user@example.org/", NULL);
	expect_url("http://example.org:0/", NULL);
	expect_url("http://example.org:65536/", NULL);
	expect_url("http://example.org:/", NULL);
	expect_url("http://[::1/", NULL);
	expect_url("http://[::1]a/", NULL);
	expect_url("http://[example.org]/", NULL);
	expect_url("http://2001:db8::1/", NULL);
	expect_url("http://example.org/a b", NULL);
	expect_url("http://example.org/a\r\nHost: example.com", NULL);
}

static void test_two_ways_to_write_one_address_are_the_same(void **state)
{
	AUTO_HTTP_URL struct http_url a = { 0 }, b = { 0 };

	assert_true(http_url_read(SPAN("https://example.org"), &a) &&
	            http_url_read(SPAN("https://EXAMPLE.org:443/#top"), &b));
	assert_true(http_url_same(&a, &b));
	assert_true(http_url_read(SPAN("https://example.org/A"), &a) &&
	            http_url_read(SPAN("https://example.org/a"), &b));
	assert_false(http_url_same(&a, &b));
	assert_true(http_url_read(SPAN("http://example.org:443/a"), &a));
	assert_false(http_url_same(&a, &b));
}

static bool are_same(const char *a, const char *b)
{
	AUTO_HTTP_URL struct http_url x = { 0 }, y = { 0 };

	assert_true(http_url_read(span_of(a), &x) && http_url_read(span_of(b), &y));
	return http_url_same(&x, &y);
}

static void test_escapes_are_what_they_stand_for(void **state)
{
	assert_true(are_same("http://example.org/~a%2cb", "http://example.org/%7Ea%2Cb"));
	assert_true(are_same("http://example.org/a,b%c3%bc", "http://example.org/a%2cb%C3%BC"));
	assert_true(are_same("http://example.org/100%", "http://example.org/100%"));
	assert_false(are_same("http://example.org/a%2fb", "http://example.org/a/b"));
	assert_false(are_same("http://example.org/a%3fb", "http://example.org/a?b"));
	assert_false(are_same("http://example.org/a%25%32%30", "http://example.org/a%20"));
	assert_false(are_same("http://example.org/a", "http://example.org/a%"));
	assert_false(are_same("http://example.org/a%00", "http://example.org/a"));
	assert_false(are_same("http://example.org/a%4", "http://example.org/aA"));
}

/* RFC 3986 section 5.4, what servers answer of it. */
static void test_a_redirect_leads_where_it_says(void **state)
{
	static const struct {
		const char *location, *target;
	} rows[] = {
		{ "https://example.com/x", "https://example.com/x" },
		{ "file:///etc/passwd", "file:///etc/passwd" },
		{ "//example.com/x", "http://example.com/x" },
		{ "/x:y", "http://example.org:8080/x:y" },
		{ "x", "http://example.org:8080/a/x" },
		{ "?q", "http://example.org:8080/a/b?q" },
		{ "", "http://example.org:8080/a/" },
	};
	AUTO_HTTP_URL struct http_url from = { 0 };

	assert_true(http_url_read(SPAN("http://example.org:8080/a/b?c/d"), &from));
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *target = http_url_target(&from, rows[i].location);

		assert_string_equal(target, rows[i].target);
		free(target);
	}
}

UNIT_TESTS("http/url", cmocka_unit_test(test_urls_are_read_or_refused),
           cmocka_unit_test(test_two_ways_to_write_one_address_are_the_same),
           cmocka_unit_test(test_escapes_are_what_they_stand_for),
           cmocka_unit_test(test_a_redirect_leads_where_it_says));
