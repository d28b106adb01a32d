/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "smtp/proxy.h"

#include <string.h>

#define HOLDS(what)                                                                                \
	do                                                                                         \
		if (!(what))                                                                       \
			__builtin_trap();                                                          \
	while (0)

static bool same(const struct smtp_endpoint *a, const struct smtp_endpoint *b)
{
	return !strcmp(a->address, b->address) && a->port == b->port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size };
	struct smtp_proxy p, again;
	size_t used, ignored;
	int got = smtp_proxy_read(all, &p, &used);

	HOLDS(used <= size && used <= SMTP_PROXY_MAX);
	HOLDS(got != 0 || size < SMTP_PROXY_MAX);
	if (got != 1)
		return 0;
	/* octet by octet it is the same header */
	for (size_t n = 0; n < used; n++)
		HOLDS(smtp_proxy_read((struct span){ all.p, n }, &again, &ignored) == 0);
	for (unsigned version = 1; version <= 2; version++) {
		AUTO_BUF struct buf made = { 0 };

		smtp_proxy_add(&made, version, &p.from, &p.to);
		HOLDS(smtp_proxy_read(buf_span(&made), &again, &used) == 1 && used == made.n);
		HOLDS(again.local || (same(&p.from, &again.from) && same(&p.to, &again.to)));
	}
	return 0;
}
