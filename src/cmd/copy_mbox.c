/* SPDX-License-Identifier: BSD-2-Clause */

/* copy_mbox -- `mailhaul copy --kind mbox`: every mbox file, as it is or into a Maildir. */

#include "cmd/copy.h"

#include "base/memory.h"
#include "remote/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 16u

/* A part of the path begins with a dot: Dovecot's and other programs' own. */
static bool is_hidden(const char *path)
{
	return path[0] == '.' || strstr(path, "/.");
}

static bool is_lock(const char *path)
{
	return span_ends(span_of(path), ".lock");
}

/* 1: a From_ line is at its beginning, or it is empty; 0; -1. */
static int begins_as_mbox(struct copy *c, const struct host_entry *e, struct error *err)
{
	AUTO_FREE char *path = copy_join(c->from, e->path);
	AUTO_BUF struct buf head = { 0 };
	uint64_t size;

	if (!e->size)
		return 1;
	if (host_read_part(c->from_host, path, 0, 5, &head, &size, err) < 0)
		return err->scope == ERROR_SCOPE_HOST ? -1 : 0;
	return span_starts(buf_span(&head), "From ");
}

/* 1: nothing but mboxes is there, and one has mail. */
static int is_sure(struct copy *c, const struct host_listing *l, struct error *err)
{
	bool mail = false;

	for (size_t i = 0; i < l->n; i++) {
		const struct host_entry *e = &l->rows[i];
		int is = 1;

		if (S_ISDIR(e->mode) || is_lock(e->path) || strstr(e->path, ".imap/") ||
		    span_ends(span_of(e->path), ".subscriptions"))
			continue;
		if (S_ISREG(e->mode))
			is = begins_as_mbox(c, e, err);
		if (is < 1 || !S_ISREG(e->mode) || is_hidden(e->path))
			return is < 0 ? -1 : 0;
		mail = mail || e->size;
	}
	return mail;
}

int copy_is_mbox(struct copy *c, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (host_list(c->from_host, c->from, 0, &l, err) < 0)
		return -1;
	return l.n == 1 && S_ISREG(l.rows[0].mode) && l.rows[0].size
	               ? begins_as_mbox(c, &l.rows[0], err)
	               : 0;
}

/* One file is an account that has its INBOX alone. */
static void add_account(struct copy *c, struct copy_found *accounts, const struct host_entry *e)
{
	struct mailbox_account *pair = copy_found_add(accounts);
	AUTO_FREE char *to = copy_join(c->to, e->path);
	bool maildir = c->mbox_to_maildir;

	for (int side = 0; side < 2; side++)
		pair[side] = (struct mailbox_account){
			.user = xstrdup(*e->path ? e->path : "INBOX"),
			.format = MAILBOX_MBOX,
			.layout = MAILBOX_LAYOUT_FS,
			.uid = e->uid,
			.gid = e->gid,
		};
	pair[0].root = xstrdup("");
	pair[0].inbox = copy_join(c->from, e->path);
	pair[1].root = xstrdup(maildir ? to : "");
	pair[1].inbox = maildir ? NULL : TAKE(to);
	pair[1].format = maildir ? MAILBOX_MAILDIR : MAILBOX_MBOX;
}

/* Directories of SRC, and with Maildirs one for each file; parents stand before what they hold. */
static int make_directories(struct copy *c, const struct host_listing *l, struct error *err)
{
	for (size_t i = 0; i < l->n && !c->run->dry_run; i++) {
		const struct host_entry *e = &l->rows[i];
		AUTO_FREE char *path = copy_join(c->to, e->path);
		bool maildir = S_ISREG(e->mode) && c->mbox_to_maildir && !is_lock(e->path);

		if ((!S_ISDIR(e->mode) && !maildir) || is_hidden(e->path) ||
		    host_has(c->to_host, path))
			continue;
		if (host_mkdir(c->to_host, path, maildir ? 0700 : e->mode & 07777, e->uid, e->gid,
		               err) < 0)
			return -1;
	}
	return 0;
}

int copy_mboxes(struct copy *c, bool sure, bool *found, struct error *err)
{
	AUTO_COPY_FOUND struct copy_found accounts = { 0 };
	AUTO_LISTING struct host_listing l = { 0 };
	int is = 1;

	*found = false;
	if (host_list(c->from_host, c->from, DEPTH_MAX, &l, err) < 0)
		return -1;
	if (sure)
		is = is_sure(c, &l, err);
	if (is < 1)
		return is;
	for (size_t i = 0; i < l.n; i++)
		if (S_ISREG(l.rows[i].mode) && !is_hidden(l.rows[i].path) &&
		    !is_lock(l.rows[i].path))
			add_account(c, &accounts, &l.rows[i]);
	*found = accounts.n > 0;
	if (!*found)
		return 0;
	if (make_directories(c, &l, err) < 0)
		return -1;
	return copy_mailboxes(c, "mboxes", &accounts, err);
}
