/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/mailbox.h"

#include <stdlib.h>

void mailbox_account_fini(struct mailbox_account *a)
{
	free(a->user);
	free(a->home);
	free(a->root);
	free(a->inbox);
	*a = (struct mailbox_account){ 0 };
}
