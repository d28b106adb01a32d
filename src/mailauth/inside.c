/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "mailauth/confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define REQUEST_MAX (MAILAUTH_MESSAGE_MAX + MAILAUTH_HEAD_MAX)

int inside_prepare(struct error *err)
{
	if (dkim_prepare(err) < 0)
		return -1;
	dmarc_prepare();
	return 0;
}

json_t *inside_text(const char *text)
{
	AUTO_BUF struct buf printable = { 0 };

	buf_add_printable(&printable, span_of(text ? text : ""));
	return json_string(buf_text(&printable));
}

/* ── telling ─────────────────────────────────────────────────────────────────────────────────── */

static int tell(json_t *part)
{
	AUTO_FREE char *line = json_dumps(part, JSON_COMPACT);
	int result;

	json_decref(part);
	if (!line)
		abort();
	result = fd_write_all(STDOUT_FILENO, line, strlen(line));
	return result < 0 ? -1 : fd_write_all(STDOUT_FILENO, "\n", 1);
}

static json_t *form_json(const struct mailauth_form *f)
{
	json_t *findings = json_array(), *from = json_array();

	for (size_t i = 0; i < f->findings_n; i++) {
		const struct form_finding *x = &f->findings[i];

		json_array_append_new(findings, json_pack("{s:s, s:s, s:b, s:i}", "id", x->id,
		                                          "text", x->text, "error", (int)x->error,
		                                          "line", (int)x->line));
	}
	for (size_t i = 0; i < f->from.n; i++)
		json_array_append_new(from, inside_text(f->from.rows[i]));
	return json_pack("{s:s, s:o, s:i, s:o, s:b}", "part", "form", "findings", findings,
	                 "left_out", (int)f->left_out, "from", from, "one_click",
	                 (int)f->one_click);
}

static json_t *spf_json(const struct mailauth_spf *s)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:o}", "part", "spf", "result",
	                 mailauth_result_name(s->result), "identity", inside_text(s->identity),
	                 "domain", inside_text(s->domain), "lookups", (int)s->lookups, "voids",
	                 (int)s->voids, "why", inside_text(s->why));
}

static json_t *dkim_json(const struct mailauth_verdict *v)
{
	json_t *all = json_array();

	for (size_t i = 0; i < v->signatures_n; i++) {
		const struct mailauth_signature *s = &v->signatures[i];

		json_array_append_new(
			all,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:b, s:b, s:b}", "result",
		                  mailauth_result_name(s->result), "domain", inside_text(s->domain),
		                  "selector", inside_text(s->selector), "algorithm",
		                  inside_text(s->algorithm), "reason", inside_text(s->reason),
		                  "why", inside_text(s->why), "key_bits", (int)s->key_bits, "whole",
		                  (int)s->whole, "test", (int)s->test, "covers_unsubscribe",
		                  (int)s->covers_unsubscribe));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "part", "dkim", "result",
	                 mailauth_result_name(v->dkim), "why", inside_text(v->dkim_why),
	                 "signatures", all);
}

static json_t *dmarc_json(const struct mailauth_dmarc *d)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:b, s:b, s:o}", "part", "dmarc",
	                 "result", mailauth_result_name(d->result), "domain",
	                 inside_text(d->domain), "found_at", inside_text(d->found_at), "policy",
	                 inside_text(d->policy), "disposition", inside_text(d->disposition), "pct",
	                 (int)d->pct, "spf_aligned", (int)d->spf_aligned, "dkim_aligned",
	                 (int)d->dkim_aligned, "why", inside_text(d->why));
}

/* ── judging ─────────────────────────────────────────────────────────────────────────────────── */

/* From's domains are wanted by DMARC also when the form is not. */
static int judge(const struct mailauth_request *r, struct asker *a, struct mailauth_verdict *v)
{
	mailauth_form_read(r->message, &v->form);
	if (!(r->without & MAILAUTH_FORM) && tell(form_json(&v->form)) < 0)
		return -1;
	if (!(r->without & MAILAUTH_SPF)) {
		spf_judge(r, a, &v->spf);
		if (tell(spf_json(&v->spf)) < 0)
			return -1;
	}
	if (!(r->without & MAILAUTH_DKIM)) {
		dkim_judge(r, a, v);
		if (tell(dkim_json(v)) < 0)
			return -1;
	}
	if (!(r->without & MAILAUTH_DMARC)) {
		dmarc_judge(r, a, v);
		if (tell(dmarc_json(&v->dmarc)) < 0)
			return -1;
	}
	return 0;
}

static int read_request(struct buf *out, struct error *err)
{
	ssize_t n;

	do {
		if (out->n > REQUEST_MAX)
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
			                 "a request of more than %u octets", REQUEST_MAX);
		n = read(STDIN_FILENO, buf_room(out, 65536), 65536);
		if (n > 0)
			buf_grown(out, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? error_system(err, "read the request") : 0;
}

/* Past it SIGALRM ends the process. */
static void end_after(unsigned ms)
{
	struct itimerval timer = { .it_value = { .tv_sec = ms / 1000,
		                                 .tv_usec = (suseconds_t)(ms % 1000) * 1000 } };

	signal(SIGALRM, SIG_DFL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static int serve(struct error *err)
{
	AUTO_BUF struct buf all = { 0 }, store = { 0 };
	AUTO_MAILAUTH_REQUEST struct mailauth_request r = { 0 };
	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
	struct asker a = { 0 };

	end_after(MAILAUTH_TIME_MS_MAX);
	if (read_request(&all, err) < 0 ||
	    mailauth_request_parse(buf_span(&all), &store, &r, err) < 0)
		return -1;
	if (!r.time_ms)
		r.time_ms = MAILAUTH_TIME_MS;
	end_after(r.time_ms);
	if (r.sign_key) {
		json_t *made = dkim_make_signature(&r, err);

		return made && tell(made) == 0 ? 0 : -1;
	}
	a.resolvers = &r.resolvers;
	a.end_ms = clock_monotonic_ms() + r.time_ms;
	return judge(&r, &a, &v) < 0 ? error_system(err, "write the answer") : 0;
}

int inside_main(void)
{
	struct error err = { 0 };
	int result;

	clearenv(); /* nothing that libraries could be told by it */
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	result = inside_prepare(&err);
	if (result == 0)
		result = mailauth_confine(MAILAUTH_TIME_MS_MAX, &err);
	if (result == 0)
		result = serve(&err);
	if (result == 0)
		return EXIT_CODE_GOOD;
	fprintf(stderr, "mailhaul-mailauth: %s\n", err.text);
	return error_exit_code(&err);
}
