/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

/* To add a format, add a row. */
static const struct store *const stores[] = { &store_maildir, &store_mbox };

const struct store *store_find(enum mailbox_format format)
{
	for (size_t i = 0; i < ROWS(stores); i++)
		if (stores[i]->format == format)
			return stores[i];
	return NULL;
}
