/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/metrics.h"

#include "base/memory.h"
#include "gate/gate.h"
#include "gate/listen.h"
#include "gate/stream.h"

#include <unistd.h>

#define PATIENCE_MS 5000
#define REQUEST_MAX 8192u
#define AT_ONCE 16u

struct metrics {
	uv_poll_t poll;
	struct gate *gate;
	int fd;
	unsigned clients;
};

struct reader {
	struct stream stream;
	struct metrics *metrics;
};

static void answer(struct reader *r)
{
	AUTO_BUF struct buf page = { 0 }, head = { 0 };

	metrics_text(r->metrics->gate, &page);
	buf_addf(&head,
	         "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
	         "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	         page.n);
	stream_write(&r->stream, buf_span(&head));
	stream_write(&r->stream, buf_span(&page));
	stream_end(&r->stream);
}

/* Whatever is asked for, this is what there is. */
static size_t on_input(struct stream *stream, struct span octets)
{
	if (span_find_text(octets, "\r\n\r\n") >= 0)
		answer(stream->owner);
	else if (octets.n > REQUEST_MAX)
		stream_close(stream);
	else
		return 0; /* what is kept is offered again with more */
	return octets.n;
}

static void on_ready(struct stream *stream)
{
	(void)stream;
}

static void on_ended(struct stream *stream, const char *how, const char *why)
{
	(void)how;
	(void)why;
	stream_close(stream);
}

static void on_gone(struct stream *stream)
{
	struct reader *r = stream->owner;

	r->metrics->clients--;
	free(r);
}

static const struct stream_ops ops = { .input = on_input,
	                               .ready = on_ready,
	                               .ended = on_ended,
	                               .overdue = stream_close,
	                               .gone = on_gone };

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct metrics *m = poll->data;
	struct reader *r;
	struct error err;
	int fd;

	(void)status;
	(void)events;
	fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (m->clients >= AT_ONCE) {
		(void)close(fd);
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->metrics = m;
	m->clients++;
	if (stream_open_fd(&r->stream, &m->gate->loop, fd, &ops, r, &err) < 0) {
		m->clients--;
		free(r);
		return;
	}
	stream_deadline(&r->stream, PATIENCE_MS);
}

static bool is_loopback(const struct gate_address *at)
{
	if (at->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&at->six.sin6_addr);
	return ntohl(at->four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int metrics_open(struct metrics **out, const struct gate_address *at, struct error *err)
{
	struct gate_given none = { .n = 0 };
	int fd;

	if (!is_loopback(at))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--metrics wants a loopback address, not %s", at->text);
	fd = gate_listen(at, GATE_TAKE_WAIT, &none, 0, err);
	if (fd < 0)
		return -1;
	*out = xcalloc(1, sizeof **out);
	(*out)->fd = fd;
	return 0;
}

int metrics_serve(struct metrics *m, struct gate *g, struct error *err)
{
	int failed = uv_poll_init(&g->loop.uv, &m->poll, m->fd);

	if (failed)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, -failed, "poll");
	m->gate = g;
	m->poll.data = m;
	uv_poll_start(&m->poll, UV_READABLE, on_connection);
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	(void)close(m->fd);
	free(m);
}
