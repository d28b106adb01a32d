/* SPDX-License-Identifier: BSD-2-Clause */

/* holder -- who listens at an address, by /proc (proc_net_tcp(5)), and a copy of his socket. */

#include "gate/listen.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TABLE_MAX (64u << 20)
#define LISTENING "0A"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* As the table writes it: words of four octets in the machine's order, then the port. */
static void write_address(const struct gate_address *at, struct buf *out)
{
	uint32_t words[4];
	size_t n = at->any.sa_family == AF_INET ? 1 : 4;

	if (n == 1)
		memcpy(words, &at->four.sin_addr, 4);
	else
		memcpy(words, &at->six.sin6_addr, 16);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%08X", words[i]);
	buf_addf(out, ":%04X", gate_address_port(at));
}

/* How many sockets but `but` listen there; *inode is the first one's. */
static size_t look(const struct gate_address *at, uint64_t but, uint64_t *inode)
{
	AUTO_BUF struct buf table = { 0 }, address = { 0 };
	struct span rest, line;
	struct error ignored;
	size_t n = 0;

	*inode = 0;
	write_address(at, &address);
	if (file_read(at->any.sa_family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", TABLE_MAX,
	              &table, &ignored) < 0)
		return 0;
	rest = buf_span(&table);
	while (span_next_line(&rest, &line)) {
		struct span words[10];
		size_t have = 0;
		uint64_t number;

		while (have < ROWS(words) && span_next_word(&line, &words[have]))
			have++;
		if (have < ROWS(words) || !span_equal(words[1], buf_span(&address)) ||
		    !span_is(words[3], LISTENING) || !span_parse_u64(words[9], &number) ||
		    number == but)
			continue;
		if (!n++)
			*inode = number;
	}
	return n;
}

size_t gate_listen_others(int fd, uint64_t *inode)
{
	struct gate_address at;
	struct stat own;

	*inode = 0;
	if (!gate_address_of_socket(fd, true, &at) || fstat(fd, &own) < 0)
		return 0;
	return look(&at, own.st_ino, inode);
}

static int copy_from(pid_t pid, int number)
{
	AUTO_CLOSE int process = (int)syscall(SYS_pidfd_open, pid, 0);

	if (process < 0)
		return -1;
	return (int)syscall(SYS_pidfd_getfd, process, number, 0);
}

/* A copy of the descriptor of this process that is the socket; -1: it has none. */
static int search_process(pid_t pid, const char *socket)
{
	char folder[64];
	struct dirent *row;
	int fd = -1;
	DIR *dir;

	(void)snprintf(folder, sizeof folder, "/proc/%ld/fd", (long)pid);
	dir = opendir(folder);
	while (dir && fd < 0 && (row = readdir(dir))) {
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), row->d_name, target, sizeof target - 1);
		uint64_t number;

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (!strcmp(target, socket) && text_parse_u64(row->d_name, &number))
			fd = copy_from(pid, (int)number);
	}
	if (dir)
		closedir(dir);
	return fd;
}

int gate_listen_copy(const struct gate_address *at)
{
	char socket[64];
	struct dirent *row;
	uint64_t inode;
	int fd = -1;
	DIR *dir;

	if (!look(at, 0, &inode)) {
		errno = ENOENT;
		return -1;
	}
	(void)snprintf(socket, sizeof socket, "socket:[%" PRIu64 "]", inode);
	dir = opendir("/proc");
	while (dir && fd < 0 && (row = readdir(dir))) {
		uint64_t pid;

		if (text_parse_u64(row->d_name, &pid) && pid <= INT32_MAX)
			fd = search_process((pid_t)pid, socket);
	}
	if (dir)
		closedir(dir);
	return fd;
}
