/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "gate/turnaway.h"

#include <string.h>

/* However the octets are cut into packets, the answer is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct turnaway whole = { 0 }, cut = { 0 };
	enum gate_wish one, other = GATE_WAIT;
	const char *bytes = (const char *)data;

	one = turnaway_input(&whole, (struct span){ bytes, size });
	for (size_t at = 0; at < size && other == GATE_WAIT;) {
		size_t n = 1 + (unsigned char)bytes[at] % 7;

		n = n > size - at ? size - at : n;
		other = turnaway_input(&cut, (struct span){ bytes + at, n });
		at += n;
	}
	if (one != other || whole.said_n != cut.said_n || whole.said_n > GATE_SAID_MAX ||
	    memcmp(whole.said, cut.said, whole.said_n) != 0)
		__builtin_trap();
	return 0;
}
