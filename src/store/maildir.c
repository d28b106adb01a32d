/* SPDX-License-Identifier: BSD-2-Clause */

/* maildir -- Maildir++ (".A.B" beside cur/) and the fs layout (A/B below it), as of Dovecot. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/courier.h"
#include "store/files.h"
#include "store/folder.h"
#include "store/keywords.h"
#include "store/names.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UIDLIST_MAX (256u << 20) /* some 3 million messages in one folder */
#define KEYWORDS_MAX (1u << 20)
#define DEPTH_MAX 64u
#define LOOKS_MAX 5
#define READ_SIZE (256u << 10)

struct scan {
	int rootfd; /* the account's */
	const struct mailbox_account *account;
	const struct store_sink *sink;
	const struct courier *courier; /* of the folder that is scanned */
};

static int tell_trouble(const struct scan *s, const char *folder, const char *name,
                        const char *what, bool left_out, struct error *err)
{
	AUTO_FREE char *words = xasprintf("%s/%s%s%s: %s", s->account->root, folder,
	                                  *folder ? "/" : "", name, what);

	return s->sink->trouble(s->sink->context, words, left_out, err);
}

static int trouble(const struct scan *s, const char *folder, const char *name, const char *what,
                   struct error *err)
{
	return tell_trouble(s, folder, name, what, true, err);
}

/*
 * What is there and can't be looked at ends the scan. Left out, it would be taken for expunged: then
 * its copy on the other side would go, or it would be brought there a second time.
 */
static int unreadable(const struct scan *s, const char *folder, const char *name, struct error *err)
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

static int open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Reads a small file beside the messages; a missing one leaves *out empty. */
static int read_beside(const struct scan *s, int folderfd, const char *folder, const char *name,
                       size_t limit, struct buf *out, struct error *err)
{
	struct stat st;
	AUTO_CLOSE int fd = folder_open_file(folderfd, name, &st);

	if (fd < 0)
		return errno == ENOENT           ? 0
		       : is_of_other_kind(errno) ? trouble(s, folder, name, strerror(errno), err)
		                                 : unreadable(s, folder, name, err);
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

static int tell_message(const struct scan *s, const struct names_row *row, const struct stat *st,
                        struct error *err)
{
	AUTO_FREE char *suffix = row->in_new ? NULL
	                                     : courier_suffix(s->courier, row->base, row->suffix);
	struct mail_message m = {
		.base = row->base,
		.suffix = suffix ? suffix : row->suffix,
		.in_new = row->in_new,
		.mode = st->st_mode & 07777,
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
	};

	return s->sink->message(s->sink->context, &m, err);
}

/* A name that was given twice for one base name: both were there, and are two messages. */
static int tell_twin(const struct scan *s, const char *folder, int newfd, int curfd,
                     const struct names_row *row, const struct stat *st, struct error *err)
{
	AUTO_FREE char *name = NULL;
	struct stat twin;

	if (!row->twin)
		return 0;
	name = xasprintf("%s%s", row->base, row->twin);
	if (fstatat(row->twin_in_new ? newfd : curfd, name, &twin, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : unreadable(s, folder, name, err);
	/* renamed while it was listed, or linked and not yet unlinked */
	if (twin.st_ino == st->st_ino && twin.st_dev == st->st_dev)
		return 0;
	/* Dovecot would move it over the other one, if that has no flags (see its maildir-sync.c) */
	return trouble(s, folder, name,
	               "another message has the same name, and only that one is copied: give this "
	               "one a name of its own (mv) before a mail client opens the folder",
	               err);
}

/* 1: it is there and told of; 0: no file of that name; -1: error. */
static int look_at(const struct scan *s, const char *folder, int newfd, int curfd,
                   const struct names_row *row, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s%s", row->base, row->suffix);
	struct stat st;

	if (fstatat(row->in_new ? newfd : curfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return unreadable(s, folder, name, err);
	}
	if (tell_twin(s, folder, newfd, curfd, row, &st, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return trouble(s, folder, name, "not a regular file, left alone", err) < 0 ? -1 : 1;
	return tell_message(s, row, &st, err) < 0 ? -1 : 1;
}

static int tell_messages(const struct scan *s, const char *folder, int newfd, int curfd,
                         struct error *err)
{
	AUTO_NAMES struct names names = { 0 };
	AUTO_FREE bool *told = NULL;
	bool all = false;

	if (names_read(newfd, curfd, &names, err) < 0)
		return -1;
	if (names.hidden &&
	    tell_trouble(s, folder, "", "holds hidden files, which are no mail", false, err) < 0)
		return -1;
	told = xcalloc(names.n + 1, sizeof *told);
	for (int look = 0; !all && look < LOOKS_MAX; look++) {
		size_t n = names.n;

		all = true;
		/* renamed since: where is it now? What came since is for the next scan. */
		if (look && names_read_again(newfd, curfd, &names, err) < 0)
			return -1;
		if (names.n > n) {
			told = xrealloc(told, (names.n + 1) * sizeof *told);
			memset(told + n, 0, (names.n - n) * sizeof *told);
		}
		for (size_t i = 0; i < names.n; i++) {
			int found;

			if (told[i] || (look && names.rows[i].pass != names.passes))
				continue;
			found = look_at(s, folder, newfd, curfd, &names.rows[i], err);
			if (found < 0)
				return -1;
			told[i] = found;
			all = all && found;
		}
	}
	return 0;
}

/* *fd stays -1 when the folder has no such directory. */
static int open_part(const struct scan *s, int folderfd, const char *folder, const char *name,
                     int *fd, struct error *err)
{
	*fd = open_directory(folderfd, name);
	if (*fd >= 0 || errno == ENOENT)
		return 0;
	if (is_of_other_kind(errno))
		return trouble(s, folder, name, strerror(errno), err);
	return unreadable(s, folder, name, err);
}

static int tell_courier(const struct scan *s, const char *name, struct courier *c,
                        struct mail_folder *f, struct error *err)
{
	for (size_t i = 0; i < c->troubles.n; i++)
		if (tell_trouble(s, name, "", c->troubles.rows[i], false, err) < 0)
			return -1;
	if (!f->uidlist.n)
		buf_add_span(&f->uidlist, buf_span(&c->uidlist));
	if (!f->keywords_file.n)
		buf_add_span(&f->keywords_file, buf_span(&c->keywords_file));
	return s->sink->folder(s->sink->context, f, err);
}

static int scan_folder(const struct scan *scan, int folderfd, const char *name, struct error *err)
{
	AUTO_CLOSE int newfd = -1, curfd = -1;
	AUTO_COURIER struct courier courier = { 0 };
	AUTO_FREE char *place = xasprintf("%s/%s", scan->account->root, name);
	struct scan here = *scan, *s = &here;
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
	/* The uidlist before the names: each file that it knows was there before we looked, so what
	 * is missing was expunged; what came later has no UID yet, here as there. */
	if (read_beside(s, folderfd, name, "dovecot-uidlist", UIDLIST_MAX, &f.uidlist, err) == 0 &&
	    read_beside(s, folderfd, name, "dovecot-keywords", KEYWORDS_MAX, &f.keywords_file,
	                err) == 0 &&
	    courier_read(folderfd, place, &courier, err) == 0)
		result = tell_courier(s, name, &courier, &f, err);
	s->courier = &courier;
	buf_fini(&f.uidlist);
	buf_fini(&f.keywords_file);
	if (result < 0 || tell_messages(s, name, newfd, curfd, err) < 0)
		return -1;
	return files_scan(folderfd, name, s->sink, err);
}

static bool is_folder(int fd)
{
	return faccessat(fd, "cur", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       faccessat(fd, "new", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int scan_below(const struct scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err);

/* One entry of a directory that may hold folders. */
static int scan_entry(const struct scan *s, int dirfd, const char *path, const char *name,
                      unsigned depth, struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s%s%s", path, *path ? "/" : "", name);
	AUTO_CLOSE int fd = open_directory(dirfd, name);
	struct stat st;

	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		if (!is_of_other_kind(errno))
			return unreadable(s, path, name, err);
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

static bool may_be_folder(const struct scan *s, const char *name)
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

static int scan_below(const struct scan *s, int dirfd, const char *path, unsigned depth,
                      struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRINGS struct strings names = { 0 };
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int why;

	if (!dir)
		return unreadable(s, path, "", err);
	(void)fd_take(&fd);
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (may_be_folder(s, entry->d_name))
			strings_add(&names, entry->d_name);
	why = errno;
	closedir(dir);
	errno = why;
	if (why)
		return unreadable(s, path, "", err);
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if ((!i || strcmp(names.rows[i], names.rows[i - 1])) &&
		    scan_entry(s, dirfd, path, names.rows[i], depth, err) < 0)
			return -1;
	return 0;
}

static int maildir_scan(int rootfd, const struct mailbox_account *account,
                        const struct store_sink *sink, struct error *err)
{
	AUTO_CLOSE int fd = folder_open_root(rootfd, account->root, err);
	struct scan s = { .rootfd = fd, .account = account, .sink = sink };

	if (fd < 0)
		return -1;
	if (is_folder(fd) ? scan_folder(&s, fd, "", err) < 0 : files_scan(fd, "", sink, err) < 0)
		return error_context(err, "%s", account->root);
	return scan_below(&s, fd, "", 0, err);
}

static int give_bytes(int fd, uint64_t size, const struct store_reader *reader, struct error *err)
{
	/* one octet more than there should be: what is short is at its end */
	size_t room = size < READ_SIZE ? (size_t)size + 1 : READ_SIZE;
	AUTO_FREE char *chunk = xmalloc(room);
	uint64_t at = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read");
		at += (uint64_t)n;
		if (n && reader->bytes(reader->context, (struct span){ chunk, (size_t)n }, err) < 0)
			return -1;
		if ((size_t)n < room)
			break;
	}
	if (at == size)
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
	                 "changed while it was read: %llu octets instead of %llu",
	                 (unsigned long long)at, (unsigned long long)size);
}

void store_places_fini(struct store_places *p)
{
	if (!p->folder)
		return;
	fd_close_at(&p->folderfd);
	fd_close_at(&p->newfd);
	fd_close_at(&p->curfd);
	free(p->folder);
	*p = (struct store_places){ 0 };
}

static int enter_folder(int rootfd, const struct mailbox_account *account, const char *folder,
                        struct store_places *p, struct error *err)
{
	if (p->folder && !strcmp(p->folder, folder))
		return 0;
	store_places_fini(p);

	AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);
	int fd = root < 0 ? -1 : folder_open_below(root, folder);
	if (root < 0)
		return -1;
	if (fd < 0)
		return error_system(err, "open");
	*p = (struct store_places){ xstrdup(folder), fd, open_directory(fd, "new"),
		                    open_directory(fd, "cur"), courier_is_used(fd) };
	return 0;
}

/* ":2,Sab" of a listing is ":2,S" on the disk; this is where "ab" begins. */
static const char *letters_of(const char *suffix)
{
	size_t n = strlen(suffix);

	while (n && suffix[n - 1] >= 'a' && suffix[n - 1] <= 'z')
		n--;
	return suffix + n;
}

/* Where it was last seen, else wherever it is by now. */
static int open_message(const struct store_places *p, const struct store_wanted *wanted,
                        struct folder_message *file)
{
	int at = wanted->in_new ? p->newfd : p->curfd;
	size_t n = p->courier ? (size_t)(letters_of(wanted->suffix) - wanted->suffix)
	                      : strlen(wanted->suffix);
	AUTO_FREE char *suffix = xstrndup(wanted->suffix, n);

	*file = (struct folder_message){ .fd = -1, .in_new = wanted->in_new };
	file->name = xasprintf("%s%s", wanted->base, suffix);
	if (at >= 0)
		file->fd = folder_open_file(at, file->name, &file->st);
	if (file->fd >= 0)
		return 0;
	folder_message_fini(file);
	return folder_open_message(p->folderfd, wanted->base, suffix, wanted->in_new, file);
}

static int read_message(int rootfd, const struct mailbox_account *account,
                        const struct store_wanted *wanted, const struct store_reader *reader,
                        struct error *err)
{
	AUTO_FOLDER_MESSAGE struct folder_message file = { .fd = -1 };
	struct span base, suffix;

	if (enter_folder(rootfd, account, wanted->folder, wanted->places, err) < 0)
		return -1;
	if (open_message(wanted->places, wanted, &file) < 0)
		return error_system(err, "open");
	mail_name_split(span_of(file.name), &base, &suffix);

	const char *letters = wanted->places->courier && !file.in_new ? letters_of(wanted->suffix)
	                                                              : "";
	AUTO_FREE char *now_suffix = xasprintf("%.*s%s%s", (int)suffix.n, suffix.p,
	                                       *letters && !suffix.n ? ":2," : "", letters);
	struct mail_message now = {
		.base = (char *)(uintptr_t)wanted->base,
		.suffix = now_suffix,
		.in_new = file.in_new,
		.mode = file.st.st_mode & 07777,
		.size = (uint64_t)file.st.st_size,
		.inode = file.st.st_ino,
		.mtime_ns = file.st.st_mtim.tv_sec * 1000000000LL + file.st.st_mtim.tv_nsec,
	};
	if (reader->begin(reader->context, &now, SPAN(""), err) < 0)
		return -1;
	return give_bytes(file.fd, now.size, reader, err);
}

static int maildir_read(int rootfd, const struct mailbox_account *account,
                        const struct store_wanted *wanted, const struct store_reader *reader,
                        struct error *err)
{
	if (read_message(rootfd, account, wanted, reader, err) == 0)
		return 0;
	/* one file that can't be read costs one message */
	if (err->scope != ERROR_SCOPE_HOST)
		err->scope = ERROR_SCOPE_MESSAGE;
	return -1;
}

const struct store store_maildir = {
	.format = MAILBOX_MAILDIR,
	.name = "maildir",
	.scan = maildir_scan,
	.read = maildir_read,
};
