/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * control -- a Unix socket by which the person who started the gate, or root, asks and tells it. The
 * file has mode 0600, and the kernel is asked who is at the other end (SO_PEERCRED).
 *
 * One request a connection: a line of words, then an answer whose first line is "ok" or "error WORDS",
 * then the end. The verbs are the rows of gate/control.c. `hand-over` answers with the listening
 * sockets (SCM_RIGHTS). `reload-with` is followed by the files' contents, each behind a line with its
 * length: root reads the keys, and the gate need not be able to.
 */

#include "base/error.h"
#include "base/text.h"

struct control;
struct gate;

#define CONTROL_LINE_MAX 4096u

/*
 * Makes the socket. Call it as the one who starts the gate, before root is dropped.
 *
 *   replace  another gate's socket at this path is taken over; else that is an error
 *   errors   ERROR_RETRY_LATER: another gate answers there
 */
int control_open(struct control **out, const char *path, bool replace, struct error *err)
	MUST_CHECK;

/* Answers from now on; the gate is borrowed. */
int control_serve(struct control *c, struct gate *g, struct error *err) MUST_CHECK;

/* After the loop is closed. NULL is allowed. */
void control_close(struct control *c);

/* Appends what `status` says: one JSON object. */
void control_status(const struct gate *g, struct buf *out);

/* `mailhaul-gate control PATH VERB [WORD ...]`: prints the answer; an exit code. */
int control_main(int argc, char **argv);
