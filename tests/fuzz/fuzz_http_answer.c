/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "http/frame.h"

#include <string.h>

static void look(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			__builtin_trap();
}

/* The program that answers has read what strangers sent: its answer is no better. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_HTTP_ANSWER struct http_answer a = { 0 };
	AUTO_HTTP_URL struct http_url from = { 0 }, to = { 0 };
	struct error err;
	char *target;

	if (http_answer_get((struct span){ (const char *)data, size }, &a, &err) < 0)
		return 0;
	if (a.status < 100 || a.status > 599 || a.page.n > HTTP_PAGE_MAX ||
	    a.certificate.names.n > HTTP_NAMES_MAX)
		__builtin_trap();
	look(a.location);
	look(a.type);
	look(a.certificate.words);
	if (!a.location || !http_url_read(SPAN("https://example.org/a/b?c"), &from))
		return 0;
	target = http_url_target(&from, a.location);
	if (http_url_read(span_of(target), &to))
		/* it goes into a request as it is */
		for (const char *c = to.path; *c; c++)
			if (*c <= ' ' || *c > '~')
				__builtin_trap();
	free(target);
	return 0;
}
