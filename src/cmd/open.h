/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* open -- opens what a verb needs, and closes it again. */

#include "cmd/cmd.h"

/*
 * Opens configuration, state and hosts as `needs` says.
 *
 * With both hosts, the pair is checked: the two must be different machines, and those that the
 * state was made with (ERROR_RETRY_PERSON otherwise).
 */
int cmd_open(struct cmd_run *run, unsigned needs, struct error *err) MUST_CHECK;
void cmd_close(struct cmd_run *run);
