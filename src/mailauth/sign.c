/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/sign.h"

#include "mailauth/mailauth.h"

#include "base/cleanup.h"
#include "base/process.h"

#include <jansson.h>
#include <string.h>

#define ANSWER_MAX 65536u
#define LINE_MOST 998u /* octets (RFC 5322 section 2.1.1) */

static bool is_line(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		if (text[n] < ' ' || text[n] > '~')
			return false;
	return n > 0 && n + strlen("DKIM-Signature: ") <= LINE_MOST;
}

int mailauth_sign(const struct mailauth_signer *by, struct span message, struct buf *header,
                  struct error *err)
{
	const struct mailauth_request ask = { .sign_domain = by->domain,
		                              .sign_selector = by->selector,
		                              .sign_key = by->key,
		                              .message = message };
	const struct process_options options = { .limit = ANSWER_MAX,
		                                 .timeout_ms = MAILAUTH_TIME_MS };
	char program[4096];
	const char *const argv[] = { program, NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	AUTO_BUF struct buf request = { 0 };
	struct process_options with = options;
	const char *value;
	json_t *said;

	if (mailauth_program(program, err) < 0 || mailauth_request_add(&request, &ask, err) < 0)
		return -1;
	with.input = buf_span(&request);
	if (process_run(argv, &with, &r, err) < 0 || process_expect_good(argv, &r, err) < 0)
		return error_context(err, "sign a message");
	said = json_loadb(r.out.p, r.out.n, 0, NULL);
	value = json_string_value(json_object_get(said, "signature"));
	if (value && is_line(value))
		buf_addf(header, "DKIM-Signature: %s\r\n", value);
	else
		value = NULL;
	json_decref(said);
	if (value) /* only whether there was one */
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
	                 "sign a message: the answer is no signature");
}
