/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsig.h"
#include "fuzz/fuzz.h"

#include <string.h>

/* Nobody without the secret makes a good signature. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_key key = { .name = (char[]){ "mover" },
		               .algorithm = "hmac-sha256",
		               .secret = "a secret of the test",
		               .secret_size = 20 };
	struct dns_mac request = { .n = 32 };
	unsigned code;
	enum dns_tsig_verdict verdict;

	if (size > 65535)
		return 0;
	verdict = dns_tsig_verify((struct span){ (const char *)data, size }, &key, &request,
	                          1767225600, &code);
	if (verdict == DNS_TSIG_GOOD || verdict == DNS_TSIG_LATE)
		__builtin_trap();
	return 0;
}
