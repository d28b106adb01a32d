/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "mailauth/mailauth.h"

/* The program that answers has read hostile mail: its answer is no better. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };

	if (mailauth_answer_parse((struct span){ (const char *)data, size }, &v) & ~MAILAUTH_ALL)
		__builtin_trap();
	(void)mailauth_accepts(&v);
	return 0;
}
