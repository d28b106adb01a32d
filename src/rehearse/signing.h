/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * signing -- the pretended senders sign what they send: with a key that is made for this rehearsal, and
 * published in its zonebook. The signatures are libopendkim's (mailauth/sign.h).
 */

#include "rehearse/internet.h"
#include "rehearse/zonebook.h"

struct signing {
	char *key; /* owned; as mailauth/sign.h has it. NULL: nothing is signed */
};
#define AUTO_SIGNING __attribute__((cleanup(signing_fini)))
void signing_fini(struct signing *s);

/* Before anybody asks the zonebook. */
int signing_make(struct signing *s, struct zonebook *b, struct error *err) MUST_CHECK;

/* Puts the signature of `sender` in front of a message, whose lines end with CRLF. */
int signing_add(const struct signing *s, const struct internet_sender *sender, struct buf *message,
                struct error *err) MUST_CHECK;
