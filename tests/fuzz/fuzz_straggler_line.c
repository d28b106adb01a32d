/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "watch/stragglers.h"

#include <stdlib.h>

#define NOW 1772330000000 /* milliseconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct watch_stragglers s = { 0 }, again = { 0 };
	AUTO_BUF struct buf out = { 0 };
	json_t *kept;

	(void)watch_stragglers_add(&s, (struct span){ (const char *)data, size }, 0, NOW);
	/* whatever was in it can be kept and told */
	kept = watch_stragglers_json(&s);
	if (!kept)
		__builtin_trap();
	watch_stragglers_read_json(&again, kept);
	if (again.all != s.all || again.n != s.n || again.senders_n != s.senders_n)
		__builtin_trap();
	watch_stragglers_add_table(&out, &again);
	watch_stragglers_add_words(&out, &again, NOW);
	for (size_t i = 0; i < out.n; i++)
		if ((unsigned char)out.p[i] < ' ' && out.p[i] != '\n')
			__builtin_trap();
	json_decref(kept);
	watch_stragglers_fini(&s);
	watch_stragglers_fini(&again);
	return 0;
}
