/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/policy.h"
#include "fuzz/fuzz.h"

/* What a web server shows as a policy. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span page = { (const char *)data, size };
	AUTO_POLICY struct policy p = { 0 };

	if (!policy_read(page, &p))
		(void)policy_has(&p, "mail.example.org");
	(void)policy_id_is_good(page);
	return 0;
}
