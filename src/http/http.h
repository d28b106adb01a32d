/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * http -- asks web servers, through libcurl in a program of its own (mailhaul-http), so that neither a
 * start of mailhaul pays for 28 libraries nor an answer meets it with its rights.
 *
 * The program is started once and asked many times, several at once, over a pipe (http/frame.h). It
 * connects to addresses alone, never asks for a name, opens no file once it works, takes no proxy, no
 * netrc, no cookie and no setting from its environment, speaks http:// and https:// and nothing else,
 * and follows no redirect: who wants that asks again (http_url_target()), and has seen each step.
 *
 *	AUTO_HTTP struct http *web = NULL;
 *	AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
 *	struct http_request ask = { .url = "http://127.0.0.1:8001/3.1/lists",
 *		                    .user = "restadmin", .password = secret };
 *
 *	if (http_open(&web, NULL, err) < 0 || http_ask(web, &ask, &answer, err) < 0)
 *		return -1;
 *	if (answer.status != 200) ...answer.page...
 *
 * One that breaks, or does not answer in its time, costs the requests that are under way, each with an
 * error; the next request starts it again.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "http/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_TIME_MS 20000u
#define HTTP_TIME_MS_MAX 600000u
#define HTTP_PAGE_MAX (3u << 20) /* octets; of an answer, and of what is sent */
#define HTTP_PAGE_USUAL (256u << 10)
#define HTTP_TOGETHER 8u /* requests under way at once */
#define HTTP_TOGETHER_MAX 64u

/* ── what is asked ───────────────────────────────────────────────────────────────────────────── */

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PATCH,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_METHODS
};
const char *http_method_name(enum http_method method); /* "GET" */

/* All is borrowed, and copied before a function returns. */
struct http_request {
	enum http_method method;
	const char *url; /* "https://lists.example.org/path"; no user in it */
	/* The address that is connected to, whatever the DNS says of the name in `url`; that name
	 * stays what the server is asked for, and what its certificate has to say. NULL: all
	 * addresses that getaddrinfo(3) tells here, one after the other until one takes the
	 * connection. */
	const char *address;
	/* Sent with POST, PATCH and PUT; HTTP_PAGE_MAX at most. */
	struct span body;
	const char *type;   /* of the body; NULL: "application/x-www-form-urlencoded" */
	const char *accept; /* NULL: anything */
	/* Who asks, in no argv and no log: either both of these (RFC 7617), or the whole value of
	 * Authorization ("Bearer ..."). Never sent to a server whose certificate does not hold. */
	const char *user, *password;
	const char *authorization;
	/* The page is fetched although the certificate does not hold, which answer->certificate
	 * tells. Not together with who asks: ERROR_RETRY_NEVER. */
	bool any_certificate;
	unsigned time_ms; /* for all of it, from the moment at which it is begun; 0: HTTP_TIME_MS */
	size_t most;      /* octets of a page that are kept; 0: HTTP_PAGE_USUAL; <= HTTP_PAGE_MAX */
};

/* ── what is answered ────────────────────────────────────────────────────────────────────────── */

/* What is wrong with a certificate; bits. */
enum http_wrong {
	HTTP_WRONG_NAME = 1 << 0,    /* it is for another name */
	HTTP_WRONG_EXPIRED = 1 << 1, /* it, or one of its chain, is over */
	HTTP_WRONG_EARLY = 1 << 2,   /* it is not valid yet */
	HTTP_WRONG_ISSUER = 1 << 3,  /* no authority that is known stands behind it */
	HTTP_WRONG_OTHER = 1 << 4,
	HTTP_WRONG_ALL = (1 << 5) - 1,
};

struct http_certificate {
	bool shown;              /* else all below is empty: http:// */
	unsigned wrong;          /* enum http_wrong; 0: it holds */
	char *words;             /* owned; what is wrong with it, in words; "" */
	struct strings names;    /* the names and addresses that it is for; 100 at most */
	char *issuer;            /* owned; "CN=R3, O=Let's Encrypt, C=US" */
	int64_t from_s, until_s; /* seconds since 1970 UTC; 0: they can't be read */
};

/* Texts are printable: what is not stands as \xNN. */
struct http_answer {
	unsigned status; /* 100 to 599 */
	char *location;  /* owned; Location as it was sent; NULL: there is none */
	char *type;      /* owned; Content-Type; NULL: there is none */
	char *address;   /* owned; the one that has answered */
	struct buf page; /* owned; what was sent, without transfer codings; at most `most` */
	bool cut;        /* the page was longer, and is the beginning of it */
	bool reused;     /* over a connection that was there */
	struct http_certificate certificate;
};
#define AUTO_HTTP_ANSWER __attribute__((cleanup(http_answer_fini)))
void http_answer_fini(struct http_answer *a);

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

struct http_options {
	const char *ca_file; /* borrowed; PEM, the authorities; NULL: the system's */
	unsigned together;   /* 0: HTTP_TOGETHER; <= HTTP_TOGETHER_MAX */
};

struct http; /* one thread's, one process's: not to be used behind a fork() */

/*
 * Starts the program, in the network in which the caller is now.
 *
 *   o       borrowed; NULL: as { 0 }
 *   errors  the program is not there: ERROR_RETRY_PERSON. A ca_file that can't be read is told by the
 *           answers
 */
int http_open(struct http **out, const struct http_options *o, struct error *err) MUST_CHECK;
/* Ends the program, and what is under way. NULL: nothing. */
void http_close(struct http *h);
CLEANUP_DEFINE(struct http, http_close);
#define AUTO_HTTP __attribute__((cleanup(http_close_at)))

/*
 * One request, one answer; any status is one. Only while nothing begun is under way.
 *
 *   out     owned by the caller, { 0 } or filled: then it is emptied first
 *   errors  sys_errno ECONNREFUSED: nobody listens; ETIMEDOUT; ENETUNREACH ...: ERROR_RETRY_REACH.
 *           What is no HTTP, or a request that can't be asked: ERROR_RETRY_NEVER. A certificate that
 *           does not hold, without any_certificate: ERROR_RETRY_PERSON, with the words.
 *           The text names the URL (without its query), never who asks
 */
int http_ask(struct http *h, const struct http_request *ask, struct http_answer *out,
             struct error *err) MUST_CHECK;

/* Told once for each request, in the order in which they end. Exactly one of `answer` and `why` is
 * given, borrowed until it returns; *answer may be emptied by taking what is in it. */
typedef void http_told_fn(void *context, size_t i, struct http_answer *answer,
                          const struct error *why);
/* All of them, as many at once as http_open() was told. Only while nothing begun is under way. */
void http_ask_all(struct http *h, const struct http_request *asks, size_t n, http_told_fn *told,
                  void *context);

/*
 * For more requests than fit in memory: begin some, wait for one, begin the next.
 *
 * http_begin() takes a request and waits for nothing but, where `address` is NULL, a name. As many as
 * wanted may be begun; the program has `together` of them under way, and the time of one begins when
 * it is. `mark` is the caller's own, and comes back with the answer. -1: it is not under way.
 *
 * http_wait() waits until one of them has ended, whichever is first: *mark is of that one.
 *
 *   out      { 0 } or filled: it is emptied first
 *   returns  1: *out is its answer. -1: it has none, for the reason in *why, as http_ask() tells them,
 *            or ERROR_RETRY_LATER: the program broke under it. 0: nothing is under way
 */
int http_begin(struct http *h, const struct http_request *ask, uint64_t mark, struct error *err)
	MUST_CHECK;
int http_wait(struct http *h, uint64_t *mark, struct http_answer *out, struct error *why)
	MUST_CHECK;
