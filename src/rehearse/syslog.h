/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * syslog -- /dev/log of a sealed host, for daemons that know no other way to speak.
 *
 * Files and line form are those of Debian's rsyslog: mail to /var/log/mail.log, logins to
 * /var/log/auth.log, everything to /var/log/syslog, time stamps of RFC 3339.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

#define SYSLOG_FILES 3
#define SYSLOG_LINE_MAX 8192u /* octets of one message; the rest is cut off */

struct syslog {
	int socket;
	int files[SYSLOG_FILES]; /* -1: not open; syslog.c has the table */
	const char *hostname;    /* borrowed */
};

/* Opens /dev/log. The files are made with the first message for each. */
int syslog_open(struct syslog *s, const char *hostname, struct error *err) MUST_CHECK;

/* Takes what waits at the socket and writes it down. */
void syslog_serve(struct syslog *s);

/* Files are opened again with the next message (after a log rotation). */
void syslog_reopen(struct syslog *s);

/*
 * Makes a line of a message as syslog(3) sends it: "<22>Nov 22 17:39:00 postfix/smtpd[7]: text".
 * Appends "TIME HOST postfix/smtpd[7]: text\n"; control octets as #ooo. Pure.
 *
 *   now_us    microseconds since 1970 UTC
 *   returns   the facility, 0 to 23; 1 (user) when the message names none. RFC 3164 s4.1.1
 */
unsigned syslog_format(struct span message, int64_t now_us, const char *hostname, struct buf *out);
