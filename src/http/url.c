/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/url.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define PORT_HTTP 80
#define PORT_HTTPS 443
#define HOST_MAX 255u

void http_url_fini(struct http_url *u)
{
	free(u->host);
	free(u->path);
	*u = (struct http_url){ 0 };
}

static bool is_name(struct span host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = ascii_lower(host.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-')
			return false;
	}
	return host.n > 0 && host.n <= HOST_MAX && host.p[0] != '.' && host.p[0] != '-';
}

static bool is_six(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if (host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET6, text, &six) == 1;
}

/* "host", "host:port", "[2001:db8::1]:port"; *port stays where there is none. */
static bool read_authority(struct span text, struct span *host, uint64_t *port)
{
	struct span rest;
	ssize_t at;

	if (span_starts(text, "[")) {
		at = span_find(text, ']');
		if (at < 0)
			return false;
		*host = (struct span){ text.p + 1, (size_t)at - 1 };
		rest = span_from(text, (size_t)at + 1);
		if (!is_six(*host) || (rest.n && rest.p[0] != ':'))
			return false;
	} else {
		at = span_find(text, ':');
		*host = (struct span){ text.p, at < 0 ? text.n : (size_t)at };
		rest = span_from(text, host->n);
		if (!is_name(*host))
			return false;
	}
	return !rest.n || (span_parse_u64(span_from(rest, 1), port) && *port && *port <= 65535);
}

static struct span without_fragment(struct span text)
{
	ssize_t at = span_find(text, '#');

	if (at >= 0)
		text.n = (size_t)at;
	return text;
}

bool http_url_read(struct span text, struct http_url *out)
{
	bool tls = span_starts_nocase(text, "https://");
	uint64_t port = tls ? PORT_HTTPS : PORT_HTTP;
	struct span host;
	size_t end = 0;

	if ((!tls && !span_starts_nocase(text, "http://")) || text.n > HTTP_URL_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	text = span_from(text, tls ? 8 : 7);
	while (end < text.n && !strchr("/?#", text.p[end]))
		end++;
	if (!read_authority((struct span){ text.p, end }, &host, &port))
		return false;
	text = without_fragment(span_from(text, end));
	http_url_fini(out);
	out->tls = tls;
	out->port = (unsigned)port;
	out->host = span_dup(host);
	for (char *p = out->host; *p; p++)
		*p = ascii_lower(*p);
	out->path = xasprintf("%s%.*s", span_starts(text, "/") ? "" : "/", (int)text.n,
	                      text.n ? text.p : "");
	return true;
}

static void add_authority(struct buf *out, const struct http_url *u)
{
	bool six = strchr(u->host, ':');

	buf_addf(out, "%s://%s%s%s", u->tls ? "https" : "http", six ? "[" : "", u->host,
	         six ? "]" : "");
	if (u->port != (u->tls ? PORT_HTTPS : PORT_HTTP))
		buf_addf(out, ":%u", u->port);
}

void http_url_add(struct buf *out, const struct http_url *u)
{
	add_authority(out, u);
	buf_add_text(out, u->path);
}

static int digit_of(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cuts off the next octet, escaped or not. One that would part a path if it stood there itself is another
 * (above 255) when it is escaped. */
static int next_octet(const char **at)
{
	int c = (unsigned char)*(*at)++, high, low;

	if (c != '%')
		return c;
	high = digit_of((*at)[0]);
	low = high < 0 ? -1 : digit_of((*at)[1]);
	if (low < 0)
		return c;
	*at += 2;
	c = high << 4 | low;
	return c && strchr("/?#%", c) ? 256 + c : c;
}

bool http_url_same(const struct http_url *a, const struct http_url *b)
{
	const char *x = a->path, *y = b->path;

	while (*x && *y)
		if (next_octet(&x) != next_octet(&y))
			return false;
	return !*x && !*y && a->tls == b->tls && a->port == b->port && !strcmp(a->host, b->host);
}

/* ── where a redirect leads ──────────────────────────────────────────────────────────────────── */

/* RFC 3986 section 3.1. */
static bool has_scheme(const char *text)
{
	size_t n = strspn(text,
	                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return n && text[n] == ':' && ascii_lower(text[0]) >= 'a' && ascii_lower(text[0]) <= 'z';
}

char *http_url_target(const struct http_url *from, const char *location)
{
	AUTO_BUF struct buf out = { 0 };
	const char *query = strchr(from->path, '?');
	size_t path = query ? (size_t)(query - from->path) : strlen(from->path);

	if (has_scheme(location))
		return xstrdup(location);
	if (location[0] == '/' && location[1] == '/')
		return xasprintf("%s:%s", from->tls ? "https" : "http", location);
	add_authority(&out, from);
	if (location[0] != '/' && location[0] != '?')
		while (path && from->path[path - 1] != '/')
			path--;
	if (location[0] != '/')
		buf_add(&out, from->path, path);
	buf_add_text(&out, location);
	return buf_take(&out);
}
