/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * lock -- keeps other programs out of an mbox file while it is read or changed.
 *
 * Postfix's local(8), procmail and Dovecot write under an fcntl(2) lock and a dotlock FILE.lock. A
 * reader takes the fcntl read lock and waits for a dotlock to go, but makes none: nothing is
 * changed on a host that is only looked at. A writer takes both, the dotlock first.
 */

#include "base/error.h"

#include <stdbool.h>

struct lock {
	int dirfd;     /* borrowed */
	char *dotlock; /* owned; name of the dotlock that was made, or NULL */
	int fd;        /* borrowed; has the fcntl lock */
};

/* Waits at most `wait_ms`. Errors: ERROR_RETRY_LATER, names who holds it when that is known. */
int lock_to_read(struct lock *l, int dirfd, const char *name, int fd, int wait_ms,
                 struct error *err) MUST_CHECK;
int lock_to_write(struct lock *l, int dirfd, const char *name, int fd, int wait_ms,
                  struct error *err) MUST_CHECK;
void lock_end(struct lock *l);
