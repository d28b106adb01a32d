/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_give.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A member takes a hundredth of a second; a list of a million has to come to its end. */
#define TIMEOUT_MS (12ll * 3600 * 1000)
#define ANSWERS_MAX (256u << 20)

extern const char mailman3_core_py[];
extern const size_t mailman3_core_py_n;

#define MODULE "mailhaul_mailman3"

/* A folder from which Python reads our module, for as long as it runs. */
struct module {
	char folder[64], file[128];
};

static void module_end(struct module *m)
{
	if (*m->file)
		(void)unlink(m->file);
	if (*m->folder)
		(void)rmdir(m->folder);
}
#define AUTO_MODULE __attribute__((cleanup(module_end)))

/* Nothing in it is secret, and Mailman's user has to read it. */
static int module_make(struct module *m, struct error *err)
{
	AUTO_CLOSE int fd = -1;

	(void)snprintf(m->folder, sizeof m->folder, "/tmp/mailhaul-mailman3.XXXXXX");
	if (!mkdtemp(m->folder)) {
		*m->folder = '\0';
		return error_system(err, "a folder in /tmp");
	}
	(void)snprintf(m->file, sizeof m->file, "%s/" MODULE ".py", m->folder);
	fd = open(m->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || chmod(m->folder, 0755) < 0 ||
	    fd_write_all(fd, mailman3_core_py, mailman3_core_py_n) < 0)
		return error_system(err, "%s", m->file);
	return 0;
}

static int add_plan(struct buf *input, const struct lists_mailman3_plan *p,
                    enum lists_mailman3_do what)
{
	static const char *const words[] = {
		[LISTS_MAILMAN3_LOOK] = "look",
		[LISTS_MAILMAN3_GIVE] = "give",
		[LISTS_MAILMAN3_OPEN] = "open",
	};
	AUTO_FREE char *line = NULL;

	json_object_set_new(p->work, "do", json_string(words[what]));
	line = json_dumps(p->work, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!line)
		return -1;
	buf_addf(input, "%s\n", line);
	return 0;
}

static int run(const struct lists_mailman3_core *core, const struct buf *input,
               struct process_result *result, struct error *err)
{
	AUTO_MODULE struct module module = { 0 };
	AUTO_FREE char *reuid = xasprintf("--reuid=%s", core->user);
	AUTO_FREE char *regid = xasprintf("--regid=%s", core->user);
	AUTO_FREE char *path = NULL;
	const char *argv[16];
	size_t n = 0;
	struct process_options options = { .input = buf_span(input),
		                           .timeout_ms = TIMEOUT_MS,
		                           .limit = ANSWERS_MAX };

	if (module_make(&module, err) < 0)
		return -1;
	path = xasprintf("PYTHONPATH=%s", module.folder);
	if (geteuid() == 0) {
		argv[n++] = "setpriv";
		argv[n++] = reuid;
		argv[n++] = regid;
		argv[n++] = "--init-groups";
	}
	argv[n++] = "env";
	argv[n++] = "PYTHONDONTWRITEBYTECODE=1";
	argv[n++] = path;
	argv[n++] = core->program;
	argv[n++] = "shell";
	argv[n++] = "--run";
	argv[n++] = MODULE ".run";
	argv[n] = NULL;
	if (process_run(argv, &options, result, err) < 0)
		return error_context(err, "Mailman 3");
	if (process_expect_good(argv, result, err) < 0) {
		(void)error_context(err, "Mailman 3");
		err->retry = ERROR_RETRY_PERSON;
		return error_hint(err, "--mailman names its program, and --user whom it runs as");
	}
	if (result->cut)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "Mailman 3: it answers more than %u octets", ANSWERS_MAX);
	return 0;
}

static char *copy_of(json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));

	return text ? xstrdup(text) : NULL;
}

static void take_rest(json_t *answer, struct lists_mailman3_rest *rest)
{
	lists_mailman3_rest_fini(rest);
	rest->url = copy_of(answer, "rest");
	rest->user = copy_of(answer, "user");
	rest->password = copy_of(answer, "password");
}

/* Whatever else a site's own extensions print is none of these lines. */
static size_t take_answers(struct span out, struct json_t **answers, size_t n,
                           struct strings *settings, struct lists_mailman3_rest *rest)
{
	struct span line;
	size_t got = 0;

	while (span_next_line(&out, &line)) {
		json_t *answer = json_loadb(line.p, line.n, 0, NULL);
		const char *setting = json_string_value(json_object_get(answer, "setting"));

		if (json_object_get(answer, "rest"))
			take_rest(answer, rest);
		if (setting && !strings_has(settings, setting))
			strings_add(settings, setting);
		if (got < n && json_is_string(json_object_get(answer, "list")))
			answers[got++] = answer;
		else
			json_decref(answer);
	}
	return got;
}

int lists_mailman3_give(const struct lists_mailman3_core *core, enum lists_mailman3_do what,
                        const struct lists_mailman3_plan *plans, size_t n, struct json_t **answers,
                        struct strings *settings, struct lists_mailman3_rest *rest,
                        struct error *err)
{
	AUTO_PROCESS_RESULT struct process_result result = { 0 };
	AUTO_BUF struct buf input = { 0 };
	size_t got;

	memset(answers, 0, n * sizeof(struct json_t *));
	for (size_t i = 0; i < n; i++)
		if (add_plan(&input, &plans[i], what) < 0)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "list %s: its plan is no JSON", plans[i].address);
	if (run(core, &input, &result, err) < 0)
		return -1;
	got = take_answers(buf_span(&result.out), answers, n, settings, rest);
	if (got == n)
		return 0;
	for (size_t i = 0; i < got; i++) {
		json_decref(answers[i]);
		answers[i] = NULL;
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "Mailman 3 answers for %zu of %zu lists", got, n);
}
