/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * reception -- what a host's MTA takes at its port 25, so that another program can stand in for it: who
 * is there, its certificate, its limits. And whom it believes when they say for whom they speak.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stdint.h>

#define MTA_RELAY_NETWORKS_MAX 1000u

struct mta_reception {
	/* Who is there, in the words of mailhaul-gate(8), RECIPIENTS. What can't be listed from here
	 * makes its domain "incomplete": nobody is refused for good who may be there. */
	struct buf recipients;
	size_t addresses, domains, incomplete;
	/* Domain lists that can't be read from here: a domain that is in one of them alone is not
	 * known at all. */
	struct strings unlisted;
	char *name;              /* what it calls itself in its greeting */
	char *certificate, *key; /* paths on that host; NULL: it offers no TLS */
	uint64_t size_max;       /* octets of a message; 0: no limit */
	/* Networks, other than the host itself, that send through it to everywhere without a password;
	 * "" when there are none. */
	char *relays_for;
	/* Of them those that are addresses, also in files and tables that can be read from here:
	 * "192.0.2.0/24", "2001:db8::/32"; MTA_RELAY_NETWORKS_MAX at most. */
	struct strings relay_networks;
	/* The restriction by which it refuses clients that have no name in the DNS; NULL: none. */
	const char *wants_names; /* static */
};
#define AUTO_RECEPTION __attribute__((cleanup(mta_reception_fini)))
void mta_reception_fini(struct mta_reception *r);

/*
 *   more  domains that a person names, borrowed: ours, and not completely listed
 */
int mta_reception(struct host *h, const struct strings *more, struct mta_reception *out,
                  struct error *err) MUST_CHECK;

/*
 * Control. The MTA believes these addresses when they tell it who their client is (XCLIENT), from its
 * next start or, if it runs, from now on; or no more.
 */
int mta_trust(struct host *h, const struct strings *addresses, struct error *err) MUST_CHECK;
/* Which of them it does not believe yet; adds them to *out. */
int mta_find_untrusted(struct host *h, const struct strings *addresses, struct strings *out,
                       struct error *err) MUST_CHECK;
int mta_distrust(struct host *h, const struct strings *addresses, struct error *err) MUST_CHECK;
