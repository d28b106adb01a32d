/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul-http -- asks web servers on behalf of mailhaul; http/http.h. */

#include "http/inside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uint64_t together = HTTP_TOGETHER;
	const char *ca_file = NULL;
	bool wrong = argc < 2 || isatty(STDIN_FILENO);

	if (argc == 2 && !strcmp(argv[1], "--version"))
		return puts("mailhaul-http " MAILHAUL_VERSION) < 0;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && !strcmp(argv[i], "--ca-file"))
			ca_file = argv[i + 1];
		else if (i + 1 == argc || strcmp(argv[i], "--together") != 0 ||
		         !text_parse_u64(argv[i + 1], &together))
			wrong = true;
	}
	if (wrong || !together || together > HTTP_TOGETHER_MAX) {
		fputs("usage: mailhaul-http --together N [--ca-file FILE]\n"
		      "Asks web servers for mailhaul, which starts it by itself.\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	/* confined, no sanitizer can look for what is left */
	_exit(inside_main(ca_file, (unsigned)together));
}
