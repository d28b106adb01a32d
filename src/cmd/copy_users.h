/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* copy_users -- who logs in to an IMAP server, and by which password; and places made of their names. */

#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

struct copy_user {
	char *name;
	char *password; /* or NULL: that of the password file */
};
struct copy_users {
	struct copy_user *rows; /* owned */
	size_t n, room;
	char *password; /* owned; of the password file, or NULL */
};
/* Overwrites the passwords before it gives them back. */
void copy_users_fini(struct copy_users *u);

/* The first line of a file that nobody else may read. */
int copy_users_read_password(struct copy_users *u, const char *path, struct error *err) MUST_CHECK;
/* Lines "USER" or "USER:PASSWORD"; empty lines and those that begin with '#' are no users. */
int copy_users_read(struct copy_users *u, const char *path, struct error *err) MUST_CHECK;

/* imap://[USER@]HOST[:PORT][/]; "%40" and the like in USER are undone. */
struct copy_url {
	char *user, *host; /* owned; user NULL: none is named */
	uint16_t port;     /* 0: none is named */
	bool implicit_tls; /* imaps */
};
void copy_url_fini(struct copy_url *url);
bool copy_url_parse(const char *text, struct copy_url *out);

/* `place` with %u (the whole name), %n (up to the '@') and %d (behind it) put in; without any of
 * them "PLACE/%u". NULL: the name is none that a directory can have. Owned by the caller. */
char *copy_users_place(const char *place, const char *user);
