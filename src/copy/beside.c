/* SPDX-License-Identifier: BSD-2-Clause */

/* beside -- the files that belong to a mailbox and are no mail: subscriptions, ACLs, Sieve. */

#include "base/memory.h"
#include "copy/pass.h"
#include "store/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 16u
#define FILE_MAX (64u << 20)

struct pass_files {
	struct pass *p;
	struct mailbox_changes changes;
	struct mail_listing old, new; /* only their files: of the homes, and of the roots */
	struct strings exchanged;     /* mbox folders whose index files are brought anew */
};

static const char *place_name(enum mail_place place)
{
	return place == MAIL_PLACE_HOME ? "home" : "root";
}

static const char *place_path(const struct mailbox_account *a, enum mail_place place)
{
	return place == MAIL_PLACE_HOME ? a->home : a->root;
}

static void copy_file(struct mail_listing *to, const struct mail_file *f)
{
	struct mail_file made = *f;

	made.path = xstrdup(f->path);
	made.target = f->target ? xstrdup(f->target) : NULL;
	mail_listing_take_file(to, &made);
}

/* Compiled Sieve scripts are made anew, and would be of another version. */
static bool is_rebuilt(const char *path)
{
	return span_ends(span_of(path), ".svbin");
}

static void add_entry(struct mail_listing *to, const char *path, const struct host_entry *e)
{
	AUTO_FREE char *whole = xasprintf("%s%s%s", path, *e->path ? "/" : "", e->path);
	struct mail_file f = {
		.place = MAIL_PLACE_HOME,
		.path = whole,
		.target = e->target,
		.mode = e->mode,
		.size = e->size,
		.mtime_ns = e->mtime_ns,
	};

	if ((S_ISREG(e->mode) || (S_ISLNK(e->mode) && e->target && *e->target)) &&
	    !is_rebuilt(whole))
		copy_file(to, &f);
}

static int list_home(struct host *h, const char *home, const struct strings *beside,
                     struct mail_listing *to, struct error *err)
{
	for (size_t i = 0; beside && i < beside->n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", home, beside->rows[i]);
		AUTO_LISTING struct host_listing listing = { 0 };

		if (host_list(h, path, DEPTH_MAX, &listing, err) < 0) {
			if (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR)
				continue;
			return -1;
		}
		for (size_t k = 0; k < listing.n; k++)
			add_entry(to, beside->rows[i], &listing.rows[k]);
	}
	return 0;
}

static int list_files(struct pass_files *f, struct error *err)
{
	const struct copy_account *a = f->p->account;

	for (size_t i = 0; i < f->p->old.files_n; i++)
		copy_file(&f->old, &f->p->old.files[i]);
	for (size_t i = 0; i < f->p->new.files_n; i++)
		copy_file(&f->new, &f->p->new.files[i]);
	if (a->from->home && *a->from->home &&
	    list_home(f->p->old_host, a->from->home, a->beside, &f->old, err) < 0)
		return -1;
	if (a->to->home && *a->to->home &&
	    list_home(f->p->new_host, a->to->home, a->beside, &f->new, err) < 0)
		return -1;
	mail_listing_sort(&f->old);
	mail_listing_sort(&f->new);
	return 0;
}

static bool is_same(const struct mail_file *a, const struct mail_file *b)
{
	if (!b || (a->mode & S_IFMT) != (b->mode & S_IFMT))
		return false;
	if (a->target)
		return b->target && !strcmp(a->target, b->target);
	return a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static int record(struct pass_files *f, const struct mail_file *file, const struct digest *digest,
                  struct error *err)
{
	return beside_put(f->p->state,
	                  &(struct beside_record){
				  .account = f->p->account->from->user,
				  .place = place_name(file->place),
				  .path = file->path,
				  .target = file->target,
				  .size = file->size,
				  .mtime_ns = file->mtime_ns,
				  .digest = *digest,
			  },
	                  err);
}

static int bring(struct pass_files *f, struct mailbox_writer *writer, const struct mail_file *file,
                 struct error *err)
{
	const struct copy_account *a = f->p->account;
	AUTO_FREE char *path = xasprintf("%s/%s", place_path(a->from, file->place), file->path);
	AUTO_BUF struct buf content = { 0 };
	struct mailbox_file put = {
		.root = place_path(a->to, file->place),
		.path = file->path,
		.mode = file->mode & 07777,
		.uid = a->to->uid,
		.gid = a->to->gid,
		.mtime_ns = file->mtime_ns,
	};
	struct digest digest;

	f->p->out->files++;
	if (file->target)
		return mailbox_put_link(writer, &put, file->target, err);
	if (host_read(f->p->old_host, path, FILE_MAX, &content, err) < 0) {
		if (err->scope == ERROR_SCOPE_HOST && err->retry == ERROR_RETRY_REACH)
			return -1;
		if (err->sys_errno != ENOENT)
			pass_skip(f->p, place_name(file->place), file->path, err->text);
		return 0;
	}
	digest = digest_of(buf_span(&content));
	if (mailbox_put_file(writer, &put, err) < 0 ||
	    mailbox_put_bytes(writer, buf_span(&content), err) < 0 ||
	    mailbox_put_done(writer, &digest, err) < 0)
		return -1;
	return record(f, file, &digest, err);
}

/* ── the index files of an mbox folder ──────────────────────────────────────────────────────── */

/* "2023/.imap/spring/dovecot.index" is of the folder "2023/spring"; NULL: of none. */
static char *index_folder(const struct mail_file *file)
{
	const char *mark = strstr(file->path, ".imap/"), *name, *end;

	if (file->place != MAIL_PLACE_ROOT || !mark || (mark > file->path && mark[-1] != '/'))
		return NULL;
	name = mark + strlen(".imap/");
	end = strchr(name, '/');
	if (!end || !files_is_index(end + 1))
		return NULL;
	return xasprintf("%.*s%.*s", (int)(mark - file->path), file->path, (int)(end - name), name);
}

static bool is_exchanged(const struct pass_files *f, const struct mail_file *file)
{
	AUTO_FREE char *folder = f->exchanged.n ? index_folder(file) : NULL;

	return folder && strings_has(&f->exchanged, folder);
}

static void find_unlike(struct pass_files *f, const struct mail_listing *these,
                        const struct mail_listing *those)
{
	for (size_t i = 0; i < these->files_n; i++) {
		const struct mail_file *file = &these->files[i];
		AUTO_FREE char *folder = index_folder(file);

		if (folder && !strings_has(&f->exchanged, folder) &&
		    !is_same(file, mail_listing_find_file(those, file->place, file->path)))
			strings_add(&f->exchanged, folder);
	}
}

/*
 * They are one set: dovecot.index of one day beside dovecot.index.log of another, and Dovecot
 * answers SELECT with an internal error. So where one is unlike old's, or old has it not, all of
 * new's go, and all of old's are brought.
 */
static int exchange_indexes(struct pass_files *f, struct error *err)
{
	find_unlike(f, &f->old, &f->new);
	find_unlike(f, &f->new, &f->old);
	if (f->p->options->dry_run)
		return 0;
	for (size_t i = 0; i < f->exchanged.n; i++)
		if (mailbox_drop_indexes(&f->changes, f->exchanged.rows[i], err) < 0)
			return -1;
	return mailbox_changes_send(&f->changes, err);
}

/* ── the pass ────────────────────────────────────────────────────────────────────────────────── */

int pass_files_put(struct pass_files *f, struct mailbox_writer *writer, struct error *err)
{
	const struct digest none = { 0 };

	for (size_t i = 0; i < f->old.files_n; i++) {
		const struct mail_file *file = &f->old.files[i];
		const struct mail_file *there = mail_listing_find_file(&f->new, file->place,
		                                                       file->path);
		const char *place = place_name(file->place);
		bool same = is_same(file, there) && !is_exchanged(f, file);

		if (!same) {
			if (f->p->options->dry_run)
				f->p->out->files++;
			else if (bring(f, writer, file, err) < 0)
				return -1;
		}
		if (f->p->options->dry_run)
			continue;
		if (file->target || (same && !known_find_file(&f->p->known, place, file->path)))
			if (record(f, file, &none, err) < 0)
				return -1;
	}
	return 0;
}

/* What we brought and old has not any more. */
int pass_files_drop(struct pass_files *f, struct error *err)
{
	for (size_t i = 0; i < f->p->known.files_n; i++) {
		const struct known_file *k = &f->p->known.files[i];
		enum mail_place place = strcmp(k->place, "home") ? MAIL_PLACE_ROOT
		                                                 : MAIL_PLACE_HOME;

		if (mail_listing_find_file(&f->old, place, k->path))
			continue;
		if (mail_listing_find_file(&f->new, place, k->path)) {
			f->p->out->files++;
			if (!f->p->options->dry_run &&
			    mailbox_remove_file(&f->changes, place, k->path, err) < 0)
				return -1;
		}
		if (!f->p->options->dry_run &&
		    beside_put(f->p->state,
		               &(struct beside_record){ .account = f->p->account->from->user,
		                                        .place = k->place,
		                                        .path = k->path,
		                                        .gone = true },
		               err) < 0)
			return -1;
	}
	return f->p->options->dry_run ? 0 : mailbox_changes_send(&f->changes, err);
}

static void change_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

struct pass_files *pass_files_new(struct pass *p)
{
	struct pass_files *f = xcalloc(1, sizeof *f);

	f->p = p;
	f->changes = (struct mailbox_changes){
		.h = p->new_host,
		.account = p->account->to,
		.later = true,
		.context = p,
		.failed = change_failed,
	};
	return f;
}

int pass_files_look(struct pass_files *f, struct error *err)
{
	return list_files(f, err) < 0 ? -1 : exchange_indexes(f, err);
}

void pass_files_free(struct pass_files *f)
{
	if (!f)
		return;
	mailbox_changes_fini(&f->changes);
	strings_fini(&f->exchanged);
	mail_listing_fini(&f->old);
	mail_listing_fini(&f->new);
	free(f);
}
