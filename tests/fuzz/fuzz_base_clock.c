/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "fuzz/fuzz.h"

/* Stamps of logs that nobody promised anything about. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	int64_t ms;
	size_t used = 0;

	if (clock_parse(text, 1764000000000, &ms, &used) && used > size)
		__builtin_trap();
	return 0;
}
