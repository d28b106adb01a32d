/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/inside.h"

#include "accounts/passwd.h"
#include "base/cleanup.h"
#include "base/memory.h"

#include <jansson.h>

#define WORDS_MAX 300

int inside_add_program(const char *text, size_t n, struct buf *input, struct error *err)
{
	AUTO_BUF struct buf whole = { 0 };
	AUTO_FREE char *line = NULL;
	json_t *value;

	buf_add(&whole, text, n);
	buf_add_text(&whole, "\n\nrun()\n");
	value = json_stringn(whole.p, whole.n);
	line = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(value);
	if (!line)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "our program is no text");
	buf_addf(input, "%s\n", line);
	return 0;
}

int inside_find_user(struct host *h, const char *name, struct host_stream *what, struct error *err)
{
	AUTO_SYSTEM_USERS struct system_users users = { 0 };
	AUTO_RUN struct host_run got = { 0 };
	const char *const arguments[] = { "passwd", name, NULL };
	const struct system_user *user;

	if (host_run(h, "getent", arguments, SPAN(""), &got, err) < 0)
		return -1;
	system_users_parse_passwd(&users, buf_span(&got.out));
	user = users.users_n ? &users.users[0] : NULL;
	if (got.status || !user || !user->uid)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s: there is no user \"%s\" whom it could run as", host_name(h),
		                 name);
	what->uid = user->uid;
	what->gid = user->gid;
	return 0;
}

int inside_failed(const struct host_stream_result *r, struct error *err)
{
	struct span rest = span_trim(buf_span(&r->said)), line, last = SPAN("");
	AUTO_BUF struct buf words = { 0 };

	while (span_next_line(&rest, &line))
		last = line;
	buf_add_printable(&words, (struct span){ last.p, last.n < WORDS_MAX ? last.n : WORDS_MAX });
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "it ended with %d: %s",
	                 r->status, buf_text(&words));
}
