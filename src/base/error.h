/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * error -- what went wrong, how much has to be given up for it, and who can mend it.
 *
 * A function that can fail returns 0 or -1 (or a count, or -1) and takes `struct error *err` last.
 * The caller owns *err, usually on its stack as `struct error err = { 0 };`; it holds no heap.
 * *err is written on failure only, output parameters on success only.
 *
 * Each layer that knows something the one below did not says it by error_context(), so that a
 * message reads like a path: "copy alice/INBOX: message 4711: write: No space left on device".
 */

#include "base/attr.h"

/* The smallest thing that has to be given up; the caller skips exactly that much. */
enum error_scope {
	ERROR_SCOPE_MESSAGE = 1, /* one message: list it, go on with the mailbox */
	ERROR_SCOPE_MAILBOX,     /* one mailbox, alias table or list */
	ERROR_SCOPE_HOST,        /* the connection to one host */
	ERROR_SCOPE_MOVE,        /* stop; journal and ledger stay whole */
};

/* What it takes to get further. The exit code follows from it: error_exit_code(). */
enum error_retry {
	ERROR_RETRY_LATER = 1, /* may pass by itself: a time-out, a 4yz */
	ERROR_RETRY_NEVER,     /* the same input fails the same way */
	ERROR_RETRY_PERSON,    /* a person has to change something first */
	ERROR_RETRY_REACH,     /* a host can't be reached */
};

struct error {
	enum error_scope scope;
	enum error_retry retry;
	int sys_errno;  /* 0 when no system call was to blame */
	char text[768]; /* outermost context first */
	char hint[256]; /* one sentence for the person, or "" */
};

/* Sets *err and returns -1. With sys_errno, ": " and its words are added to the text. */
int error_set(struct error *err, enum error_scope scope, enum error_retry retry, int sys_errno,
              const char *format, ...) PRINTF_LIKE(5, 6);

/* error_set() for a failed system call: scope MOVE; PERSON for a full disk or a missing right,
 * LATER for an interruption or time-out, else NEVER. Takes errno as it stands. */
int error_system(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts "context: " in front of the text; returns -1. */
int error_context(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sets the hint; returns -1. */
int error_hint(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Exit codes of every program here; those of sysexits(3) where it has one. */
enum exit_code {
	EXIT_CODE_GOOD = 0,
	EXIT_CODE_NO = 1,         /* done, and the answer is no */
	EXIT_CODE_USAGE = 64,     /* wrong usage */
	EXIT_CODE_DATA = 65,      /* bad input */
	EXIT_CODE_UNREACHED = 69, /* a host can't be reached */
	EXIT_CODE_LATER = 75,     /* try again */
	EXIT_CODE_PERSON = 78,    /* a person has to act */
};

enum exit_code error_exit_code(const struct error *err);
