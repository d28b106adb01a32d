/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* anchors -- what validating resolvers in the copy believe: the root's key of the pretended internet, in place
 * of the real one's. */

#include "rehearse/stage.h"
#include "rehearse/zonesign.h"

/* In the files where Unbound, BIND and Knot Resolver have it, as Debian and Red Hat install them; those that
 * are there. Before any service starts. */
int anchors_place(struct stage *s, const struct zonesign *z, struct error *err) MUST_CHECK;
