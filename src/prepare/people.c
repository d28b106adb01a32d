/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "accounts/names.h"
#include "base/memory.h"
#include "prepare/places.h"

#include <string.h>

#define NO_LOGIN "/usr/sbin/nologin"

/* Groups of a new system that may be joined because the old one says so. */
static const char *const harmless_groups[] = { "mail", "users" };

static int keep_names(struct prepare *p, const char *fact, const struct strings *names,
                      struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < names->n; i++)
		buf_addf(&text, "%s ", names->rows[i]);
	return state_put(p->state, fact, buf_text(&text), err);
}

/* ── groups ──────────────────────────────────────────────────────────────────────────────────── */

static int make_group(struct prepare *p, const struct system_group *g, struct error *err)
{
	uint32_t gid = prepare_number(p, g->gid, true);
	AUTO_FREE char *number = xasprintf("%u", gid);
	const char *const arguments[] = { "-g", number, "--", g->name, NULL };

	prepare_changed(p, "group %s (gid %u)", g->name, gid);
	if (!strings_has(&p->made_groups, g->name))
		strings_add(&p->made_groups, g->name);
	if (p->dry_run)
		return 0;
	/* known as ours before it is there: cut in between, it is still ours */
	if (keep_names(p, "prepare.groups", &p->made_groups, err) < 0)
		return -1;
	return host_do(p->new_host, "groupadd", arguments, SPAN(""), NULL, err);
}

/* What was made is looked at again. */
static int read_users_again(struct prepare *p, struct error *err)
{
	if (p->dry_run || !p->changes.n)
		return 0;
	system_users_fini(&p->to.users);
	return system_users_read(p->new_host, true, &p->to.users, err);
}

int prepare_groups(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.users.groups_n; i++) {
		const struct system_group *g = &p->from.users.groups[i];

		if (!prepare_is_wanted_group(p, g) || prepare_is_stranger(p, g->gid, true))
			continue;
		if (system_group_named(&p->to.users, g->name)) {
			prepare_same(p, "group %s (gid %u)", g->name,
			             prepare_number(p, g->gid, true));
			continue;
		}
		if (!account_name_good(g->name)) {
			prepare_leave(p, "group \"%s\": not a name for a new group", g->name);
			continue;
		}
		if (make_group(p, g, err) < 0)
			return -1;
	}
	return read_users_again(p, err);
}

/* ── users ───────────────────────────────────────────────────────────────────────────────────── */

static const char *shell_for(struct prepare *p, const struct system_user *u)
{
	if (account_path_good(u->shell) && host_has(p->new_host, u->shell))
		return u->shell;
	prepare_leave(p, "user %s: shell \"%s\" is not on the new host, has %s", u->name, u->shell,
	              NO_LOGIN);
	return NO_LOGIN;
}

static int make_user(struct prepare *p, const struct system_user *u, struct error *err)
{
	uint32_t uid = prepare_number(p, u->uid, false), gid = prepare_number(p, u->gid, true);
	const struct system_group *group = system_group_numbered(&p->from.users, u->gid);
	AUTO_FREE char *uid_text = xasprintf("%u", uid);
	AUTO_FREE char *gid_text = group ? xstrdup(group->name) : xasprintf("%u", gid);
	const char *gecos = account_gecos_good(u->gecos) ? u->gecos : "";
	const char *const arguments[] = { "-u", uid_text, "-g",    gid_text, "-N",
		                          "-M", "-d",     u->home, "-s",     shell_for(p, u),
		                          "-c", gecos,    "--",    u->name,  NULL };
	struct error why = { 0 };

	prepare_changed(p, "user %s (uid %u, home %s)", u->name, uid, u->home);
	if (!strings_has(&p->made_users, u->name))
		strings_add(&p->made_users, u->name);
	if (p->dry_run)
		return 0;
	if (keep_names(p, "prepare.users", &p->made_users, err) < 0)
		return -1;
	if (host_do(p->new_host, "useradd", arguments, SPAN(""), NULL, &why) == 0)
		return 0;
	if (why.retry == ERROR_RETRY_REACH || why.retry == ERROR_RETRY_PERSON)
		return *err = why, -1;
	/* one that useradd does not take must not keep the others from being made */
	prepare_failed(p, "user %s was not made: %s", u->name, why.text);
	return 0;
}

static bool may_join(const struct prepare *p, const char *group)
{
	for (size_t i = 0; i < ROWS(harmless_groups); i++)
		if (!strcmp(group, harmless_groups[i]))
			return true;
	return strings_has(&p->made_groups, group);
}

/* Groups that a user is in besides his own. */
static int join_groups(struct prepare *p, const struct system_user *u, struct error *err)
{
	for (size_t i = 0; i < p->from.users.groups_n; i++) {
		const struct system_group *g = &p->from.users.groups[i], *same;
		const char *const arguments[] = { "-a", "-G", g->name, "--", u->name, NULL };

		if (!strings_has(&g->members, u->name) || g->gid == u->gid)
			continue;
		same = system_group_named(&p->to.users, g->name);
		if (same && strings_has(&same->members, u->name))
			continue;
		if (!may_join(p, g->name)) {
			prepare_leave(p, "user %s was in group %s on the old host: not carried",
			              u->name, g->name);
			continue;
		}
		prepare_changed(p, "user %s joins group %s", u->name, g->name);
		if (!p->dry_run &&
		    host_do(p->new_host, "usermod", arguments, SPAN(""), NULL, err) < 0)
			return -1;
	}
	return 0;
}

int prepare_users(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.users.users_n; i++) {
		const struct system_user *u = &p->from.users.users[i];

		if (!prepare_is_wanted(p, u) || !account_name_good(u->name))
			continue;
		if (!account_path_good(u->home)) {
			prepare_failed(p, "user %s: home \"%s\" can't be made", u->name, u->home);
			continue;
		}
		if (system_user_named(&p->to.users, u->name))
			prepare_same(p, "user %s (uid %u)", u->name,
			             prepare_number(p, u->uid, false));
		else if (make_user(p, u, err) < 0)
			return -1;
		if (strings_has(&p->made_users, u->name) && join_groups(p, u, err) < 0)
			return -1;
	}
	return read_users_again(p, err);
}

/* ── passwords ───────────────────────────────────────────────────────────────────────────────── */

int prepare_passwords(struct prepare *p, struct error *err)
{
	AUTO_BUF struct buf lines = { 0 };
	int result = 0;

	for (size_t i = 0; i < p->from.users.users_n; i++) {
		const struct system_user *u = &p->from.users.users[i];
		const struct system_user *new = system_user_named(&p->to.users, u->name);

		/* only accounts that this move made: the old host sets nobody else's password */
		if (!strings_has(&p->made_users, u->name) || !u->hash ||
		    !account_hash_good(u->hash) ||
		    (new &&new->hash && !strcmp(new->hash, u->hash))) {
			if (strings_has(&p->made_users, u->name))
				prepare_same(p, "password of %s", u->name);
			continue;
		}
		buf_addf(&lines, "%s:%s\n", u->name, u->hash);
		prepare_changed(p, "password of %s", u->name);
	}
	if (lines.n && !p->dry_run)
		result = host_do(p->new_host, "chpasswd", NULL, buf_span(&lines), NULL, err);
	if (lines.p)
		explicit_bzero(lines.p, lines.room);
	return result < 0 ? -1 : read_users_again(p, err);
}
