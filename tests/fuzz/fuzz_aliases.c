/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "accounts/aliases.h"

static void read_all(enum alias_form form, struct span text)
{
	AUTO_ALIAS_READER struct alias_reader r;
	AUTO_BUF struct buf target = { 0 };
	struct alias_row row;

	alias_reader_init(&r, form, text);
	while (alias_next(&r, &row))
		while (alias_next_target(&row.value, form, &target)) {
			struct span what;

			(void)alias_target_of(buf_span(&target), &what);
			(void)alias_program(what);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };

	read_all(ALIAS_FORM_ALIASES, text);
	read_all(ALIAS_FORM_TABLE, text);
	read_all(ALIAS_FORM_LIST, text);
	return 0;
}
