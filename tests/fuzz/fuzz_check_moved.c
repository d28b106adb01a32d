/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/moved.h"
#include "fuzz/fuzz.h"
#include "http/url.h"

#include <string.h>

/* Any file is a map of so many lines, and each is found again by its place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct moved_map map = { .text = { (const char *)data, size },
		                 .base = "https://lists.example.org" };
	AUTO_MOVED struct moved m = { 0 }, again = { 0 };
	AUTO_HTTP_URL struct http_url url = { 0 };

	while (moved_next(&map, &m)) {
		moved_at(&map, m.offset, &again);
		if (!m.from != !m.to || !m.from != !again.from)
			__builtin_trap();
		if (m.from && (strcmp(m.from, again.from) != 0 || strcmp(m.to, again.to) != 0 ||
		               !http_url_read(span_of(m.from), &url)))
			__builtin_trap();
	}
	if (map.at != size)
		__builtin_trap();
	return 0;
}
