/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mlmmj_inside -- what the files of the end mlmmj share. Source of what they say of it: TUNABLES, README.access,
 * README.listtexts and src/ of mlmmj 1.3.0. */

#include "lists/end_files.h"
#include "lists/end_making.h"

enum mlmmj_access {
	MLMMJ_OF_HEADERS = 0, /* rules stand in this order */
	MLMMJ_ACCEPTED,
	MLMMJ_HELD,
	MLMMJ_REJECTED,
	MLMMJ_DISCARDED,
	MLMMJ_MODERATED, /* members */
	MLMMJ_ACCESS_N,
};

/* A list on its way: m->own. */
struct mlmmj {
	struct buf access[MLMMJ_ACCESS_N]; /* lines of control/access */
	struct buf custom, deleted;        /* of control/customheaders, control/delheaders */
	struct buf addresses;              /* of control/listaddress, behind the first */
	struct buf people;                 /* of control/moderators: moderators, then owners */
	struct buf prefix, footer;
	json_t *keys;             /* addresses of members, in lower case */
	const char *local, *host; /* of its address */
	size_t local_n;
	char delimiter;
};

static inline struct mlmmj *mlmmj_own(const struct end_making *m)
{
	return m->own;
}

const struct end_rule *mlmmj_rules(size_t *n);

/* Functions of rules: mlmmj_texts.c, mlmmj_headers.c. */
void mlmmj_take_footer(struct end_making *m);
void mlmmj_take_mail(struct end_making *m);
void mlmmj_take_prefix(struct end_making *m);
void mlmmj_take_list_headers(struct end_making *m);
void mlmmj_take_post_header(struct end_making *m);
void mlmmj_take_reply_to(struct end_making *m);
void mlmmj_take_strip_reply_to(struct end_making *m);
void mlmmj_take_anonymous(struct end_making *m);

/* "LOCAL+WORD@HOST"; appended. */
void mlmmj_address(const struct mlmmj *o, const char *word, struct buf *out);
/* An address that can stand in a file of its, one a line; false: refused as `what`. */
bool mlmmj_person(struct end_making *m, const char *what, struct value v, struct buf *out);

/* A rule for posts whose From: is that address, or fits 2.1's pattern ("^..."), appended; false: it can't be said. */
bool mlmmj_access_from(const char *action, struct span entry, struct buf *out);
/* One for posts with such a header, of a line of header_filter_rules. */
bool mlmmj_access_header(const char *action, struct span pattern, struct buf *out);

/* A post as mlmmj keeps one that waits: with prefix, footer, and headers added and taken away; appended. */
void mlmmj_post(const struct mlmmj *o, struct span message, struct buf *out);
