/* SPDX-License-Identifier: BSD-2-Clause */

/* mboxtree -- an account in mbox form: the INBOX file, and a directory whose files are folders. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "store/files.h"
#include "store/folder.h"
#include "store/mbox.h"
#include "store/mboxfile.h"
#include "store/mboxscan.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEPTH_MAX 64u

struct scan {
	int rootfd;
	const struct mailbox_account *account;
	const struct store_sink *sink;
	const struct mboxscan *more; /* NULL: nothing is known */
	dev_t inbox_dev; /* so that an INBOX inside the folder directory is not told of twice */
	ino_t inbox_ino;
};

static int trouble(const struct scan *s, const char *folder, const char *what, struct error *err)
{
	AUTO_BUF struct buf words = { 0 };

	mail_folder_title(folder, &words);
	buf_addf(&words, ": %s", what);
	return s->sink->trouble(s->sink->context, buf_text(&words), true, err);
}

static int tell_folder(struct scan *s, const char *name, struct mail_folder *f,
                       const struct mbox_state *now, struct error *err)
{
	if (s->sink->folder(s->sink->context, f, err) < 0 ||
	    (s->more && s->more->state(s->sink->context, now, err) < 0))
		return -1;
	for (size_t i = 0; i < f->n; i++)
		if (s->sink->message(s->sink->context, &f->rows[i], err) < 0)
			return -1;
	return 0;
}

/* A lock, too many open files, a disk that stumbles: such is no property of the file. */
static bool passes_by_itself(const struct error *why)
{
	static const int passing[] = { EMFILE, ENFILE, ENOMEM, EIO, ESTALE };

	for (size_t i = 0; i < ROWS(passing); i++)
		if (why->sys_errno == passing[i])
			return true;
	return why->retry == ERROR_RETRY_LATER;
}

/* What can't be read as an mbox costs this folder, not the account; but what can pass by itself is
 * an error, so that a folder never looks empty, or gone, because of it. */
static int not_read(const struct scan *s, const char *folder, const struct error *why,
                    struct error *err)
{
	if (why->sys_errno == ENOENT)
		return 0;
	if (!passes_by_itself(why))
		return trouble(s, folder, why->text, err);
	*err = *why;
	err->scope = ERROR_SCOPE_MAILBOX;
	return -1;
}

static int not_opened(const struct scan *s, const char *folder, struct error *err)
{
	struct error why = { 0 };

	error_system(&why, "open %s/%s", s->account->root, folder);
	return not_read(s, folder, &why, err);
}

static int scan_file(struct scan *s, const char *name, struct error *err)
{
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	struct mail_folder f = { .name = xstrdup(name) };
	const struct mbox_state *known = s->more ? mbox_states_find(s->more->known, name) : NULL;
	struct mbox_state now = { .folder = f.name };
	struct error why = { 0 };
	int result;

	if (mboxfile_open(&file, s->rootfd, s->account, name, MBOXFILE_READ, &why) < 0 ||
	    mboxfile_look(&file, known, s->more && s->more->utc, &f, &now, &why) < 0) {
		result = not_read(s, name, &why, err);
	} else {
		if (!*name) {
			s->inbox_dev = file.st.st_dev;
			s->inbox_ino = file.st.st_ino;
		}
		result = tell_folder(s, name, &f, &now, err);
	}
	mail_folder_fini(&f);
	return result;
}

static int scan_below(struct scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err);

static int scan_entry(struct scan *s, int dirfd, const char *path, const char *name, unsigned depth,
                      struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s%s%s", path, *path ? "/" : "", name);
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return not_opened(s, below, err);
	if (S_ISREG(st.st_mode)) {
		if (st.st_dev == s->inbox_dev && st.st_ino == s->inbox_ino)
			return 0;
		return scan_file(s, below, err);
	}
	if (!S_ISDIR(st.st_mode))
		return trouble(s, below, "neither file nor directory, not followed", err);

	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return not_opened(s, below, err);
	if (depth == DEPTH_MAX)
		return trouble(s, below, "folders too deep, not looked at", err);
	return scan_below(s, fd, below, depth + 1, err);
}

static bool is_lock(const char *name)
{
	return span_ends(span_of(name), ".lock");
}

static int scan_below(struct scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRINGS struct strings names = { 0 };
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int e;

	if (!dir)
		return *path ? not_opened(s, path, err) : error_system(err, "open it");
	(void)fd_take(&fd);
	errno = 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !is_lock(entry->d_name) &&
		    !files_is_carried(entry->d_name))
			strings_add(&names, entry->d_name);
		errno = 0;
	}
	e = errno;
	closedir(dir);
	errno = e;
	if (e) {
		error_system(err, "read the directory %s", path);
		return -1;
	}
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (scan_entry(s, dirfd, path, names.rows[i], depth, err) < 0)
			return -1;
	if (files_scan(dirfd, path, s->sink, err) < 0)
		return -1;
	return files_scan_mbox_indexes(dirfd, path, s->sink, err);
}

int mboxscan_since(int rootfd, const struct mailbox_account *account, const struct store_sink *sink,
                   const struct mboxscan *more, struct error *err)
{
	struct scan s = { .rootfd = rootfd, .account = account, .sink = sink, .more = more };

	if (account->inbox && *account->inbox && scan_file(&s, "", err) < 0)
		return error_context(err, "%s", account->inbox);
	if (!account->root || !*account->root)
		return 0;

	AUTO_CLOSE int fd = folder_open_root(rootfd, account->root, err);
	if (fd < 0)
		/* no folders beside the INBOX: the directory comes with the first */
		return err->sys_errno == ENOENT ? 0 : -1;
	return scan_below(&s, fd, "", 0, err) < 0 ? error_context(err, "%s", account->root) : 0;
}

static int mbox_scan(int rootfd, const struct mailbox_account *account,
                     const struct store_sink *sink, struct error *err)
{
	return mboxscan_since(rootfd, account, sink, NULL, err);
}

const struct store store_mbox = {
	.format = MAILBOX_MBOX,
	.name = "mbox",
	.scan = mbox_scan,
};
