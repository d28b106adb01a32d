/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* leaving_addresses -- by which addresses mail for a list comes to old, and by which of them new takes it. */

#include "lists/aliases.h"
#include "lists/leaving.h"
#include "mta/mta.h"

struct leaving_addresses {
	const struct lists_leaving *l; /* borrowed */
	struct mta_facts old, new;
	struct lists_alias_plan old_plan, new_plan;
	struct lists_alias_check check; /* of new */
};
#define AUTO_LEAVING_ADDRESSES __attribute__((cleanup(leaving_addresses_fini)))
void leaving_addresses_fini(struct leaving_addresses *a);

int leaving_addresses_read(const struct lists_leaving *l, const struct strings *lists,
                           struct leaving_addresses *out, struct error *err) MUST_CHECK;
/* Whether both take mail for a domain, and it is none of a host alone. */
bool leaving_is_shared(const struct leaving_addresses *a, const char *domain);
/* Adds those of a list that stands on old. One that new does not take: ERROR_RETRY_PERSON. */
int leaving_addresses_of(struct leaving_addresses *a, const char *list, struct mta_passing *out,
                         struct error *err) MUST_CHECK;
