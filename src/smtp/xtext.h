/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* xtext -- RFC 3461 section 4: "+3D" for octets that can't stand in a parameter. */

#include "base/text.h"

/* Appends `plain` as xtext. */
void smtp_xtext_add(struct buf *out, struct span plain);

/* Good xtext, without looking at what it stands for. RFC 6533's UTF-8 forms are let through where
 * `utf8`. */
bool smtp_xtext_good(struct span text, bool utf8);

/* Decodes into `out`, which gets a NUL at its end. False when it is no xtext, longer than room - 1
 * octets, or stands for a control octet (NUL, CR, LF ...): nothing that comes so may get into a
 * log, a header or a command. */
bool smtp_xtext_decode(struct span text, char *out, size_t room);
