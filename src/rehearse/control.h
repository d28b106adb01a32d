/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * control -- how a command speaks to the keeper of a set of sealed hosts.
 *
 * An abstract socket, "@mailhaul/sealed/NAME": it has no file that could stay behind, and its name
 * is free again the moment the keeper is dead. It is of one network namespace, so a sealed host
 * can't speak to its own keeper. Both sides insist that the other is root.
 *
 * One request, one answer, a packet each (SOCK_SEQPACKET):
 *
 *	request  "WORD" or "WORD HOST" or "WORD HOST ARGUMENT"
 *	answer   "+TEXT" when all is well; `enter` adds a pidfd of the host's PID 1 (SCM_RIGHTS)
 *	         "-R\nWORDS\nHINT" when not, R the digit of enum error_retry
 */

#include "base/error.h"
#include "base/text.h"

#define CONTROL_REQUEST_MAX 256u
#define CONTROL_ANSWER_MAX 131072u

/* The keeper's side. Fails with ERROR_RETRY_PERSON when the name is taken. Returns a listening
 * socket that the caller owns. */
int control_listen(const char *set, struct error *err) MUST_CHECK;

/* Takes the next request, from root only. Returns the connection, owned by the caller, or -1 when
 * there is none to be had (nothing to report: it is the other side's affair). */
int control_accept(int listener, char request[CONTROL_REQUEST_MAX]);

/* Answers; `failed` NULL when all is well; fd -1 or borrowed. A peer that has gone is no error. */
void control_answer(int connection, const struct error *failed, struct span text, int fd);

/*
 * The command's side: asks, waits, takes the answer.
 *
 *   text      out: what came with it; NULL when not wanted
 *   fd        out: owned by the caller, -1 when none came; NULL when not wanted
 *   keeper    out: a pidfd of the keeper, owned by the caller; NULL when not wanted
 *   errors    the keeper's own; ERROR_RETRY_REACH when no such set is up
 */
int control_ask(const char *set, const char *request, struct buf *text, int *fd, int *keeper,
                struct error *err) MUST_CHECK;

/* Names of the sets that are up, in this network namespace. */
int control_list(struct strings *sets, struct error *err) MUST_CHECK;
