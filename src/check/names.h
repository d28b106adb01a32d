/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* names -- under which names others come to the mail service, and which domains move. Inside the
 * room. */

#include "check/check.h"

/* The names that lead to this service: those that change (dns.records), or, where none do, the MX hosts
 * of the domains that lead to the old side's addresses. Each once. */
int names_of_service(const struct check_site *site, struct strings *out, struct error *err)
	MUST_CHECK;
/* All MX hosts of one domain, with those that it is to have (dns.changes). */
int names_of_exchangers(const struct check_site *site, const char *domain, struct strings *out,
                        struct error *err) MUST_CHECK;

typedef enum check_answer domain_fn(const struct check_asking *a, const char *domain,
                                    struct buf *seen);
/* The same question of each domain that moves; the worst answer is that of all. */
enum check_answer names_each_domain(const struct check_asking *a, domain_fn *one, struct buf *seen);
