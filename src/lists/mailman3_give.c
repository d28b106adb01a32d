/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_give.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/inside.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define ANSWERS_MAX (256u << 20)

extern const char mailman3_core_py[];
extern const size_t mailman3_core_py_n;

static int add_ask(struct buf *input, json_t *ask, struct error *err)
{
	AUTO_FREE char *line = json_dumps(ask, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (!line)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "list %s: its plan is no JSON",
		                 json_string_value(json_object_get(ask, "list")));
	buf_addf(input, "%s\n", line);
	return 0;
}

static int take_output(void *context, struct span octets, struct error *err)
{
	struct buf *out = context;

	if (out->n + octets.n > ANSWERS_MAX)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "Mailman 3: it answers more than %u octets", ANSWERS_MAX);
	buf_add_span(out, octets);
	return 0;
}

static int run(const struct lists_mailman3_core *core, const char *row, const struct buf *input,
               struct buf *out, struct error *err)
{
	AUTO_STREAM_RESULT struct host_stream_result result = { 0 };
	const char *const arguments[] = { core->program, NULL };
	struct host_stream what = {
		.row = row, .user = core->user, .home = "/", .arguments = arguments
	};

	if (inside_find_user(core->h, core->user, &what, err) < 0) {
		(void)error_context(err, "Mailman 3");
		return error_hint(err, "--user, or lists.user in move.yaml, names whom it runs as");
	}
	if (host_stream_talk(core->h, &what, buf_span(input), take_output, out, &result, err) < 0 ||
	    (result.status && inside_failed(&result, err) < 0)) {
		(void)error_context(err, "Mailman 3");
		if (err->retry == ERROR_RETRY_REACH || err->retry == ERROR_RETRY_LATER)
			return -1;
		err->retry = ERROR_RETRY_PERSON;
		return error_hint(err, "--mailman, or lists.mailman in move.yaml, names its "
		                       "program, and --user, or lists.user, whom it runs as");
	}
	return 0;
}

/* Whatever else a site's own extensions print is none of these lines. */
static size_t take_answers(struct span out, struct json_t **answers, size_t n,
                           struct strings *settings)
{
	struct span line;
	size_t got = 0;

	while (span_next_line(&out, &line)) {
		json_t *answer = json_loadb(line.p, line.n, 0, NULL);
		const char *setting = json_string_value(json_object_get(answer, "setting"));

		if (setting && settings && !strings_has(settings, setting))
			strings_add(settings, setting);
		if (got < n && json_is_string(json_object_get(answer, "list")))
			answers[got++] = answer;
		else
			json_decref(answer);
	}
	return got;
}

int lists_mailman3_run(const struct lists_mailman3_core *core, const char *row, struct error *err)
{
	AUTO_BUF struct buf nothing = { 0 }, output = { 0 };

	return run(core, row, &nothing, &output, err);
}

/* A question may have several answers. */
static int ask(const struct lists_mailman3_core *core, json_t *const *asks, size_t n,
               json_t **answers, size_t answers_n, struct strings *settings, struct error *err)
{
	AUTO_BUF struct buf input = { 0 }, output = { 0 };
	size_t got;

	memset(answers, 0, answers_n * sizeof *answers);
	if (inside_add_program(mailman3_core_py, mailman3_core_py_n, &input, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (add_ask(&input, asks[i], err) < 0)
			return -1;
	if (run(core, "mailman3", &input, &output, err) < 0)
		return -1;
	got = take_answers(buf_span(&output), answers, answers_n, settings);
	if (got == answers_n)
		return 0;
	for (size_t i = 0; i < got; i++) {
		json_decref(answers[i]);
		answers[i] = NULL;
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "Mailman 3 gives %zu answers, not %zu, to %zu questions", got, answers_n,
	                 n);
}

int lists_mailman3_ask(const struct lists_mailman3_core *core, json_t *const *asks, size_t n,
                       json_t **answers, struct strings *settings, struct error *err)
{
	return ask(core, asks, n, answers, n, settings, err);
}

int lists_mailman3_give(const struct lists_mailman3_core *core, enum lists_end_do what,
                        const struct lists_end_plan *plans, size_t n, json_t **answers,
                        json_t **look, struct strings *settings, struct error *err)
{
	static const char *const words[] = {
		[LISTS_END_LOOK] = "look",     [LISTS_END_GIVE] = "give",
		[LISTS_END_OPEN] = "open",     [LISTS_END_DISABLE] = "disable",
		[LISTS_END_REMOVE] = "remove",
	};
	size_t all_n = look ? 2 * n : n;
	AUTO_FREE json_t **asks = xcalloc(n + 1, sizeof *asks);
	AUTO_FREE json_t **all = xcalloc(all_n + 1, sizeof *all);

	for (size_t i = 0; i < n; i++) {
		asks[i] = plans[i].work;
		json_object_set_new(asks[i], "do", json_string(words[what]));
		json_object_set_new(asks[i], "look", json_boolean(look));
		json_object_set_new(asks[i], "bulk", json_boolean(core->bulk));
	}
	if (ask(core, asks, n, all, all_n, settings, err) < 0)
		return -1;
	memcpy(answers, all, n * sizeof *answers);
	if (look)
		memcpy(look, all + n, n * sizeof *look);
	return 0;
}
