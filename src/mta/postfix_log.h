/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* postfix_log -- lines of Postfix's log become events. Pure; fuzzed. */

#include "mta/log_event.h"

/*
 * Reads one line, without its end.
 *
 *   near_ms  the time around which the line was written (now, or the file's mtime): a syslog
 *            stamp has no year
 *   out      valid as long as the line is
 *   returns  1 an event, 0 a line of no interest here (another program, a warning, cut short)
 *   source   logging calls of Postfix 2.3 to 3.9: smtpd(8), cleanup(8), qmgr(8), local(8), bounce(8),
 *            postsuper(1), master(8); both maillog_file's stamp (RFC 3339 or syslog's) and syslog's
 */
int postfix_log_line(struct span line, int64_t near_ms, struct mta_log_event *out);
