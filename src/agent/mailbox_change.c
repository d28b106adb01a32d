/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_change -- answers MAIL_CHANGE (flags, removals, folders) and MBOX_APPEND. */

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/append.h"
#include "store/change.h"
#include "store/folder.h"
#include "wire/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct changing {
	struct agent *a;
	struct mailbox_account account;
	uint32_t uid, gid;
	/* the folder whose messages were changed last */
	char *folder;
	int folderfd;
	struct sync_list *sync;
	char *last; /* folder of the last record of a message; owned, NULL: there was none */
};

static int malformed(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
	                 "malformed MAIL_CHANGE on the wire");
}

static void leave_folder(struct changing *c)
{
	fd_close_at(&c->folderfd);
	c->folderfd = -1;
	free(TAKE(c->folder));
}

static int enter_folder(struct changing *c, const char *folder, struct error *err)
{
	if (c->folder && !strcmp(c->folder, folder))
		return 0;
	leave_folder(c);

	AUTO_CLOSE int root = folder_open_root(c->a->rootfd, c->account.root, err);
	if (root < 0)
		return -1;
	c->folderfd = folder_open_below(root, folder);
	if (c->folderfd < 0)
		return error_system(err, "open %s/%s", c->account.root, folder);
	sync_add_device(c->sync, c->folderfd);
	c->folder = xstrdup(folder);
	return 0;
}

/* The folder of a message's record, and which bits are set of it. */
static uint64_t get_places(struct changing *c, struct wire_reader *r)
{
	uint64_t places = wire_get_u64(r);

	if (!(places & WIRE_MAIL_SAME_FOLDER)) {
		free(c->last);
		c->last = wire_get_string(r);
	}
	if (places & ~(uint64_t)WIRE_MAIL_PLACES || !c->last)
		r->bad = true;
	return places;
}

static int change_message(struct changing *c, uint64_t tag, struct wire_reader *r,
                          struct error *err)
{
	uint64_t places = get_places(c, r);
	AUTO_FREE char *base = wire_get_string(r);
	AUTO_FREE char *was_suffix = wire_get_string(r);
	const struct change_was was = { was_suffix, places & WIRE_MAIL_WAS_IN_NEW };
	AUTO_FREE char *suffix = NULL;
	int64_t mtime_ns = 0;

	if (tag == WIRE_MAIL_RENAME) {
		suffix = wire_get_string(r);
		mtime_ns = (int64_t)wire_get_u64(r);
	}
	if (r->bad || !mail_path_fits(c->last))
		return malformed(err);
	if (enter_folder(c, c->last, err) < 0)
		return -1;
	if (tag == WIRE_MAIL_REMOVE)
		return change_remove(c->folderfd, base, &was, c->sync, err);
	return change_rename(c->folderfd, base, &was, suffix, places & WIRE_MAIL_COMES_TO_NEW,
	                     mtime_ns, c->sync, err);
}

static int change_folder(struct changing *c, uint64_t tag, const char *folder,
                         struct wire_reader *r, struct error *err)
{
	uint64_t mode = tag == WIRE_MAIL_MAKE_FOLDER ? wire_get_u64(r) : 0;

	if (r->bad)
		return malformed(err);
	leave_folder(c);
	if (tag == WIRE_MAIL_MAKE_FOLDER && c->account.format == MAILBOX_MAILDIR)
		return change_make_folder(c->a->rootfd, c->account.root, folder, (uint32_t)mode,
		                          c->uid, c->gid, c->sync, err);
	if (tag == WIRE_MAIL_MAKE_FOLDER)
		return change_make_directories(c->a->rootfd, c->account.root, folder,
		                               (uint32_t)mode, c->uid, c->gid, c->sync, err);
	if (tag == WIRE_MAIL_REMOVE_FOLDER && c->account.format == MAILBOX_MAILDIR)
		return change_remove_folder(c->a->rootfd, c->account.root, folder, c->sync, err);
	if (tag == WIRE_MAIL_DROP_INDEXES)
		return change_drop_indexes(c->a->rootfd, &c->account, folder, c->sync, err);
	return malformed(err);
}

static int change_one(struct changing *c, struct wire_reader *r, struct error *err)
{
	uint64_t tag = wire_get_u64(r);

	if (tag == WIRE_MAIL_RENAME || tag == WIRE_MAIL_REMOVE)
		return c->account.format == MAILBOX_MAILDIR ? change_message(c, tag, r, err)
		                                            : malformed(err);

	AUTO_FREE char *folder = wire_get_string(r);
	if (r->bad || !mail_path_fits(folder))
		return malformed(err);
	if (tag == WIRE_MAIL_REMOVE_FILE) {
		bool home = wire_get_u64(r) == MAIL_PLACE_HOME;

		if (r->bad || !*folder)
			return malformed(err);
		return change_remove_file(c->a->rootfd, home ? c->account.home : c->account.root,
		                          folder, c->sync, err);
	}
	return change_folder(c, tag, folder, r, err);
}

static int tell_failed(struct agent *a, uint64_t index, const struct error *why, struct error *err)
{
	AUTO_BUF struct buf out = { 0 };

	wire_put_tag(&out, WIRE_MAIL_FAILED);
	wire_put_failed(&out, index, why);
	return agent_send(a, buf_span(&out), err);
}

static int change_all(struct changing *c, struct wire_reader *r, struct error *err)
{
	for (uint64_t i = 0; r->rest.n; i++) {
		struct error why = { 0 };

		if (change_one(c, r, &why) == 0)
			continue;
		if (r->bad || why.scope == ERROR_SCOPE_HOST) {
			*err = why;
			return -1;
		}
		if (tell_failed(c->a, i, &why, err) < 0)
			return -1;
	}
	return 0;
}

int agent_mail_change(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct sync_list now = { 0 };
	struct changing c = { .a = a, .folderfd = -1 };
	struct error why = { 0 };
	uint64_t uid, gid, later;
	int result;

	wire_get_account(r, &c.account);
	uid = wire_get_u64(r);
	gid = wire_get_u64(r);
	later = wire_get_u64(r);
	c.uid = (uint32_t)uid;
	c.gid = (uint32_t)gid;
	c.sync = later ? agent_sync_later(a) : &now;
	result = r->bad || uid > UINT32_MAX || gid > UINT32_MAX || later > 1
	                 ? malformed(err)
	                 : change_all(&c, r, err);
	/* also what was done before something failed */
	if (sync_all(&now, &why) < 0 && result == 0) {
		*err = why;
		result = -1;
	}
	leave_folder(&c);
	free(c.last);
	mailbox_account_fini(&c.account);
	return result;
}

/* ── mbox: append ────────────────────────────────────────────────────────────────────────────── */

int agent_mbox_append(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	struct append_message m = { 0 };
	uint64_t uid, gid;
	bool appended;

	wire_get_account(r, &account);
	AUTO_FREE char *folder = wire_get_string(r);
	uid = wire_get_u64(r);
	gid = wire_get_u64(r);
	AUTO_FREE char *path = wire_get_string(r);
	AUTO_FREE char *from_line = wire_get_string(r);
	AUTO_FREE char *flags = wire_get_string(r);
	AUTO_FREE char *keywords = wire_get_string(r);
	m.digest = wire_get_digest(r);
	if (wire_read_end(r, "MBOX_APPEND", err) < 0)
		return -1;
	if (uid > UINT32_MAX || gid > UINT32_MAX || !mail_path_fits(folder) ||
	    !mail_path_fits(path) || account.format != MAILBOX_MBOX || strpbrk(from_line, "\r\n") ||
	    strpbrk(flags, "\r\n") || strpbrk(keywords, "\r\n"))
		return malformed(err);
	m.folder = folder;
	m.path = path;
	m.from_line = from_line;
	m.flags = flags;
	m.keywords = keywords;
	m.uid = (uint32_t)uid;
	m.gid = (uint32_t)gid;
	if (append_to_mbox(a->rootfd, &account, &m, &appended, err) < 0)
		return -1;
	wire_put_u64(end, appended);
	return 0;
}
