/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* open -- opens what a verb needs, and closes it again. */

#include "cmd/cmd.h"
#include "remote/host.h"

/*
 * Opens configuration, state and hosts as `needs` says.
 *
 * With both hosts, the pair is checked: the two must be different machines, and those that the
 * state was made with (ERROR_RETRY_PERSON otherwise).
 */
int cmd_open(struct cmd_run *run, unsigned needs, struct error *err) MUST_CHECK;
void cmd_close(struct cmd_run *run);

/* Opens the old host beside what the verb's row needs, to read alone. The caller closes it. */
int cmd_open_old(struct cmd_run *run, struct host **out, struct error *err) MUST_CHECK;

/* The words of move.yaml for a place that stands on the command line: these, or what is short for them.
 *
 *	local, ssh:..., folder:...   as they are
 *	/, which is all of this machine   local
 *	/PATH, ./PATH, what else has a '/'   folder:/PATH
 *	[USER@]HOST   ssh:USER@HOST; root, where no user is named
 *
 * Owned by the caller. Whether they are good, who opens them says. */
char *cmd_place_words(const char *given) MUST_CHECK;

/* Opens a host that stands on the command line, by cmd_place_words(). The caller closes it. */
int cmd_open_place(struct host **out, const char *given, const char *name, bool control,
                   struct error *err) MUST_CHECK;
