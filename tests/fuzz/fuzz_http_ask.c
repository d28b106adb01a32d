/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "http/frame.h"

/* A request that was read is written as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = { (const char *)data, size };
	AUTO_HTTP_ASKED struct http_asked a = { 0 };
	AUTO_BUF struct buf again = { 0 };
	struct error err;

	if (http_ask_get(body, &a, &err) < 0)
		return 0;
	http_ask_put(&again, 1, &a.ask, &a.addresses);
	if (again.n > size + WIRE_HEADER_SIZE)
		__builtin_trap();
	return 0;
}
