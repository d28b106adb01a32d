/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "mta/postfix_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size }, line;

	while (span_next_line(&rest, &line)) {
		struct mta_log_event e;

		(void)postfix_log_line(line, 1795374000000, &e);
	}
	return 0;
}
