/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "accounts/names.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

#define FACT "prepare.numbers"
#define NUMBER_FIRST 1000u
#define NUMBER_LAST 59999u

static struct number_map *find_number(const struct prepare *p, uint32_t from, bool group)
{
	for (size_t i = 0; i < p->numbers_n; i++)
		if (p->numbers[i].from == from && p->numbers[i].group == group)
			return &p->numbers[i];
	return NULL;
}

uint32_t prepare_number(const struct prepare *p, uint32_t number, bool group)
{
	const struct number_map *row = find_number(p, number, group);

	return row ? row->to : number;
}

static void put_number(struct prepare *p, uint32_t from, uint32_t to, bool group)
{
	struct number_map *row = find_number(p, from, group);

	if (row) {
		row->to = to;
		return;
	}
	ARRAY_GROW(p->numbers, p->numbers_n, p->numbers_room);
	p->numbers[p->numbers_n++] = (struct number_map){ from, to, group };
}

static bool is_used(const struct prepare *p, uint32_t number, bool group)
{
	for (size_t i = 0; i < p->numbers_n; i++)
		if (p->numbers[i].to == number && p->numbers[i].group == group)
			return true;
	return group ? system_group_numbered(&p->to.users, number) ||
	                       system_group_numbered(&p->from.users, number)
	             : system_user_numbered(&p->to.users, number) ||
	                       system_user_numbered(&p->from.users, number);
}

/* The lowest that nobody has on either side; a wish comes first. */
static uint32_t free_number(const struct prepare *p, uint32_t wish, bool group)
{
	if (wish && !is_used(p, wish, group))
		return wish;
	for (uint32_t n = NUMBER_FIRST; n <= NUMBER_LAST; n++)
		if (!is_used(p, n, group))
			return n;
	return 0;
}

bool prepare_is_stranger(const struct prepare *p, uint32_t number, bool group)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%s%u", group ? "g" : "", number);
	return strings_has(&p->strangers, text);
}

bool prepare_is_wanted(const struct prepare *p, const struct system_user *u)
{
	bool owner = false;

	if (prepare_is_stranger(p, u->uid, false))
		return false;
	for (size_t i = 0; i < p->accounts.n; i++)
		owner = owner || p->accounts.rows[i].from.uid == u->uid;
	return u->uid != 0 && (owner || system_user_is_person(&p->from.users, u));
}

static bool is_wanted_name(const struct prepare *p, const char *name)
{
	const struct system_user *u = system_user_named(&p->from.users, name);

	return u && prepare_is_wanted(p, u);
}

/* Primary groups of the users, and groups of people among people's numbers. */
bool prepare_is_wanted_group(const struct prepare *p, const struct system_group *g)
{
	for (size_t i = 0; i < p->from.users.users_n; i++) {
		const struct system_user *u = &p->from.users.users[i];

		if (u->gid == g->gid && prepare_is_wanted(p, u) && account_name_good(u->name))
			return true;
	}
	for (size_t i = 0; i < g->members.n; i++)
		if (g->gid >= p->from.users.uid_min && g->gid <= p->from.users.uid_max &&
		    is_wanted_name(p, g->members.rows[i]))
			return true;
	return false;
}

static bool was_made(const struct strings *made, const char *name)
{
	return strings_has(made, name);
}

/* ── groups and users ────────────────────────────────────────────────────────────────────────── */

static void refuse(struct prepare *p, uint32_t number, bool group)
{
	if (!prepare_is_stranger(p, number, group))
		strings_addf(&p->strangers, "%s%u", group ? "g" : "", number);
}

/* Is a name in a file of new itself? What getent knows besides comes from a
 * directory, which both hosts may ask. */
static bool is_local(struct prepare *p, const char *file, const char *name)
{
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	struct span rest, line, first;

	if (host_read(p->new_host, file, 64u << 20, &text, &ignored) < 0)
		return true;
	for (rest = buf_span(&text); span_next_line(&rest, &line);)
		if (span_next_part(&line, ':', &first) && span_is(first, name))
			return true;
	return false;
}

static bool is_system_number(const struct system_users *u, uint32_t number)
{
	return number < u->uid_min || number == 65534;
}

/* A group of the same name on both: is it the same? */
static bool is_same_group(struct prepare *p, const struct system_group *old,
                          const struct system_group *there)
{
	if (was_made(&p->made_groups, old->name))
		return true;
	if (is_system_number(&p->from.users, old->gid) &&
	    is_system_number(&p->to.users, there->gid))
		return true;
	return old->gid == there->gid && !is_local(p, "/etc/group", old->name);
}

static bool is_locked(const struct system_user *u)
{
	return !u->hash || !account_hash_good(u->hash);
}

/* A user of the same name on both: the same, or a stranger whose mailbox is his
 * own? */
static bool is_same_user(struct prepare *p, const struct system_user *old,
                         const struct system_user *there)
{
	bool same_home = !strcmp(old->home, there->home);

	if (was_made(&p->made_users, old->name))
		return true;
	if (is_system_number(&p->from.users, old->uid) &&
	    is_system_number(&p->to.users, there->uid))
		return true;
	if (same_home && old->uid == there->uid && !is_local(p, "/etc/passwd", old->name))
		return true;
	if (!same_home || !is_locked(old) || !is_locked(there))
		return false;
	/* nobody logs in as it: it only owns virtual mailboxes */
	prepare_leave(p,
	              "user %s was on the new host already, without a password and "
	              "with the same "
	              "home: taken as the same",
	              old->name);
	return true;
}

static void find_group_number(struct prepare *p, uint32_t gid, uint32_t wish)
{
	const struct system_group *old = system_group_numbered(&p->from.users, gid);
	const struct system_group *same;

	if (find_number(p, gid, true) || prepare_is_stranger(p, gid, true))
		return;
	if (!old) {
		put_number(p, gid, gid, true);
		return;
	}
	same = system_group_named(&p->to.users, old->name);
	if (same && !is_same_group(p, old, same)) {
		refuse(p, gid, true);
		prepare_failed(p,
		               "group %s: the new host has one of that name (number %u), which is "
		               "not from here",
		               old->name, same->gid);
	} else if (same)
		put_number(p, gid, same->gid, true);
	else if (!system_group_numbered(&p->to.users, gid))
		put_number(p, gid, gid, true);
	else
		put_number(p, gid, free_number(p, wish, true), true);
}

static void find_user_number(struct prepare *p, const struct system_user *u)
{
	const struct system_user *same = system_user_named(&p->to.users, u->name);
	uint32_t number;

	if (find_number(p, u->uid, false))
		return;
	if (same) {
		if (!is_same_user(p, u, same)) {
			refuse(p, u->uid, false);
			prepare_failed(
				p,
				"user %s: the new host has one of that name (number %u, home "
				"%s), who is not from here; the mail of the old one is not "
				"carried",
				u->name, same->uid, same->home);
			return;
		}
		number = same->uid;
	} else if (!system_user_numbered(&p->to.users, u->uid)) {
		number = u->uid;
	} else {
		number = free_number(p, 0, false);
		prepare_changed(p, "user %s: uid %u is taken on the new host, will be %u", u->name,
		                u->uid, number);
	}
	find_group_number(p, u->gid, number);
	if (prepare_is_stranger(p, u->gid, true)) {
		refuse(p, u->uid, false);
		prepare_failed(p, "user %s: not made without the group", u->name);
		return;
	}
	put_number(p, u->uid, number, false);
}

/* ── kept in the state, so that every run gives the same ─────────────────────────────────────── */

static int load(struct prepare *p, struct error *err)
{
	AUTO_FREE char *text = NULL;
	json_t *list, *row;
	size_t i;

	if (state_get(p->state, FACT, &text, err) < 0)
		return -1;
	list = text ? json_loads(text, 0, NULL) : NULL;
	json_array_foreach (list, i, row)
		put_number(p, (uint32_t)json_integer_value(json_object_get(row, "from")),
		           (uint32_t)json_integer_value(json_object_get(row, "to")),
		           json_is_true(json_object_get(row, "group")));
	json_decref(list);
	return 0;
}

static int save(struct prepare *p, struct error *err)
{
	json_t *list = json_array();
	char *text;
	int result;

	for (size_t i = 0; i < p->numbers_n; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:b}", "from",
		                                      (json_int_t)p->numbers[i].from, "to",
		                                      (json_int_t)p->numbers[i].to, "group",
		                                      p->numbers[i].group));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	result = state_put(p->state, FACT, text, err);
	free(text);
	return result;
}

int prepare_numbers(struct prepare *p, struct error *err)
{
	if (load(p, err) < 0)
		return -1;
	for (size_t i = 0; i < p->from.users.users_n; i++) {
		const struct system_user *u = &p->from.users.users[i];

		if (!prepare_is_wanted(p, u))
			continue;
		if (!account_name_good(u->name)) {
			prepare_leave(p, "user \"%s\" (uid %u): not a name for a new account",
			              u->name, u->uid);
			continue;
		}
		find_user_number(p, u);
	}
	for (size_t i = 0; i < p->from.users.groups_n; i++)
		if (prepare_is_wanted_group(p, &p->from.users.groups[i]))
			find_group_number(p, p->from.users.groups[i].gid, 0);
	/* numbers that stand only in files of virtual users */
	for (size_t i = 0; i < p->accounts.n; i++) {
		const struct mailbox_account *a = &p->accounts.rows[i].from;

		if (prepare_is_stranger(p, a->uid, false))
			continue;
		if (!find_number(p, a->uid, false) &&
		    !system_user_numbered(&p->from.users, a->uid)) {
			uint32_t number = system_user_numbered(&p->to.users, a->uid)
			                          ? free_number(p, 0, false)
			                          : a->uid;

			put_number(p, a->uid, number, false);
			if (number != a->uid)
				prepare_changed(p,
				                "uid %u of %s is taken on the new host, will be %u",
				                a->uid, a->user, number);
		}
		find_group_number(p, a->gid, 0);
	}
	return p->dry_run ? 0 : save(p, err);
}

void prepare_owner(const struct prepare *p, uint32_t uid, uint32_t gid, uint32_t *new_uid,
                   uint32_t *new_gid)
{
	const struct system_user *u = system_user_numbered(&p->from.users, uid);
	const struct system_group *g = system_group_numbered(&p->from.users, gid);
	/* only the system's: a person of the same name is somebody else */
	const struct system_user *same_user = u && is_system_number(&p->from.users, uid)
	                                              ? system_user_named(&p->to.users, u->name)
	                                              : NULL;
	const struct system_group *same_group = g && is_system_number(&p->from.users, gid)
	                                                ? system_group_named(&p->to.users, g->name)
	                                                : NULL;
	const struct number_map *user_row = find_number(p, uid, false);
	const struct number_map *group_row = find_number(p, gid, true);

	*new_uid = user_row ? user_row->to : same_user ? same_user->uid : uid < 100 ? uid : 0;
	*new_gid = group_row ? group_row->to : same_group ? same_group->gid : gid < 100 ? gid : 0;
}
