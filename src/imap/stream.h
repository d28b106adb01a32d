/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stream -- octets to and from a server, with TLS or without. Non-blocking; errors name the host. */

#include "imap/session.h"

struct imap_stream;
int imap_stream_open(struct imap_stream **out, const struct imap_server *server, struct error *err)
	MUST_CHECK;
void imap_stream_close(struct imap_stream *s);
/* Begins TLS, and holds the certificate against what the server's row says. */
int imap_stream_secure(struct imap_stream *s, struct error *err) MUST_CHECK;
/* Octets that came; 0: none yet; -1: an error, the end too. */
ssize_t imap_stream_read(struct imap_stream *s, char *into, size_t room, struct error *err)
	MUST_CHECK;
/* Waits until all is sent. */
int imap_stream_write(struct imap_stream *s, struct span octets, struct error *err) MUST_CHECK;
/* Waits for octets: 1, or 0 after timeout_ms. */
int imap_stream_wait(struct imap_stream *s, int timeout_ms);
/* Octets are there that poll(2) knows nothing of. */
bool imap_stream_pending(const struct imap_stream *s);
int imap_stream_fd(const struct imap_stream *s);
