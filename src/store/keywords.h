/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* keywords -- dovecot-keywords: "0 $Forwarded" means that 'a' in file names is $Forwarded. */

#include "base/text.h"
#include "mail/flags.h"

/* Reads the file's text into *out (emptied first). Numbers above 25 have no letter and are left
 * out; a bad line is added to `troubles` (may be NULL) as "PLACE:LINE: what". */
void keywords_parse(struct span text, const char *place, struct mail_keywords *out,
                    struct strings *troubles);
