/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* local_part -- by which name people write to a list. */

#include "base/text.h"

/* Its own; but cPanel, where two domains may have lists of one name, calls a list NAME_HOST after its
 * host_name, and mail comes to NAME@HOST. NAME may have '_' in it, too. Borrowed from `list`. */
struct span lists_local_part(struct span list, struct span host);
