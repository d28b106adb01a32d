/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

/* To add a kind of MTA: a file like postfix.c, its row here. */
const struct mta_ops *const mta_registry[] = {
	&mta_postfix,
	NULL,
};
