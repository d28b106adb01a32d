/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sync.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void sync_add_device(struct sync_list *l, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		l->anywhere = true;
		return;
	}
	for (size_t i = 0; i < l->devices_n; i++)
		if (l->devices[i].dev == st.st_dev)
			return;
	if (l->devices_n == SYNC_DEVICES_MAX) {
		l->anywhere = true;
		return;
	}
	l->devices[l->devices_n++] = (struct sync_device){ st.st_dev,
		                                           fcntl(fd, F_DUPFD_CLOEXEC, 0) };
}

void sync_add(struct sync_list *l, int fd)
{
	sync_add_device(l, fd);
	if (l->many)
		return;
	if (l->n < SYNC_ONE_BY_ONE)
		l->fds[l->n++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	else
		l->many = true;
}

void sync_move(struct sync_list *to, struct sync_list *from)
{
	for (size_t i = 0; i < from->devices_n; i++)
		sync_add_device(to, from->devices[i].fd);
	to->many = to->many || from->many;
	to->anywhere = to->anywhere || from->anywhere;
	for (size_t i = 0; i < from->n; i++)
		sync_add(to, from->fds[i]);
	sync_fini(from);
}

static int sync_devices(struct sync_list *l, struct error *err)
{
	for (size_t i = 0; i < l->devices_n; i++) {
		if (syscall(SYS_syncfs, l->devices[i].fd) == 0)
			continue;
		if (errno != ENOSYS)
			return error_system(err, "sync the file system");
		sync(); /* before Linux 2.6.39; waits there as well */
	}
	if (l->anywhere)
		sync();
	return 0;
}

int sync_all(struct sync_list *l, struct error *err)
{
	int result = 0;

	if (l->many || l->anywhere)
		result = sync_devices(l, err);
	else
		for (size_t i = 0; result == 0 && i < l->n; i++)
			if (fsync(l->fds[i]) < 0)
				result = error_system(err, "fsync");
	sync_fini(l);
	return result;
}

void sync_fini(struct sync_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		fd_close_at(&l->fds[i]);
	for (size_t i = 0; i < l->devices_n; i++)
		fd_close_at(&l->devices[i].fd);
	*l = (struct sync_list){ 0 };
}

/* ── ahead ───────────────────────────────────────────────────────────────────────────────────── */

/* Through a file of its own: an error of the disk is told once for each open file (syncfs(2)), and
 * the one that sync_all() asks must still have it to tell. */
static void write_back(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* whoever listens at the other end of the parent's pipes must see their end when it dies */
	for (int i = 0; i <= STDERR_FILENO; i++)
		close(i);
	if (own >= 0)
		(void)syscall(SYS_syncfs, own);
}

void sync_ahead(pid_t *child, int fd)
{
	if (*child && waitpid(*child, NULL, WNOHANG) == 0)
		return;
	*child = fork();
	if (*child == 0) {
		write_back(fd);
		_exit(0);
	}
	if (*child < 0)
		*child = 0;
}

void sync_ahead_end(pid_t *child)
{
	while (*child && waitpid(*child, NULL, 0) < 0 && errno == EINTR)
		;
	*child = 0;
}
