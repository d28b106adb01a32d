/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/schema.h"

#include <stddef.h>

const struct state_schema *const state_schemas[] = {
	&state_schema_facts,
	&state_schema_journal,
	&state_schema_evidence,
	&state_schema_items,
	&state_schema_carried,
	&state_schema_messages,
	&state_schema_coming,
	&state_schema_mboxes,
	&state_schema_mailing_lists,
	&state_schema_answers,
	&state_schema_signs,  /* of copy/accounts.c */
	&state_schema_agreed, /* of copy/agreed.c */
	&state_schema_trees,  /* of copy/tree.h */
	&state_schema_imaps,  /* of copy/imap.h */
	&state_schema_zones,  /* of dns/apply.h */
	NULL,
};
