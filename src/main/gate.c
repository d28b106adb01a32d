/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul-gate -- stands in for a mail server while it moves; mailhaul-gate(8). */

#include "gate/control.h"
#include "gate/keeper.h"
#include "gate/options.h"
#include "gate/server.h"
#include "gate/spool_verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int report(const struct error *err)
{
	fprintf(stderr, "mailhaul-gate: %s\n", err->text);
	if (*err->hint)
		fprintf(stderr, "mailhaul-gate: hint: %s\n", err->hint);
	return -1;
}

static int print_usage(FILE *to)
{
	AUTO_BUF struct buf text = { 0 };

	gate_options_usage(&text);
	return fputs(buf_text(&text), to) < 0;
}

static int serve(int argc, char **argv)
{
	AUTO_GATE_OPTIONS struct gate_options options = { 0 };
	struct gate_birth birth, *born = NULL;
	struct gate *gate = NULL;
	struct error err = { 0 };
	int code;

	if (gate_options_read(&options, argc, argv, &err) < 0) {
		report(&err);
		fputs("mailhaul-gate: --help shows how it is used\n", stderr);
		return EXIT_CODE_USAGE;
	}
	if (options.help)
		return print_usage(stdout);
	if (options.version)
		return puts("mailhaul-gate " MAILHAUL_VERSION) < 0;
	if (options.supervise) {
		if (!gate_keep(&options, &birth, &code, &err))
			return *err.text ? report(&err), code : code;
		born = &birth;
	}
	if (gate_server_open(&gate, &options, born, &err) < 0) {
		report(&err);
		return error_exit_code(&err);
	}
	gate_server_run(gate);
	gate_server_close(gate);
	return EXIT_CODE_GOOD;
}

/* Words that may stand first; to add one, add a row. */
static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "control", control_main },
	{ "spool", spool_main },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc > 1 && i < ROWS(verbs); i++)
		if (!strcmp(argv[1], verbs[i].word))
			return verbs[i].run(argc, argv);
	return serve(argc, argv);
}
