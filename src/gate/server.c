/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/server.h"

#include "base/clock.h"
#include "base/memory.h"
#include "gate/listen.h"
#include "gate/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS 256
#define ACCEPT_AT_ONCE 64 /* then the others get a turn */
#define ENDING_MS 2000    /* for the client to read the last line and to close */
#define DESCRIPTORS_KEPT 64u

/* What an event belongs to: the first member of each thing in epoll. */
enum what { WHAT_SIGNALS, WHAT_LISTENER, WHAT_CLIENT };

struct listener {
	enum what what;
	int fd;
	unsigned port;
};

enum phase { PHASE_TALKING, PHASE_ENDING, PHASES };

struct client {
	enum what what;
	int fd;
	enum phase phase;
	int64_t deadline_ms;
	struct client *previous, *next; /* in the queue of its phase */
	unsigned port, from_port;
	const char *end; /* static; how it went, for the log */
	char address[INET6_ADDRSTRLEN];
	struct gate_session session;
};

/* All clients of a phase wait equally long, so the first of the queue is the next one due. */
struct queue {
	struct client *first, *last;
};

struct gate_server {
	int epoll;
	struct listener signals, listeners[GATE_LISTEN_MAX];
	size_t listeners_n;
	struct queue queues[PHASES];
	size_t clients, clients_max;
	int64_t patience_ms;
	struct buf reply;
	bool ending;
};

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

static void enqueue(struct gate_server *s, struct client *c, enum phase phase, int64_t wait_ms)
{
	struct queue *q = &s->queues[phase];

	c->phase = phase;
	c->deadline_ms = clock_monotonic_ms() + wait_ms;
	c->previous = q->last;
	c->next = NULL;
	if (q->last)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
}

static void dequeue(struct gate_server *s, struct client *c)
{
	struct queue *q = &s->queues[c->phase];

	if (c->previous)
		c->previous->next = c->next;
	else
		q->first = c->next;
	if (c->next)
		c->next->previous = c->previous;
	else
		q->last = c->previous;
}

/* ── one client ──────────────────────────────────────────────────────────────────────────────── */

static void log_client(const struct client *c)
{
	AUTO_BUF struct buf line = { 0 };
	char now[32];

	buf_addf(&line, "%s client=[%s]:%u port=%u end=%s said=\"",
	         clock_text(now, clock_wall_ms()), c->address, c->from_port, c->port, c->end);
	for (size_t i = 0; i < c->session.said_n; i++) {
		char octet = c->session.said[i];

		if (octet == '"' || octet == '\\')
			buf_add_char(&line, '\\');
		buf_add_printable(&line, (struct span){ &octet, 1 });
	}
	buf_addf(&line, "%s\"\n", c->session.said_cut ? "..." : "");
	(void)!write(STDERR_FILENO, line.p, line.n);
}

static void end_client(struct gate_server *s, struct client *c)
{
	dequeue(s, c);
	close(c->fd); /* which takes it out of epoll */
	log_client(c);
	free(c);
	s->clients--;
}

/* A line is far shorter than a fresh socket's buffer: what does not fit has nobody to read it. */
static void say(const struct client *c, struct span line)
{
	(void)!send(c->fd, line.p, line.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* No more from us; waits for the client's own end, so that no reset overtakes what was said. */
static void begin_ending(struct gate_server *s, struct client *c, const char *how)
{
	dequeue(s, c);
	c->end = how;
	(void)shutdown(c->fd, SHUT_WR);
	enqueue(s, c, PHASE_ENDING, ENDING_MS);
}

static void obey(struct gate_server *s, struct client *c, enum gate_wish wish)
{
	switch (wish) {
	case GATE_WAIT:
		break;
	case GATE_QUIT:
		say(c, SPAN("221 2.0.0 Bye\r\n"));
		begin_ending(s, c, "quit");
		break;
	case GATE_REPEAT:
		say(c, buf_span(&s->reply));
		begin_ending(s, c, "talked");
		break;
	case GATE_END:
		begin_ending(s, c, "flood");
		break;
	}
}

static void hear_client(struct gate_server *s, struct client *c)
{
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && c->phase == PHASE_TALKING) {
		obey(s, c, gate_session_input(&c->session, (struct span){ bytes, (size_t)n }));
	} else if (n <= 0) {
		if (c->phase == PHASE_TALKING)
			c->end = n == 0 ? "closed" : "reset";
		end_client(s, c);
	}
}

static void name_client(struct client *c, const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const void *)from;

		inet_ntop(AF_INET6, &six->sin6_addr, c->address, sizeof c->address);
		c->from_port = ntohs(six->sin6_port);
	} else {
		const struct sockaddr_in *four = (const void *)from;

		inet_ntop(AF_INET, &four->sin_addr, c->address, sizeof c->address);
		c->from_port = ntohs(four->sin_port);
	}
}

static void greet_client(struct gate_server *s, const struct listener *l, int fd,
                         const struct sockaddr_storage *from)
{
	struct client *c = xcalloc(1, sizeof *c);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };

	c->what = WHAT_CLIENT;
	c->fd = fd;
	c->port = l->port;
	c->end = "timeout";
	name_client(c, from);
	s->clients++;
	say(c, buf_span(&s->reply));
	enqueue(s, c, PHASE_TALKING, s->patience_ms);
	if (s->clients > s->clients_max) {
		c->end = "crowd";
		end_client(s, c);
	} else if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		c->end = "error";
		end_client(s, c);
	}
}

static void accept_clients(struct gate_server *s, const struct listener *l)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof from;
		int fd = accept4(l->fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);

		if (fd >= 0) {
			greet_client(s, l, fd, &from);
			continue;
		}
		/* clients_max leaves descriptors free, but the system as a whole may be short of
		 * them; the client waits in the kernel, and we must not spin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			clock_sleep_ms(10);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

/* ── the loop ────────────────────────────────────────────────────────────────────────────────── */

static void end_overdue(struct gate_server *s)
{
	int64_t now = clock_monotonic_ms();

	for (int p = 0; p < PHASES; p++)
		while (s->queues[p].first && s->queues[p].first->deadline_ms <= now)
			end_client(s, s->queues[p].first);
}

static int next_wait(const struct gate_server *s)
{
	int64_t now = clock_monotonic_ms(), wait = -1;

	for (int p = 0; p < PHASES; p++)
		if (s->queues[p].first) {
			int64_t left = s->queues[p].first->deadline_ms - now;

			left = left < 0 ? 0 : left;
			wait = wait < 0 || left < wait ? left : wait;
		}
	return (int)wait;
}

static void handle(struct gate_server *s, void *thing)
{
	enum what what = *(enum what *)thing;

	if (what == WHAT_SIGNALS)
		s->ending = true;
	else if (what == WHAT_LISTENER)
		accept_clients(s, thing);
	else
		hear_client(s, thing);
}

int gate_server_run(struct gate_server *s, struct error *err)
{
	struct epoll_event events[EVENTS];

	while (!s->ending) {
		int n = epoll_wait(s->epoll, events, EVENTS, next_wait(s));

		if (n < 0 && errno != EINTR)
			return error_system(err, "epoll_wait");
		for (int i = 0; i < n; i++)
			handle(s, events[i].data.ptr);
		end_overdue(s);
	}
	return 0;
}

static int watch_descriptor(struct gate_server *s, struct listener *l, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->fd, &event) < 0)
		return error_system(err, "epoll_ctl");
	return 0;
}

static int open_signals(struct gate_server *s, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = (struct listener){
		.what = WHAT_SIGNALS,
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
	};
	if (s->signals.fd < 0)
		return error_system(err, "signalfd");
	return watch_descriptor(s, &s->signals, err);
}

static int open_listeners(struct gate_server *s, const struct gate_options *o, struct error *err)
{
	int64_t until = clock_monotonic_ms() + (int64_t)o->wait_s * 1000;

	for (size_t i = 0; i < o->listen_n; i++) {
		struct listener *l = &s->listeners[i];

		l->what = WHAT_LISTENER;
		l->port = ntohs(
			o->listen[i].four.sin_port); /* at the same place in both families */
		l->fd = gate_listen(&o->listen[i], until, err);
		if (l->fd < 0)
			return -1;
		s->listeners_n++;
		if (watch_descriptor(s, l, err) < 0)
			return -1;
	}
	return 0;
}

static int prepare(struct gate_server *s, const struct gate_options *o, struct error *err)
{
	char host[256] = "localhost";
	size_t descriptors = gate_raise_descriptors();

	(void)gethostname(host, sizeof host - 1);
	if (!gate_reply_make(o->name ? o->name : host, o->text, &s->reply))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--name and --text must be printable ASCII, together at most %u "
		                 "octets",
		                 GATE_LINE_MAX - 14);
	s->patience_ms = (int64_t)o->patience_s * 1000;
	s->clients_max = o->connections;
	if (s->clients_max > descriptors - DESCRIPTORS_KEPT)
		s->clients_max = descriptors - DESCRIPTORS_KEPT;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return error_system(err, "epoll_create1");
	if (open_signals(s, err) < 0 || open_listeners(s, o, err) < 0)
		return -1;
	if (o->pid_file && gate_pid_file_write(o->pid_file, err) < 0)
		return -1;
	return gate_drop_root(err);
}

int gate_server_open(struct gate_server **out, const struct gate_options *options,
                     struct error *err)
{
	struct gate_server *s = xcalloc(1, sizeof *s);

	s->epoll = s->signals.fd = -1;
	if (prepare(s, options, err) < 0) {
		gate_server_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void gate_server_close(struct gate_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->listeners_n; i++)
		close(s->listeners[i].fd);
	for (int p = 0; p < PHASES; p++)
		while (s->queues[p].first) {
			if (p == PHASE_TALKING)
				s->queues[p].first->end = "gate ended";
			end_client(s, s->queues[p].first);
		}
	if (s->signals.fd >= 0)
		close(s->signals.fd);
	if (s->epoll >= 0)
		close(s->epoll);
	buf_fini(&s->reply);
	free(s);
}
