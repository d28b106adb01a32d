/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/stream.h"

#include "gate/stream_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#define READS_AT_ONCE 16 /* then the other streams get a turn */

/* ── what is polled for ──────────────────────────────────────────────────────────────────────── */

void stream_poll_again(struct stream *s)
{
	int events = 0;

	if (s->phase == STREAM_CLOSED)
		return;
	if (s->phase == STREAM_CONNECTING || s->tls_wants_write || s->out.n)
		events |= UV_WRITABLE;
	if (s->phase != STREAM_CONNECTING && !s->no_more &&
	    (s->in.n < STREAM_IN_MAX || s->phase == STREAM_SHAKING))
		events |= UV_READABLE;
	if (events == s->events)
		return;
	s->events = (uint8_t)events;
	if (events)
		uv_poll_start(&s->poll, events, stream_on_poll);
	else
		uv_poll_stop(&s->poll);
}

/* ── ends ────────────────────────────────────────────────────────────────────────────────────── */

static void on_gone(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->fd);
	s->fd = -1;
	buf_fini(&s->in);
	buf_fini(&s->out);
	s->ops->gone(s);
}

void stream_close(struct stream *s)
{
	if (s->phase == STREAM_CLOSED)
		return;
	s->phase = STREAM_CLOSED;
	s->deadline_ms = 0;
	if (s->previous)
		s->previous->next = s->next;
	else
		s->loop->streams = s->next;
	if (s->next)
		s->next->previous = s->previous;
	uv_close((uv_handle_t *)&s->poll, on_gone);
}

static void tell_end(struct stream *s, const char *how, const char *why)
{
	s->no_more = true;
	if (s->phase == STREAM_ENDING) {
		stream_close(s);
	} else if (s->phase != STREAM_CLOSED && !s->told) {
		s->told = true;
		stream_poll_again(s);
		s->ops->ended(s, how, why);
	}
}

/* The peer sends no more, but may read on: what it sent before is heard first. */
static void tell_closed(struct stream *s)
{
	s->no_more = true;
	if (s->phase != STREAM_OPEN || !s->paused || !s->in.n)
		tell_end(s, "closed", "closed");
}

static void tell_errno(struct stream *s, int e)
{
	tell_end(s, e == ECONNRESET || e == EPIPE ? "reset" : "error", strerror(e));
}

static void tell_tls(struct stream *s)
{
	unsigned long code = ERR_peek_error();
	char words[160] = "TLS failed";

	if (code)
		ERR_error_string_n(code, words, sizeof words);
	ERR_clear_error();
	tell_end(s, "error", words);
}

/* ── octets out ──────────────────────────────────────────────────────────────────────────────── */

/* How many octets went; 0: none now; -1: none ever again. */
static ssize_t send_some(struct stream *s, struct span octets)
{
	ssize_t n;

	if (s->ssl) {
		int most = octets.n > INT32_MAX ? INT32_MAX : (int)octets.n;
		int why;

		ERR_clear_error();
		n = SSL_write(s->ssl, octets.p, most);
		if (n > 0)
			return n;
		why = SSL_get_error(s->ssl, (int)n);
		ERR_clear_error();
		return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	do {
		n = send(s->fd, octets.p, octets.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return n;
}

static void end_sending(struct stream *s)
{
	if (s->ssl)
		(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
	(void)shutdown(s->fd, SHUT_WR);
	if (s->no_more)
		stream_close(s);
}

void stream_flush(struct stream *s)
{
	size_t gone = 0;

	while (gone < s->out.n) {
		ssize_t n = send_some(s, span_from(buf_span(&s->out), gone));

		if (n == 0)
			break;
		if (n < 0) {
			/* nobody reads; the reading side will say so, or has */
			gone = s->out.n;
			s->no_more = s->phase == STREAM_ENDING || s->no_more;
			break;
		}
		gone += (size_t)n;
	}
	if (gone == s->out.n)
		buf_fini(&s->out);
	else
		buf_drop_front(&s->out, gone);
}

void stream_write(struct stream *s, struct span octets)
{
	size_t gone = 0;

	if (s->phase >= STREAM_ENDING)
		return;
	if (s->phase == STREAM_OPEN && !s->out.n) {
		ssize_t n = send_some(s, octets);

		gone = n < 0 ? octets.n : (size_t)n;
	}
	if (gone < octets.n)
		buf_add_span(&s->out, span_from(octets, gone));
	stream_poll_again(s);
}

size_t stream_unsent(const struct stream *s)
{
	return s->out.n;
}

void stream_end(struct stream *s)
{
	if (s->phase >= STREAM_ENDING)
		return;
	if (s->phase != STREAM_OPEN || s->no_more) {
		stream_flush(s);
		stream_close(s);
		return;
	}
	s->phase = STREAM_ENDING;
	buf_fini(&s->in);
	s->deadline_ms = loop_now_ms(s->loop) + STREAM_END_MS;
	stream_flush(s);
	if (!s->out.n)
		end_sending(s);
	stream_poll_again(s);
}

/* ── octets in ───────────────────────────────────────────────────────────────────────────────── */

static bool may_offer(const struct stream *s)
{
	return s->phase == STREAM_OPEN && !s->paused && s->out.n <= STREAM_OUT_MAX;
}

/* Offers as long as something is taken. What came by TLS's beginning is no longer of interest. */
static size_t offer(struct stream *s, struct span octets)
{
	size_t taken = 0;

	s->offering = true;
	while (taken < octets.n && may_offer(s)) {
		size_t n = s->ops->input(s, span_from(octets, taken));

		if (!n)
			break;
		taken += n;
	}
	s->offering = false;
	return s->phase == STREAM_OPEN ? taken : octets.n;
}

static void offer_kept(struct stream *s)
{
	size_t taken;

	if (s->offering || !s->in.n || !may_offer(s))
		return;

	/* the callback may throw s->in away: it gets it as its own for so long */
	struct buf kept = s->in;

	s->in = (struct buf){ 0 };
	taken = offer(s, buf_span(&kept));
	if (taken < kept.n) {
		buf_drop_front(&kept, taken);
		s->in = kept;
	} else {
		buf_fini(&kept);
	}
}

static void take_in(struct stream *s, struct span octets)
{
	if (s->phase != STREAM_OPEN)
		return;
	if (s->in.n) {
		buf_add_span(&s->in, octets);
		offer_kept(s);
	} else {
		size_t taken = offer(s, octets);

		if (taken < octets.n)
			buf_add_span(&s->in, span_from(octets, taken));
	}
}

/* Octets read into the area; 0: none now, or the end was told. */
static size_t receive(struct stream *s, size_t most)
{
	ssize_t n;

	if (s->ssl) {
		int why;

		ERR_clear_error();
		s->tls_wants_write = false;
		n = SSL_read(s->ssl, s->loop->read_area, (int)most);
		if (n > 0)
			return (size_t)n;
		why = SSL_get_error(s->ssl, (int)n);
		if (why == SSL_ERROR_WANT_WRITE)
			s->tls_wants_write = true;
		else if (why == SSL_ERROR_ZERO_RETURN)
			tell_closed(s);
		else if (why == SSL_ERROR_SYSCALL)
			tell_errno(s, errno ? errno : ECONNRESET);
		else if (why != SSL_ERROR_WANT_READ)
			tell_tls(s);
		return 0;
	}
	do {
		n = recv(s->fd, s->loop->read_area, most, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		tell_closed(s);
	else if (n < 0 && errno != EAGAIN)
		tell_errno(s, errno);
	return n > 0 ? (size_t)n : 0;
}

static void read_some(struct stream *s)
{
	for (int i = 0; i < READS_AT_ONCE; i++) {
		size_t room = s->in.n < STREAM_IN_MAX ? STREAM_IN_MAX - s->in.n : 0, n;

		if (s->no_more || (s->phase != STREAM_OPEN && s->phase != STREAM_ENDING))
			return;
		if (!room)
			return;
		room = room < LOOP_READ_AREA ? room : LOOP_READ_AREA;
		n = receive(s, room);
		if (!n)
			return;
		take_in(s, (struct span){ s->loop->read_area, n });
		if (!s->ssl && n < room)
			return; /* the kernel has no more */
	}
}

void stream_pause(struct stream *s)
{
	s->paused = true;
}

void stream_resume(struct stream *s)
{
	s->paused = false;
	if (s->offering)
		return;
	offer_kept(s);
	if (s->no_more && !s->paused)
		tell_end(s, "closed", "closed");
	/* what OpenSSL holds is not seen by poll */
	if (s->phase == STREAM_OPEN && s->ssl && SSL_has_pending(s->ssl))
		read_some(s);
	stream_poll_again(s);
}

/* ── beginnings ──────────────────────────────────────────────────────────────────────────────── */

static void open_now(struct stream *s)
{
	s->phase = STREAM_OPEN;
	s->deadline_ms = 0;
	stream_flush(s);
	s->ops->ready(s);
}

static void finish_connect(struct stream *s)
{
	socklen_t size = sizeof(int);
	int e = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
		e = errno;
	if (e)
		tell_errno(s, e);
	else
		open_now(s);
}

static void shake(struct stream *s)
{
	int done, why;

	/* the line in clear that agreed to TLS goes first */
	if (s->out.n && !SSL_in_before(s->ssl))
		return;
	ERR_clear_error();
	s->tls_wants_write = false;
	done = SSL_do_handshake(s->ssl);
	if (done == 1) {
		open_now(s);
		return;
	}
	why = SSL_get_error(s->ssl, done);
	if (why == SSL_ERROR_WANT_WRITE)
		s->tls_wants_write = true;
	else if (why == SSL_ERROR_SYSCALL)
		tell_errno(s, errno ? errno : ECONNRESET);
	else if (why != SSL_ERROR_WANT_READ)
		tell_tls(s);
}

void stream_on_poll(uv_poll_t *poll, int status, int events)
{
	struct stream *s = poll->data;

	if (status < 0) {
		/* libuv has stopped polling: an error of the socket, which reading will tell */
		s->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (s->phase == STREAM_CONNECTING) {
		finish_connect(s);
	} else if (s->phase == STREAM_SHAKING) {
		shake(s);
		if (s->phase == STREAM_OPEN)
			read_some(s); /* may have come with the last of the handshake */
	} else if (s->phase != STREAM_CLOSED) {
		size_t before = s->out.n;

		if (before && events & UV_WRITABLE)
			stream_flush(s);
		if (s->phase == STREAM_ENDING && before && !s->out.n)
			end_sending(s);
		if (s->phase == STREAM_OPEN && before && !s->out.n && s->ops->drained)
			s->ops->drained(s);
		if (s->phase == STREAM_OPEN && before)
			offer_kept(s);
		if (s->phase < STREAM_CLOSED && (events & UV_READABLE || s->tls_wants_write))
			read_some(s);
	}
	stream_poll_again(s);
}

void stream_deadline(struct stream *s, int64_t ms)
{
	s->deadline_ms = ms ? loop_now_ms(s->loop) + ms : 0;
}
