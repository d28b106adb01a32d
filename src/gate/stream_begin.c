/* SPDX-License-Identifier: BSD-2-Clause */

/* stream_begin -- sockets become streams, and streams go under TLS. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "gate/stream_inside.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>

static int begin(struct stream *s, struct loop *l, int fd, enum stream_phase phase,
                 const struct stream_ops *ops, void *owner, struct error *err)
{
	int failed;

	*s = (struct stream){ .loop = l, .ops = ops, .owner = owner, .fd = fd, .phase = phase };
	failed = uv_poll_init(&l->uv, &s->poll, fd);
	if (failed) {
		close(fd);
		s->fd = -1;
		s->phase = STREAM_CLOSED;
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, -failed, "poll");
	}
	s->poll.data = s;
	s->next = l->streams;
	if (s->next)
		s->next->previous = s;
	l->streams = s;
	stream_poll_again(s);
	return 0;
}

int stream_open_fd(struct stream *s, struct loop *l, int fd, const struct stream_ops *ops,
                   void *owner, struct error *err)
{
	const int one = 1;

	/* replies are whole when they are written: nothing is gained by waiting for more */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return begin(s, l, fd, STREAM_OPEN, ops, owner, err);
}

int stream_connect(struct stream *s, struct loop *l, const struct sockaddr *to, socklen_t size,
                   const struct stream_ops *ops, void *owner, struct error *err)
{
	const int one = 1;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*s = (struct stream){ .fd = -1, .phase = STREAM_CLOSED };
	if (fd < 0)
		return error_system(err, "socket");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, to, size) < 0 && errno != EINPROGRESS && errno != EINTR) {
		error_system(err, "connect");
		err->retry = ERROR_RETRY_LATER;
		close(fd);
		return -1;
	}
	return begin(s, l, fd, STREAM_CONNECTING, ops, owner, err);
}

int stream_start_tls(struct stream *s, SSL_CTX *context, bool is_server, const char *name,
                     struct error *err)
{
	AUTO_FREE char *own = name ? xstrdup(name) : NULL; /* OpenSSL's macro wants it */
	SSL *ssl;

	if (s->out.n)
		stream_flush(s);
	if (s->out.n) /* a peer that does not read a line of ours while it waits for it */
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		                 "the peer does not read");
	buf_fini(&s->in);
	ssl = SSL_new(context);
	if (!ssl || SSL_set_fd(ssl, s->fd) != 1 ||
	    (name && (SSL_set_tlsext_host_name(ssl, own) != 1 || SSL_set1_host(ssl, name) != 1))) {
		SSL_free(ssl);
		ERR_clear_error();
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "TLS can't begin");
	}
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	if (is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	s->ssl = ssl;
	s->phase = STREAM_SHAKING;
	/* a client speaks first, and poll tells soon that it may */
	s->tls_wants_write = !is_server;
	stream_poll_again(s);
	return 0;
}

const char *stream_tls_version(const struct stream *s)
{
	return s->ssl ? SSL_get_version(s->ssl) : "";
}

const char *stream_tls_cipher(const struct stream *s)
{
	return s->ssl ? SSL_get_cipher_name(s->ssl) : "";
}
