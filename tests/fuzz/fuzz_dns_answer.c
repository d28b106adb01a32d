/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"
#include "fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	if (size > 65535 ||
	    dns_answer_parse((struct span){ (const char *)data, size }, &a, &err) < 0)
		return 0;
	for (size_t i = 0; i < a.answer.n; i++) {
		const struct dns_record *r = &a.answer.rows[i];

		if (!r->name || !r->data)
			__builtin_trap();
		/* names are printed as they are: nothing that a terminal obeys */
		for (const char *p = r->name; *p; p++)
			if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
				__builtin_trap();
	}
	return 0;
}
