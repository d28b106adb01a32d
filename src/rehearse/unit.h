/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * unit -- what a systemd service unit (systemd.service(5), systemd.exec(5)) says of how its program is
 * started, as far as a program needs it that runs without systemd. What only confines it (Protect...,
 * Limit..., SystemCallFilter...) is left out: the copy is sealed.
 */

#include "base/text.h"

#include <stdbool.h>

enum unit_type {
	UNIT_SIMPLE,  /* and exec, idle, dbus: runs in the foreground */
	UNIT_NOTIFY,  /* the same, and tells when it is ready (sd_notify(3)) */
	UNIT_FORKING, /* goes into the background by itself */
	UNIT_ONESHOT, /* comes to its end */
};

struct unit {
	enum unit_type type;
	struct strings before; /* ExecStartPre lines, as they stand */
	struct strings start;  /* ExecStart lines */
	struct strings environment, environment_files;
	struct strings runtime_directories; /* below /run */
	struct strings state_directories;   /* below /var/lib */
	struct strings after;               /* units that it wants to be started before it */
	char *user, *group, *directory;     /* owned; NULL: not said */
};
#define AUTO_UNIT __attribute__((cleanup(unit_fini)))
void unit_fini(struct unit *u);

/* Takes in one file's text: the unit itself, then each of its drop-ins. Pure; what it doesn't know it
 * passes over. */
void unit_read(struct unit *u, struct span text);

/* A oneshot that does nothing: its instances do (postfix.service and postfix@-.service). */
bool unit_is_empty(const struct unit *u);

/*
 * Appends a shell script (for sh -e) that starts it; what it says goes to /var/log/rehearse-NAME.log. A
 * program that stays in the foreground is put into the background, its number in
 * /run/rehearse-NAME.pid.
 *
 *   name      "dovecot", "postfix@-": for %n, %p, %i
 *   notify    path of the socket in NOTIFY_SOCKET, or NULL
 */
void unit_add_script(struct buf *out, const struct unit *u, const char *name, const char *notify);
