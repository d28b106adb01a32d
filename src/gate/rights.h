/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rights -- what the gate gives up before its first client: root, core dumps, files that are none of
 * its business (Landlock), and system calls that it does not need, exec among them (seccomp).
 *
 * In this order, each before any thread but the first is made, seccomp last:
 *	gate_no_dumps, gate_drop_root, gate_confine_files, (the spool is opened), gate_confine_calls
 */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What root becomes. */
struct gate_account {
	uid_t uid;
	gid_t gid;
};

/*
 * "mail", "112", or NULL: then the owner of `spool` when that is not root, else nobody (65534). Names
 * are looked up in /etc/passwd alone.
 *
 *   errors  ERROR_RETRY_PERSON: no such account, or root
 */
int gate_account_find(const char *user, const char *spool, struct gate_account *out,
                      struct error *err) MUST_CHECK;

/* Makes the folder (0700) when it is not there, and gives it to the account. Only as root does it
 * anything. */
int gate_make_folder(const char *path, const struct gate_account *to, struct error *err) MUST_CHECK;

/* No core file, no ptrace by others of the same account, no new rights by set-uid programs. */
void gate_no_dumps(void);

/* Becomes the account, for good, when it is root. What is open stays open. */
int gate_drop_root(const struct gate_account *to, struct error *err) MUST_CHECK;

/*
 * From here on only these can be opened: `writable` folders with all below them, `readable` files and
 * folders. NULL rows are stepped over.
 *
 *   returns  true; false when this kernel has no Landlock (before 5.13, or not enabled)
 */
bool gate_confine_files(const char *const *writable, size_t writable_n, const char *const *readable,
                        size_t readable_n);

/*
 * From here on only the system calls that a gate makes; exec, fork and ptrace end the process, all
 * others fail with ENOSYS. For all threads.
 *
 *   returns  true; false when this kernel or this processor has no such filter
 */
bool gate_confine_calls(void);
