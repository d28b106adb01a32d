/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "agent/texts.h"

#include <stdlib.h>

/* However the octets are cut, the same lines come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct texts whole = { 0 }, cut = { 0 };
	AUTO_BUF struct buf a = { 0 }, b = { 0 };
	struct error err = { 0 };
	int result = texts_feed(&whole, text, &a, &err);

	for (size_t i = 0; i < size; i++)
		if (texts_feed(&cut, (struct span){ text.p + i, 1 }, &b, &err) < 0)
			break;
	if (result == 0 && !span_equal(buf_span(&a), buf_span(&b)))
		abort();
	texts_fini(&whole);
	texts_fini(&cut);
	return 0;
}
