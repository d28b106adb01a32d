/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * recode -- which values of a list another charset of its language does not fit.
 *
 * Mailman 2.1 keeps octets, and takes them for the charset that its installation has for the list's
 * language: makers' releases, Debian's and a site's own differ. Where they are no text in the new one, its
 * programs end with UnicodeDecodeError at each post; where they are other text, people read that.
 *
 * Pure. Source: trap C1 of Mailman's migrations; Debian's 2.1.16 and later have UTF-8 for every language.
 */

#include "lists/charset.h"

enum lists_recode_fit {
	LISTS_RECODE_FITS,    /* ASCII; or what is text of both charsets, and the same */
	LISTS_RECODE_NEEDED,  /* text of the old charset, and none of the new */
	LISTS_RECODE_UNSURE,  /* text of both, and not the same: only who wrote it knows */
	LISTS_RECODE_NEITHER, /* no text in either */
};
/* Of one str. */
enum lists_recode_fit lists_recode_fit(struct lists_charset *from, struct lists_charset *to,
                                       struct span octets);

/* How many str of a value, and of all in it, are no text of a charset. */
size_t lists_recode_misfits(struct lists_charset *c, struct value v);

/* Where such values stand: an attribute, or "usernames (12)" of members. */
struct lists_recode_places {
	struct strings needed, unsure, neither;
};
void lists_recode_places_fini(struct lists_recode_places *p);
/* Looks at all str in a list's configuration. `out` zeroed by the caller. */
void lists_recode_look(struct lists_charset *from, struct lists_charset *to, struct value config,
                       struct lists_recode_places *out);
