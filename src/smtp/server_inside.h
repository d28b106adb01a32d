/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* server_inside -- between the files of the server's side. */

#include "smtp/server.h"

/* Answers a command by ourselves: true is never an event. */
void server_say(struct buf *out, unsigned code, const char *enhanced, const char *text);
/* The same, and counts it. */
void server_complain(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                     const char *text);
/* Nothing more is read. */
void server_end(struct smtp_server *s, enum smtp_end why);
/* A question to the caller; true. */
bool server_ask(struct smtp_server *s, struct smtp_event *event, enum smtp_event_kind kind);
/* No transaction is open any more. */
void server_end_transaction(struct smtp_server *s);

/* Does what a line wants, which has no control octets in it. True: *event was made. */
bool server_command(struct smtp_server *s, struct span line, struct buf *out,
                    struct smtp_event *event);

/* Octets of a message, in the phases DATA and CHUNK. */
enum server_progress { SERVER_STARVED, SERVER_EVENT, SERVER_GO_ON };
enum server_progress server_data(struct smtp_server *s, struct span *input, struct buf *out,
                                 struct smtp_event *event);
enum server_progress server_chunk(struct smtp_server *s, struct span *input, struct buf *out,
                                  struct smtp_event *event);

/* The parameters behind the path of MAIL and RCPT. False: was answered. */
bool server_mail_parameters(struct smtp_server *s, struct span rest, struct buf *out,
                            struct smtp_event *event);
bool server_rcpt_parameters(struct smtp_server *s, struct span rest, struct buf *out,
                            struct smtp_event *event);
