/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* schema -- what may stand in move.yaml, and of which type it is. Inside the room. */

#include "config/config.h"
#include "config/document.h"

/* What stands in the file; turned into struct config once it is checked. */
struct config_file {
	struct config c;
	char *close_word, *switch_word;
	struct mailboxes_file {
		char *mbox_to;
	} mailboxes;
	struct lists_file {
		char *to, *archives;
		struct config_mailing_lists rest;
	} lists;
};

/* Of a struct config_file. */
extern const cyaml_schema_value_t config_file_schema;
