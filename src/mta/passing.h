/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * passing -- mail for some addresses goes on to another host, while all else stays: of lists, say, that
 * live there already. What that host refuses is never bounced, but waits and is tried again.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stddef.h>
#include <stdint.h>

struct mta_passing_row {
	char *address; /* "talk@example.org", as it comes in */
	char *as;      /* what it is called when it goes on; may be the same; NULL: it stays here */
};
struct mta_passing {
	struct mta_passing_row *rows; /* owned */
	size_t n, room;
	struct strings domains; /* whose other addresses go on, too */
	char *to;               /* owned; an address of the other host; its port is 25 */
};
#define AUTO_PASSING __attribute__((cleanup(mta_passing_fini)))
void mta_passing_fini(struct mta_passing *p);
/* Both are copied; `as` may be NULL. */
void mta_passing_add(struct mta_passing *p, const char *address, const char *as);
bool mta_passing_has(const struct mta_passing *p, const char *address);

/*
 * Control. When it returns, mail for these addresses goes on, whatever else the MTA would do with it, and
 * no delivery is under way any more that was begun before; addresses of earlier calls that are not
 * among the rows are as they were. Without rows and domains the configuration is what it was before the first
 * call, octet for octet. May be killed, and repeated.
 *
 *   errors  ERROR_RETRY_LATER: a delivery does not end; ERROR_RETRY_PERSON: no MTA that can do it
 */
int mta_pass_on(struct host *h, const struct mta_passing *p, struct error *err) MUST_CHECK;

/* Waits until nothing for one of these addresses is about to be delivered. What was tried and waits for
 * its next time is not waited for. ERROR_RETRY_LATER after `wait_ms`. */
int mta_await_idle(struct host *h, const struct mta_passing *p, int64_t wait_ms, struct error *err)
	MUST_CHECK;
