/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* policy -- the text of an MTA-STS policy (RFC 8461 section 3.2). Pure; inside the room. */

#include "base/text.h"

struct policy {
	const char *mode;  /* "enforce", "testing", "none"; static */
	struct strings mx; /* "mail.example.org", "*.example.org"; lower case */
	uint64_t max_age_s;
};
void policy_fini(struct policy *p);
#define AUTO_POLICY __attribute__((cleanup(policy_fini)))

/* NULL, or what is wrong with it, to stand behind "its policy". */
const char *policy_read(struct span text, struct policy *out);
/* Whether it names a mail host (section 4.1); with mode "none" it names all. */
bool policy_has(const struct policy *p, const char *host);
/* "v=STSv1; id=20260301T000000;": section 3.1. */
bool policy_id_is_good(struct span record);
