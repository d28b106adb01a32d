/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/control.h"

#include "base/memory.h"
#include "gate/deliver.h"
#include "gate/gate.h"
#include "gate/log.h"
#include "gate/reload.h"
#include "gate/stream.h"
#include "spool/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define REQUEST_MAX (GATE_RECIPIENTS_MAX + (4u << 20)) /* octets of a request in all */
#define AT_ONCE 16

struct control {
	uv_poll_t poll;
	struct gate *gate;
	uid_t starter;
	int fd;
	unsigned clients;
};

struct caller {
	struct stream stream;
	struct control *control;
	struct buf request;
};

/* ── verbs ───────────────────────────────────────────────────────────────────────────────────── */

static int do_status(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)err;
	control_status(c->control->gate, answer);
	return 0;
}

static int do_mode(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	unsigned mode;

	(void)answer;
	if (!gate_mode_parse(span_trim(rest), &mode))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "mode wants defer, spool or relay");
	return gate_set_mode(c->control->gate, mode, err);
}

static int set_hold(struct caller *c, bool hold, struct error *err)
{
	struct gate *g = c->control->gate;

	if (!g->spool)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "this gate has no spool");
	spool_set_hold(g->spool, hold);
	gate_tell_keeper(g, hold ? GATE_TELLS_HOLD : GATE_TELLS_RELEASE);
	if (!hold && g->deliver) {
		deliver_try_now(g->deliver);
		deliver_wake(g->deliver);
	}
	gate_log("control hold=%s", hold ? "yes" : "no");
	return 0;
}

static int do_hold(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)answer;
	return set_hold(c, true, err);
}

static int do_release(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)answer;
	return set_hold(c, false, err);
}

static int do_reload(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)answer;
	return gate_reload(c->control->gate, err);
}

static int do_reload_with(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)answer;
	return gate_reload_with(c->control->gate, rest, err);
}

static int do_files(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)err;
	gate_reload_files(c->control->gate->options, answer);
	return 0;
}

static int do_stop(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	(void)rest;
	(void)answer;
	(void)err;
	gate_begin_end(c->control->gate, "control");
	return 0;
}

/* The sockets go with the answer; from then on they are the caller's business. */
static int do_hand_over(struct caller *c, struct span rest, struct buf *answer, struct error *err)
{
	struct gate *g = c->control->gate;
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int) * GATE_LISTEN_MAX)];
	} room = { 0 };
	struct iovec part = { (char[]){ "ok\n" }, 3 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.octets };
	int fds[GATE_LISTEN_MAX];
	size_t n = 0;

	(void)rest;
	(void)answer;
	for (size_t i = 0; i < g->listeners_n; i++)
		if (g->listeners[i].fd >= 0)
			fds[n++] = g->listeners[i].fd;
	if (!n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0, "it listens nowhere");
	message.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	room.header.cmsg_level = SOL_SOCKET;
	room.header.cmsg_type = SCM_RIGHTS;
	room.header.cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(&room.header), fds, sizeof(int) * n);
	if (sendmsg(c->stream.fd, &message, MSG_NOSIGNAL) < 0)
		return error_system(err, "hand over");
	gate_begin_end(g, "hand-over");
	return 0;
}

/* To add a verb, add a row. */
static const struct {
	const char *name;
	int (*act)(struct caller *c, struct span rest, struct buf *answer, struct error *err);
	bool wants_all;    /* `rest` is all that follows, to the end of what the client sends */
	bool has_answered; /* by itself */
} verbs[] = {
	{ "status", do_status, false, false }, { "mode", do_mode, false, false },
	{ "hold", do_hold, false, false },     { "release", do_release, false, false },
	{ "reload", do_reload, false, false }, { "reload-with", do_reload_with, true, false },
	{ "files", do_files, false, false },   { "hand-over", do_hand_over, false, true },
	{ "stop", do_stop, false, false },
};

static void obey(struct caller *c, struct span line, struct span rest)
{
	AUTO_BUF struct buf answer = { 0 };
	struct error err = { 0 };
	struct span word = { 0 };
	int done = -1;
	size_t i;

	(void)span_next_word(&line, &word);
	for (i = 0; i < ROWS(verbs); i++)
		if (span_is(word, verbs[i].name))
			break;
	if (i == ROWS(verbs))
		error_set(&err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "no such verb: %.*s",
		          (int)(word.n < 40 ? word.n : 40), word.n ? word.p : "");
	else
		done = verbs[i].act(c, verbs[i].wants_all ? rest : line, &answer, &err);
	if (done < 0) {
		AUTO_FREE char *words = xasprintf("error %s\n", err.text);

		stream_write(&c->stream, span_of(words));
	} else if (!verbs[i].has_answered) {
		stream_write(&c->stream, SPAN("ok\n"));
		stream_write(&c->stream, buf_span(&answer));
	}
	stream_end(&c->stream);
}

/* ── callers ─────────────────────────────────────────────────────────────────────────────────── */

static bool wants_all(struct span line)
{
	struct span word;

	return span_next_word(&line, &word) && span_is(word, "reload-with");
}

static size_t on_input(struct stream *stream, struct span octets)
{
	struct caller *c = stream->owner;
	struct span rest, line;

	buf_add_span(&c->request, octets);
	rest = buf_span(&c->request);
	if (rest.n > REQUEST_MAX || (span_find(rest, '\n') < 0 && rest.n > CONTROL_LINE_MAX))
		stream_close(stream);
	else if (span_find(rest, '\n') >= 0 && span_next_line(&rest, &line) && !wants_all(line))
		obey(c, line, rest);
	return octets.n;
}

static void on_ended(struct stream *stream, const char *how, const char *why)
{
	struct caller *c = stream->owner;
	struct span rest = buf_span(&c->request), line;

	(void)how;
	(void)why;
	if (span_find(rest, '\n') >= 0 && span_next_line(&rest, &line))
		obey(c, line, rest); /* it has sent all of it */
	else
		stream_close(stream);
}

static void on_ready(struct stream *stream)
{
	(void)stream;
}

static void on_gone(struct stream *stream)
{
	struct caller *c = stream->owner;

	c->control->clients--;
	gate_tls_wipe(&c->request); /* may have been keys */
	free(c);
}

static const struct stream_ops ops = { .input = on_input,
	                               .ready = on_ready,
	                               .ended = on_ended,
	                               .overdue = stream_close,
	                               .gone = on_gone };

static bool may_call(const struct control *control, int fd)
{
	struct ucred who;
	socklen_t size = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == control->starter);
}

static void on_call(uv_poll_t *poll, int status, int events)
{
	struct control *control = poll->data;
	struct error err;
	struct caller *c;
	int fd;

	(void)status;
	(void)events;
	fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!may_call(control, fd) || control->clients >= AT_ONCE) {
		(void)close(fd);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->control = control;
	control->clients++;
	if (stream_open_fd(&c->stream, &control->gate->loop, fd, &ops, c, &err) < 0) {
		control->clients--;
		free(c);
		return;
	}
	stream_deadline(&c->stream, PATIENCE_MS);
}

/* ── the socket ──────────────────────────────────────────────────────────────────────────────── */

static int complain(const char *path, const char *what, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0, "--control %s: %s", path,
	                 what);
}

static bool somebody_answers(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;

	if (fd >= 0)
		(void)close(fd);
	return answers;
}

/* Made under another name and renamed: nobody ever sees it with other rights, and the one before goes
 * in the same moment. */
static int bind_at(int fd, const struct sockaddr_un *at, struct error *err)
{
	struct sockaddr_un new = *at;
	size_t n = strlen(at->sun_path);
	mode_t before;
	int bound;

	if (n + 5 > sizeof new.sun_path)
		return complain(at->sun_path, "the path is too long", err);
	memcpy(new.sun_path + n, ".new", 5);
	(void)unlink(new.sun_path);
	before = umask(0177);
	bound = bind(fd, (struct sockaddr *)&new, sizeof new);
	umask(before);
	if (bound < 0 || listen(fd, AT_ONCE) < 0 || rename(new.sun_path, at->sun_path) < 0)
		return error_system(err, "--control %s", at->sun_path);
	return 0;
}

int control_open(struct control **out, const char *path, bool replace, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof at.sun_path)
		return complain(path, "the path is too long", err);
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (!replace && somebody_answers(&at))
		return complain(path, "another gate answers there", err);

	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_system(err, "socket");
	if (bind_at(fd, &at, err) < 0)
		return -1;
	*out = xcalloc(1, sizeof **out);
	(*out)->starter = geteuid();
	(*out)->fd = fd_take(&fd);
	return 0;
}

int control_serve(struct control *c, struct gate *g, struct error *err)
{
	int failed = uv_poll_init(&g->loop.uv, &c->poll, c->fd);

	if (failed)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, -failed, "poll");
	c->gate = g;
	c->poll.data = c;
	uv_poll_start(&c->poll, UV_READABLE, on_call);
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	(void)close(c->fd);
	free(c);
}
