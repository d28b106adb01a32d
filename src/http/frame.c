/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/frame.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum ask_flag {
	ASK_TYPE = 1 << 0,
	ASK_ACCEPT = 1 << 1,
	ASK_USER = 1 << 2,
	ASK_PASSWORD = 1 << 3,
	ASK_AUTHORIZATION = 1 << 4,
	ASK_ANY_CERTIFICATE = 1 << 5,
	ASK_FLAGS = (1 << 6) - 1,
};

enum answer_flag {
	ANSWER_LOCATION = 1 << 0,
	ANSWER_TYPE = 1 << 1,
	ANSWER_CUT = 1 << 2,
	ANSWER_REUSED = 1 << 3,
	ANSWER_CERTIFICATE = 1 << 4,
	ANSWER_FLAGS = (1 << 5) - 1,
};

static const char *const methods[HTTP_METHODS] = {
	[HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST",
	[HTTP_PATCH] = "PATCH", [HTTP_PUT] = "PUT",   [HTTP_DELETE] = "DELETE",
};

const char *http_method_name(enum http_method method)
{
	return methods[method];
}

void http_asked_fini(struct http_asked *a)
{
	strings_fini(&a->addresses);
	strings_fini(&a->texts);
	buf_fini(&a->body);
	http_url_fini(&a->url);
	*a = (struct http_asked){ 0 };
}

void http_answer_fini(struct http_answer *a)
{
	free(a->location);
	free(a->type);
	free(a->address);
	buf_fini(&a->page);
	free(a->certificate.words);
	free(a->certificate.issuer);
	strings_fini(&a->certificate.names);
	*a = (struct http_answer){ 0 };
}

/* ── requests ────────────────────────────────────────────────────────────────────────────────── */

static int refuse(struct error *err, const char *what)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "a request can't be made: %s",
	                 what);
}

/* Fits into a line of a header: no control octet. */
static bool is_plain(const char *text)
{
	size_t n = 0;

	for (; text && text[n]; n++)
		if ((unsigned char)text[n] < ' ' || text[n] == 127)
			return false;
	return n <= HTTP_TEXT_MAX;
}

static bool is_address(const char *text)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

int http_request_check(const struct http_request *ask, struct error *err)
{
	const char *const texts[] = { ask->type, ask->accept, ask->user, ask->password,
		                      ask->authorization };
	AUTO_HTTP_URL struct http_url url = { 0 };

	if ((unsigned)ask->method >= HTTP_METHODS)
		return refuse(err, "no such method");
	if (!ask->url || !http_url_read(span_of(ask->url), &url))
		return refuse(err, "its address is no http:// or https:// one");
	if (ask->address && !is_address(ask->address))
		return refuse(err, "what it shall connect to is no address");
	for (size_t i = 0; i < ROWS(texts); i++)
		if (!is_plain(texts[i]))
			return refuse(err, "a control octet, or too many octets");
	if (!ask->user != !ask->password || (ask->user && ask->authorization))
		return refuse(err, "who asks is told by halves, or twice");
	if (ask->user && strchr(ask->user, ':'))
		return refuse(err, "a user with a colon (RFC 7617 section 2)");
	if (ask->any_certificate && (ask->user || ask->authorization))
		return refuse(err, "who asks is told to no server that can't show who it is");
	if (ask->body.n && ask->method != HTTP_POST && ask->method != HTTP_PATCH &&
	    ask->method != HTTP_PUT)
		return refuse(err, "its method has no body");
	if (ask->body.n > HTTP_PAGE_MAX || ask->most > HTTP_PAGE_MAX)
		return refuse(err, "more octets than a page may have");
	return ask->time_ms > HTTP_TIME_MS_MAX ? refuse(err, "more time than there is") : 0;
}

static void put_text(struct buf *body, const char *text)
{
	wire_put_text(body, text ? text : "");
}

void http_ask_put(struct buf *out, uint32_t number, const struct http_request *ask,
                  const struct strings *addresses)
{
	AUTO_BUF struct buf body = { 0 };
	unsigned flags = (ask->type ? ASK_TYPE : 0u) | (ask->accept ? ASK_ACCEPT : 0u) |
	                 (ask->user ? ASK_USER : 0u) | (ask->password ? ASK_PASSWORD : 0u) |
	                 (ask->authorization ? ASK_AUTHORIZATION : 0u) |
	                 (ask->any_certificate ? ASK_ANY_CERTIFICATE : 0u);

	wire_put_u64(&body, ask->method);
	wire_put_text(&body, ask->url);
	wire_put_u64(&body, addresses->n);
	for (size_t i = 0; i < addresses->n; i++)
		wire_put_text(&body, addresses->rows[i]);
	wire_put_span(&body, ask->body);
	wire_put_u64(&body, flags);
	put_text(&body, ask->type);
	put_text(&body, ask->accept);
	put_text(&body, ask->user);
	put_text(&body, ask->password);
	put_text(&body, ask->authorization);
	wire_put_u64(&body, ask->time_ms ? ask->time_ms : HTTP_TIME_MS);
	wire_put_u64(&body, ask->most ? ask->most : HTTP_PAGE_USUAL);
	wire_frame(out, HTTP_ASK, number, buf_span(&body));
}

/* A C string that lives as long as *a; NULL without its flag. */
static const char *get_text(struct wire_reader *r, struct http_asked *a, bool there)
{
	struct span text = wire_get_span(r);

	if (!there)
		return NULL;
	if (memchr(text.n ? text.p : "", '\0', text.n))
		r->bad = true;
	strings_add_span(&a->texts, text);
	return a->texts.rows[a->texts.n - 1];
}

static int read_ask(struct wire_reader *r, struct http_asked *a, struct error *err)
{
	struct http_request *ask = &a->ask;
	uint64_t n, flags;

	ask->method = (enum http_method)wire_get_u32(r);
	ask->url = get_text(r, a, true);
	n = wire_get_u64(r);
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		strings_add_span(&a->addresses, wire_get_span(r));
		r->bad |= a->addresses.n > HTTP_ADDRESSES_MAX ||
		          !is_address(a->addresses.rows[a->addresses.n - 1]);
	}
	buf_add_span(&a->body, wire_get_span(r));
	ask->body = buf_span(&a->body);
	flags = wire_get_u64(r);
	r->bad |= flags > ASK_FLAGS;
	ask->type = get_text(r, a, flags & ASK_TYPE);
	ask->accept = get_text(r, a, flags & ASK_ACCEPT);
	ask->user = get_text(r, a, flags & ASK_USER);
	ask->password = get_text(r, a, flags & ASK_PASSWORD);
	ask->authorization = get_text(r, a, flags & ASK_AUTHORIZATION);
	ask->any_certificate = flags & ASK_ANY_CERTIFICATE;
	ask->time_ms = wire_get_u32(r);
	ask->most = wire_get_u32(r);
	r->bad |= !ask->time_ms || !ask->most || !a->addresses.n;
	return wire_read_end(r, "request of a page", err);
}

int http_ask_get(struct span body, struct http_asked *out, struct error *err)
{
	AUTO_HTTP_ASKED struct http_asked a = { 0 };
	struct wire_reader r = { .rest = body };

	if (read_ask(&r, &a, err) < 0 || http_request_check(&a.ask, err) < 0)
		return -1;
	if (!http_url_read(span_of(a.ask.url), &a.url))
		return refuse(err, "its address");
	http_asked_fini(out);
	*out = a;
	a = (struct http_asked){ 0 };
	return 0;
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

void http_answer_put(struct buf *out, uint32_t number, const struct http_answer *a)
{
	const struct http_certificate *c = &a->certificate;
	AUTO_BUF struct buf body = { 0 };
	size_t names = c->names.n < HTTP_NAMES_MAX ? c->names.n : HTTP_NAMES_MAX;
	unsigned flags = (a->location ? ANSWER_LOCATION : 0u) | (a->type ? ANSWER_TYPE : 0u) |
	                 (a->cut ? ANSWER_CUT : 0u) | (a->reused ? ANSWER_REUSED : 0u) |
	                 (c->shown ? ANSWER_CERTIFICATE : 0u);

	wire_put_u64(&body, a->status);
	wire_put_u64(&body, flags);
	put_text(&body, a->location);
	put_text(&body, a->type);
	put_text(&body, a->address);
	wire_put_span(&body, buf_span(&a->page));
	wire_put_u64(&body, c->wrong);
	put_text(&body, c->words);
	wire_put_u64(&body, names);
	for (size_t i = 0; i < names; i++)
		wire_put_text(&body, c->names.rows[i]);
	put_text(&body, c->issuer);
	wire_put_u64(&body, (uint64_t)c->from_s);
	wire_put_u64(&body, (uint64_t)c->until_s);
	wire_frame(out, HTTP_ANSWER, number, buf_span(&body));
}

static char *get_printable(struct wire_reader *r, bool there)
{
	struct span text = wire_get_span(r);
	AUTO_BUF struct buf out = { 0 };

	if (!there)
		return NULL;
	if (text.n > HTTP_TEXT_MAX)
		text.n = HTTP_TEXT_MAX;
	buf_add_printable(&out, text);
	return xstrdup(buf_text(&out));
}

static void read_certificate(struct wire_reader *r, bool shown, struct http_certificate *c)
{
	uint64_t n;

	c->shown = shown;
	c->wrong = wire_get_u32(r);
	c->words = get_printable(r, true);
	n = wire_get_u64(r);
	r->bad |= n > HTTP_NAMES_MAX || c->wrong > HTTP_WRONG_ALL || (!shown && (n || c->wrong));
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		AUTO_FREE char *name = get_printable(r, true);

		strings_add(&c->names, name);
	}
	c->issuer = get_printable(r, true);
	c->from_s = (int64_t)wire_get_u64(r);
	c->until_s = (int64_t)wire_get_u64(r);
}

int http_answer_get(struct span body, struct http_answer *out, struct error *err)
{
	AUTO_HTTP_ANSWER struct http_answer a = { 0 };
	struct wire_reader r = { .rest = body };
	uint64_t flags;

	a.status = wire_get_u32(&r);
	flags = wire_get_u64(&r);
	r.bad |= a.status < 100 || a.status > 599 || flags > ANSWER_FLAGS;
	a.cut = flags & ANSWER_CUT;
	a.reused = flags & ANSWER_REUSED;
	a.location = get_printable(&r, flags & ANSWER_LOCATION);
	a.type = get_printable(&r, flags & ANSWER_TYPE);
	a.address = get_printable(&r, true);
	buf_add_span(&a.page, wire_get_span(&r));
	r.bad |= a.page.n > HTTP_PAGE_MAX;
	read_certificate(&r, flags & ANSWER_CERTIFICATE, &a.certificate);
	if (wire_read_end(&r, "answer of mailhaul-http", err) < 0)
		return -1;
	*out = a;
	a = (struct http_answer){ 0 };
	return 0;
}
