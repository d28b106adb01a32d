/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/mailbox.h"

#include <stdlib.h>

/* To add a format, add a row. */
static const struct {
	const char *name;
	bool dovecots;
} formats[] = {
	[MAILBOX_MAILDIR] = { "maildir", false },
	[MAILBOX_MBOX] = { "mbox", false },
	[MAILBOX_SDBOX] = { "sdbox", true },
	[MAILBOX_MDBOX] = { "mdbox", true },
};

bool mailbox_is_dovecots(enum mailbox_format format)
{
	return formats[format].dovecots;
}

const char *mailbox_format_name(enum mailbox_format format)
{
	return formats[format].name;
}

void mailbox_account_fini(struct mailbox_account *a)
{
	free(a->user);
	free(a->home);
	free(a->root);
	free(a->inbox);
	*a = (struct mailbox_account){ 0 };
}
