/* SPDX-License-Identifier: BSD-2-Clause */

/* The names that both sides agree on, as a database that somebody damaged has them. */

#include "fuzz/fuzz.h"
#include "mail/agreed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_agreed a = { 0 };

	buf_add(&a.text, data, size);
	if (mail_agreed_read(&a))
		for (size_t i = 0; i < a.n; i++)
			if (mail_agreed_find(&a, a.rows[i].base) != &a.rows[i])
				__builtin_trap();
	mail_agreed_fini(&a);
	return 0;
}
