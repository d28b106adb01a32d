/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* verbs -- the functions behind the rows of cmd/table.c; each stands in the file of its name. */

#include "cmd/cmd.h"

int cmd_init(struct cmd_run *run, struct error *err);
int cmd_copy(struct cmd_run *run, struct error *err);
int cmd_lists(struct cmd_run *run, struct error *err);
int cmd_survey(struct cmd_run *run, struct error *err);
int cmd_plan(struct cmd_run *run, struct error *err);
int cmd_prepare(struct cmd_run *run, struct error *err);
int cmd_seed(struct cmd_run *run, struct error *err);
int cmd_check(struct cmd_run *run, struct error *err);
int cmd_rehearse(struct cmd_run *run, struct error *err);
int cmd_cutover(struct cmd_run *run, struct error *err);
int cmd_rollback(struct cmd_run *run, struct error *err);
int cmd_watch(struct cmd_run *run, struct error *err);
int cmd_verify(struct cmd_run *run, struct error *err);
int cmd_status(struct cmd_run *run, struct error *err);
int cmd_trace(struct cmd_run *run, struct error *err);
int cmd_gate(struct cmd_run *run, struct error *err);
int cmd_dns(struct cmd_run *run, struct error *err);
int cmd_doctor(struct cmd_run *run, struct error *err);
int cmd_judge(struct cmd_run *run, struct error *err);
int cmd_report(struct cmd_run *run, struct error *err);
/* Internal: sealed copies of hosts, mailhaul-sealed(1). */
int cmd_sealed(struct cmd_run *run, struct error *err);
