/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/clock.h"
#include "base/memory.h"
#include "imapd/mail_location.h"
#include "survey/accounts.h"
#include "survey/beside.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 8

void survey_site_fini(struct survey_site *s)
{
	mta_facts_fini(&s->mta);
	imapd_facts_fini(&s->imapd);
	system_users_fini(&s->users);
	imapd_accounts_fini(&s->accounts);
	items_fini(&s->items);
	strings_fini(&s->for_person);
}

void survey_look(struct survey_site *s, const char *words)
{
	if (!strings_has(&s->for_person, words))
		strings_add(&s->for_person, words);
}

static void look_all(struct survey_site *s, const struct strings *words)
{
	for (size_t i = 0; i < words->n; i++)
		survey_look(s, words->rows[i]);
}

/* Without a mailbox server, mail lies where the MTA's local delivery puts it. */
static int find_local_mailboxes(struct survey_site *s, struct error *err)
{
	AUTO_FREE char *below = mta_setting_expanded(&s->mta, "home_mailbox");
	AUTO_FREE char *spool = mta_setting_expanded(&s->mta, "mail_spool_directory");
	AUTO_FREE char *location = NULL;
	struct imapd_accounts *a = &s->accounts;

	if (*below && below[strlen(below) - 1] == '/')
		location = xasprintf("maildir:~/%s", below);
	else if (*below)
		location = xasprintf("mbox:~/mail:INBOX=~/%s", below);
	else
		location = xasprintf("mbox:~/mail:INBOX=%s/%%u", *spool ? spool : "/var/mail");
	for (size_t i = 0; i < s->users.users_n; i++) {
		const struct system_user *u = &s->users.users[i];
		struct mail_user user = { u->name, u->home, u->uid, u->gid };
		struct imapd_account account = { 0 };

		if (!system_user_is_person(&s->users, u))
			continue;
		if (mail_location_parse(span_of(location), &user, &account.mailbox, NULL, NULL,
		                        err) < 0)
			return -1;
		account.source = xstrdup("passwd");
		ARRAY_GROW(a->rows, a->n, a->room);
		a->rows[a->n++] = account;
	}
	return 0;
}

static bool owns_others(const struct imapd_accounts *a, const struct imapd_account *row)
{
	for (size_t i = 0; i < a->n; i++)
		if (&a->rows[i] != row && a->rows[i].mailbox.uid == row->mailbox.uid)
			return true;
	return false;
}

/* A system user below the people's numbers, or one that only owns the mailboxes of virtual users,
 * counts when there is mail of his own. 1, 0, -1. */
static int counts_as_mailbox(struct survey_site *s, const struct imapd_account *row,
                             struct error *err)
{
	const struct system_user *u = system_user_named(&s->users, row->mailbox.user);
	struct host_entry entry;
	int has;

	if (!u || (system_user_is_person(&s->users, u) && !owns_others(&s->accounts, row)))
		return 1;
	has = survey_stat(s, row->mailbox.root, &entry, err);
	if (has == 0 && row->mailbox.inbox)
		has = survey_stat(s, row->mailbox.inbox, &entry, err);
	return has;
}

static int drop_accounts_without_mail(struct survey_site *s, struct error *err)
{
	AUTO_IMAPD_ACCOUNTS struct imapd_accounts dropped = { 0 };
	AUTO_FREE bool *keep = xcalloc(s->accounts.n + 1, sizeof *keep);
	struct imapd_accounts *a = &s->accounts;
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++) {
		int has = counts_as_mailbox(s, &a->rows[i], err);

		if (has < 0)
			return -1;
		keep[i] = has;
	}
	for (size_t i = 0; i < a->n; i++) {
		if (keep[i]) {
			a->rows[kept++] = a->rows[i];
			continue;
		}
		ARRAY_GROW(dropped.rows, dropped.n, dropped.room);
		dropped.rows[dropped.n++] = a->rows[i];
	}
	a->n = kept;
	return 0;
}

static int read_mta(struct survey_site *s, struct error *err)
{
	if (mta_find(s->h, &s->mta_kind, err) < 0)
		return -1;
	if (!s->mta_kind) {
		survey_look(s, "no mail transfer agent that is known here (Postfix)");
		return 0;
	}
	if (s->mta_kind->facts(s->h, &s->mta, err) < 0 ||
	    s->mta_kind->counts(s->h, &s->queue, err) < 0)
		return -1;
	look_all(s, &s->mta.for_person);
	return 0;
}

static int read_imapd(struct survey_site *s, struct error *err)
{
	int found = imapd_found(s->h, err);

	if (found < 0)
		return -1;
	s->has_imapd = found;
	if (!found)
		return s->mta_kind ? find_local_mailboxes(s, err) : 0;
	if (imapd_facts(s->h, &s->imapd, err) < 0 ||
	    imapd_accounts(s->h, &s->imapd, &s->users, &s->accounts, err) < 0)
		return -1;
	look_all(s, &s->imapd.for_person);
	look_all(s, &s->accounts.for_person);
	return drop_accounts_without_mail(s, err);
}

int survey_site_read(struct survey_site *out, struct host *h, const char *name, bool hashes,
                     struct error *err)
{
	AUTO_SURVEY_SITE struct survey_site s = { .h = h, .name = name };

	if (system_users_read(h, hashes, &s.users, err) < 0 || read_mta(&s, err) < 0 ||
	    read_imapd(&s, err) < 0)
		return error_context(err, "survey of the %s host", name);
	*out = s;
	s = (struct survey_site){ 0 };
	return 0;
}

/* ── what topics use ─────────────────────────────────────────────────────────────────────────── */

/* Where a symbolic link at `path` leads. */
static char *follow(const char *path, const char *target)
{
	const char *slash = strrchr(path, '/');

	if (*target == '/')
		return xstrdup(target);
	return xasprintf("%.*s/%s", (int)(slash - path), path, target);
}

int survey_stat(struct survey_site *s, const char *path, struct host_entry *out, struct error *err)
{
	AUTO_FREE char *at = xstrdup(path);

	for (int i = 0; i < LINKS_MAX; i++) {
		AUTO_LISTING struct host_listing l = { 0 };
		struct error why = { 0 };

		if (host_list(s->h, at, 0, &l, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			return 0;
		}
		if (!S_ISLNK(l.rows[0].mode) || !l.rows[0].target) {
			*out = l.rows[0];
			out->path = out->target = NULL;
			return 1;
		}
		char *next = follow(at, l.rows[0].target);
		free(at);
		at = next;
	}
	return 0;
}

char *survey_owner(const struct survey_site *s, uint32_t uid, uint32_t gid)
{
	const struct system_user *u = system_user_numbered(&s->users, uid);
	const struct system_group *g = system_group_numbered(&s->users, gid);
	AUTO_BUF struct buf out = { 0 };

	if (u)
		buf_add_printable(&out, span_of(u->name));
	else
		buf_addf(&out, "%u", uid);
	buf_add_char(&out, ':');
	if (g)
		buf_add_printable(&out, span_of(g->name));
	else
		buf_addf(&out, "%u", gid);
	return buf_take(&out);
}

struct item *survey_add(struct survey_site *s, const char *kind, const char *name,
                        enum item_class class, const char *reason)
{
	return items_add(&s->items, s->name, kind, name, class, reason);
}

struct item *survey_add_file(struct survey_site *s, const char *kind, const char *path,
                             const struct host_entry *entry, enum item_class class,
                             const char *reason)
{
	struct item *item = survey_add(s, kind, path, class, reason);

	free(item->source);
	item->source = xstrdup(path);
	free(item->owner);
	item->owner = survey_owner(s, entry->uid, entry->gid);
	item->size = entry->size;
	item->mode = entry->mode & 07777;
	return item;
}

void survey_detail(struct item *item, struct json_t *detail)
{
	char *text = json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS);

	/* bytes that are no UTF-8 make no JSON */
	free(item->detail);
	item->detail = text ? text : xstrdup("{}");
	json_decref(detail);
}

/* ── items ───────────────────────────────────────────────────────────────────────────────────── */

static void add_looks(struct survey_site *s)
{
	for (size_t i = 0; i < s->for_person.n; i++)
		survey_add(s, "look", s->for_person.rows[i], ITEM_LOOK,
		           "can't be judged here: a person has to look at it");
}

int survey_site_items(struct survey_site *s, struct error *err)
{
	for (unsigned i = 0; i < survey_topics_rows; i++)
		if (survey_topics[i].find && survey_topics[i].find(s, err) < 0)
			return error_context(err, "survey of the %s host: %s", s->name,
			                     survey_topics[i].title);
	add_looks(s);
	/* what the new host has already does not move */
	for (size_t i = 0; i < s->items.n; i++)
		if (!strcmp(s->name, "new") && s->items.rows[i].class != ITEM_LOOK)
			s->items.rows[i].class = ITEM_STAYS;
	return 0;
}

static int store_accounts(struct survey_site *s, struct state *state, struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs pairs = { 0 };
	int64_t at_ms = clock_wall_ms();

	for (size_t i = 0; i < s->accounts.n; i++) {
		const struct mailbox_account *a = &s->accounts.rows[i].mailbox;

		ARRAY_GROW(pairs.rows, pairs.n, pairs.room);
		struct account_pair *pair = &pairs.rows[pairs.n++];
		*pair = (struct account_pair){
			.from = { .user = xstrdup(a->user),
			          .home = xstrdup(a->home),
			          .root = xstrdup(a->root),
			          .inbox = a->inbox ? xstrdup(a->inbox) : NULL,
			          .format = a->format,
			          .layout = a->layout,
			          .uid = a->uid,
			          .gid = a->gid },
		};
		if (survey_find_beside(s, a, &pair->beside, err) < 0)
			return -1;
	}
	if (survey_accounts_replace(state, &pairs, err) < 0)
		return -1;
	return state_put_i64(state, "survey.at_ms", at_ms, err);
}

int survey_site_store(struct survey_site *s, struct state *state, struct error *err)
{
	if (items_replace(state, s->name, &s->items, err) < 0)
		return -1;
	return strcmp(s->name, "old") == 0 ? store_accounts(s, state, err) : 0;
}
