/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * request -- what mailhaul-mailauth is asked, on its standard input: lines "KEY VALUE", each once
 * but for resolver and without, in this order or any other, then the message:
 *
 *	mailhaul-mailauth 1
 *	client 192.0.2.25
 *	helo mail.example.org
 *	mail-from alice@example.org
 *	resolver 127.0.0.55#5353
 *	time-ms 20000
 *	message 1234
 *	(1234 octets, and nothing behind them)
 *
 * "mail-from" without a value is the null sender. Without "client" SPF is not judged. With "sign-domain",
 * "sign-selector" and "sign-key" it is signed, and not judged (mailauth/sign.h).
 */

#include "base/text.h"
#include "dns/dns.h"

#define MAILAUTH_MESSAGE_MAX (64u << 20) /* octets */
#define MAILAUTH_HEAD_MAX 8192u          /* octets of the lines before the message */
#define MAILAUTH_RESOLVERS_MAX 8u
#define MAILAUTH_TIME_MS 20000u
#define MAILAUTH_TIME_MS_MAX 600000u

/* Parts of a verdict; bits. */
enum mailauth_part {
	MAILAUTH_FORM = 1 << 0,
	MAILAUTH_SPF = 1 << 1,
	MAILAUTH_DKIM = 1 << 2,
	MAILAUTH_DMARC = 1 << 3,
	MAILAUTH_ALL = (1 << 4) - 1,
};
const char *mailauth_part_name(enum mailauth_part part); /* "spf" */
enum mailauth_part mailauth_part_find(struct span name); /* 0: there is none */

struct mailauth_request {
	const char *client;    /* borrowed; an address, or NULL: not known */
	const char *helo;      /* borrowed; or NULL */
	const char *mail_from; /* borrowed; without <>; "": the null sender; NULL: not known */
	struct dns_servers resolvers; /* owned */
	unsigned time_ms;             /* 0: MAILAUTH_TIME_MS */
	unsigned without;             /* enum mailauth_part: not judged */
	/* Borrowed; all of them or none. The key is base64 of an RSAPrivateKey. */
	const char *sign_domain, *sign_selector, *sign_key;
	struct span message; /* borrowed; as it goes over the wire: lines end in CRLF */
};
#define AUTO_MAILAUTH_REQUEST __attribute__((cleanup(mailauth_request_fini)))
void mailauth_request_fini(struct mailauth_request *r);

/* Appends it as it is sent. A value with a control octet in it, or one that is too long:
 * ERROR_RETRY_NEVER. */
int mailauth_request_add(struct buf *out, const struct mailauth_request *r, struct error *err)
	MUST_CHECK;

/*
 * Reads it.
 *
 *   all    borrowed; the message of *out points into it
 *   store  owned by the caller; the texts of *out point into it
 *   errors ERROR_RETRY_NEVER, with the line
 */
int mailauth_request_parse(struct span all, struct buf *store, struct mailauth_request *out,
                           struct error *err) MUST_CHECK;

/* Appends a message as it goes over the wire. One that is stored with LF alone, as in a Maildir,
 * gets its CRs; one that has a CRLF anywhere stays as it is, so that a wrong line end is seen. */
void mailauth_add_wire(struct span stored, struct buf *out);
