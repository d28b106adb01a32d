/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* url -- addresses of pages (RFC 3986), as far as they can be asked: http:// and https://, a host and
 * no user, printable and without blanks. Pure. */

#include "base/text.h"

#include <stdbool.h>

#define HTTP_URL_MAX 8192u /* octets */

struct http_url {
	bool tls;
	char *host; /* owned, lower case; an IPv6 address without its brackets */
	unsigned port;
	char *path; /* owned; "/..." with its query, without a fragment */
};
#define AUTO_HTTP_URL __attribute__((cleanup(http_url_fini)))
void http_url_fini(struct http_url *u);
/* "https://lists.example.org/path"; false: it is no such thing, and *out stays as it is. */
bool http_url_read(struct span text, struct http_url *out);
/* The whole of it; appended. A port stands there only where it is not the usual one. */
void http_url_add(struct buf *out, const struct http_url *u);
/* The same scheme, host, port, path and query: "https://h/~a" and "https://h:443/%7ea" are one (RFC 3986
 * section 6.2.2). */
bool http_url_same(const struct http_url *a, const struct http_url *b);

/*
 * Where `location` leads that was answered for the page `from` (RFC 3986 section 5.2): a whole
 * address, one of another scheme too, "//host/path", "/path", "?query" or "path". The caller's.
 */
char *http_url_target(const struct http_url *from, const char *location) MUST_CHECK;
