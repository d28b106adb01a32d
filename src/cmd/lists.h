/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* lists -- the verbs of `mailhaul lists`. To add one: a function, a row in lists.c, its words in
 * man/mailhaul-lists.1. */

#include "cmd/cmd.h"

/* run->argv[0] is the verb's own name ("dump"); getopt_long(3) starts afresh. As struct cmd's. */
int lists_carry_verb(struct cmd_run *run, struct error *err);
int lists_convert(struct cmd_run *run, struct error *err);
int lists_open_verb(struct cmd_run *run, struct error *err);
int lists_stragglers_verb(struct cmd_run *run, struct error *err);
int lists_waves_verb(struct cmd_run *run, struct error *err);
int lists_redirects_verb(struct cmd_run *run, struct error *err);
/* Verbs of `lists archive`. */
int lists_import_verb(struct cmd_run *run, struct error *err);
int lists_render_verb(struct cmd_run *run, struct error *err);
int lists_rename_verb(struct cmd_run *run, struct error *err);
int lists_dump(struct cmd_run *run, struct error *err);
int lists_archive_verb(struct cmd_run *run, struct error *err);
int lists_aliases(struct cmd_run *run, struct error *err);
int lists_perms(struct cmd_run *run, struct error *err);
int lists_show(struct cmd_run *run, struct error *err);
int lists_export_verb(struct cmd_run *run, struct error *err);
int lists_mbox_verb(struct cmd_run *run, struct error *err);
int lists_queue_verb(struct cmd_run *run, struct error *err);
