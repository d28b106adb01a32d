/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/daemon.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/mailbox.h"
#include "remote/start.h"

#include <errno.h>
#include <string.h>

#define PROGRAM_SIZE_MAX (64u << 20) /* octets; with debugging information and sanitizers */

enum { ACT_STOP = 0, ACT_START = 1, ACT_LOOK = 2, ACT_TELL = 3 };

void host_daemon_fini(struct host_daemon *d)
{
	free(d->program);
	free(d->log);
	*d = (struct host_daemon){ 0 };
}

static int call(struct host *h, const char *row, uint64_t act, const char *const arguments[],
                struct host_daemon *out, struct buf *said, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, end = { 0 };
	uint64_t n = 0;

	while (arguments && arguments[n])
		n++;
	wire_put_text(&body, row);
	wire_put_u64(&body, act);
	wire_put_u64(&body, n);
	for (uint64_t i = 0; i < n; i++)
		wire_put_text(&body, arguments[i]);
	if (host_call(h, WIRE_DAEMON, buf_span(&body), NULL, NULL, &end, err) < 0)
		return -1;

	struct wire_reader r = { .rest = buf_span(&end) };
	uint64_t pid = wire_get_u64(&r);
	struct span program = wire_get_span(&r), log = wire_get_span(&r);
	struct span answer = wire_get_span(&r);
	if (wire_read_end(&r, "answer to DAEMON", err) < 0)
		return -1;
	if (out) {
		host_daemon_fini(out);
		out->pid = pid;
		out->program = span_dup(program);
		out->log = span_dup(log);
	}
	if (said) {
		buf_reset(said);
		buf_add_span(said, answer);
	}
	return 0;
}

int host_daemon_look(struct host *h, const char *row, struct host_daemon *out, struct error *err)
{
	return call(h, row, ACT_LOOK, NULL, out, NULL, err);
}

int host_daemon_start(struct host *h, const char *row, const char *const arguments[],
                      struct host_daemon *out, struct error *err)
{
	return call(h, row, ACT_START, arguments, out, NULL, err);
}

int host_daemon_stop(struct host *h, const char *row, struct error *err)
{
	return call(h, row, ACT_STOP, NULL, NULL, NULL, err);
}

int host_daemon_tell(struct host *h, const char *row, const char *const words[], struct buf *answer,
                     struct error *err)
{
	AUTO_BUF struct buf said = { 0 };
	AUTO_BUF struct buf shown = { 0 };
	struct span rest, line = { 0 };

	if (call(h, row, ACT_TELL, words, NULL, &said, err) < 0)
		return -1;
	rest = buf_span(&said);
	(void)span_next_line(&rest, &line);
	if (!span_is(line, "ok")) {
		buf_add_printable(&shown, line.n < 400 ? line : (struct span){ line.p, 400 });
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "%s: %s: %s",
		                 host_name(h), row, line.n ? buf_text(&shown) : "it hung up");
	}
	if (answer) {
		buf_reset(answer);
		buf_add_span(answer, rest);
	}
	return 0;
}

/* In pieces: a program is longer than a frame. In place only when it is whole, and durable. */
static int put_program(struct host *h, const char *path, struct span bytes, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(h);
	const char *name = strrchr(path, '/');
	AUTO_FREE char *folder = xstrndup(path, name ? (size_t)(name - path) : 0);
	const struct digest digest = digest_of(bytes);
	const struct mailbox_file file = { .root = name == path ? "/" : folder,
		                           .path = name ? name + 1 : path,
		                           .mode = 0700,
		                           .uid = (uint32_t)host_hello(h)->uid,
		                           .mtime_ns = clock_wall_ms() * 1000000 };

	if (mailbox_put_file(writer, &file, err) < 0 || mailbox_put_bytes(writer, bytes, err) < 0 ||
	    mailbox_put_done(writer, &digest, err) < 0 || mailbox_commit(writer, NULL, err) < 0)
		return error_context(err, "place %s", path);
	return 0;
}

int host_place_program(struct host *h, const char *row, const char *local_path, struct error *err)
{
	AUTO_DAEMON struct host_daemon there = { 0 };
	AUTO_BUF struct buf ours = { 0 }, theirs = { 0 };
	char beside[4096];
	const char *name;

	if (host_daemon_look(h, row, &there, err) < 0)
		return -1;
	name = strrchr(there.program, '/');
	if (!local_path) {
		if (program_beside(name ? name + 1 : there.program, beside, err) < 0)
			return -1;
		local_path = beside;
	}
	if (file_read(local_path, PROGRAM_SIZE_MAX, &ours, err) < 0)
		return -1;
	if (host_read(h, there.program, PROGRAM_SIZE_MAX, &theirs, err) == 0 &&
	    span_equal(buf_span(&ours), buf_span(&theirs)))
		return 0;
	return put_program(h, there.program, buf_span(&ours), err);
}
