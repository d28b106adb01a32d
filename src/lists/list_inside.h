/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* list_inside -- the parts of lists_list_read(); each fails only when the host can't be reached. */

#include "lists/list.h"

struct lists_reading {
	const struct lists_site *site;
	const struct lists_list_options *options;
	char *dir; /* of the list, on the host */
};

int lists_read_config(struct lists_list *l, const struct lists_reading *r, struct error *err)
	MUST_CHECK;
/* After the config: what its attributes are, against what they should be. */
void lists_check_config(struct lists_list *l);
int lists_read_requests(struct lists_list *l, const struct lists_reading *r, struct error *err)
	MUST_CHECK;
int lists_read_pending(struct lists_list *l, const struct lists_reading *r, struct error *err)
	MUST_CHECK;
int lists_read_archive(struct lists_list *l, const struct lists_reading *r, struct error *err)
	MUST_CHECK;
/* Takes what the two files say, once they are values; nothing is read. */
void lists_take_requests(struct lists_list *l, const struct lists_reading *r, struct value dict);
/* After the requests: held messages in DATA_DIR that none of them names. */
void lists_find_orphans(struct lists_list *l, const struct lists_reading *r);
void lists_take_pending(struct lists_list *l, struct value dict);
#define LISTS_MBOX_PART (1ull << 20) /* octets that are asked for at a time */
/* Looks whether it is there, and counts it unless it is too large. */
int lists_read_mbox(struct lists_mbox_file *m, const struct lists_reading *r, const char *path,
                    struct error *err) MUST_CHECK;
/* Whether the list's directory has such a file, by the site's listing. */
bool lists_has_file(const struct lists_list *l, const struct lists_reading *r, const char *file);
