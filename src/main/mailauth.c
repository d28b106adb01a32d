/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul-mailauth -- judges one message as a receiver does; mailhaul-judge(1). */

#include "mailauth/inside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int code;

	if (argc == 2 && !strcmp(argv[1], "--version"))
		return puts("mailhaul-mailauth " MAILHAUL_VERSION) < 0;
	if (argc != 1 || isatty(STDIN_FILENO)) {
		fputs("usage: mailhaul-mailauth <REQUEST\n"
		      "Judges one message; `mailhaul judge` asks it. mailhaul-judge(1) tells "
		      "how.\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	code = inside_main();
	/* nothing of the libraries runs at the end, and no sanitizer looks for what they keep */
	_exit(code);
}
