/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * frame -- what mailhaul and mailhaul-http say to each other: frames of wire/wire.h, one for a request
 * on the program's standard input, one for its answer on its standard output, in the order in which
 * they end; the frame's `request` says which one. Inside the room.
 *
 *	HTTP_ASK    u64 method, url, u64 n, n addresses, body, u64 flags, type, accept, user, password,
 *	            authorization, u64 time_ms, u64 most
 *	HTTP_ANSWER u64 status, u64 flags, location, type, address, page, u64 wrong, words, u64 n,
 *	            n names, issuer, u64 from_s, u64 until_s
 *	WIRE_ERROR  as there
 *
 * A text that is NULL is one without its flag, and stands there empty.
 */

#include "http/http.h"
#include "wire/wire.h"

#define HTTP_ASK ((enum wire_kind)80)
#define HTTP_ANSWER ((enum wire_kind)81)

#define HTTP_ADDRESSES_MAX 8u
#define HTTP_TEXT_MAX 8192u /* octets of each text of a request */
#define HTTP_NAMES_MAX 100u

/* A request as the program has it. */
struct http_asked {
	struct http_request ask; /* `address` is NULL; texts point into `texts`, `body` as below */
	struct strings addresses, texts; /* owned */
	struct buf body;                 /* owned */
	struct http_url url;             /* owned; what ask.url says */
};
#define AUTO_HTTP_ASKED __attribute__((cleanup(http_asked_fini)))
void http_asked_fini(struct http_asked *a);

/* Whether it can be asked; the reason else: ERROR_RETRY_NEVER. Nothing of it can then end a line of a
 * header. */
int http_request_check(const struct http_request *ask, struct error *err) MUST_CHECK;

/* Appends the frame of a request that was checked. */
void http_ask_put(struct buf *out, uint32_t number, const struct http_request *ask,
                  const struct strings *addresses);
/* Reads and checks the body of one. */
int http_ask_get(struct span body, struct http_asked *out, struct error *err) MUST_CHECK;

void http_answer_put(struct buf *out, uint32_t number, const struct http_answer *a);
/* Reads the body of one; what has read a stranger's octets is not believed: texts are made printable,
 * numbers held against their limits. *out is { 0 }. */
int http_answer_get(struct span body, struct http_answer *out, struct error *err) MUST_CHECK;
