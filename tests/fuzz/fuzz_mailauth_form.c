/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "mailauth/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MAILAUTH_FORM struct mailauth_form form = { 0 };

	mailauth_form_read((struct span){ (const char *)data, size }, &form);
	if (form.findings_n > FORM_FINDINGS_MAX || form_errors(&form) > form.findings_n)
		__builtin_trap();
	/* what is told is fit for a terminal */
	for (size_t i = 0; i < form.findings_n; i++)
		for (const char *p = form.findings[i].text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 127)
				__builtin_trap();
	return 0;
}
