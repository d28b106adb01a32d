/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * postfix_master -- master.cf as text: services of a kind are taken out and put back, whatever else
 * stands there stays byte for byte. Pure; fuzzed.
 *
 * Done here and not by `postconf -M#` for each service, so that the file changes once, by rename:
 * it has the services, or it has none of them.
 */

#include "base/text.h"

#include <stdbool.h>

/* In front of each line that was taken out. */
#define POSTFIX_MASTER_MARK "#mailhaul: "

/* Does this logical line go? `fields` are its first eight words, the rest of the line in the last. */
typedef bool postfix_master_fn(void *context, const struct span fields[8]);

/* Appends `text` to `out` with the lines that `goes` chooses taken out. Returns how many services
 * were taken out. */
size_t postfix_master_close(struct span text, postfix_master_fn *goes, void *context,
                            struct buf *out);

/* Puts back what was taken out. Returns how many lines. */
size_t postfix_master_open(struct span text, struct buf *out);

/* Takes mail by SMTP or QMQP from outside of Postfix: an inet (or pass) service of smtpd, postscreen
 * or qmqpd. */
bool postfix_master_accepts(const struct span fields[8]);
