/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/change.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "mail/flags.h"
#include "store/files.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOKS_MAX 20

/* Opens at/name, made when it is missing. */
static int open_or_make(int at, const char *name, uint32_t mode, uint32_t uid, uint32_t gid,
                        int nofollow, struct sync_list *sync)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | nofollow | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (((geteuid() == 0 || uid != geteuid()) && fchown(fd, uid, gid) < 0) ||
	    fchmod(fd, mode & 0777) < 0) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	sync_add(sync, fd);
	sync_add(sync, at);
	return fd;
}

/* The root, with what is missing of it; the part that is there may have links, inside rootfd. */
static int open_root(int rootfd, const char *root, uint32_t mode, uint32_t uid, uint32_t gid,
                     struct sync_list *sync)
{
	const char *slash = strrchr(root, '/');
	AUTO_FREE char *parent = xstrndup(root, slash ? (size_t)(slash - root) : 0);
	int fd = file_open_below(rootfd, root, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0 || errno != ENOENT || !slash || !mail_name_fits(span_of(slash + 1)))
		return fd;

	AUTO_CLOSE int above = *parent ? open_root(rootfd, parent, mode, uid, gid, sync)
	                               : fcntl(rootfd, F_DUPFD_CLOEXEC, 0);
	if (above < 0)
		return -1;
	return open_or_make(above, slash + 1, mode, uid, gid, O_NOFOLLOW, sync);
}

static int make_below(int fd, const char *path, uint32_t mode, uint32_t uid, uint32_t gid,
                      struct sync_list *sync)
{
	AUTO_CLOSE int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct span rest = span_of(path), part;

	if (at < 0 || !*path)
		return fd_take(&at);
	while (span_next_part(&rest, '/', &part)) {
		AUTO_FREE char *name = span_dup(part);
		int next;

		if (!mail_name_fits(part)) {
			errno = EINVAL;
			return -1;
		}
		next = open_or_make(at, name, mode, uid, gid, O_NOFOLLOW, sync);
		if (next < 0)
			return -1;
		close(at);
		at = next;
	}
	return fd_take(&at);
}

static int make(int rootfd, const char *root, const char *path, uint32_t mode, uint32_t uid,
                uint32_t gid, struct sync_list *sync, struct error *err)
{
	AUTO_CLOSE int fd = open_root(rootfd, root, mode, uid, gid, sync);
	int made;

	if (fd < 0)
		return error_system(err, "make %s", root);
	made = make_below(fd, path, mode, uid, gid, sync);
	if (made < 0)
		return error_system(err, "make %s/%s", root, path);
	return made;
}

int change_make_directories(int rootfd, const char *root, const char *path, uint32_t mode,
                            uint32_t uid, uint32_t gid, struct sync_list *sync, struct error *err)
{
	int fd = make(rootfd, root, path, mode, uid, gid, sync, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int change_make_folder(int rootfd, const char *root, const char *folder, uint32_t mode,
                       uint32_t uid, uint32_t gid, struct sync_list *sync, struct error *err)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	AUTO_CLOSE int fd = make(rootfd, root, folder, mode, uid, gid, sync, err);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < ROWS(parts); i++) {
		AUTO_CLOSE int part = open_or_make(fd, parts[i], mode, uid, gid, O_NOFOLLOW, sync);

		if (part < 0)
			return error_system(err, "make %s/%s/%s", root, folder, parts[i]);
	}
	return 0;
}

/* ── messages ────────────────────────────────────────────────────────────────────────────────── */

static struct timespec time_of(int64_t ns)
{
	int64_t rest = ns % 1000000000;

	return (struct timespec){
		.tv_sec = ns / 1000000000 - (rest < 0),
		.tv_nsec = (long)(rest < 0 ? rest + 1000000000 : rest),
	};
}

/* Where a message lies: new/NAME or cur/NAME. The first look believes what it is told. */
static char *find_path(int folderfd, const char *base, const struct change_was *was, int look)
{
	AUTO_FREE char *name = NULL;
	bool in_new;

	if (!look)
		return xasprintf("%s/%s%s", was->in_new ? "new" : "cur", base, was->suffix);
	if (folder_find_name(folderfd, base, &name, &in_new) < 0)
		return NULL;
	return xasprintf("%s/%s", in_new ? "new" : "cur", name);
}

/* Mostly the date is right, and to look costs a third of writing the inode once more. */
static int set_date(int folderfd, const char *path, int64_t mtime_ns)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, time_of(mtime_ns) };
	struct stat st;

	if (fstatat(folderfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (st.st_mtim.tv_sec == times[1].tv_sec && st.st_mtim.tv_nsec == times[1].tv_nsec)
		return 0;
	return utimensat(folderfd, path, times, AT_SYMLINK_NOFOLLOW);
}

/* 0 done, 1 it is elsewhere, -1 with errno. */
static int rename_once(int folderfd, const char *from, const char *to, int64_t mtime_ns)
{
	if (set_date(folderfd, from, mtime_ns) < 0)
		return errno == ENOENT ? 1 : -1;
	if (!strcmp(from, to) || renameat2(folderfd, from, folderfd, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* EINVAL: the file system does not know the flag; no other file has this base */
	if ((errno == EINVAL || errno == ENOSYS) && renameat(folderfd, from, folderfd, to) == 0)
		return 0;
	return errno == ENOENT ? 1 : -1;
}

static int no_name(struct error *err)
{
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, EINVAL,
	                 "a file name that no message may have");
}

static bool is_suffix(const char *suffix)
{
	return (!*suffix || *suffix == ':') && !strchr(suffix, '/');
}

/* The directories of both names have changed. */
static void note(int folderfd, const char *path, struct sync_list *sync)
{
	int fd;

	if (sync->many) /* then its device is enough, and the caller has added that */
		return;
	fd = openat(folderfd, !strncmp(path, "new/", 4) ? "new" : "cur",
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		sync_add(sync, fd);
	fd_close_at(&fd);
}

int change_rename(int folderfd, const char *base, const struct change_was *was, const char *suffix,
                  bool in_new, int64_t mtime_ns, struct sync_list *sync, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s%s", base, suffix);
	AUTO_FREE char *to = xasprintf("%s/%s", in_new ? "new" : "cur", name);
	int result = 1;

	if (!mail_name_fits(span_of(name)) || !is_suffix(suffix) || !is_suffix(was->suffix))
		return no_name(err);
	for (int look = 0; result == 1 && look < LOOKS_MAX; look++) {
		AUTO_FREE char *from = find_path(folderfd, base, was, look);

		result = from ? rename_once(folderfd, from, to, mtime_ns) : -1;
		if (result == 0) {
			note(folderfd, from, sync);
			note(folderfd, to, sync);
			return 0;
		}
	}
	error_system(err, "rename");
	err->scope = ERROR_SCOPE_MESSAGE;
	return -1;
}

int change_remove(int folderfd, const char *base, const struct change_was *was,
                  struct sync_list *sync, struct error *err)
{
	if (!mail_name_fits(span_of(base)) || strchr(base, ':') || !is_suffix(was->suffix))
		return no_name(err);
	for (int look = 0; look < LOOKS_MAX; look++) {
		AUTO_FREE char *path = find_path(folderfd, base, was, look);

		if (!path && errno == ENOENT)
			return 0;
		if (!path)
			break;
		if (unlinkat(folderfd, path, 0) == 0) {
			note(folderfd, path, sync);
			return 0;
		}
		if (errno != ENOENT)
			break;
	}
	error_system(err, "remove");
	err->scope = ERROR_SCOPE_MESSAGE;
	return -1;
}

/* ── folders ─────────────────────────────────────────────────────────────────────────────────── */

typedef bool remove_fn(const char *name);

static int remove_files(int dirfd, remove_fn *is_ours, struct sync_list *sync, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRINGS struct strings names = { 0 };
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return error_system(err, "open a folder");
	(void)fd_take(&fd);
	while ((entry = readdir(dir)))
		if (is_ours(entry->d_name))
			strings_add(&names, entry->d_name);
	closedir(dir);
	for (size_t i = 0; i < names.n; i++)
		if (unlinkat(dirfd, names.rows[i], 0) < 0 && errno != ENOENT)
			return error_system(err, "remove %s", names.rows[i]);
	if (names.n)
		sync_add(sync, dirfd);
	return 0;
}

static bool belongs_to_folder(const char *name)
{
	return files_is_index(name) || files_is_carried(name) ||
	       !strncmp(name, "dovecot-uidlist", 15) || !strncmp(name, "dovecot-keywords", 16);
}

static bool is_left_in_tmp(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_empty(int at, const char *name)
{
	AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	bool empty = true;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT;
	dir = fdopendir(fd);
	if (!dir)
		return false;
	(void)fd_take(&fd);
	while ((entry = readdir(dir)))
		empty = empty && !is_left_in_tmp(entry->d_name);
	closedir(dir);
	return empty;
}

static int remove_open_folder(int fd, struct sync_list *sync, struct error *err)
{
	AUTO_CLOSE int tmp = openat(fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (!is_empty(fd, "cur") || !is_empty(fd, "new"))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, ENOTEMPTY,
		                 "a folder with messages is not removed");
	/* rmdir(2) refuses by itself what came in between */
	if ((unlinkat(fd, "cur", AT_REMOVEDIR) < 0 && errno != ENOENT) ||
	    (unlinkat(fd, "new", AT_REMOVEDIR) < 0 && errno != ENOENT))
		return error_system(err, "remove a folder");
	if (tmp >= 0 && remove_files(tmp, is_left_in_tmp, sync, err) < 0)
		return -1;
	if (unlinkat(fd, "tmp", AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_system(err, "remove a folder's tmp");
	return remove_files(fd, belongs_to_folder, sync, err);
}

int change_remove_folder(int rootfd, const char *root, const char *folder, struct sync_list *sync,
                         struct error *err)
{
	AUTO_CLOSE int at = folder_open_root(rootfd, root, err);
	const char *name;

	if (at < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	if (!*folder)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EINVAL,
		                 "the INBOX can't be removed");

	AUTO_CLOSE int parent = folder_open_parent(at, folder, &name);
	AUTO_CLOSE int fd = parent < 0 ? -1 : folder_open_below(parent, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_system(err, "open %s/%s", root, folder);
	if (remove_open_folder(fd, sync, err) < 0)
		return error_context(err, "%s/%s", root, folder);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_system(err, "remove %s/%s", root, folder);
	sync_add(sync, parent);
	return 0;
}

/* Maildir: in the folder itself; mbox: in .imap/NAME beside the file. */
static char *index_directory(const struct mailbox_account *account, const char *folder)
{
	const char *slash = strrchr(folder, '/');

	if (account->format == MAILBOX_MAILDIR)
		return xstrdup(folder);
	if (!*folder)
		return xstrdup(".imap/INBOX");
	return xasprintf("%.*s.imap/%s", slash ? (int)(slash - folder) + 1 : 0, folder,
	                 slash ? slash + 1 : folder);
}

int change_drop_indexes(int rootfd, const struct mailbox_account *account, const char *folder,
                        struct sync_list *sync, struct error *err)
{
	AUTO_FREE char *path = index_directory(account, folder);
	AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);
	AUTO_CLOSE int fd = root < 0 ? -1 : folder_open_below(root, path);

	if (fd < 0)
		return errno == ENOENT ? 0 : error_system(err, "open %s/%s", account->root, path);
	return remove_files(fd, files_is_index, sync, err);
}

int change_remove_file(int rootfd, const char *root, const char *path, struct sync_list *sync,
                       struct error *err)
{
	AUTO_CLOSE int at = folder_open_root(rootfd, root, err);
	const char *name;

	if (at < 0)
		return err->sys_errno == ENOENT ? 0 : -1;

	AUTO_CLOSE int parent = folder_open_parent(at, path, &name);
	if (parent < 0)
		return errno == ENOENT ? 0 : error_system(err, "open %s/%s", root, path);
	if (unlinkat(parent, name, 0) < 0)
		return errno == ENOENT ? 0 : error_system(err, "remove %s/%s", root, path);
	sync_add(sync, parent);
	return 0;
}
