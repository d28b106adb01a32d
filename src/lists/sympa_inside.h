/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* sympa_inside -- what the files of the end sympa share. */

#include "lists/end_making.h"

const struct end_rule *sympa_rules(size_t *n);

/* Parameters of config: a line "custom_subject ...", appended, where the prefix can be one; and who may post. */
void sympa_add_prefix(struct end_making *m, struct buf *out);
const char *sympa_send_of(const struct end_making *m);
