/* SPDX-License-Identifier: BSD-2-Clause */

/* The names that both sides agree on, as a database that somebody damaged has them. */

#include "fuzz/fuzz.h"
#include "mail/agreed.h"

static void read_parts(const uint8_t *data, size_t size, size_t text)
{
	struct mail_agreed a = { 0 };

	buf_add(&a.text, data, text);
	buf_add(&a.later, data + text, size - text);
	if (mail_agreed_read(&a))
		for (size_t i = 0; i < a.n; i++)
			if (mail_agreed_find(&a, a.rows[i].base) != &a.rows[i])
				__builtin_trap();
	mail_agreed_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_parts(data, size, size);
	read_parts(data, size, 0);
	/* the first octet says where what came later begins */
	if (size > 1)
		read_parts(data + 1, size - 1, data[0] % size);
	return 0;
}
