/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"
#include "imapd/dovecot_mail.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 32u
#define PIECE (1u << 20)
#define READ_MAX (256u << 20) /* octets of one user's mbox files that are read to count messages */

struct tally {
	uint64_t messages, octets, folders;
	uint64_t subscriptions; /* size of the file; 0: none */
	bool counted;           /* false: some mbox was too long to be read */
};

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is the file in a directory of that name? ("Archive/cur/x" in "cur") */
static bool is_in(const char *path, const char *directory)
{
	size_t n = (size_t)(last_of(path) - path), d = strlen(directory);

	return n > d && !strncmp(path + n - 1 - d, directory, d) &&
	       (n == d + 1 || path[n - 2 - d] == '/');
}

static void tally_maildir(const struct host_listing *l, struct tally *t)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct host_entry *e = &l->rows[i];

		if (S_ISDIR(e->mode) && !strcmp(last_of(e->path), "cur"))
			t->folders++;
		if (!S_ISREG(e->mode))
			continue;
		if (!strcmp(e->path, "subscriptions"))
			t->subscriptions = e->size;
		if (!is_in(e->path, "cur") && !is_in(e->path, "new"))
			continue;
		t->messages++;
		t->octets += e->size;
	}
}

/* Counts lines that begin with "From " (mbox(5)). */
static uint64_t count_from(struct span text, bool *at_start)
{
	uint64_t n = 0;

	while (text.n) {
		ssize_t lf;

		if (*at_start && span_starts(text, "From "))
			n++;
		lf = span_find(text, '\n');
		*at_start = lf >= 0;
		text = span_from(text, lf < 0 ? text.n : (size_t)lf + 1);
	}
	return n;
}

/* A "From " that stands across the end of a piece is read with the next one. */
static int tally_mbox(struct survey_site *s, const char *path, uint64_t size, struct tally *t,
                      struct error *err)
{
	AUTO_BUF struct buf piece = { 0 };
	uint64_t offset = 0, now = size;
	bool at_start = true;

	t->folders++;
	t->octets += size;
	if (t->octets > READ_MAX) {
		t->counted = false;
		return 0;
	}
	while (offset < now) {
		struct error why = { 0 };

		if (host_read_part(s->h, path, offset, PIECE, &piece, &now, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			t->counted = false;
			return 0;
		}
		size_t keep = offset + piece.n < now && piece.n > 8 ? 4 : 0;
		/* step back to the last line end, so that no line's front is cut */
		while (keep && keep < piece.n && piece.p[piece.n - keep - 1] != '\n' && keep < 4096)
			keep++;
		if (!piece.n)
			break;
		t->messages += count_from((struct span){ piece.p, piece.n - keep }, &at_start);
		offset += piece.n - keep;
	}
	return 0;
}

/* Names in an mbox folder directory that are no folders. */
static bool is_mbox_folder(const struct host_entry *e)
{
	const char *name = last_of(e->path);

	return S_ISREG(e->mode) && *name != '.' && !strstr(e->path, ".imap/") &&
	       strcmp(name, "subscriptions") != 0 && strncmp(name, "dovecot", 7) != 0 &&
	       !span_ends(span_of(name), ".lock");
}

static int tally_mbox_tree(struct survey_site *s, const struct mailbox_account *a,
                           const struct host_listing *l, struct tally *t, struct error *err)
{
	struct host_entry inbox;
	int found = survey_stat(s, a->inbox, &inbox, err);

	if (found < 0 || (found && tally_mbox(s, a->inbox, inbox.size, t, err) < 0))
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", a->root, l->rows[i].path);

		/* Dovecot keeps it as a plain file or, in mbox, with a dot in front */
		if (!strcmp(last_of(path), ".subscriptions") ||
		    !strcmp(last_of(path), "subscriptions"))
			t->subscriptions = l->rows[i].size;
		if (is_mbox_folder(&l->rows[i]) && strcmp(path, a->inbox) != 0 &&
		    tally_mbox(s, path, l->rows[i].size, t, err) < 0)
			return -1;
	}
	return 0;
}

/* Dovecot counts what only it reads; the files would say nothing. */
static int tally_dovecots(struct survey_site *s, const struct mailbox_account *a, struct tally *t,
                          struct error *err)
{
	struct dovecot_totals totals = { 0 };
	struct error why = { 0 };

	if (dovecot_count(s->h, a, &totals, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		survey_look(s, why.text);
		t->counted = false;
		return 0;
	}
	t->messages = totals.messages;
	t->octets = totals.octets;
	t->folders = totals.folders;
	t->subscriptions = totals.subscriptions;
	return 0;
}

static int tally_account(struct survey_site *s, const struct mailbox_account *a, struct tally *t,
                         struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (mailbox_is_dovecots(a->format))
		return tally_dovecots(s, a, t, err);
	if (host_list(s->h, a->root, DEPTH_MAX, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		if (why.sys_errno != ENOENT)
			survey_look(s, why.text);
	}
	if (a->format == MAILBOX_MBOX)
		return tally_mbox_tree(s, a, &l, t, err);
	tally_maildir(&l, t);
	return 0;
}

static void add_items(struct survey_site *s, const struct imapd_account *account,
                      const struct tally *t)
{
	const struct mailbox_account *a = &account->mailbox;
	AUTO_FREE char *owner = survey_owner(s, a->uid, a->gid);
	struct item *item = survey_add(s, "mailbox", a->user, ITEM_MUST,
	                               t->counted ? "a user's mail"
	                                          : "a user's mail; messages were not all counted");

	item_set(&item->source, a->inbox ? a->inbox : a->root);
	item_set(&item->owner, owner);
	item->count = t->messages;
	item->size = t->octets;
	survey_detail(item, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s*, s:I, s:I, s:b}", "format",
	                              mailbox_format_name(a->format), "layout",
	                              a->layout == MAILBOX_LAYOUT_MAILDIRPP ? "maildir++" : "fs",
	                              "folders", (json_int_t)t->folders, "home", a->home, "root",
	                              a->root, "inbox", a->inbox, "uid", (json_int_t)a->uid, "gid",
	                              (json_int_t)a->gid, "counted", t->counted));
	if (account->control) {
		AUTO_FREE char *words = xasprintf(
			"%s: UID lists lie apart from the mail, in %s (CONTROL=): not carried",
			a->user, account->control);

		survey_look(s, words);
	}
	if (!t->subscriptions)
		return;
	item = survey_add(s, "subscriptions", a->user, ITEM_SHOULD,
	                  "the folders that this user's mail client shows");
	item_set(&item->source, a->root);
	item_set(&item->owner, owner);
	item->size = t->subscriptions;
}

int survey_mailboxes(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->accounts.n; i++) {
		struct tally t = { .counted = true };

		if (tally_account(s, &s->accounts.rows[i].mailbox, &t, err) < 0)
			return -1;
		add_items(s, &s->accounts.rows[i], &t);
	}
	return 0;
}
