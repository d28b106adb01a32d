/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * cipher -- the order in which ssh is to offer its ciphers.
 *
 * OpenSSH begins with chacha20-poly1305. On processors with instructions for AES (and carry-less
 * multiplication), AES-GCM takes a third of the time, and that is what a copy through ssh waits for
 * on a fast network. Both authenticate what they carry, and both are in ssh's own list.
 */

#include "base/text.h"

#include <stdbool.h>

/* Whether this machine's processor has them. */
bool cipher_is_fast_here(void);

/*
 * Asks ssh itself (-G) what it would offer.
 *
 *   words    an ssh command up to and with the host, whose second word is an option
 *   returns  ssh's own list with AES-GCM in front, owned by the caller; NULL when somebody has said
 *            which ciphers to use (ssh_config(5), an option), or ssh can't be asked
 */
char *cipher_order(const struct strings *words);
