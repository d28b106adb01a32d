/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "mailauth/request.h"

#include <string.h>

/* What is taken can be written, and is then read as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MAILAUTH_REQUEST struct mailauth_request one = { 0 }, two = { 0 };
	AUTO_BUF struct buf first = { 0 }, second = { 0 }, text = { 0 };
	struct error err = { 0 };

	if (mailauth_request_parse((struct span){ (const char *)data, size }, &first, &one, &err) <
	    0)
		return 0;
	if (mailauth_request_add(&text, &one, &err) < 0 ||
	    mailauth_request_parse(buf_span(&text), &second, &two, &err) < 0 ||
	    !span_equal(one.message, two.message) || one.without != two.without ||
	    one.resolvers.n != two.resolvers.n || !one.client != !two.client ||
	    (one.mail_from && strcmp(one.mail_from, two.mail_from) != 0))
		__builtin_trap();
	return 0;
}
