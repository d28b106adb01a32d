/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "rehearse/zonebook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	AUTO_BUF struct buf out = { 0 };

	zonebook_add_zone(&b, "example.org");
	zonebook_add(&b, "example.org", DNS_MX, 300, "10 mail.example.org.");
	zonebook_add(&b, "*.example.org", DNS_CNAME, 300, "mail.example.org.");
	zonebook_add(&b, "mail.example.org", DNS_A, 300, "203.0.113.20");
	if (zonebook_serve(&b, (struct span){ (const char *)data, size }, size % 2 ? 512 : 0,
	                   &out) &&
	    (out.n < 12 || !((unsigned char)out.p[2] & 0x80)))
		__builtin_trap(); /* what is said is an answer */
	return 0;
}
