/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/update.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_KEY struct dns_key key = { 0 };
	struct error err = { 0 };

	if (dns_key_parse((struct span){ (const char *)data, size }, &key, &err) < 0)
		return 0;
	/* what is taken can be used */
	if (!key.name || !*key.name || !key.algorithm || !key.secret_size ||
	    key.secret_size > DNS_SECRET_MAX)
		__builtin_trap();
	return 0;
}
