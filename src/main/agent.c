/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul-agent -- what mailhaul runs on a host: answers requests on standard input. */

#include "agent/agent.h"
#include "agent/bridge.h"
#include "base/cleanup.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int usage(void)
{
	fputs("usage: mailhaul-agent [--control] [--root FOLDER]\n"
	      "Answers mailhaul's requests on standard input; not meant to be started by hand.\n",
	      stderr);
	return EXIT_CODE_USAGE;
}

/* A program that this agent's like has started talks with its peer through us. */
static int bridge(const char *path)
{
	struct error err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	if (bridge_run(path, &err) == 0)
		return EXIT_CODE_GOOD;
	fprintf(stderr, "mailhaul-agent: %s\n", err.text);
	return EXIT_CODE_LATER;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "control", no_argument, NULL, 'c' },
		{ "root", required_argument, NULL, 'r' },
		{ "bridge", required_argument, NULL, 'b' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct agent a = { .root = "/", .outfd = STDOUT_FILENO };
	struct error err = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			a.control = true;
		else if (c == 'r')
			a.root = optarg;
		else if (c == 'b')
			return bridge(optarg);
		else if (c == 'V')
			return puts("mailhaul-agent " MAILHAUL_VERSION) < 0;
		else
			return usage();
	}
	if (optind != argc || isatty(STDIN_FILENO))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	AUTO_CLOSE int rootfd = open(a.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rootfd < 0) {
		perror(a.root);
		return EXIT_CODE_UNREACHED;
	}
	a.rootfd = rootfd;
	c = agent_serve(&a, STDIN_FILENO, &err);
	agent_stream_end(&a);
	agent_tree_end(&a);
	agent_fini(&a);
	if (c < 0) {
		fprintf(stderr, "mailhaul-agent: %s\n", err.text);
		return EXIT_CODE_UNREACHED;
	}
	return EXIT_CODE_GOOD;
}
