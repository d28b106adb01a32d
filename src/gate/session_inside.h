/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* session_inside -- what session.c (octets, time, the end), session_open.c (the beginning) and
 * session_talk.c (questions) know of each other. */

#include "gate/session.h"

extern const struct stream_ops session_ops;

void session_greet(struct session *s);
void session_handle(struct session *s, const struct smtp_event *event);
void session_set_deadline(struct session *s);
void session_start_tls(struct session *s);
/* Logs it, takes it out of everything, and frees it. */
void session_forget(struct session *s);
