/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "wire/wire.h"

/* Frames as they may come from the far end, each body read as every kind of answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct wire_frame frame;
	struct error err = { 0 };
	size_t used;

	while (wire_read_frame(rest, &frame, &used, &err) == 1) {
		struct wire_hello hello;
		struct wire_entry entry;
		struct wire_listener listener;

		if (used < WIRE_HEADER_SIZE || used > rest.n)
			__builtin_trap();
		(void)!wire_get_hello(frame.body, &hello, &err);
		(void)!wire_get_entry(frame.body, &entry, &err);
		(void)!wire_get_listener(frame.body, &listener, &err);
		if (wire_get_error(frame.body, &err) != -1)
			__builtin_trap();
		rest = span_from(rest, used);
	}
	return 0;
}
