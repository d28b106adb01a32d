/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "mailauth/spf_record.h"

/* A record that was put right is right: it is taken again, as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct spf_session session = { .sender = "list-owner@example.org",
		                                    .helo = "mail.example.org",
		                                    .domain = "example.org" };
	AUTO_BUF struct buf once = { 0 }, twice = { 0 };
	struct span record = { (const char *)data, size };
	const char *fault;

	if (!spf_record_is_one(record) || !spf_record_mend(record, &session, &once, &fault))
		return 0;
	if (!spf_record_is_one(buf_span(&once)) ||
	    !spf_record_mend(buf_span(&once), &session, &twice, &fault) ||
	    !span_equal(buf_span(&once), buf_span(&twice)))
		__builtin_trap();
	return 0;
}
