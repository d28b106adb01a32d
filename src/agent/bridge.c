/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/bridge.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE 65536u

/* ── the end that listens ────────────────────────────────────────────────────────────────────── */

static void remove_folder(struct bridge *b)
{
	if (!*b->folder)
		return;
	(void)unlink(b->path);
	(void)rmdir(b->folder);
	*b->folder = 0;
}

void bridge_close(struct bridge *b)
{
	remove_folder(b);
	fd_close_at(&b->listener);
	b->listener = -1;
}

int bridge_open(struct bridge *b, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	b->listener = -1;
	/* /run forgets at a reboot; a host that has none has /tmp */
	snprintf(b->folder, sizeof b->folder, "%s/mailhaul-bridge-XXXXXX",
	         access("/run", W_OK) == 0 ? "/run" : "/tmp");
	if (!mkdtemp(b->folder)) {
		*b->folder = 0;
		return error_system(err, "make a folder for the bridge");
	}
	snprintf(b->path, sizeof b->path, "%s/socket", b->folder);
	memcpy(address.sun_path, b->path, strlen(b->path) + 1);
	b->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->listener < 0 ||
	    bind(b->listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(b->listener, 1) < 0) {
		error_system(err, "listen at %s", b->path);
		bridge_close(b);
		return -1;
	}
	return 0;
}

int bridge_accept(struct bridge *b)
{
	int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		bridge_close(b);
	return fd;
}

/* ── the end that connects ───────────────────────────────────────────────────────────────────── */

/* Carries what can be read now; false at the end of it. */
static bool carry(int from, int to, bool *broken)
{
	char piece[PIECE];
	ssize_t n;

	do {
		n = read(from, piece, sizeof piece);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && fd_write_all(to, piece, (size_t)n) == 0)
		return true;
	*broken = n != 0;
	return false;
}

static int carry_both(int fd, struct error *err)
{
	bool up = true, down = true, broken = false;

	while (up || down) {
		struct pollfd fds[] = {
			{ .fd = up ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = down ? fd : -1, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return error_system(err, "wait for octets");
		if (fds[0].revents) {
			up = carry(STDIN_FILENO, fd, &broken);
			if (!up)
				(void)shutdown(fd, SHUT_WR);
		}
		if (fds[1].revents) {
			down = carry(fd, STDOUT_FILENO, &broken);
			if (!down)
				return 0; /* the far side has said all; nobody reads any more */
		}
		if (broken)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
			                 "the far side is gone");
	}
	return 0;
}

int bridge_run(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, ENAMETOOLONG, "%s",
		                 path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return error_system(err, "connect to %s", path);
	return carry_both(fd, err);
}
