/* SPDX-License-Identifier: BSD-2-Clause */

/* uids -- dovecot-uidlist and dovecot-keywords follow, when all that they speak of is in place. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/pass.h"
#include "store/uidlist.h"

#include <stdlib.h>
#include <string.h>

struct uids {
	struct pass *p;
	struct mailbox_writer *writer;
	pass_there_fn *there;
	void *context;
	const struct mail_folder *f; /* on old */
};

static bool has(void *context, struct span base)
{
	struct uids *u = context;
	AUTO_FREE char *name = span_dup(base);
	const struct mail_message *m = mail_folder_find(u->f, name);

	return m && u->there(u->context, u->f, m);
}

static char *path_of(const struct mail_folder *f, const char *name)
{
	return xasprintf("%s%s%s", f->name, *f->name ? "/" : "", name);
}

static bool is_uidlist(const char *name)
{
	return !strcmp(name, "dovecot-uidlist");
}

static void note_uidlist(struct uids *u, const struct digest *digest)
{
	struct pass *p = u->p;

	ARRAY_GROW(p->uidlists, p->uidlists_n, p->uidlists_room);
	p->uidlists[p->uidlists_n++] = (struct pass_uidlist){ u->f, *digest };
}

static int put(struct uids *u, const char *name, struct span text, struct error *err)
{
	const struct mailbox_account *to = u->p->account->to;
	AUTO_FREE char *path = path_of(u->f, name);
	const struct digest digest = digest_of(text);
	struct mailbox_file file = {
		.root = to->root,
		.path = path,
		/* as Dovecot does: from the folder's own mode (Dovecot 2.3, mailbox permissions) */
		.mode = u->f->mode & 0666,
		.uid = to->uid,
		.gid = to->gid,
		.mtime_ns = clock_wall_ms() * 1000000,
	};

	u->p->out->files++;
	if (is_uidlist(name))
		note_uidlist(u, &digest);
	if (!u->p->listed.n || strcmp(u->p->listed.rows[u->p->listed.n - 1], u->f->name) != 0)
		strings_add(&u->p->listed, u->f->name);
	if (mailbox_put_file(u->writer, &file, err) < 0 ||
	    mailbox_put_bytes(u->writer, text, err) < 0)
		return -1;
	return mailbox_put_done(u->writer, &digest, err);
}

static bool is_same(struct span a, struct span b)
{
	AUTO_UIDLIST struct uidlist old = { 0 }, new = { 0 };
	struct error ignored = { 0 };

	if (span_equal(a, b))
		return true;
	return b.n && uidlist_parse(a, "", &old, NULL, &ignored) == 0 &&
	       uidlist_parse(b, "", &new, NULL, &ignored) == 0 && uidlist_agrees(&old, &new);
}

static int folder_uids(struct uids *u, struct error *err)
{
	const struct mail_folder *there = mail_listing_find(&u->p->new, u->f->name);
	struct span keywords = buf_span(&u->f->keywords_file);
	AUTO_BUF struct buf list = { 0 };

	if (keywords.n && (!there || !span_equal(keywords, buf_span(&there->keywords_file))) &&
	    put(u, "dovecot-keywords", keywords, err) < 0)
		return -1;
	uidlist_filter(buf_span(&u->f->uidlist), has, u, &list);
	if (!list.n || (there && is_same(buf_span(&list), buf_span(&there->uidlist))))
		return 0;
	return put(u, "dovecot-uidlist", buf_span(&list), err);
}

static void drop_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

int pass_uids_drop_indexes(struct pass *p, struct error *err)
{
	AUTO_MAILBOX_CHANGES struct mailbox_changes changes = {
		.h = p->new_host,
		.account = p->account->to,
		.later = true,
		.context = p,
		.failed = drop_failed,
	};
	bool has_root = false;

	for (size_t i = 0; i < p->listed.n; i++) {
		has_root = has_root || !*p->listed.rows[i];
		if (mailbox_drop_indexes(&changes, p->listed.rows[i], err) < 0)
			return -1;
	}
	/* the list of folders has its index in the root */
	if (p->listed.n && !has_root && mailbox_drop_indexes(&changes, "", err) < 0)
		return -1;
	return mailbox_changes_send(&changes, err);
}

/* ── what is there ───────────────────────────────────────────────────────────────────────────── */

static int by_message(const void *a, const void *b)
{
	const struct mail_message *x = ((const struct transfer_row *)a)->m;
	const struct mail_message *y = ((const struct transfer_row *)b)->m;

	return x < y ? -1 : x > y;
}

const struct transfer_row *pass_find_row(const struct pass *p, const struct mail_message *m)
{
	const struct transfer_row key = { .m = m };

	return p->rows_n ? bsearch(&key, p->rows, p->rows_n, sizeof key, by_message) : NULL;
}

static bool is_there(void *context, const struct mail_folder *f, const struct mail_message *m)
{
	struct pass *p = context;
	const struct transfer_row *row = pass_find_row(p, m);
	const struct mail_folder *new_folder;

	if (row)
		return row->arrived;
	new_folder = mail_listing_find(&p->new, f->name);
	return new_folder && mail_folder_find(new_folder, m->base);
}

pass_there_fn *pass_sort_there(struct pass *p)
{
	if (p->rows_n)
		qsort(p->rows, p->rows_n, sizeof *p->rows, by_message);
	return is_there;
}

/* ── the files ───────────────────────────────────────────────────────────────────────────────── */

int pass_uids_put(struct pass *p, struct mailbox_writer *writer, pass_there_fn *there,
                  void *context, struct error *err)
{
	struct uids u = { .p = p, .writer = writer, .there = there, .context = context };

	for (size_t i = 0; i < p->old.folders_n; i++) {
		u.f = &p->old.folders[i];
		if (folder_uids(&u, err) < 0)
			return -1;
	}
	return 0;
}
