/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/stream.h"

#include "base/clock.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS 30000
#define SILENCE_MS 300000

struct imap_stream {
	const struct imap_server *server;
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	short wants; /* what poll(2) is to wait for before the next read */
};

static int lost(const struct imap_stream *s, struct error *err, const char *what, int why)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, why, "%s:%u: %s",
	                 s->server->host, s->server->port, what);
}

static int silence_ms(const struct imap_stream *s)
{
	return s->server->silence_ms ? s->server->silence_ms : SILENCE_MS;
}

/* ── connecting ──────────────────────────────────────────────────────────────────────────────── */

static int finish_connect(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof errno;
	int why = 0;

	if (poll(&p, 1, CONNECT_MS) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
		return -1;
	errno = why;
	return why ? -1 : 0;
}

static int connect_to(const struct addrinfo *a)
{
	AUTO_CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 &&
	    (errno != EINPROGRESS || finish_connect(fd) < 0))
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	return fd_take(&fd);
}

int imap_stream_open(struct imap_stream **out, const struct imap_server *server, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct imap_stream *s;
	struct addrinfo *all;
	char port[8];
	int why;

	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	snprintf(port, sizeof port, "%u", server->port);
	why = getaddrinfo(server->host, port, &hints, &all);
	if (why)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "%s: %s",
		                 server->host, gai_strerror(why));
	s = xcalloc(1, sizeof *s);
	*s = (struct imap_stream){ .server = server, .fd = -1, .wants = POLLIN };
	for (const struct addrinfo *a = all; a && s->fd < 0; a = a->ai_next)
		s->fd = connect_to(a);
	why = errno;
	freeaddrinfo(all);
	if (s->fd < 0) {
		lost(s, err, "connect", why);
		imap_stream_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void imap_stream_close(struct imap_stream *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	SSL_CTX_free(s->context);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────── */

static int tls_failed(const struct imap_stream *s, const char *what, struct error *err)
{
	unsigned long code = ERR_get_error();
	char words[160] = "the connection was closed";

	if (code)
		ERR_error_string_n(code, words, sizeof words);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "%s:%u: %s: %s",
	                 s->server->host, s->server->port, what, words);
}

static void fingerprint_of(const struct imap_stream *s, char out[65])
{
	X509 *certificate = SSL_get1_peer_certificate(s->ssl);
	unsigned char octets[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	AUTO_BUF struct buf hex = { 0 };

	if (certificate && X509_digest(certificate, EVP_sha256(), octets, &n))
		buf_add_hex(&hex, octets, n);
	X509_free(certificate);
	snprintf(out, 65, "%.64s", buf_text(&hex));
}

static int check_certificate(struct imap_stream *s, struct error *err)
{
	long verdict = SSL_get_verify_result(s->ssl);
	char fingerprint[65];

	fingerprint_of(s, fingerprint);
	if (s->server->pin) {
		if (*fingerprint && span_is_nocase(span_of(fingerprint), s->server->pin))
			return 0;
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "%s:%u: its certificate is not the one that --tls-pin names",
		          s->server->host, s->server->port);
		return error_hint(err, "its SHA-256 is %s", fingerprint);
	}
	if (verdict == X509_V_OK)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "%s:%u: its certificate: %s",
	          s->server->host, s->server->port, X509_verify_cert_error_string(verdict));
	return error_hint(err, "if you know it to be the right one all the same: --tls-pin %s",
	                  fingerprint);
}

static int prepare(struct imap_stream *s, struct error *err)
{
	unsigned char address[16];
	const char *host = s->server->host;

	s->context = SSL_CTX_new(TLS_client_method());
	if (!s->context)
		return tls_failed(s, "TLS", err);
	if (s->server->ca_file ? !SSL_CTX_load_verify_file(s->context, s->server->ca_file)
	                       : !SSL_CTX_set_default_verify_paths(s->context)) {
		tls_failed(s, "read the certificates of authorities", err);
		err->retry = ERROR_RETRY_PERSON;
		return -1;
	}
	/* an old server may know nothing better, and whose it is, the pin says */
	if (s->server->pin) {
		SSL_CTX_set_security_level(s->context, 0);
		SSL_CTX_set_min_proto_version(s->context, TLS1_VERSION);
	}
	s->ssl = SSL_new(s->context);
	if (!s->ssl || !SSL_set_fd(s->ssl, s->fd))
		return tls_failed(s, "TLS", err);
	/* looked at after the handshake, so that words can be given for it */
	SSL_set_verify(s->ssl, SSL_VERIFY_NONE, NULL);
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), host);
	else if (!SSL_set1_host(s->ssl, host) ||
	         !SSL_set_tlsext_host_name(s->ssl, (char *)(uintptr_t)host))
		return tls_failed(s, "TLS", err);
	return 0;
}

static short wanted_of(const struct imap_stream *s, int result)
{
	return SSL_get_error(s->ssl, result) == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
}

static bool is_only_waiting(const struct imap_stream *s, int result)
{
	int why = SSL_get_error(s->ssl, result);

	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

int imap_stream_secure(struct imap_stream *s, struct error *err)
{
	int64_t end_ms = clock_monotonic_ms() + CONNECT_MS;

	ERR_clear_error();
	if (prepare(s, err) < 0)
		return -1;
	for (;;) {
		int result = SSL_connect(s->ssl);
		struct pollfd p = { .fd = s->fd };

		if (result == 1)
			return check_certificate(s, err);
		if (!is_only_waiting(s, result))
			return tls_failed(s, "TLS", err);
		p.events = wanted_of(s, result);
		if (clock_monotonic_ms() >= end_ms || poll(&p, 1, CONNECT_MS) < 1)
			return lost(s, err, "TLS", ETIMEDOUT);
	}
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static ssize_t read_secure(struct imap_stream *s, char *into, size_t room, struct error *err)
{
	size_t n = 0;
	int result;

	ERR_clear_error();
	result = SSL_read_ex(s->ssl, into, room, &n);
	if (result == 1)
		return (ssize_t)n;
	if (!is_only_waiting(s, result))
		return tls_failed(s, "the connection broke", err);
	s->wants = wanted_of(s, result);
	return 0;
}

ssize_t imap_stream_read(struct imap_stream *s, char *into, size_t room, struct error *err)
{
	ssize_t n;

	s->wants = POLLIN;
	if (s->ssl)
		return read_secure(s, into, room, err);
	n = recv(s->fd, into, room, 0);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return lost(s, err, n ? "read" : "the server closed the connection", n ? errno : 0);
}

int imap_stream_write(struct imap_stream *s, struct span octets, struct error *err)
{
	while (octets.n) {
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };
		size_t sent = 0;

		if (s->ssl) {
			int result;

			ERR_clear_error();
			result = SSL_write_ex(s->ssl, octets.p, octets.n, &sent);
			if (result != 1 && !is_only_waiting(s, result))
				return tls_failed(s, "write", err);
			if (result != 1)
				p.events = wanted_of(s, result);
		} else {
			ssize_t n = send(s->fd, octets.p, octets.n, MSG_NOSIGNAL);

			if (n < 0 && errno != EAGAIN && errno != EINTR)
				return lost(s, err, "write", errno);
			sent = n < 0 ? 0 : (size_t)n;
		}
		octets = span_from(octets, sent);
		if (!sent && poll(&p, 1, silence_ms(s)) < 1)
			return lost(s, err, "write", ETIMEDOUT);
	}
	return 0;
}

int imap_stream_wait(struct imap_stream *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->fd, .events = s->wants };

	return imap_stream_pending(s) || poll(&p, 1, timeout_ms) > 0;
}

bool imap_stream_pending(const struct imap_stream *s)
{
	return s->ssl && SSL_pending(s->ssl) > 0;
}

int imap_stream_fd(const struct imap_stream *s)
{
	return s->fd;
}
