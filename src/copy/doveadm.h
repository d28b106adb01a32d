/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * doveadm -- mailboxes in a format that only Dovecot reads (sdbox, mdbox) are moved by its own dsync,
 * and checked by us.
 *
 *	old host                          mailhaul                        new host
 *	agent ── doveadm dsync-server  ◄── octets, both ways ──►  agent ── doveadm backup -R
 *	         (its stdin, stdout)                              (its peer command: agent --bridge)
 *
 * The two hosts need no way to each other, and no Dovecot has to run on either: doveadm is started
 * for one user with uid, gid, home and location as settings. What is on new after a run is what
 * counts, never what dsync says of it: both sides are listed (imapd/dovecot_mail.h), and UIDVALIDITY,
 * UIDs, GUIDs, flags, keywords, sizes, dates and subscriptions compared; each thing that differs
 * stands in `skipped`.
 *
 * `backup` makes new equal to old and so destroys what only new has. Therefore a pass begins with a
 * look at new: a message there that no pass brought and old does not have stands in `extra`, and
 * nothing is done (ERROR_RETRY_PERSON). An INBOX that Dovecot itself has made on new (somebody
 * logged in) has another GUID, which `backup` can't replace: it is merged with old's first.
 *
 * On old, dsync-server and the listing change no message, flag or UID. They write what every
 * session of a mail client writes: index logs and caches; and Pigeonhole makes an empty ~/sieve/tmp.
 */

#include "copy/copy.h"

/* One pass by the way that the account's format wants: copy_pass(), or the one below. */
int copy_account_pass(struct host *old_host, struct host *new_host,
                      const struct copy_account *account, struct state *state,
                      const struct copy_options *options, struct copy_result *out,
                      struct error *err) MUST_CHECK;

/*
 * One pass over one account; promises what copy_pass() does.
 *
 *   state  NULL: nothing is known of earlier passes, nothing is recorded
 */
int copy_doveadm_pass(struct host *old_host, struct host *new_host,
                      const struct copy_account *account, struct state *state,
                      const struct copy_options *options, struct copy_result *out,
                      struct error *err) MUST_CHECK;
