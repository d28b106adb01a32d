/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * spool_verbs -- `mailhaul-gate spool VERB --spool DIR ...`: what a person does with a spool. To
 * add a verb, add a row to spool_verbs.c, its function to a spool_*.c, and a paragraph to the man
 * page.
 */

#include "base/error.h"
#include "base/text.h"
#include "spool/spool.h"

#include <stdio.h>

/* The whole command line; returns the exit code. */
int spool_main(int argc, char **argv);

/* ── inside ──────────────────────────────────────────────────────────────────────────────────── */

struct spool_call {
	const char *dir;            /* all texts are borrowed from the command line */
	const char *maildir, *mbox; /* export, import: one of them */
	const char *to;             /* import */
	const char *why;            /* hold, drop */
	bool json, all, message;
	char **ids;
	int ids_n;
	struct spool *spool; /* opened as the verb's row says */
};

/* 0, EXIT_CODE_NO ... ; -1 with *err. */
typedef int spool_verb(struct spool_call *c, struct error *err);
spool_verb spool_list, spool_show, spool_fsck, spool_hold_verb, spool_release_verb, spool_drop_verb,
	spool_export, spool_import;

/* Calls `see` for each message that was named (all of them when none was). An id that is none, or
 * is not there, is an error. */
int spool_chosen(struct spool_call *c,
                 int (*see)(struct spool_call *c, const struct spool_item *item, void *context,
                            struct error *err),
                 void *context, struct error *err) MUST_CHECK;

/* Appends "text" as JSON has it; octets that are no UTF-8 as \xNN. NULL is null. */
void spool_json_text(struct buf *out, const char *text);
void spool_json_span(struct buf *out, struct span text);

const char *spool_state_word(enum spool_state state);
