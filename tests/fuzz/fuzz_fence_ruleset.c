/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/fence.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fence_state s = { 0 };
	struct error err = { 0 };

	if (fence_parse((struct span){ (const char *)data, size }, &s, &err) < 0)
		return 0;
	if (s.n > ROWS(s.closed))
		__builtin_trap();
	for (size_t i = 1; i < s.n; i++)
		if (s.closed[i - 1] > s.closed[i])
			__builtin_trap();
	return 0;
}
