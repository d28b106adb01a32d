/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * items -- what has to move, thing by thing: the file-by-file checklist that survey makes.
 */

#include "base/error.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

enum item_class {
	ITEM_MUST = 1, /* without it mail is lost or refused */
	ITEM_SHOULD,   /* without it someone notices */
	ITEM_MAY,      /* of use, nobody misses it */
	ITEM_STAYS,    /* belongs to the old machine */
	ITEM_LOOK,     /* can't be judged here: a person has to look at it */
};
const char *item_class_name(enum item_class class); /* "must move", "should", ... */

/* All strings are owned, none is NULL. */
struct item {
	char *kind;     /* "mailbox", "domain", "alias", "user", "setting", "key", "listener" ... */
	char *name;     /* unique within kind and site */
	char *site;     /* "old" or "new" */
	char *source;   /* path on that host, or "" */
	uint64_t size;  /* octets */
	uint64_t count; /* of what it holds: messages, entries; 1 for a thing of one piece */
	uint64_t mode;  /* permission bits; 0 when there is no file */
	char *owner;    /* "user:group", or "" */
	enum item_class class;
	char *reason;
	char *detail; /* a JSON object, "{}" at least */
};
struct items {
	struct item *rows; /* owned */
	size_t n, room;
};
#define AUTO_ITEMS __attribute__((cleanup(items_fini)))
void items_fini(struct items *items);

/* Adds a row of count 1; the texts are copied. Returns it, valid until the next is added. */
struct item *items_add(struct items *items, const char *site, const char *kind, const char *name,
                       enum item_class class, const char *reason);
/* Replaces one of an item's strings by a copy. */
void item_set(char **field, const char *text);

/* Makes these the site's items, instead of those that were there. In one transaction. */
int items_replace(struct state *s, const char *site, const struct items *items, struct error *err)
	MUST_CHECK;

/* All items of a site ("old", "new") and of one kind (NULL: all), by kind and name. */
int items_load(struct state *s, const char *site, const char *kind, struct items *out,
               struct error *err) MUST_CHECK;
