/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * address -- the addresses of an SMTP envelope (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
 * Pure; everything borrows from what was parsed.
 *
 * Taken beside the grammar, because senders do it and Postfix lets them: no angle brackets, an
 * address without a domain, a local part with dots in odd places, a trailing dot of the domain.
 * Never taken: control octets, a second way to read the same octets, UTF-8 that is none.
 *
 * RFC 5321 section 4.5.3.1 says how much has to be taken at least (64 octets of local part); bounce
 * addresses of mailing lists are longer, so the limits here are wider. A domain keeps its 255.
 */

#include "base/text.h"

#define SMTP_LOCAL_MAX 256u  /* octets, quotes included */
#define SMTP_DOMAIN_MAX 255u /* octets */
#define SMTP_ADDRESS_MAX (SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)

struct smtp_address {
	struct span text;  /* "local@domain" as it stands, no brackets, no source route; "" is <> */
	struct span local; /* as it stands, a quoted one with its quotes */
	struct span
		domain; /* without '@'; "[192.0.2.1]" with its brackets; "" when there is none */
	bool quoted;    /* the local part is a quoted string */
	bool literal;   /* the domain is an address literal */
	bool utf8;      /* holds octets above 127: only with SMTPUTF8 */
};

enum smtp_address_fault {
	SMTP_ADDRESS_GOOD = 0,
	SMTP_ADDRESS_SYNTAX,   /* 501 5.1.7 (sender), 5.1.3 (recipient) */
	SMTP_ADDRESS_TOO_LONG, /* the same codes, said in other words */
	SMTP_ADDRESS_UTF8,     /* octets above 127 that are not UTF-8 */
};

/*
 * Cuts a path off the front of *rest: "<a@example.org>", "<>", "<@relay.example:a@example.org>"
 * (the route is dropped), or an address without brackets up to the next blank. What follows has to
 * begin with a blank or be empty. On a fault *rest and *out are left in no state to be used.
 */
enum smtp_address_fault smtp_path_parse(struct span *rest, struct smtp_address *out);

/* The whole of `text` as one address without brackets; "" is refused here. */
enum smtp_address_fault smtp_address_parse(struct span text, struct smtp_address *out);

/*
 * Appends the address in the one form that tables are asked with: local part without quotes and
 * backslashes, '@' and domain in lower case (ASCII letters) without a trailing dot. The local part
 * keeps its case. Nothing is appended for <>; no '@' when there is no domain.
 */
void smtp_address_add_key(struct buf *out, const struct smtp_address *a);

/* Appends "<a@example.org>", or "<>". */
void smtp_path_add(struct buf *out, struct span address);

/*
 * What stands in an address literal, "[192.0.2.1]" or "[IPv6:2001:db8::1]", in the form that
 * inet_ntop(3) gives. False when it is none, or one of another kind.
 */
bool smtp_literal_parse(struct span domain, char out[46]);

/* Something that may stand behind HELO: 1 to 255 printable octets without blanks. Real clients say
 * anything, so no more than that is asked; UTF-8 is let through (RFC 6531 section 3.7.1). */
bool smtp_host_good(struct span host);
