/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * inside -- mailhaul-http itself, the one program here that is linked with libcurl. It gives up its
 * rights (base/confine.h) before it reads the first request; the authorities' certificates are in its
 * memory by then.
 *
 * libcurl verifies nothing of a certificate here: what it would tell of one is a single reason, and a
 * connection made for who wants the page anyway could be used again for who does not. So each
 * connection keeps what OpenSSL found wrong with its certificate (inside_tls.c), and each request is
 * held against that before its first octet is sent.
 */

#include "http/frame.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────── */

struct tls {
	struct buf pem; /* the authorities, as read; emptied once they are in `store` */
	X509_STORE *store;
};

/* Reads the authorities; before the program is confined.
 *   ca_file  NULL: the system's; where there are none, no certificate holds */
int tls_prepare(struct tls *t, const char *ca_file, struct error *err) MUST_CHECK;
void tls_fini(struct tls *t);

/* Makes a connection's certificate be looked at, for `host`; 0, or -1: it can't be. */
int tls_watch(struct tls *t, SSL_CTX *context, const char *host) MUST_CHECK;
/* What was seen of it. *out is { 0 }. */
void tls_tell(SSL *ssl, struct http_certificate *out);

/* ── one request ─────────────────────────────────────────────────────────────────────────────── */

/* A place for a request under way; the easy handle is used again for the next one. */
struct job {
	struct tls *tls; /* borrowed */
	CURL *easy;      /* owned */
	bool busy;
	uint32_t number;
	struct http_asked asked;
	size_t address;                  /* index of the one that is tried now */
	int64_t end_ms;                  /* monotonic */
	struct curl_slist *header, *way; /* owned */
	struct http_answer answer;
	size_t head;         /* octets of headers so far */
	bool has_page;       /* what comes now is no header of the answer any more */
	const char *refused; /* borrowed: why we broke off; NULL: we did not */
	char words[CURL_ERROR_SIZE];
};

/* Starts with the first address, or goes on with the next. -1: can't be asked: *err. */
int job_begin(struct job *j, struct error *err) MUST_CHECK;
/* Whether there is another address, and time for it, now that this one did not take the connection. */
bool job_next(struct job *j, CURLcode result);
/* How it ended. -1: without an answer: *err */
int job_end(struct job *j, CURLcode result, struct error *err) MUST_CHECK;
void job_fini(struct job *j);

/* The whole program; an exit code.
 *   ca_file  borrowed; may be NULL */
int inside_main(const char *ca_file, unsigned together);
