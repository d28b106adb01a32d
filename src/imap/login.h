/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* login -- who asks: AUTHENTICATE PLAIN (RFC 4616, 4959), else LOGIN. */

#include "imap/session.h"

/* Errors name the user, never the password. */
int imap_login(struct imap_session *s, const struct imap_login *login, struct error *err)
	MUST_CHECK;

/* A line as it is, with its CRLF; the number of a command that is sent so. */
int imap_session_say(struct imap_session *s, struct span line, struct error *err) MUST_CHECK;
unsigned imap_session_take_number(struct imap_session *s);
