/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "mta/postfix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };

	(void)postfix_queue_parse((struct span){ (const char *)data, size }, &q);
	return 0;
}
