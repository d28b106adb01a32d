/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul-gate -- stands in for a mail server while it moves; mailhaul-gate(8). */

#include "gate/options.h"
#include "gate/server.h"

#include <signal.h>
#include <stdio.h>

static int report(const struct error *err)
{
	fprintf(stderr, "mailhaul-gate: %s\n", err->text);
	if (*err->hint)
		fprintf(stderr, "mailhaul-gate: hint: %s\n", err->hint);
	return -1;
}

int main(int argc, char **argv)
{
	struct gate_server *server = NULL;
	struct gate_options options;
	struct error err = { 0 };
	int result;

	if (gate_options_read(&options, argc, argv, &err) < 0) {
		report(&err);
		fputs(gate_usage, stderr);
		return EXIT_CODE_USAGE;
	}
	if (options.help)
		return fputs(gate_usage, stdout) < 0;
	if (options.version)
		return puts("mailhaul-gate " MAILHAUL_VERSION) < 0;
	signal(SIGPIPE, SIG_IGN);
	if (gate_server_open(&server, &options, &err) < 0) {
		report(&err);
		return error_exit_code(&err);
	}
	result = gate_server_run(server, &err);
	if (result < 0)
		report(&err);
	gate_server_close(server);
	return result < 0 ? error_exit_code(&err) : EXIT_CODE_GOOD;
}
