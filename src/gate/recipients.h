/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * recipients -- which addresses the old server would take. Read from text lines, one thing a line:
 *
 *	# a comment; empty lines say nothing
 *	domain example.org            ours, and every address of it is listed here
 *	domain example.net incomplete ours; an address that is not listed may be there nevertheless
 *	alice@example.org             is taken; its domain is ours, if nothing else is said, incomplete
 *	@example.com                  every address of this domain is taken (and it is ours)
 *	delimiter +-                  alice+anything is alice, alice-anything too
 *	unknown 550 5.1.1 No such mailbox      what the old server answers for an unknown one
 *
 * Letters' case counts nowhere, as Postfix looks addresses up. "postmaster" is taken, with each of our
 * domains and with none (RFC 5321 section 4.5.1).
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

#define GATE_RECIPIENTS_MAX (64u << 20) /* octets of a file */

struct smtp_address;
struct gate_recipients;

enum gate_verdict {
	GATE_TAKEN,
	GATE_UNKNOWN, /* of a domain of ours: gate_recipients_unknown() */
	GATE_UNSURE,  /* the list is not complete: 450 4.1.1 */
	GATE_FOREIGN, /* not ours: 554 5.7.1 */
};

/* A table that knows nothing; the caller's. */
struct gate_recipients *gate_recipients_new(void) MUST_CHECK;
void gate_recipients_free(struct gate_recipients *r); /* NULL is allowed */
CLEANUP_DEFINE(struct gate_recipients, gate_recipients_free);
#define AUTO_RECIPIENTS __attribute__((cleanup(gate_recipients_free_at)))

/*
 * Adds what the lines say.
 *
 *   name    borrowed; of the file, for messages
 *   errors  ERROR_RETRY_NEVER, "FILE:LINE: words"
 */
int gate_recipients_add(struct gate_recipients *r, const char *name, struct span lines,
                        struct error *err) MUST_CHECK;

/* A domain from the command line: `whole`, every address of it is taken; else it is ours, and not
 * completely listed unless the file has said more of it. */
int gate_recipients_add_domain(struct gate_recipients *r, const char *domain, bool whole,
                               struct error *err) MUST_CHECK;

enum gate_verdict gate_recipients_ask(const struct gate_recipients *r,
                                      const struct smtp_address *address);

struct gate_unknown {
	unsigned code;
	char enhanced[12];
	char text[400];
};
const struct gate_unknown *gate_recipients_unknown(const struct gate_recipients *r);

struct gate_recipients_size {
	size_t addresses, domains;
};
struct gate_recipients_size gate_recipients_size(const struct gate_recipients *r);
