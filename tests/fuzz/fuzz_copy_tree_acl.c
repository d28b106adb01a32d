/* SPDX-License-Identifier: BSD-2-Clause */

/* ACLs as they lie in attributes of files of a host that may be hostile. */

#include "base/text.h"
#include "copy/tree_pass.h"
#include "fuzz/fuzz.h"

static uint32_t next(void *context, uint32_t id)
{
	return id + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf acl = { 0 };

	buf_add(&acl, data, size);
	(void)tree_acl_map(&acl, next, next, NULL);
	if (acl.n != size)
		__builtin_trap();
	return 0;
}
