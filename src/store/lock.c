/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/lock.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY_MS 50
/* A dotlock that nobody touched for so long was left by a crash (mbox_dotlock_change_timeout
 * of Dovecot is 2 minutes, Postfix's stale_lock_time 500 s). */
#define STALE_S 600

static bool is_stale(int dirfd, const char *dotlock)
{
	struct stat st;

	return fstatat(dirfd, dotlock, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       clock_wall_ms() / 1000 - st.st_mtim.tv_sec > STALE_S;
}

static int wait_more(int64_t until_ms, const char *name, const char *who, struct error *err)
{
	if (clock_monotonic_ms() >= until_ms)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
		                 "%s is locked by %s", name, who);
	clock_sleep_ms(LOOK_EVERY_MS);
	return 0;
}

static int lock_descriptor(int fd, short type, const char *name, int64_t until_ms,
                           struct error *err)
{
	struct flock want = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(fd, F_SETLK, &want) < 0) {
		struct flock held = want;
		char who[48] = "another process";

		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return error_system(err, "lock %s", name);
		if (fcntl(fd, F_GETLK, &held) == 0 && held.l_type != F_UNLCK && held.l_pid > 0)
			snprintf(who, sizeof who, "process %ld", (long)held.l_pid);
		if (wait_more(until_ms, name, who, err) < 0)
			return -1;
	}
	return 0;
}

int lock_to_read(struct lock *l, int dirfd, const char *name, int fd, int wait_ms,
                 struct error *err)
{
	AUTO_FREE char *dotlock = xasprintf("%s.lock", name);
	int64_t until_ms = clock_monotonic_ms() + wait_ms;

	*l = (struct lock){ .dirfd = dirfd, .fd = -1 };
	while (faccessat(dirfd, dotlock, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !is_stale(dirfd, dotlock))
		if (wait_more(until_ms, name, dotlock, err) < 0)
			return -1;
	if (lock_descriptor(fd, F_RDLCK, name, until_ms, err) < 0)
		return -1;
	l->fd = fd;
	return 0;
}

static int make_dotlock(struct lock *l, const char *name, int64_t until_ms, struct error *err)
{
	AUTO_FREE char *dotlock = xasprintf("%s.lock", name);

	for (;;) {
		int fd = openat(l->dirfd, dotlock,
		                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		char pid[24];

		if (fd >= 0) {
			/* other programs read it to tell whether the holder lives */
			snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
			(void)!fd_write_all(fd, pid, strlen(pid));
			close(fd);
			l->dotlock = TAKE(dotlock);
			return 0;
		}
		if (errno != EEXIST)
			return error_system(err, "make %s", dotlock);
		if (is_stale(l->dirfd, dotlock))
			(void)unlinkat(l->dirfd, dotlock, 0);
		else if (wait_more(until_ms, name, dotlock, err) < 0)
			return -1;
	}
}

int lock_to_write(struct lock *l, int dirfd, const char *name, int fd, int wait_ms,
                  struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + wait_ms;

	*l = (struct lock){ .dirfd = dirfd, .fd = -1 };
	if (make_dotlock(l, name, until_ms, err) < 0)
		return -1;
	if (lock_descriptor(fd, F_WRLCK, name, until_ms, err) < 0) {
		lock_end(l);
		return -1;
	}
	l->fd = fd;
	return 0;
}

void lock_end(struct lock *l)
{
	struct flock free_it = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (l->fd >= 0)
		(void)fcntl(l->fd, F_SETLK, &free_it);
	if (l->dotlock)
		(void)unlinkat(l->dirfd, l->dotlock, 0);
	free(l->dotlock);
	*l = (struct lock){ .dirfd = -1, .fd = -1 };
}
