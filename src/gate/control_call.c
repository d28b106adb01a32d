/* SPDX-License-Identifier: BSD-2-Clause */

/* control_call -- the other end of the control socket: `mailhaul-gate control PATH VERB`. */

#include "gate/control.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "gate/recipients.h"
#include "gate/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE_S 30

static int call(const char *path, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };

	if (strlen(path) >= sizeof at.sun_path)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s: too long", path);
	memcpy(at.sun_path, path, strlen(path) + 1);

	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_system(err, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		bool nobody = errno == ECONNREFUSED || errno == ENOENT;

		error_system(err, "%s", path);
		if (nobody)
			err->retry = ERROR_RETRY_REACH;
		return -1;
	}
	return fd_take(&fd);
}

/* One request. The answer without its "ok"; an answer that begins with "error" is one. */
static int ask(const char *path, struct span request, struct buf *answer, struct error *err)
{
	struct span line, rest;
	ssize_t n;

	AUTO_CLOSE int fd = call(path, err);
	if (fd < 0)
		return -1;
	/* a gate that hangs up at once says more by that than a broken pipe */
	if ((fd_write_all(fd, request.p, request.n) < 0 || shutdown(fd, SHUT_WR) < 0) &&
	    errno != EPIPE && errno != ENOTCONN)
		return error_system(err, "%s", path);
	do {
		n = read(fd, buf_room(answer, 65536), 65536);
		if (n > 0)
			buf_grown(answer, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && errno != ECONNRESET)
		return error_system(err, "%s", path);
	rest = buf_span(answer);
	if (!span_next_line(&rest, &line))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%s: the gate hung up: it obeys root, and who started it", path);
	if (!span_is(line, "ok"))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%.*s", (int)line.n,
		                 line.p);
	buf_drop_front(answer, (size_t)(rest.p - answer->p));
	return 0;
}

/* Reads the files that the gate names, with our rights, and brings their contents. */
static int bring_files(const char *path, struct buf *answer, struct error *err)
{
	AUTO_BUF struct buf files = { 0 };
	struct buf request = { 0 };
	struct span rest, line;
	int result;

	if (ask(path, SPAN("files\n"), &files, err) < 0)
		return -1;
	buf_add_text(&request, "reload-with\n");
	rest = buf_span(&files);
	while (span_next_line(&rest, &line)) {
		AUTO_FREE char *name = span_dup(line);
		struct buf text = { 0 };

		result = file_read(name, GATE_RECIPIENTS_MAX, &text, err);
		if (result == 0) {
			buf_addf(&request, "%zu\n", text.n);
			buf_add_span(&request, buf_span(&text));
		}
		gate_tls_wipe(&text);
		if (result < 0) {
			gate_tls_wipe(&request);
			return -1;
		}
	}
	result = ask(path, buf_span(&request), answer, err);
	gate_tls_wipe(&request);
	return result;
}

int control_main(int argc, char **argv)
{
	AUTO_BUF struct buf request = { 0 }, answer = { 0 };
	struct error err = { 0 };
	int result;

	if (argc < 4) {
		fputs("usage: mailhaul-gate control PATH "
		      "status|mode MODE|hold|release|reload|stop\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	for (int i = 3; i < argc; i++)
		buf_addf(&request, "%s%s", i > 3 ? " " : "", argv[i]);
	buf_add_char(&request, '\n');
	if (!strcmp(argv[3], "reload"))
		result = bring_files(argv[2], &answer, &err);
	else
		result = ask(argv[2], buf_span(&request), &answer, &err);
	if (result < 0) {
		fprintf(stderr, "mailhaul-gate: %s\n", err.text);
		return error_exit_code(&err);
	}
	return fputs(buf_text(&answer), stdout) < 0 ? EXIT_CODE_PERSON : EXIT_CODE_GOOD;
}
