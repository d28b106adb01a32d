/* SPDX-License-Identifier: BSD-2-Clause */

/* maildir -- Maildir++ (".A.B" beside cur/) and the fs layout (A/B below it), as of Dovecot. */

#include "store/maildir.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/files.h"
#include "store/folder.h"
#include "store/keywords.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UIDLIST_MAX (256u << 20) /* some 3 million messages in one folder */
#define KEYWORDS_MAX (1u << 20)
#define DEPTH_MAX 64u

int maildir_trouble(const struct maildir_scan *s, const char *folder, const char *name,
                    const char *what, bool left_out, struct error *err)
{
	AUTO_FREE char *words = xasprintf("%s/%s%s%s: %s", s->account->root, folder,
	                                  *folder ? "/" : "", name, what);

	return s->sink->trouble(s->sink->context, words, left_out, err);
}

static int trouble(const struct maildir_scan *s, const char *folder, const char *name,
                   const char *what, struct error *err)
{
	return maildir_trouble(s, folder, name, what, true, err);
}

int maildir_unreadable(const struct maildir_scan *s, const char *folder, const char *name,
                       struct error *err)
{
	error_system(err, "look at %s/%s%s%s", s->account->root, folder, *folder ? "/" : "", name);
	err->scope = ERROR_SCOPE_MAILBOX;
	return error_hint(err, "nothing of this mailbox is copied while that can't be read");
}

/* There, but of another kind than a mailbox has: a link, a FIFO. Nobody's mail is in it. */
static bool is_of_other_kind(int why)
{
	return why == ENOTDIR || why == ELOOP || why == EINVAL || why == ENXIO;
}

int maildir_open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Reads a small file beside the messages; a missing one leaves *out empty. */
static int read_beside(const struct maildir_scan *s, int folderfd, const char *folder,
                       const char *name, size_t limit, struct buf *out, struct error *err)
{
	struct stat st;
	AUTO_CLOSE int fd = folder_open_file(folderfd, name, &st);

	if (fd < 0)
		return errno == ENOENT           ? 0
		       : is_of_other_kind(errno) ? trouble(s, folder, name, strerror(errno), err)
		                                 : maildir_unreadable(s, folder, name, err);
	for (;;) {
		ssize_t n = read(fd, buf_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s/%s", folder, name);
		if (n == 0)
			return 0;
		buf_grown(out, (size_t)n);
		if (out->n > limit)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "%s/%s is longer than %zu octets", folder, name, limit);
	}
}

/* *fd stays -1 when the folder has no such directory. */
static int open_part(const struct maildir_scan *s, int folderfd, const char *folder,
                     const char *name, int *fd, struct error *err)
{
	*fd = maildir_open_directory(folderfd, name);
	if (*fd >= 0 || errno == ENOENT)
		return 0;
	if (is_of_other_kind(errno))
		return trouble(s, folder, name, strerror(errno), err);
	return maildir_unreadable(s, folder, name, err);
}

static int tell_courier(const struct maildir_scan *s, const char *name, struct courier *c,
                        struct mail_folder *f, struct error *err)
{
	for (size_t i = 0; i < c->troubles.n; i++)
		if (maildir_trouble(s, name, "", c->troubles.rows[i], false, err) < 0)
			return -1;
	if (!f->uidlist.n)
		buf_add_span(&f->uidlist, buf_span(&c->uidlist));
	if (!f->keywords_file.n)
		buf_add_span(&f->keywords_file, buf_span(&c->keywords_file));
	return s->sink->folder(s->sink->context, f, err);
}

/* What is known of the folder, from outside. Courier's files make names into others: there all is
 * told. */
static struct store_known *known_of(const struct maildir_scan *s, int folderfd, const char *name)
{
	for (size_t i = 0; s->more && i < s->more->n; i++)
		if (!strcmp(s->more->known[i].folder, name))
			return courier_is_used(folderfd) ? NULL : &s->more->known[i];
	return NULL;
}

/* The folder itself, then its messages. */
static int tell_all(const struct maildir_scan *s, struct maildir_look *l, struct courier *courier,
                    struct mail_folder *f, struct error *err)
{
	bool uidlist = false;

	if (maildir_look_begin(l, err) < 0)
		return -1;
	if (l->known) {
		const struct digest digest = digest_of(buf_span(&f->uidlist));

		uidlist = digest_equal(&digest, &l->known->uidlist) &&
		          !maildir_look_adds_uids(l, buf_span(&f->uidlist));
	}
	if (uidlist)
		buf_reset(&f->uidlist);
	if (tell_courier(s, l->folder, courier, f, err) < 0)
		return -1;
	buf_fini(&f->uidlist);
	buf_fini(&f->keywords_file);
	if (l->known && s->more->as_known(s->sink->context, uidlist, err) < 0)
		return -1;
	return maildir_look_tell(l, s, err);
}

static int scan_folder(const struct maildir_scan *s, int folderfd, const char *name,
                       struct error *err)
{
	AUTO_CLOSE int newfd = -1, curfd = -1;
	AUTO_COURIER struct courier courier = { 0 };
	AUTO_FREE char *place = xasprintf("%s/%s", s->account->root, name);
	AUTO_MAILDIR_LOOK struct maildir_look l = { .folder = name, .courier = &courier };
	struct mail_folder f = { .name = (char *)(uintptr_t)name };
	struct stat st;
	int result = -1;

	if (open_part(s, folderfd, name, "new", &newfd, err) < 0 ||
	    open_part(s, folderfd, name, "cur", &curfd, err) < 0)
		return -1;
	if (fstat(folderfd, &st) < 0)
		return error_system(err, "stat %s", name);
	f.mode = st.st_mode & 07777;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	l.newfd = newfd;
	l.curfd = curfd;
	l.known = known_of(s, folderfd, name);
	/* The uidlist before the names: each file that it knows was there before we looked, so what
	 * is missing was expunged; what came later has no UID yet, here as there. */
	if (read_beside(s, folderfd, name, "dovecot-uidlist", UIDLIST_MAX, &f.uidlist, err) == 0 &&
	    read_beside(s, folderfd, name, "dovecot-keywords", KEYWORDS_MAX, &f.keywords_file,
	                err) == 0 &&
	    courier_read(folderfd, place, &courier, err) == 0)
		result = tell_all(s, &l, &courier, &f, err);
	buf_fini(&f.uidlist);
	buf_fini(&f.keywords_file);
	return result < 0 ? -1 : files_scan(folderfd, name, s->sink, err);
}

static bool is_folder(int fd)
{
	return faccessat(fd, "cur", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       faccessat(fd, "new", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int scan_below(const struct maildir_scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err);

/* One entry of a directory that may hold folders. */
static int scan_entry(const struct maildir_scan *s, int dirfd, const char *path, const char *name,
                      unsigned depth, struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s%s%s", path, *path ? "/" : "", name);
	AUTO_CLOSE int fd = maildir_open_directory(dirfd, name);
	struct stat st;

	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		if (!is_of_other_kind(errno))
			return maildir_unreadable(s, path, name, err);
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISREG(st.st_mode))
			return 0;
		return trouble(s, path, name,
		               S_ISLNK(st.st_mode) ? "a symbolic link, not followed"
		                                   : "can't be opened as a folder",
		               err);
	}
	if (is_folder(fd) && scan_folder(s, fd, below, err) < 0)
		return error_context(err, "%s", below);
	if (s->account->layout == MAILBOX_LAYOUT_MAILDIRPP)
		return 0;
	if (depth == DEPTH_MAX)
		return trouble(s, path, name, "folders too deep, not looked at", err);
	return scan_below(s, fd, below, depth + 1, err);
}

static bool may_be_folder(const struct maildir_scan *s, const char *name)
{
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	/* Dovecot's name for a folder that it is about to delete: no client sees it any more */
	if (!strcmp(name, "..DOVECOT-TRASHED"))
		return false;
	if (s->account->layout == MAILBOX_LAYOUT_MAILDIRPP)
		return name[0] == '.';
	return name[0] != '.' && strcmp(name, "cur") != 0 && strcmp(name, "new") != 0 &&
	       strcmp(name, "tmp") != 0;
}

static int scan_below(const struct maildir_scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRINGS struct strings names = { 0 };
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int why;

	if (!dir)
		return maildir_unreadable(s, path, "", err);
	(void)fd_take(&fd);
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (may_be_folder(s, entry->d_name))
			strings_add(&names, entry->d_name);
	why = errno;
	closedir(dir);
	errno = why;
	if (why)
		return maildir_unreadable(s, path, "", err);
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if ((!i || strcmp(names.rows[i], names.rows[i - 1])) &&
		    scan_entry(s, dirfd, path, names.rows[i], depth, err) < 0)
			return -1;
	return 0;
}

int maildirscan_since(int rootfd, const struct mailbox_account *account,
                      const struct store_sink *sink, const struct maildirscan *more,
                      struct error *err)
{
	AUTO_CLOSE int fd = folder_open_root(rootfd, account->root, err);
	const struct maildir_scan s = { .account = account, .sink = sink, .more = more };

	if (fd < 0)
		return -1;
	if (is_folder(fd) ? scan_folder(&s, fd, "", err) < 0 : files_scan(fd, "", sink, err) < 0)
		return error_context(err, "%s", account->root);
	return scan_below(&s, fd, "", 0, err);
}

static int maildir_scan(int rootfd, const struct mailbox_account *account,
                        const struct store_sink *sink, struct error *err)
{
	return maildirscan_since(rootfd, account, sink, NULL, err);
}

const struct store store_maildir = {
	.format = MAILBOX_MAILDIR,
	.name = "maildir",
	.scan = maildir_scan,
	.open = maildir_open,
	.read = maildir_read,
};
