/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/mailauth.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "remote/start.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 1000 /* the program ends itself by SIGALRM; only one that can't is killed */
#define ANSWER_MAX (4u << 20)

int mailauth_program(char out[4096], struct error *err)
{
	const char *given = getenv("MAILHAUL_MAILAUTH");

	if (given) {
		snprintf(out, 4096, "%s", given);
		return 0;
	}
	if (program_beside("mailhaul-mailauth", out, err) < 0) {
		err->retry = ERROR_RETRY_PERSON;
		return -1;
	}
	return 0;
}

/* How the program ended, when it did not say everything. */
static char *reason_of(const struct process_result *r)
{
	AUTO_BUF struct buf said = { 0 };
	struct span words = span_trim(buf_span(&r->errors));

	if (r->cut)
		return xstrdup("it said more than an answer can be");
	if (r->status == 128 + SIGALRM)
		return xstrdup("the time was over");
	if (r->status > 128)
		return xasprintf("the library broke: signal %d (%s)", r->status - 128,
		                 strsignal(r->status - 128));
	if (words.n > 300)
		words = span_from(words, words.n - 300);
	buf_add_printable(&said, words);
	return xasprintf("the program ended with %d%s%s", r->status, said.n ? ": " : "",
	                 buf_text(&said));
}

/* One run. *missing gets the parts that were asked for and are not answered. */
static int ask_program(const char *program, const struct mailauth_request *ask,
                       struct mailauth_verdict *out, unsigned *missing, char **why,
                       struct error *err)
{
	const char *const argv[] = { program, NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	AUTO_BUF struct buf request = { 0 };
	struct process_options options = { .limit = ANSWER_MAX };
	struct error late = { 0 };

	if (mailauth_request_add(&request, ask, err) < 0)
		return -1;
	options.input = buf_span(&request);
	options.timeout_ms = (ask->time_ms ? ask->time_ms : MAILAUTH_TIME_MS) + GRACE_MS;
	*missing = MAILAUTH_ALL & ~ask->without;
	if (process_run(argv, &options, &r, &late) < 0) {
		if (late.sys_errno != ETIMEDOUT) {
			*err = late;
			return error_context(err, "judge a message");
		}
		*why = xstrdup("the time was over");
		return 0;
	}
	*missing &= ~mailauth_answer_parse(buf_span(&r.out), out);
	if (*missing)
		*why = reason_of(&r);
	return 0;
}

static void put_why(struct mailauth_verdict *v, unsigned part, const char *why)
{
	char **place = part == MAILAUTH_SPF    ? &v->spf.why
	               : part == MAILAUTH_DKIM ? &v->dkim_why
	                                       : &v->dmarc.why;

	if (part == MAILAUTH_FORM)
		return;
	free(*place);
	*place = xstrdup(why);
}

static bool by_passing(const struct mailauth_verdict *v)
{
	for (size_t i = 0; i < v->signatures_n; i++)
		if (v->signatures[i].result == MAILAUTH_PASS && v->signatures[i].covers_unsubscribe)
			return true;
	return false;
}

/* What no part knows by itself, and what the caller may rely on. */
static void close_verdict(struct mailauth_verdict *v)
{
	char **const texts[] = { &v->spf.identity, &v->spf.domain,        &v->spf.why,
		                 &v->dkim_why,     &v->dmarc.domain,      &v->dmarc.found_at,
		                 &v->dmarc.policy, &v->dmarc.disposition, &v->dmarc.why };

	for (size_t i = 0; i < ROWS(texts); i++)
		if (!*texts[i])
			*texts[i] = xstrdup("");
	if (v->form_known && v->form.one_click && v->dkim != MAILAUTH_UNKNOWN && !by_passing(v))
		form_add(&v->form, "one-click-unsigned", false, 0,
		         "no signature that passes covers List-Unsubscribe and "
		         "List-Unsubscribe-Post (RFC 8058 section 4)");
}

/* Runs the program until all is told; a part at which it broke is left out of the next run. */
static int ask_all(const char *program, const struct mailauth_request *ask,
                   struct mailauth_verdict *v, struct error *err)
{
	unsigned time_ms = ask->time_ms ? ask->time_ms : MAILAUTH_TIME_MS;
	int64_t end = clock_monotonic_ms() + time_ms;
	struct mailauth_request now = *ask;

	for (;;) {
		AUTO_FREE char *why = NULL;
		unsigned missing, first;

		now.time_ms = time_ms;
		if (ask_program(program, &now, v, &missing, &why, err) < 0)
			return -1;
		if (!missing)
			return 0;
		first = missing & -missing;
		if (clock_monotonic_ms() >= end || (first & MAILAUTH_FORM)) {
			for (unsigned part = 1; part < MAILAUTH_ALL; part <<= 1)
				if (missing & part)
					put_why(v, part, why);
			return 0;
		}
		put_why(v, first, why);
		now.without |= first;
		time_ms = (unsigned)(end - clock_monotonic_ms()) + 1;
	}
}

int mailauth_judge(const struct mailauth_request *ask, struct mailauth_verdict *out,
                   struct error *err)
{
	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
	char program[4096];

	if (mailauth_program(program, err) < 0 || ask_all(program, ask, &v, err) < 0)
		return -1;
	close_verdict(&v);
	mailauth_verdict_fini(out);
	*out = v;
	v = (struct mailauth_verdict){ 0 };
	return 0;
}

enum mailauth_result mailauth_accepts(const struct mailauth_verdict *v)
{
	if (!v->form_known || v->dmarc.result == MAILAUTH_UNKNOWN ||
	    v->dmarc.result == MAILAUTH_TEMPERROR)
		return MAILAUTH_UNKNOWN;
	if (form_errors(&v->form))
		return MAILAUTH_FAIL;
	if (v->dmarc.result == MAILAUTH_PASS || v->dmarc.result == MAILAUTH_FAIL)
		return v->dmarc.result;
	if (v->spf.result == MAILAUTH_PASS || v->dkim == MAILAUTH_PASS)
		return MAILAUTH_PASS;
	if (v->spf.result == MAILAUTH_UNKNOWN || v->spf.result == MAILAUTH_TEMPERROR ||
	    v->dkim == MAILAUTH_UNKNOWN || v->dkim == MAILAUTH_TEMPERROR)
		return MAILAUTH_UNKNOWN;
	return MAILAUTH_FAIL;
}
