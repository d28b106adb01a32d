/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * gather -- asks the real name servers, before anything is sealed, for what the zones that move hold,
 * and makes of it what they will hold after the switch.
 */

#include "rehearse/zonebook.h"

#include "base/error.h"
#include "config/config.h"

/*
 * A zone that may be read as a whole (dns.key_file) is; of another the names that mail asks for.
 *
 *   domains    that mail is sent to
 *   hosts      names of mail hosts beside those of move.yaml and of MX records
 *   addresses  the copy's: whose PTR records are asked for
 *   now        gets the zones as they are before the switch
 *   notes      gets a line for each thing that could not be learnt
 */
void gather_zones(struct zonebook *out, const struct config *c, const struct strings *domains,
                  const struct strings *hosts, const struct strings *addresses,
                  struct zonebook *now, struct strings *notes);
