/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"
#include "agent/processes.h"
#include "agent/sockets.h"
#include "base/cleanup.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Who owns a listening socket. Postfix's master and each of its smtpd processes hold the same one;
 * the one to name is the one that a person would stop: the one that started first, which is the
 * others' parent. (The lowest pid would be wrong once pids have wrapped around.) Process 1 counts only when nobody else holds the socket: a systemd
 * that passed the socket on is named after its service has been stopped, because only then it is
 * what answers.
 */
struct owner {
	uint64_t inode;
	struct agent_process process; /* pid 0: nobody yet */
};

struct owners {
	struct owner *rows; /* owned; sorted by inode */
	size_t n;
	struct agent_process holder; /* whose descriptors are being looked at */
};

static int by_inode(const void *a, const void *b)
{
	uint64_t x = ((const struct owner *)a)->inode, y = ((const struct owner *)b)->inode;

	return x < y ? -1 : x > y;
}

/* a comes before b in the choice above. */
static bool is_before(const struct agent_process *a, const struct agent_process *b)
{
	if (!b->pid)
		return true;
	if ((a->pid == 1) != (b->pid == 1))
		return b->pid == 1;
	/* a parent starts before its child, so the earliest holder has no parent among them */
	return a->started != b->started ? a->started < b->started : a->pid < b->pid;
}

static void look_at_descriptor(struct owners *o, int dirfd, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dirfd, name, target, sizeof target);
	struct owner key = { 0 }, *owner;
	struct span s;

	if (n <= 0)
		return;
	s = (struct span){ target, (size_t)n };
	if (!span_starts(s, "socket:[") || !span_ends(s, "]"))
		return;
	if (!span_parse_u64((struct span){ s.p + 8, s.n - 9 }, &key.inode))
		return;
	owner = bsearch(&key, o->rows, o->n, sizeof key, by_inode);
	if (owner && is_before(&o->holder, &owner->process))
		owner->process = o->holder;
}

static bool look_at_process(void *context, uint64_t pid)
{
	struct owners *o = context;
	struct dirent *entry;
	char path[64];
	DIR *fds;

	if (!agent_process_read(pid, &o->holder))
		return true;
	snprintf(path, sizeof path, "/proc/%llu/fd", (unsigned long long)pid);
	fds = opendir(path);
	if (!fds)
		return true; /* gone, or another user's: then the listener is told without its owner */
	while ((entry = readdir(fds)))
		look_at_descriptor(o, dirfd(fds), entry->d_name);
	closedir(fds);
	return true;
}

static int send_listener(struct agent *a, const struct agent_socket *s,
                         const struct agent_process *owner, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, program = { 0 }, command = { 0 };

	if (owner->pid) {
		agent_process_add_program(owner->pid, &program);
		agent_process_add_command(owner->pid, &command);
	}
	wire_put_listener(&body, &(struct wire_listener){
					 .family = (uint64_t)s->family,
					 .address = span_of(s->local),
					 .port = s->local_port,
					 .pid = owner->pid,
					 .program = buf_span(&program),
					 .command = buf_span(&command),
				 });
	return agent_send(a, buf_span(&body), err);
}

int agent_listeners(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_SOCKETS struct agent_sockets sockets = { 0 };
	struct owners owners = { 0 };

	if (wire_read_end(r, "request for listeners", err) < 0)
		return -1;
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "a folder has no listeners");
	if (agent_sockets_read(1u << AGENT_SOCKET_LISTEN, &sockets, err) < 0)
		return -1;

	AUTO_FREE struct owner *rows = xcalloc(sockets.n + 1, sizeof *rows);
	owners.rows = rows;
	for (; owners.n < sockets.n; owners.n++)
		rows[owners.n].inode = sockets.rows[owners.n].inode;
	qsort(rows, owners.n, sizeof *rows, by_inode);
	agent_process_each(look_at_process, &owners);

	for (size_t i = 0; i < sockets.n; i++) {
		struct owner key = { .inode = sockets.rows[i].inode };
		struct owner *owner = bsearch(&key, rows, owners.n, sizeof key, by_inode);

		if (send_listener(a, &sockets.rows[i], &owner->process, err) < 0)
			return -1;
	}
	return 0;
}

/* Sessions that can still bring mail: also those whose handshake is not over, because the last
 * packet of it is no SYN and passes a door that was shut meanwhile. */
int agent_sessions(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	const unsigned states = 1u << AGENT_SOCKET_ESTABLISHED | 1u << AGENT_SOCKET_SYN_RECV |
	                        1u << AGENT_SOCKET_CLOSE_WAIT;
	AUTO_SOCKETS struct agent_sockets sockets = { 0 };
	uint64_t n = wire_get_u64(r);
	bool wanted[65536] = { 0 };

	for (uint64_t i = 0; i < n && !r->bad; i++) {
		uint64_t port = wire_get_u64(r);

		if (port > 65535)
			r->bad = true;
		else
			wanted[port] = true;
	}
	if (wire_read_end(r, "request for sessions", err) < 0)
		return -1;
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "a folder has no sessions");
	if (agent_sockets_read(states, &sockets, err) < 0)
		return -1;
	for (size_t i = 0; i < sockets.n; i++) {
		const struct agent_socket *s = &sockets.rows[i];
		AUTO_BUF struct buf body = { 0 };

		if (!wanted[s->local_port])
			continue;
		wire_put_session(&body, &(struct wire_session){
						.family = (uint64_t)s->family,
						.port = s->local_port,
						.peer = span_of(s->remote),
						.peer_port = s->remote_port,
						.from_itself = s->remote_is_self,
						.state = s->state,
					});
		if (agent_send(a, buf_span(&body), err) < 0)
			return -1;
	}
	return 0;
}
