/* SPDX-License-Identifier: BSD-2-Clause */

/* Blocks of frames, as either end may send them. */

#include "fuzz/fuzz.h"
#include "wire/pack.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_WIRE_UNPACKER struct wire_unpacker *u = wire_unpacker_new();
	AUTO_BUF struct buf frames = { 0 };
	struct span rest = { (const char *)data, size };
	struct wire_frame frame;
	struct error err = { 0 };
	size_t used, before = 0;

	while (wire_unpack(u, rest, &frames, &used, &err) == 1) {
		if (used > rest.n || frames.n - before > WIRE_BLOCK_MAX)
			__builtin_trap();
		before = frames.n;
		rest = span_from(rest, used);
	}
	(void)!wire_read_frame(buf_span(&frames), &frame, &used, &err);
	return 0;
}
