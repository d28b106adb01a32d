/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/hyperkitty_talk.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/inside.h"

#include <jansson.h>
#include <string.h>

#define SILENT_MS                                                                                  \
	(3600 * 1000) /* of a full-text index that is made; else an answer comes each second */
#define LINE_MAX_KEPT (4u << 20)
#define MANAGE "/manage.py"

extern const char hyperkitty_web_py[];
extern const size_t hyperkitty_web_py_n;

void hyperkitty_talk_end(struct hyperkitty_talk *t)
{
	host_talk_end(&t->talk);
	buf_fini(&t->heard);
}

/* What it was that it said last, or that it was silent. */
static int is_lost(const struct hyperkitty_talk *t, struct error *err)
{
	if (t->talk.ended)
		(void)inside_failed(&t->talk.result, err);
	(void)error_context(err, "HyperKitty");
	if (err->retry == ERROR_RETRY_REACH || err->retry == ERROR_RETRY_LATER)
		return -1;
	err->retry = ERROR_RETRY_PERSON;
	return error_hint(err,
	                  "--mailman-web, or lists.mailman_web in move.yaml, names its program, of "
	                  "Debian's packages " HYPERKITTY_PROGRAM
	                  ", and --user, or lists.web_user, whom it runs as");
}

static int take_output(void *context, struct span octets, struct error *err)
{
	struct buf *heard = context;

	if (heard->n + octets.n > LINE_MAX_KEPT + (1u << 20))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "it says more than was asked for");
	buf_add_span(heard, octets);
	return 0;
}

struct json_t *hyperkitty_talk_next(struct hyperkitty_talk *t, struct error *err)
{
	for (;;) {
		char *end = t->heard.n ? memchr(t->heard.p, '\n', t->heard.n) : NULL;

		if (end) {
			size_t n = (size_t)(end - t->heard.p) + 1;
			json_t *answer = *t->heard.p == '{' ? json_loadb(t->heard.p, n, 0, NULL)
			                                    : NULL;

			buf_drop_front(&t->heard, n);
			if (answer)
				return answer;
			continue;
		}
		if (t->talk.ended || host_talk_hear(&t->talk, SILENT_MS, err) < 0) {
			(void)is_lost(t, err);
			return NULL;
		}
	}
}

int hyperkitty_talk_say(struct hyperkitty_talk *t, struct span octets, struct error *err)
{
	return host_talk_say(&t->talk, octets, err) < 0 ? is_lost(t, err) : 0;
}

int hyperkitty_talk_begin(struct hyperkitty_talk *t, const struct hyperkitty_web *web,
                          struct host *h, struct error *err)
{
	const char *program = web->program ? web->program : HYPERKITTY_PROGRAM;
	const char *user = web->user ? web->user : HYPERKITTY_USER;
	const char *const arguments[] = { program, NULL };
	struct host_stream what = { .row = span_ends(span_of(program), MANAGE) ? "hyperkitty-manage"
		                                                               : "hyperkitty",
		                    .user = user,
		                    .home = "/",
		                    .arguments = arguments };
	AUTO_BUF struct buf line = { 0 };
	json_t *hello;

	if (inside_add_program(hyperkitty_web_py, hyperkitty_web_py_n, &line, err) < 0 ||
	    inside_find_user(h, user, &what, err) < 0 ||
	    host_talk_begin(&t->talk, h, &what, take_output, &t->heard, err) < 0)
		return is_lost(t, err);
	if (hyperkitty_talk_say(t, buf_span(&line), err) < 0)
		return -1;
	hello = hyperkitty_talk_next(t, err);
	json_decref(hello);
	return hello ? 0 : -1;
}
