/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * spf_record -- an SPF record, before libspf2 (1.2.10) reads it: what RFC 7208 forbids and the
 * library takes is found, and what the library gets wrong is put into words that it gets right.
 * Pure.
 *
 *   - a ":" or "redirect=" without a domain behind it, "redirect:", a second redirect= or exp=, a
 *     domain of one label, a "%" before anything: a fault (sections 4.6.1, 6, 7.1)
 *   - redirect= counts last, wherever it stands, and not at all beside "all" (section 6.1): it goes
 *     to the end, or away
 *   - ip4 and ip6 with a length of 0, which the library refuses (section 5.6): two halves. "a/0"
 *     and "mx/0" stay refused
 *   - a macro that keeps as many parts as there are or more (section 7.3), of which the library
 *     loses the first letter: without its number
 */

#include "base/text.h"

#include <stdbool.h>

/* What macros stand for (RFC 7208 section 7.2); borrowed, "" where there is none. */
struct spf_session {
	const char *sender; /* "alice@example.org" */
	const char *helo;
	const char *domain; /* whose record it is */
	bool six;           /* the client's address is IPv6 */
};

/* "v=spf1" with a blank or nothing behind it. */
bool spf_record_is_one(struct span text);

/* Appends the record for the library. False when it is against the RFC; *fault, borrowed and a
 * constant, says why; nothing is appended then. */
bool spf_record_mend(struct span record, const struct spf_session *session, struct buf *out,
                     const char **fault);
