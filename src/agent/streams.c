/* SPDX-License-Identifier: BSD-2-Clause */

/* streams -- programs that talk at length, with mailhaul or with one of another host. */

#include "wire/stream.h"

#include "agent/agent.h"
#include "agent/bridge.h"
#include "agent/texts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ARGUMENTS_MAX 32u
#define PIECE 65536u
#define SAID_MAX 16384u /* octets of standard error that wait to be told; the last ones count */
#define LOOK_MS 200     /* between two looks if the program still lives */
#define LINGER_MS 2000  /* a child of the program may hold its output after its end */

/*
 * Every program of a stream. To add one, add a row; what mailhaul may add are the arguments behind.
 *
 * doveadm, for one mailbox user: it starts as the agent's user, reads its settings, and takes on uid and
 * gid by itself. No service of Dovecot has to run for that (the user is not looked up), so it works before
 * the opening and after the freeze.
 *
 * Mailman 3 and HyperKitty, each as its own user: its one argument is where its program stands. What it does, it
 * reads: so no file of ours lies on its host.
 */
struct program {
	const char *name;
	const char *words[8]; /* behind "doveadm -o ...", or the program; NULL-terminated */
	bool control;         /* changes mail */
	bool bridged; /* talks with a command of its own instead of its standard input and output */
	bool texts;   /* its messages are told as lines with their digests: agent/texts.h */
	const char *stands; /* how the path of the program ends; NULL: doveadm */
};

/* clang-format off */
static const struct program programs[] = {
	/* name, words, control, bridged, texts, stands */
	{ "dovecot-far", { "dsync-server" }, false, false, false, NULL },
	{ "dovecot-backup", { "backup", "-R" }, true, true, false, NULL },
	{ "dovecot-merge", { "sync", "-1", "-R" }, true, true, false, NULL },
	{ "dovecot-folders", { "-f", "tab", "mailbox", "status", "messages uidvalidity uidnext vsize guid", "*" }, false, false, false, NULL },
	{ "dovecot-subscriptions", { "mailbox", "list", "-s" }, false, false, false, NULL },
	{ "dovecot-messages", { "-f", "tab", "fetch", "mailbox-guid uid guid size.virtual date.received flags", "all" }, false, false, false, NULL },
	{ "dovecot-texts", { "-f", "flow", "fetch", "mailbox-guid uid size.physical text" }, false, false, true, NULL },
	{ "mailman3", { "shell", "--run", "builtins.exec", "import json, sys; exec(json.loads(sys.stdin.readline()), {'__name__': 'mailhaul'})" }, true, false, false, "/mailman" },
	{ "mailman3-start", { "start", "--force" }, true, false, false, "/mailman" },
	{ "mailman3-stop", { "stop" }, true, false, false, "/mailman" },
	{ "hyperkitty", { "shell", "--command", "import json, sys; exec(json.loads(sys.stdin.buffer.readline()), {'__name__': 'mailhaul'})" }, true, false, false, "/mailman-web" },
	{ "hyperkitty-manage", { "shell", "--command", "import json, sys; exec(json.loads(sys.stdin.buffer.readline()), {'__name__': 'mailhaul'})" }, true, false, false, "/manage.py" },
};
/* clang-format on */

struct agent_stream {
	pid_t pid;
	int in, out, errors; /* our ends; -1 once closed */
	struct bridge bridge;
	struct buf unsent, said;
	struct texts texts;
	bool digests; /* output goes through `texts` */
	bool no_more; /* mailhaul has no more input than what is unsent */
	bool ended;
	int64_t quiet_since_ms; /* after the end: of the last octet */
	int status;
};

static void drop(int *fd)
{
	fd_close_at(fd);
	*fd = -1;
}

void agent_stream_end(struct agent *a)
{
	struct agent_stream *s = a->stream;

	if (!s)
		return;
	drop(&s->in);
	drop(&s->out);
	drop(&s->errors);
	bridge_close(&s->bridge);
	if (s->pid > 0 && !s->ended) {
		kill(-s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	buf_fini(&s->unsent);
	buf_fini(&s->said);
	texts_fini(&s->texts);
	free(s);
	a->stream = NULL;
}

/* ── start ───────────────────────────────────────────────────────────────────────────────────── */

struct start {
	const struct program *program;
	struct strings words;
	char *user; /* owned */
};

static void start_fini(struct start *s)
{
	strings_fini(&s->words);
	free(s->user);
}
#define AUTO_START __attribute__((cleanup(start_fini)))

static int find_program(const struct agent *a, struct span name, const struct program **out,
                        struct error *err)
{
	for (size_t i = 0; i < ROWS(programs); i++)
		if (span_is(name, programs[i].name))
			*out = &programs[i];
	if (!*out)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "no such stream: %.*s", (int)name.n, name.p);
	if ((*out)->control && !a->control)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s changes the host, and this agent was started read-only",
		                 (*out)->name);
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, EOPNOTSUPP,
		                 "%s needs a host that runs; in a folder with a host's files",
		                 (*out)->stands ? "Mailman 3 and what is beside it"
		                                : "mail that only Dovecot can read");
	return 0;
}

static void add_setting(struct strings *words, const char *name, struct span value)
{
	AUTO_FREE char *text = span_dup(value);

	strings_add(words, "-o");
	strings_addf(words, "%s=%s", name, text);
}

static void begin_doveadm(struct strings *words, uint64_t uid, uint64_t gid, struct span home,
                          struct span location)
{
	strings_add(words, "doveadm");
	strings_add(words, "-o");
	strings_addf(words, "mail_uid=%llu", (unsigned long long)uid);
	strings_add(words, "-o");
	strings_addf(words, "mail_gid=%llu", (unsigned long long)gid);
	add_setting(words, "mail_home", home);
	if (location.n)
		add_setting(words, "mail_location", location);
}

/* The program at `path`, as that user for good. */
static int begin_standing(struct strings *words, const struct program *p, uint64_t uid,
                          uint64_t gid, struct span path, struct error *err)
{
	if (agent_check_program(p->name, p->stands, path, err) < 0)
		return -1;
	if (geteuid() == 0) {
		strings_add(words, "setpriv");
		strings_addf(words, "--reuid=%llu", (unsigned long long)uid);
		strings_addf(words, "--regid=%llu", (unsigned long long)gid);
		strings_add(words, "--init-groups");
	}
	strings_add_span(words, path);
	return 0;
}

static int read_start(struct agent *a, struct wire_reader *r, struct start *s, struct error *err)
{
	struct span name = wire_get_span(r), user = wire_get_span(r), home = wire_get_span(r);
	struct span location = wire_get_span(r);
	uint64_t uid = wire_get_u64(r), gid = wire_get_u64(r), n = wire_get_u64(r);

	if (find_program(a, name, &s->program, err) < 0)
		return -1;
	if (!user.n || user.n > 255 || n > ARGUMENTS_MAX || !uid || uid > UINT32_MAX ||
	    gid > UINT32_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "%s: no user that mail could belong to", s->program->name);
	s->user = span_dup(user);
	if (!s->program->stands)
		begin_doveadm(&s->words, uid, gid, home, location);
	else if (n != 1)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s: where is it?",
		                 s->program->name);
	else if (begin_standing(&s->words, s->program, uid, gid, wire_get_span(r), err) < 0)
		return -1;
	for (size_t i = 0; s->program->words[i]; i++)
		strings_add(&s->words, s->program->words[i]);
	for (uint64_t i = s->program->stands ? 1 : 0; i < n; i++)
		strings_add_span(&s->words, wire_get_span(r));
	return wire_read_end(r, "STREAM_START", err);
}

/* The command that doveadm shall start as its peer. */
static int add_bridge(struct strings *words, const struct bridge *b, struct error *err)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return error_system(err, "find the agent's own file");
	self[n] = 0;
	strings_add(words, self);
	strings_add(words, "--bridge");
	strings_add(words, b->path);
	return 0;
}

struct pipes {
	int in[2], out[2], errors[2], tell[2];
};

static void child_run(const struct start *s, const struct pipes *p, const char *const argv[])
{
	const char *path = getenv("PATH");
	AUTO_BUF struct buf wide = { 0 };
	int e;

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	dup2(p->in[0], 0);
	/* a bridged one has its peer elsewhere: what it prints are words for a person */
	dup2(s->program->bridged ? p->errors[1] : p->out[1], 1);
	dup2(p->errors[1], 2);
	buf_addf(&wide, "%s:/usr/sbin:/usr/bin:/sbin:/bin",
	         path ? path : "/usr/local/sbin:/usr/local/bin");
	clearenv();
	setenv("PATH", buf_text(&wide), 1);
	setenv("USER", s->user, 1); /* whom doveadm works for when no -u is given */
	setenv("HOME", "/", 1);
	setenv("LC_ALL", "C", 1);
	setenv("TZ", "UTC", 1);
	(void)!chdir("/");
	/* execvp(3) takes char *const[] for history's sake and changes nothing */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	e = errno;
	(void)!write(p->tell[1], &e, sizeof e);
	_exit(127);
}

static int child_start(struct agent_stream *stream, const struct start *s, struct error *err)
{
	AUTO_FREE const char **argv = xcalloc(s->words.n + 1, sizeof *argv);
	struct pipes p;
	int e = 0;

	for (size_t i = 0; i < s->words.n; i++)
		argv[i] = s->words.rows[i];
	if (pipe2(p.in, O_CLOEXEC) < 0 || pipe2(p.out, O_CLOEXEC) < 0 ||
	    pipe2(p.errors, O_CLOEXEC) < 0 || pipe2(p.tell, O_CLOEXEC) < 0)
		return error_system(err, "pipe for %s", argv[0]);
	stream->pid = fork();
	if (stream->pid == 0)
		child_run(s, &p, argv);
	close(p.in[0]);
	close(p.out[1]);
	close(p.errors[1]);
	close(p.tell[1]);
	stream->in = p.in[1];
	stream->out = p.out[0];
	stream->errors = p.errors[0];
	AUTO_CLOSE int told = p.tell[0];
	if (stream->pid < 0)
		return error_system(err, "fork");
	/* the pipe closes by exec, or brings errno */
	if (read(told, &e, sizeof e) == (ssize_t)sizeof e) {
		(void)waitpid(stream->pid, NULL, 0);
		stream->pid = 0;
		errno = e;
		return error_system(err, "start %s", argv[0]);
	}
	fcntl(stream->in, F_SETFL, O_NONBLOCK);
	fcntl(stream->out, F_SETFL, O_NONBLOCK);
	fcntl(stream->errors, F_SETFL, O_NONBLOCK);
	return 0;
}

static int begin(struct agent_stream *stream, struct start *s, struct error *err)
{
	if (s->program->bridged && (bridge_open(&stream->bridge, err) < 0 ||
	                            add_bridge(&s->words, &stream->bridge, err) < 0))
		return -1;
	if (child_start(stream, s, err) < 0)
		return -1;
	if (s->program->bridged) {
		drop(&stream->in);
		drop(&stream->out);
	}
	return 0;
}

int agent_stream_start(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_START struct start s = { 0 };

	if (read_start(a, r, &s, err) < 0)
		return -1;
	agent_stream_end(a);
	a->stream = xcalloc(1, sizeof *a->stream);
	a->stream->digests = s.program->texts;
	a->stream->in = a->stream->out = a->stream->errors = a->stream->bridge.listener = -1;
	if (begin(a->stream, &s, err) < 0) {
		agent_stream_end(a);
		return -1;
	}
	return 0;
}

int agent_stream_stop(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	if (wire_read_end(r, "STREAM_STOP", err) < 0)
		return -1;
	agent_stream_end(a);
	return 0;
}

/* ── exchange ────────────────────────────────────────────────────────────────────────────────── */

static bool is_connecting(const struct agent_stream *s)
{
	return s->bridge.listener >= 0;
}

/* Gives the program what it takes now. One that takes nothing any more is not to blame here: why
 * it ended is told by its exit code. */
static void give(struct agent_stream *s)
{
	ssize_t n = s->unsent.n ? write(s->in, s->unsent.p, s->unsent.n) : 0;

	if (n > 0)
		buf_drop_front(&s->unsent, (size_t)n);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		buf_reset(&s->unsent);
		drop(&s->in);
	}
	if (s->in >= 0 && s->no_more && !s->unsent.n) {
		/* of a socket both of our descriptors are one connection: only this way ends */
		(void)shutdown(s->in, SHUT_WR);
		drop(&s->in);
	}
}

/* At most `room` octets; returns false when there was nothing. */
static bool take(int *fd, struct buf *into, size_t room)
{
	size_t most = room < PIECE ? room : PIECE;
	ssize_t n;

	do {
		n = read(*fd, buf_room(into, most), most);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_grown(into, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		drop(fd);
	return n > 0;
}

/* What is no table of messages ends the program: without its digests nothing is proven. */
static bool take_output(struct agent_stream *s, struct buf *got, size_t room)
{
	AUTO_BUF struct buf raw = { 0 };
	struct error why = { 0 };
	bool moved;

	if (!s->digests)
		return take(&s->out, got, room);
	moved = take(&s->out, &raw, PIECE);
	if (texts_feed(&s->texts, buf_span(&raw), got, &why) < 0 ||
	    (s->out < 0 && !texts_is_whole(&s->texts))) {
		buf_addf(&s->said, "%s\n", *why.text ? why.text : "a message was cut off");
		drop(&s->out);
		kill(-s->pid, SIGKILL);
	}
	return moved;
}

static void take_words(struct agent_stream *s)
{
	take(&s->errors, &s->said, PIECE);
	if (s->said.n > SAID_MAX)
		buf_drop_front(&s->said, s->said.n - SAID_MAX);
}

static void connect_bridge(struct agent_stream *s)
{
	int fd = bridge_accept(&s->bridge);

	if (fd < 0)
		return;
	s->out = fd;
	s->in = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void look_after(struct agent_stream *s, bool moved)
{
	int64_t now_ms = clock_monotonic_ms();
	int status;

	if (!s->ended && waitpid(s->pid, &status, WNOHANG) == s->pid) {
		s->ended = true;
		s->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		s->quiet_since_ms = now_ms;
		bridge_close(&s->bridge); /* nobody will connect */
	}
	if (moved)
		s->quiet_since_ms = now_ms;
	if (s->ended && now_ms - s->quiet_since_ms > LINGER_MS) {
		drop(&s->out);
		drop(&s->errors);
	}
}

static bool is_over(const struct agent_stream *s)
{
	return s->ended && s->out < 0 && s->errors < 0;
}

/* One look at all descriptors, at most `wait_ms` long. Returns whether a next request waits. */
static bool serve(struct agent *a, struct buf *got, uint64_t most, int wait_ms)
{
	struct agent_stream *s = a->stream;
	bool room = got->n < most, moved = false;
	struct pollfd fds[] = {
		{ .fd = room ? s->out : -1, .events = POLLIN },
		{ .fd = s->unsent.n || s->no_more ? s->in : -1, .events = POLLOUT },
		{ .fd = s->errors, .events = POLLIN },
		{ .fd = s->bridge.listener, .events = POLLIN },
		{ .fd = a->infd, .events = POLLIN },
	};

	if (poll(fds, ROWS(fds), wait_ms) < 0)
		return false;
	if (fds[0].revents)
		moved = take_output(s, got, most - got->n);
	if (fds[1].revents)
		give(s);
	if (fds[2].revents)
		take_words(s);
	if (fds[3].revents)
		connect_bridge(s);
	look_after(s, moved);
	return fds[4].revents != 0;
}

static void exchange(struct agent *a, struct buf *got, uint64_t most, uint64_t wait_ms)
{
	struct agent_stream *s = a->stream;
	size_t unsent = s->unsent.n; /* mailhaul may wait for room to give more */
	bool waiting = a->behind;
	int64_t until = clock_monotonic_ms() + (int64_t)wait_ms;

	for (;;) {
		int64_t left = until - clock_monotonic_ms();
		size_t before = got->n;

		if (waiting || got->n || left < 0)
			left = 0;
		waiting |= serve(a, got, most, (int)(left < LOOK_MS ? left : LOOK_MS));
		if (is_over(s) || (most && got->n >= most))
			return;
		if (got->n == before && (got->n || waiting || clock_monotonic_ms() >= until))
			return;
		if (unsent >= PIECE && s->unsent.n < unsent / 4)
			return;
	}
}

static int send_octets(struct agent *a, const struct buf *got, struct error *err)
{
	struct span rest = buf_span(got);

	while (rest.n) {
		size_t n = rest.n < WIRE_CHUNK ? rest.n : WIRE_CHUNK;

		if (agent_send(a, (struct span){ rest.p, n }, err) < 0)
			return -1;
		rest = span_from(rest, n);
	}
	return 0;
}

int agent_stream_exchange(struct agent *a, struct wire_reader *r, struct buf *end,
                          struct error *err)
{
	AUTO_BUF struct buf got = { 0 };
	struct agent_stream *s = a->stream;
	uint64_t most = wire_get_u64(r), wait_ms = wire_get_u64(r), no_more = wire_get_u64(r);
	struct span input = wire_get_span(r);

	if (wire_read_end(r, "STREAM_EXCHANGE", err) < 0)
		return -1;
	if (!s)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "no stream runs");
	if (input.n + s->unsent.n > WIRE_STREAM_UNSENT_MAX || (input.n && s->no_more))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "more input than was agreed");
	if (s->in >= 0 || is_connecting(s))
		buf_add_span(&s->unsent, input);
	s->no_more |= no_more != 0;
	exchange(a, &got, most < WIRE_STREAM_TAKE_MAX ? most : WIRE_STREAM_TAKE_MAX,
	         wait_ms < WIRE_STREAM_WAIT_MAX_MS ? wait_ms : WIRE_STREAM_WAIT_MAX_MS);
	if (send_octets(a, &got, err) < 0)
		return -1;
	wire_put_stream_state(end, &(struct wire_stream_state){
					   .unsent = s->unsent.n,
					   .closed = s->out < 0 && !is_connecting(s),
					   .ended = is_over(s),
					   .status = (uint64_t)s->status,
					   .said = buf_span(&s->said),
				   });
	buf_reset(&s->said);
	return 0;
}
