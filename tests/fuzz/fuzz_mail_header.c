/* SPDX-License-Identifier: BSD-2-Clause */

/* The header section of a message, and the end of a Maildir file name. */

#include "fuzz/fuzz.h"
#include "mail/flags.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size }, rest = text, name, value, base, suffix;
	AUTO_BUF struct buf id = { 0 }, flags = { 0 }, keywords = { 0 };
	const struct mail_keywords none = { 0 };

	while (header_next(&rest, &name, &value))
		if (name.p < text.p || value.p + value.n > text.p + text.n)
			__builtin_trap();
	header_message_id(text, &id);
	if (id.n > 998)
		__builtin_trap();
	mail_name_split(text, &base, &suffix);
	if (base.n + suffix.n != text.n)
		__builtin_trap();
	mail_suffix_flags(suffix, &flags);
	mail_suffix_keywords(suffix, &none, &keywords);
	if (flags.n > 26)
		__builtin_trap();
	return 0;
}
