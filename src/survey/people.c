/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "accounts/names.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

static bool owns_mailbox(const struct survey_site *s, uint32_t uid)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		if (s->accounts.rows[i].mailbox.uid == uid)
			return true;
	return false;
}

static bool has_mailbox(const struct survey_site *s, const char *user)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		if (!strcmp(s->accounts.rows[i].mailbox.user, user))
			return true;
	return false;
}

static const char *password_words(const struct system_user *u)
{
	if (!u->hash)
		return "not read";
	return account_hash_good(u->hash) ? "set" : "none or locked";
}

static void add_system_user(struct survey_site *s, const struct system_user *u)
{
	bool person = system_user_is_person(&s->users, u), owner = owns_mailbox(s, u->uid);
	AUTO_BUF struct buf name = { 0 };
	struct item *item;

	if (!person && !owner)
		return;
	buf_add_printable(&name, span_of(u->name));
	item = survey_add(s, "user", buf_text(&name),
	                  account_name_good(u->name) ? ITEM_MUST : ITEM_LOOK,
	                  !account_name_good(u->name) ? "a name that useradd would not take"
	                  : has_mailbox(s, u->name)   ? "has a mailbox"
	                  : owner                     ? "mailboxes of others belong to it"
	                                              : "may get local mail");
	item_set(&item->source, "passwd");
	AUTO_FREE char *owner_words = survey_owner(s, u->uid, u->gid);
	item_set(&item->owner, owner_words);
	survey_detail(item, json_pack("{s:I, s:I, s:s, s:s, s:s}", "uid", (json_int_t)u->uid, "gid",
	                              (json_int_t)u->gid, "home", u->home, "shell", u->shell,
	                              "password", password_words(u)));
}

int survey_users(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->users.users_n; i++)
		add_system_user(s, &s->users.users[i]);
	for (size_t i = 0; i < s->accounts.n; i++) {
		const struct imapd_account *a = &s->accounts.rows[i];
		struct item *item;

		if (system_user_named(&s->users, a->mailbox.user))
			continue;
		item = survey_add(s, "virtual user", a->mailbox.user, ITEM_MUST,
		                  "has a mailbox and no system user");
		item_set(&item->source, a->source);
		AUTO_FREE char *owner = survey_owner(s, a->mailbox.uid, a->mailbox.gid);
		item_set(&item->owner, owner);
		survey_detail(item, json_pack("{s:s}", "home", a->mailbox.home));
	}
	return 0;
}
