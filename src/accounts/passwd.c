/* SPDX-License-Identifier: BSD-2-Clause */
#include "accounts/passwd.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define ROWS_MAX 1000000u  /* users, or groups */
#define MEMBERS_MAX 65536u /* of one group */
#define LINE_MAX_OCTETS 1048576u
#define FILE_MAX (64u << 20)

void system_users_fini(struct system_users *u)
{
	for (size_t i = 0; i < u->users_n; i++) {
		struct system_user *user = &u->users[i];

		free(user->name);
		free(user->gecos);
		free(user->home);
		free(user->shell);
		if (user->hash)
			explicit_bzero(user->hash, strlen(user->hash));
		free(user->hash);
	}
	for (size_t i = 0; i < u->groups_n; i++) {
		free(u->groups[i].name);
		strings_fini(&u->groups[i].members);
	}
	free(u->users);
	free(u->groups);
	*u = (struct system_users){ 0 };
}

/* Cuts a line at its colons; false when it has not exactly `n` fields. */
static bool cut_fields(struct span line, struct span fields[], size_t n)
{
	size_t have = 0;
	struct span part;

	if (line.n > LINE_MAX_OCTETS)
		return false;
	while (span_next_part(&line, ':', &part)) {
		if (have == n)
			return false;
		fields[have++] = part;
	}
	return have == n;
}

static bool get_number(struct span text, uint32_t *out)
{
	uint64_t value;

	if (!span_parse_u64(text, &value) || value > UINT32_MAX - 1)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* "+::::::" and "-name" are NIS's switches, not users. */
static bool is_row(struct span line)
{
	return line.n && line.p[0] != '#' && line.p[0] != '+' && line.p[0] != '-';
}

void system_users_parse_passwd(struct system_users *u, struct span text)
{
	struct span line, f[7];
	uint32_t uid, gid;

	while (span_next_line(&text, &line) && u->users_n < ROWS_MAX) {
		if (!is_row(line))
			continue;
		if (!cut_fields(line, f, 7) || !f[0].n || !get_number(f[2], &uid) ||
		    !get_number(f[3], &gid)) {
			u->bad++;
			continue;
		}
		ARRAY_GROW(u->users, u->users_n, u->users_room);
		u->users[u->users_n++] = (struct system_user){
			.name = span_dup(f[0]),
			.gecos = span_dup(f[4]),
			.home = span_dup(f[5]),
			.shell = span_dup(f[6]),
			.uid = uid,
			.gid = gid,
		};
	}
}

void system_users_parse_group(struct system_users *u, struct span text)
{
	struct span line, f[4], member;
	uint32_t gid;

	while (span_next_line(&text, &line) && u->groups_n < ROWS_MAX) {
		if (!is_row(line))
			continue;
		if (!cut_fields(line, f, 4) || !f[0].n || !get_number(f[2], &gid)) {
			u->bad++;
			continue;
		}
		ARRAY_GROW(u->groups, u->groups_n, u->groups_room);
		struct system_group *group = &u->groups[u->groups_n++];
		*group = (struct system_group){ .name = span_dup(f[0]), .gid = gid };
		while (span_next_part(&f[3], ',', &member) && group->members.n < MEMBERS_MAX)
			if (span_trim(member).n)
				strings_add_span(&group->members, span_trim(member));
	}
}

static struct system_user *find_user(struct system_users *u, struct span name)
{
	for (size_t i = 0; i < u->users_n; i++)
		if (span_is(name, u->users[i].name))
			return &u->users[i];
	return NULL;
}

void system_users_parse_shadow(struct system_users *u, struct span text)
{
	struct span line, name, hash;

	while (span_next_line(&text, &line)) {
		if (!is_row(line) || line.n > LINE_MAX_OCTETS ||
		    !span_next_part(&line, ':', &name) || !span_next_part(&line, ':', &hash))
			continue;

		struct system_user *user = find_user(u, name);
		if (user && !user->hash)
			user->hash = span_dup(hash);
	}
}

void system_users_parse_login_defs(struct system_users *u, struct span text)
{
	struct span line, name, value;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (!span_next_word(&line, &name) || !span_next_word(&line, &value))
			continue;
		if (span_is(name, "UID_MIN"))
			(void)get_number(value, &u->uid_min);
		else if (span_is(name, "UID_MAX"))
			(void)get_number(value, &u->uid_max);
	}
}

/* `database` by getent where programs run, else its file. */
static int read_database(struct host *h, const char *database, const char *file, struct buf *out,
                         struct error *err)
{
	const char *const arguments[] = { database, NULL };

	if (host_reach(h) == HOST_FOLDER)
		return host_read(h, file, FILE_MAX, out, err);
	return host_do(h, "getent", arguments, SPAN(""), out, err);
}

int system_users_read(struct host *h, bool hashes, struct system_users *out, struct error *err)
{
	AUTO_SYSTEM_USERS struct system_users u = { .uid_min = 1000, .uid_max = 60000 };
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;

	if (read_database(h, "passwd", "/etc/passwd", &text, err) < 0)
		return error_context(err, "users of %s", host_name(h));
	system_users_parse_passwd(&u, buf_span(&text));
	if (read_database(h, "group", "/etc/group", &text, err) < 0)
		return error_context(err, "groups of %s", host_name(h));
	system_users_parse_group(&u, buf_span(&text));
	if (host_read(h, "/etc/login.defs", FILE_MAX, &text, &ignored) == 0)
		system_users_parse_login_defs(&u, buf_span(&text));
	if (hashes && read_database(h, "shadow", "/etc/shadow", &text, &ignored) == 0)
		system_users_parse_shadow(&u, buf_span(&text));
	if (text.n)
		explicit_bzero(text.p, text.n);
	*out = u;
	u = (struct system_users){ 0 };
	return 0;
}

const struct system_user *system_user_named(const struct system_users *u, const char *name)
{
	for (size_t i = 0; i < u->users_n; i++)
		if (!strcmp(u->users[i].name, name))
			return &u->users[i];
	return NULL;
}

const struct system_user *system_user_numbered(const struct system_users *u, uint32_t uid)
{
	for (size_t i = 0; i < u->users_n; i++)
		if (u->users[i].uid == uid)
			return &u->users[i];
	return NULL;
}

const struct system_group *system_group_named(const struct system_users *u, const char *name)
{
	for (size_t i = 0; i < u->groups_n; i++)
		if (!strcmp(u->groups[i].name, name))
			return &u->groups[i];
	return NULL;
}

const struct system_group *system_group_numbered(const struct system_users *u, uint32_t gid)
{
	for (size_t i = 0; i < u->groups_n; i++)
		if (u->groups[i].gid == gid)
			return &u->groups[i];
	return NULL;
}

bool system_user_is_person(const struct system_users *u, const struct system_user *user)
{
	return user->uid >= u->uid_min && user->uid <= u->uid_max;
}
