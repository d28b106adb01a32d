/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "prepare/locations.h"
#include "prepare/places.h"

#include <string.h>
#include <sys/stat.h>

/* ── homes ───────────────────────────────────────────────────────────────────────────────────── */

static int make_home(struct prepare *p, const char *user, const char *home, uint32_t uid,
                     uint32_t gid, struct error *err)
{
	struct host_entry entry = { 0 }, there = { 0 };
	uint32_t owner, group;
	int found = survey_stat(&p->from, home, &entry, err);
	int found_there = found < 0 ? -1 : survey_stat(&p->to, home, &there, err);

	if (found_there < 0)
		return -1;
	if (!found || !S_ISDIR(entry.mode))
		return 0; /* he had none */
	if (found_there) {
		/* one that belongs to somebody else on old may do so on new */
		prepare_owner(p, entry.uid, entry.gid, &owner, &group);
		if (there.uid == uid || there.uid == owner)
			prepare_same(p, "home %s", home);
		else
			prepare_failed(p,
			               "home %s of %s is there on the new host, and belongs to "
			               "number %u",
			               home, user, there.uid);
		return 0;
	}
	if (!place_is_for_mail(home)) {
		prepare_leave(p, "home %s of %s lies among the system's own folders: not made",
		              home, user);
		return 0;
	}
	AUTO_FREE char *parent = xstrdup(home);
	*strrchr(parent, '/') = 0;
	if (*parent && prepare_folder(p, parent, err) < 0)
		return -1;
	prepare_changed(p, "home %s", home);
	if (p->dry_run)
		return 0;
	return host_mkdir(p->new_host, home, entry.mode & 0777, uid, gid, err);
}

int prepare_homes(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.users.users_n; i++) {
		const struct system_user *u = &p->from.users.users[i];

		if (strings_has(&p->made_users, u->name) &&
		    make_home(p, u->name, u->home, prepare_number(p, u->uid, false),
		              prepare_number(p, u->gid, true), err) < 0)
			return -1;
	}
	for (size_t i = 0; i < p->accounts.n; i++) {
		const struct mailbox_account *a = &p->accounts.rows[i].from;

		if (!prepare_is_stranger(p, a->uid, false) &&
		    make_home(p, a->user, a->home, prepare_number(p, a->uid, false),
		              prepare_number(p, a->gid, true), err) < 0)
			return -1;
	}
	return 0;
}

/* ── mailboxes ───────────────────────────────────────────────────────────────────────────────── */

static const char *of_null(const char *text)
{
	return text ? text : "";
}

/* The new half of a pair: the same places, the new numbers. */
static bool set_new_half(struct prepare *p, struct account_pair *pair)
{
	const struct mailbox_account *a = &pair->from;
	struct mailbox_account *to = &pair->to;

	free(to->user);
	free(to->home);
	free(to->root);
	free(to->inbox);
	*to = (struct mailbox_account){
		.user = xstrdup(a->user),
		.home = xstrdup(a->home),
		.root = xstrdup(a->root),
		.inbox = a->inbox ? xstrdup(a->inbox) : NULL,
		.format = a->format,
		.layout = a->layout,
		.uid = prepare_number(p, a->uid, false),
		.gid = prepare_number(p, a->gid, true),
	};
	pair->prepared = locations_set_new_half(p, pair);
	return pair->prepared;
}

static bool is_converted(const struct account_pair *pair)
{
	return pair->from.format != pair->to.format;
}

/* One folder of a mailbox, owned by its user, the mode as on old. */
static int make_mail_folder(struct prepare *p, const char *path, const struct mailbox_account *to,
                            struct error *err)
{
	struct host_entry entry = { .mode = 0700 };
	int found = survey_stat(&p->to, path, &entry, err);

	if (found < 0)
		return -1;
	if (found) {
		prepare_same(p, "mailbox of %s in %s", to->user, to->root);
		return 0;
	}
	found = survey_stat(&p->from, path, &entry, err);
	if (found < 0)
		return -1;
	prepare_changed(p, "empty mailbox of %s in %s", to->user, to->root);
	if (p->dry_run)
		return 0;
	return host_mkdir(p->new_host, path, found ? entry.mode & 07777 : 0700, to->uid, to->gid,
	                  err);
}

static int make_maildir(struct prepare *p, const struct mailbox_account *to, struct error *err)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < ROWS(parts); i++) {
		AUTO_FREE char *path = xasprintf("%s%s", to->root, parts[i]);

		if (make_mail_folder(p, path, to, err) < 0)
			return -1;
	}
	return 0;
}

static int make_inbox_file(struct prepare *p, const struct account_pair *pair, struct error *err)
{
	const struct mailbox_account *to = &pair->to;
	struct host_entry entry = { 0 };
	uint32_t uid, gid;
	int found;

	if (host_has(p->new_host, to->inbox))
		return 0;
	found = survey_stat(&p->from, pair->from.inbox, &entry, err);
	if (found <= 0)
		return found;
	/* its group is often mail, not the user's */
	prepare_owner(p, entry.uid, entry.gid, &uid, &gid);
	prepare_changed(p, "empty mailbox of %s in %s", to->user, to->inbox);
	if (p->dry_run)
		return 0;
	AUTO_FREE char *folder = xstrdup(to->inbox);
	*strrchr(folder, '/') = 0;
	if (prepare_folder(p, folder, err) < 0)
		return -1;
	return host_write(p->new_host, to->inbox, entry.mode & 0777, uid, gid, SPAN(""), err);
}

/* Where somebody else's mail lies already nothing may be copied to. 1 free or
 * his own, 0, -1. */
static int is_free(struct prepare *p, const struct mailbox_account *from, const char *path,
                   struct error *err)
{
	struct host_entry there;
	int found = path ? survey_stat(&p->to, path, &there, err) : 0;

	if (found < 0)
		return -1;
	if (!found || there.uid == prepare_number(p, from->uid, false))
		return 1;
	prepare_failed(p, "mailbox of %s: %s is there on the new host, and belongs to number %u",
	               from->user, path, there.uid);
	return 0;
}

static int make_mailbox(struct prepare *p, struct account_pair *pair, struct error *err)
{
	struct host_entry entry;
	int found;

	if (!place_is_for_mail(pair->from.root) ||
	    (pair->from.inbox && !place_is_for_mail(pair->from.inbox)) ||
	    !place_is_for_mail(pair->from.home)) {
		prepare_failed(p, "mailbox of %s in %s%s%s: not a place for mail, not prepared",
		               pair->from.user, pair->from.root, pair->from.inbox ? ", " : "",
		               of_null(pair->from.inbox));
		return 0;
	}
	if (pair->from.uid == 0 || prepare_is_stranger(p, pair->from.uid, false)) {
		prepare_failed(p, "mailbox of %s: its owner can't be made on the new host",
		               pair->from.user);
		return 0;
	}
	found = is_free(p, &pair->from, pair->from.root, err);
	if (found == 1)
		found = is_free(p, &pair->from, pair->from.inbox, err);
	if (found < 1)
		return found;
	if (!set_new_half(p, pair))
		return 0;
	if (is_converted(pair))
		prepare_same(p, "mailbox of %s becomes a Maildir in %s", pair->to.user,
		             pair->to.root);
	found = survey_stat(&p->from, pair->from.root, &entry, err);
	if (found < 0)
		return -1;
	/* one that the old host has not made yet, the new one makes with the first letter; but an
	 * INBOX may be elsewhere */
	if (found || is_converted(pair)) {
		AUTO_FREE char *parent = xstrdup(pair->to.root);

		*strrchr(parent, '/') = 0;
		if (prepare_folder(p, parent, err) < 0)
			return -1;
		if (pair->to.format == MAILBOX_MAILDIR
		            ? make_maildir(p, &pair->to, err) < 0
		            : make_mail_folder(p, pair->to.root, &pair->to, err) < 0)
			return -1;
	}
	return pair->to.inbox ? make_inbox_file(p, pair, err) : 0;
}

static int store(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->accounts.n; i++)
		if (survey_account_put(p->state, &p->accounts.rows[i], err) < 0)
			return -1;
	return 0;
}

int prepare_mailboxes(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->accounts.n; i++)
		if (make_mailbox(p, &p->accounts.rows[i], err) < 0)
			return error_context(err, "mailbox of %s", p->accounts.rows[i].from.user);
	if (p->dry_run)
		return 0;
	if (state_begin(p->state, err) < 0)
		return -1;
	if (store(p, err) < 0 || state_commit(p->state, err) < 0) {
		state_abandon(p->state);
		return -1;
	}
	return 0;
}
