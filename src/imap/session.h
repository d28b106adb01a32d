/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * session -- one connection to an IMAP server, logged in. Commands may be sent ahead; answers come
 * as responses (imap/response.h), in the order in which the server gives them.
 *
 * A session that failed is of no more use: each call fails with ERROR_RETRY_REACH (it broke, or the
 * server said BYE) or with what was wrong with what came. The password is in no error and no log.
 */

#include "base/cleanup.h"
#include "imap/response.h"
#include "remote/pace.h"

enum imap_tls {
	IMAP_TLS_STARTTLS, /* or nothing is said at all */
	IMAP_TLS_IMPLICIT,
	IMAP_TLS_NONE, /* the password travels as it is */
};

/* All borrowed as long as a session lives. */
struct imap_server {
	const char *host;
	uint16_t port;
	enum imap_tls tls;
	const char *ca_file; /* PEM; NULL: the system's */
	/* SHA-256 of the one certificate that is right, 64 hexadecimal digits; NULL: one that is
	 * valid for `host`. With it, TLS 1.0 and weak keys are allowed too */
	const char *pin;
	int silence_ms;    /* how long an answer may take to go on; 0: five minutes */
	struct pace *pace; /* may be NULL; all that is read is counted there, and waits */
	uint64_t *octets;  /* may be NULL; all that is read is added */
};

struct imap_login {
	const char *user;     /* who logs in: a person, or a master user */
	const char *password; /* of `user` */
	const char *authzid;  /* whose mailbox it is to be (RFC 4616), or NULL: that of `user` */
};

struct imap_session;
/*
 * Connects, begins TLS, logs in.
 *
 *   errors  ERROR_RETRY_REACH: no connection; ERROR_RETRY_PERSON: its certificate, the password;
 *           ERROR_RETRY_LATER: the server says so
 */
int imap_session_open(struct imap_session **out, const struct imap_server *server,
                      const struct imap_login *login, struct error *err) MUST_CHECK;
/* Says LOGOUT and waits for nothing. */
void imap_session_close(struct imap_session *s);
CLEANUP_DEFINE(struct imap_session, imap_session_close);
#define AUTO_IMAP_SESSION __attribute__((cleanup(imap_session_close_at)))

/* Whether it is among the server's capabilities. */
bool imap_session_has(const struct imap_session *s, const char *capability);

/* Sends a command with a tag of its own, "A" and *number, without waiting. */
int imap_session_send(struct imap_session *s, unsigned *number, struct error *err,
                      const char *format, ...) PRINTF_LIKE(4, 5) MUST_CHECK;
/* The number of a tagged response's command, or 0. */
unsigned imap_response_number(const struct imap_response *p);

/* The next response, valid until the next call; waits for it. */
int imap_session_next(struct imap_session *s, const struct imap_response **out, struct error *err)
	MUST_CHECK;
/* The same without waiting: 1 there is one, 0 there is none yet, -1. */
int imap_session_try(struct imap_session *s, const struct imap_response **out, struct error *err)
	MUST_CHECK;
/* Waits until one of them may have a response, or is to be asked why not: its index in *which. */
int imap_session_wait(struct imap_session *const *sessions, size_t n, size_t *which,
                      struct error *err) MUST_CHECK;
/* The message of the response that was given last; it may be read until the next call. */
const struct imap_body *imap_session_body(const struct imap_session *s);

/* Sends a command, gives each response before its end to `take` (may be NULL), and returns when it
 * has ended: *end (valid until the next call) says how. */
typedef int imap_take_fn(void *context, const struct imap_response *p, struct error *err);
int imap_session_run(struct imap_session *s, imap_take_fn *take, void *context,
                     const struct imap_response **end, struct error *err, const char *format, ...)
	PRINTF_LIKE(6, 7) MUST_CHECK;

/* Sets *err to what a command ended with other than OK; -1. LATER when the server says that it is
 * only for now ([LIMIT], [THROTTLED], [UNAVAILABLE], [INUSE], [OVERQUOTA]). */
int imap_session_refused(const struct imap_session *s, const struct imap_response *end,
                         const char *what, struct error *err);
/* Is it one of those? */
bool imap_response_is_for_now(const struct imap_response *end);

/* Appends a name or another text as a quoted string; false: it can't be one (CR, LF, NUL). */
bool imap_quote(struct span text, struct buf *out);
