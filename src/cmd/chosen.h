/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* chosen -- the accounts that a verb works on: those named behind it, or all that move. */

#include "cmd/cmd.h"
#include "survey/accounts.h"

/* Reads the accounts of the move, and keeps the `n` named ones (0: all). Each must be prepared on
 * the new side. Errors: a name that is no account; survey or prepare has not been run. */
int chosen_accounts(struct cmd_run *run, char *const names[], int n, struct account_pairs *out,
                    struct error *err) MUST_CHECK;
