/* SPDX-License-Identifier: BSD-2-Clause */

/* judge -- messages judged as a receiver judges them: SPF, DKIM, DMARC, and their form. */

#include "cmd/verbs.h"

#include "base/file.h"
#include "mailauth/mailauth.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct options {
	struct mailauth_request ask; /* its texts are borrowed of argv */
	int first;                   /* of the words that are left */
};

/* 0; 1: wrong usage; -1 */
static int take_options(struct cmd_run *run, struct options *o, struct error *err)
{
	static const struct option rows[] = {
		{ "client", required_argument, NULL, 'c' },
		{ "helo", required_argument, NULL, 'h' },
		{ "mail-from", required_argument, NULL, 'f' },
		{ "resolver", required_argument, NULL, 'r' },
		{ "time", required_argument, NULL, 't' },
		{ 0 },
	};
	uint64_t seconds;
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == 'c')
			o->ask.client = optarg;
		else if (c == 'h')
			o->ask.helo = optarg;
		else if (c == 'f')
			o->ask.mail_from = optarg;
		else if (c == 'r' && dns_servers_add_text(&o->ask.resolvers, optarg, err) < 0)
			return -1;
		else if (c == 't' && (!text_parse_u64(optarg, &seconds) || !seconds ||
		                      seconds * 1000 > MAILAUTH_TIME_MS_MAX))
			return 1;
		else if (c == 't')
			o->ask.time_ms = (unsigned)seconds * 1000;
		else if (c == '?')
			return 1;
	}
	o->first = optind;
	/* an address without a sender, or a sender without an address, is no session */
	if (o->first == run->argc || !o->ask.client != !o->ask.mail_from)
		return 1;
	if (o->ask.mail_from && !strcmp(o->ask.mail_from, "<>"))
		o->ask.mail_from = "";
	return o->ask.resolvers.n ? 0 : dns_resolvers(&o->ask.resolvers, NULL, 0, err);
}

static int judge_file(const struct options *o, const char *path, struct mailauth_verdict *v,
                      struct error *err)
{
	AUTO_BUF struct buf stored = { 0 }, wire = { 0 };
	struct mailauth_request ask = o->ask;

	if (file_read(path, MAILAUTH_MESSAGE_MAX, &stored, err) < 0)
		return -1;
	mailauth_add_wire(buf_span(&stored), &wire);
	ask.message = buf_span(&wire);
	return mailauth_judge(&ask, v, err);
}

static void show(const struct cmd_run *run, const char *path, const struct mailauth_verdict *v)
{
	AUTO_BUF struct buf out = { 0 };

	buf_add_printable(&out, span_of(path));
	buf_add_char(&out, '\n');
	mailauth_verdict_text(v, &out);
	if (!run->quiet)
		fwrite(out.p, 1, out.n, stdout);
}

static void add_json(json_t *all, const char *path, const struct mailauth_verdict *v)
{
	AUTO_BUF struct buf text = { 0 }, printable = { 0 };
	json_t *one;

	mailauth_verdict_json(v, &text);
	buf_add_printable(&printable, span_of(path));
	one = json_loads(buf_text(&text), 0, NULL);
	json_object_set_new(one, "file", json_string(buf_text(&printable)));
	json_array_append_new(all, one);
}

static int judge_all(struct cmd_run *run, const struct options *o, json_t *all, struct error *err)
{
	int code = EXIT_CODE_GOOD;

	for (int i = o->first; i < run->argc; i++) {
		AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
		enum mailauth_result result;

		if (judge_file(o, run->argv[i], &v, err) < 0)
			return error_context(err, "%s", run->argv[i]);
		if (all)
			add_json(all, run->argv[i], &v);
		else
			show(run, run->argv[i], &v);
		result = mailauth_accepts(&v);
		if (result == MAILAUTH_FAIL)
			code = EXIT_CODE_NO;
		else if (result == MAILAUTH_UNKNOWN && code == EXIT_CODE_GOOD)
			code = EXIT_CODE_LATER;
	}
	return code;
}

int cmd_judge(struct cmd_run *run, struct error *err)
{
	struct options o = { 0 };
	json_t *all = run->json ? json_array() : NULL;
	int code = take_options(run, &o, err);

	if (code == 0)
		code = judge_all(run, &o, all, err);
	else if (code > 0)
		code = EXIT_CODE_USAGE;
	if (all && code >= 0 && code != EXIT_CODE_USAGE) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	dns_servers_fini(&o.ask.resolvers);
	return code;
}
