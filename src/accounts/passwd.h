/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * passwd -- system users and groups of a host: asked by getent(1), so that LDAP and the like count
 * too; of a folder, its files.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct system_user {
	char *name, *gecos, *home, *shell;
	char *hash; /* of the password; NULL when it was not read. Never printed, never stored */
	uint32_t uid, gid;
};
struct system_group {
	char *name;
	uint32_t gid;
	struct strings members;
};
struct system_users {
	struct system_user *users; /* owned; in the order of the source */
	size_t users_n, users_room;
	struct system_group *groups;
	size_t groups_n, groups_room;
	uint32_t uid_min, uid_max; /* of people, login.defs(5) */
	size_t bad;                /* lines that are no user and no group */
};
#define AUTO_SYSTEM_USERS __attribute__((cleanup(system_users_fini)))
void system_users_fini(struct system_users *u);

/*
 * Asks a host for all users and groups.
 *
 *   hashes  read shadow(5) too; without the right to, hashes stay NULL and it is no error
 */
int system_users_read(struct host *h, bool hashes, struct system_users *out, struct error *err)
	MUST_CHECK;

/* The first with that name or number; NULL when there is none. Borrowed. */
const struct system_user *system_user_named(const struct system_users *u, const char *name);
const struct system_user *system_user_numbered(const struct system_users *u, uint32_t uid);
const struct system_group *system_group_named(const struct system_users *u, const char *name);
const struct system_group *system_group_numbered(const struct system_users *u, uint32_t gid);

/* A person by number: uid_min <= uid <= uid_max. */
bool system_user_is_person(const struct system_users *u, const struct system_user *user);

/* ── pure: texts of passwd(5), group(5), shadow(5), login.defs(5); budgets inside ────────────── */

void system_users_parse_passwd(struct system_users *u, struct span text);
void system_users_parse_group(struct system_users *u, struct span text);
void system_users_parse_shadow(struct system_users *u, struct span text);
void system_users_parse_login_defs(struct system_users *u, struct span text);
