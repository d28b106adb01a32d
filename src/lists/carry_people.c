/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_people -- who owns on new what belongs to somebody on old: by name. */

#include "lists/carry_inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void add(struct copy_tree_id **rows, size_t *n, size_t *room, uint32_t from, uint32_t to)
{
	ARRAY_GROW(*rows, *n, *room);
	(*rows)[(*n)++] = (struct copy_tree_id){ from, to };
}

/* Old's Mailman becomes new's; root stays; another one (the web server saves lists too) is the one of
 * his name. Who has no account there gets nothing: what he owned is Mailman's, whose group can do all
 * with it in any case. */
static void map_users(struct carry_run *r)
{
	const char *mailman = r->o->old->user;

	for (size_t i = 0; i < r->old_users.users_n; i++) {
		const struct system_user *u = &r->old_users.users[i];
		const struct system_user *there = system_user_named(&r->new_users, u->name);
		uint32_t to = u->uid == 0 ? 0 : there ? there->uid : r->uid;

		if (mailman && !strcmp(u->name, mailman))
			to = r->uid;
		add(&r->uids, &r->uids_n, &r->uids_room, u->uid, to);
	}
}

static void map_groups(struct carry_run *r)
{
	const char *mailman = r->o->old->group;

	for (size_t i = 0; i < r->old_users.groups_n; i++) {
		const struct system_group *g = &r->old_users.groups[i];
		const struct system_group *there = system_group_named(&r->new_users, g->name);
		uint32_t to = there ? there->gid : r->gid;

		if (mailman && !strcmp(g->name, mailman))
			to = r->gid;
		add(&r->gids, &r->gids_n, &r->gids_room, g->gid, to);
	}
}

static int missing(const struct carry_run *r, const char *what, const char *name, struct error *err)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "host %s: there is no %s %s",
	          host_name(r->o->to), what, name ? name : "of Mailman's");
	return error_hint(err, "Mailman's user and group have to be there before its files come");
}

int carry_find_people(struct carry_run *r, struct error *err)
{
	const struct system_user *user = NULL;
	const struct system_group *group = NULL;

	if (system_users_read(r->o->from, false, &r->old_users, err) < 0 ||
	    system_users_read(r->o->to, false, &r->new_users, err) < 0)
		return -1;
	if (r->o->new->user)
		user = system_user_named(&r->new_users, r->o->new->user);
	if (r->o->new->group)
		group = system_group_named(&r->new_users, r->o->new->group);
	if (!user)
		return missing(r, "user", r->o->new->user, err);
	if (!group)
		return missing(r, "group", r->o->new->group, err);
	r->uid = user->uid;
	r->gid = group->gid;
	map_users(r);
	map_groups(r);
	return 0;
}

bool carry_is_mapped_uid(const struct carry_run *r, uint32_t uid)
{
	if (uid == 0 || uid == r->uid)
		return true;
	for (size_t i = 0; i < r->uids_n; i++)
		if (r->uids[i].to == uid)
			return true;
	return false;
}

void carry_people_fini(struct carry_run *r)
{
	system_users_fini(&r->old_users);
	system_users_fini(&r->new_users);
	free(r->uids);
	free(r->gids);
}
