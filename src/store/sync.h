/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sync -- what has to be on disk before anyone is told: a few files and directories one by one, of
 * many the whole file systems they are on, which costs one flush instead of thousands.
 */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SYNC_ONE_BY_ONE 8u
#define SYNC_DEVICES_MAX 8u

struct sync_list {
	int fds[SYNC_ONE_BY_ONE]; /* owned */
	size_t n;
	struct sync_device {
		dev_t dev;
		int fd; /* owned; anything that is on it */
	} devices[SYNC_DEVICES_MAX];
	size_t devices_n;
	bool many;     /* there were more than fit above: the devices are synced */
	bool anywhere; /* on more devices than fit: everything is synced */
};

/* `fd`, an open file or directory, has changed; it is borrowed. */
void sync_add(struct sync_list *l, int fd);

/* Something on the device of `fd` has changed: for callers that don't add each of many files. */
void sync_add_device(struct sync_list *l, int fd);

/* What is in `from` is in `to` from now on. */
void sync_move(struct sync_list *to, struct sync_list *from);

/*
 * Lets the disk begin with what is on the file system of `fd`, while the caller goes on: a child
 * process waits for it. Nothing is promised by it, sync_all() is still needed, and finds less to
 * wait for.
 *
 *   *child  0 at first; the child that is at work, if one is. While it is, a call does nothing
 */
void sync_ahead(pid_t *child, int fd);
/* Waits for its end, and sets it to 0. */
void sync_ahead_end(pid_t *child);

/* Makes durable what was added, and empties the list, also when that fails. */
int sync_all(struct sync_list *l, struct error *err) MUST_CHECK;

/* Empties the list. */
void sync_fini(struct sync_list *l);
