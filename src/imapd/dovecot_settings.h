/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* dovecot_settings -- what doveconf(1) prints becomes settings, databases, namespaces. Pure; fuzzed. */

#include "base/text.h"
#include "imapd/imapd.h"

#define DOVECOT_SETTINGS_MAX 50000u
#define DOVECOT_DEPTH_MAX 16u

/* Reads the output of `doveconf -n` or `-a` into *f: settings, databases, namespaces, protocols,
 * plugins, files, and what a person has to look at. */
void dovecot_settings_parse(struct imapd_facts *f, struct span text);

/*
 * Changes values in text that doveconf printed, all else stays byte for byte.
 *
 *   change   gives the new value (owned by the caller of this function, who frees it), or NULL to
 *            leave it; `path` as in struct imapd_setting
 *   returns  how many values were changed
 */
typedef char *dovecot_change_fn(void *context, const char *path, struct span value);
size_t dovecot_settings_rewrite(struct span text, dovecot_change_fn *change, void *context,
                                struct buf *out);

/* The text without what differs from run to run and host to host: comments, empty lines. */
void dovecot_settings_plain(struct span text, struct buf *out);
