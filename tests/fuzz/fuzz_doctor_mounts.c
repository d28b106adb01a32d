/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "base/cleanup.h"
#include "doctor/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__attribute__((cleanup(mounts_fini))) struct mounts m = { 0 };
	const struct mount *found;

	mounts_parse(&m, (struct span){ (const char *)data, size });
	found = mounts_find(&m, "/var/lib/mailman/qfiles/in");
	if (found) {
		AUTO_BUF struct buf within = { 0 };

		mount_within(found, "/var/lib/mailman/qfiles/in", &within);
		(void)mount_is_shared(found);
	}
	return 0;
}
