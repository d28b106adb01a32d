/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* dns_signing -- what DNSSEC means for a change of zones, in lines for a person. */

#include "config/config.h"
#include "dns/edits.h"

/* A line for each zone of `e` that is signed, "#" in front, or "!" where somebody has to look. `made`: the
 * change was made, so what the zone holds now is verified. False: a signature that must be there is not. */
bool dns_signing_tell(const struct config *c, const struct dns_edits *e, bool made,
                      struct strings *lines);
