/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/link.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void link_fini(struct link *l)
{
	SSL_free(l->ssl);
	SSL_CTX_free(l->context);
	if (l->fd > 0)
		close(l->fd);
	buf_fini(&l->in);
	buf_fini(&l->out);
	*l = (struct link){ 0 };
}

static int wait_for(const struct link *l, short events, struct error *err)
{
	struct pollfd p = { .fd = l->fd, .events = events };
	int64_t left = l->end_ms - clock_monotonic_ms();

	if (left > 0 && poll(&p, 1, (int)left) == 1)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, ETIMEDOUT,
	                 "the server says nothing");
}

/* ── connecting ──────────────────────────────────────────────────────────────────────────────── */

static socklen_t address_of(const char *text, unsigned port, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof *four;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof *six;
}

static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
	               &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr));
}

int link_open(struct link *l, const char *address, unsigned port, int limit_ms, struct error *err)
{
	struct sockaddr_storage there, here;
	socklen_t n = address_of(address, port, &there), here_n = sizeof here, why_n = sizeof(int);
	int why = 0;

	l->end_ms = clock_monotonic_ms() + limit_ms;
	if (!n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "no address");
	l->fd = socket(there.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return error_system(err, "socket");
	if (l->from &&
	    (address_of(l->from, 0, &here) != n || bind(l->fd, (struct sockaddr *)&here, n) < 0))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, errno, "come from %s",
		                 l->from);
	if (connect(l->fd, (struct sockaddr *)&there, n) < 0) {
		if (errno != EINPROGRESS)
			why = errno;
		else if (wait_for(l, POLLOUT, err) < 0)
			return error_context(err, "connect");
		else if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &why_n) < 0)
			why = errno;
	}
	if (why)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, why, "connect");
	l->from_itself = getsockname(l->fd, (struct sockaddr *)&here, &here_n) == 0 &&
	                 is_same_address(&here, &there);
	return 0;
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static int tls_lost(struct link *l, int result, const char *what, struct error *err)
{
	int why = SSL_get_error(l->ssl, result);
	unsigned long code = ERR_get_error();
	char words[160] = "the connection was closed";

	if (why == SSL_ERROR_WANT_READ)
		return wait_for(l, POLLIN, err);
	if (why == SSL_ERROR_WANT_WRITE)
		return wait_for(l, POLLOUT, err);
	/* also a TCP end without TLS's own */
	l->ended = why == SSL_ERROR_ZERO_RETURN ||
	           (why == SSL_ERROR_SSL &&
	            ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
	if (code)
		ERR_error_string_n(code, words, sizeof words);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "%s: %s", what, words);
}

/* 0 when some went, or can go now. */
static int write_some(struct link *l, struct error *err)
{
	int n;

	ERR_clear_error();
	n = l->ssl ? SSL_write(l->ssl, l->out.p, (int)l->out.n)
	           : (int)send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL);
	if (n > 0) {
		buf_drop_front(&l->out, (size_t)n);
		return 0;
	}
	if (l->ssl)
		return tls_lost(l, n, "TLS", err);
	if (errno == EAGAIN)
		return wait_for(l, POLLOUT, err);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, errno, "the session broke off");
}

int link_write(struct link *l, struct error *err)
{
	while (l->out.n)
		if (write_some(l, err) < 0)
			return -1;
	return 0;
}

int link_read(struct link *l, struct error *err)
{
	char chunk[4096];
	int n;

	/* one that always has something to say never lets a wait run out */
	if (clock_monotonic_ms() > l->end_ms)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, ETIMEDOUT,
		                 "the server does not come to an end");
	ERR_clear_error();
	n = l->ssl ? SSL_read(l->ssl, chunk, sizeof chunk)
	           : (int)recv(l->fd, chunk, sizeof chunk, 0);
	if (n > 0) {
		buf_add(&l->in, chunk, (size_t)n);
		return 0;
	}
	if (l->ssl)
		return tls_lost(l, n, "TLS", err);
	if (n < 0 && errno == EAGAIN)
		return wait_for(l, POLLIN, err);
	l->ended = n == 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, n < 0 ? errno : 0,
	                 "the server ended the session");
}

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────── */

int link_secure(struct link *l, const char *ca_file, const char *name, struct error *err)
{
	int result;

	l->context = SSL_CTX_new(TLS_client_method());
	if (!l->context || !(ca_file ? SSL_CTX_load_verify_file(l->context, ca_file)
	                             : SSL_CTX_set_default_verify_paths(l->context)))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "the certificates of authorities can't be read");
	l->ssl = SSL_new(l->context);
	if (!l->ssl || !SSL_set_fd(l->ssl, l->fd))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "TLS can't begin");
	if (name && !SSL_ctrl(l->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	                      (void *)(uintptr_t)name))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" can't be asked for", name);
	/* looked at afterwards, to tell all that is wrong with it */
	SSL_set_verify(l->ssl, SSL_VERIFY_NONE, NULL);
	for (;;) {
		ERR_clear_error();
		result = SSL_connect(l->ssl);
		if (result == 1)
			break;
		if (tls_lost(l, result, "TLS handshake", err) < 0)
			return -1;
	}
	l->verdict = SSL_get_verify_result(l->ssl);
	return 0;
}

const char *link_misfit(const struct link *l, const char *name)
{
	X509 *certificate = l->ssl ? SSL_get1_peer_certificate(l->ssl) : NULL;
	int fits = certificate ? X509_check_host(certificate, name, 0, 0, NULL) : 0;

	X509_free(certificate);
	if (!certificate)
		return "it shows no certificate";
	if (fits != 1)
		return "its certificate is for another name";
	return l->verdict == X509_V_OK ? NULL : X509_verify_cert_error_string(l->verdict);
}
