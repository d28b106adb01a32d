/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/files.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A row ending in '*' stands for all names that begin so. dovecot-uidlist and dovecot-keywords are
 * not here: they belong to the folder's own record, because their moment matters. */
static const char *const carried[] = {
	"subscriptions",        ".subscriptions", /* mbox layout */
	"dovecot-uidvalidity*",                   /* the counter for new folders */
	"dovecot-acl",          "dovecot-acl-list", "dovecot-attributes", "dovecot-shared",
	"dovecot-virtual",      "maildirfolder",    "maildirsize",        "courierimapsubscribed",
	"courierimapuiddb",     "courierimapacl",
};

bool files_is_index(const char *name)
{
	return !strncmp(name, "dovecot.index", 13) || !strncmp(name, "dovecot.list.index", 18) ||
	       !strncmp(name, "dovecot.mailbox.log", 19);
}

bool files_is_carried(const char *name)
{
	for (size_t i = 0; i < ROWS(carried); i++) {
		size_t n = strlen(carried[i]);

		if (carried[i][n - 1] == '*' ? !strncmp(name, carried[i], n - 1)
		                             : !strcmp(name, carried[i]))
			return true;
	}
	return false;
}

static int tell(int dirfd, const char *folder, const char *name, const struct store_sink *sink,
                struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
	struct mail_file file = { .place = MAIL_PLACE_ROOT, .path = path };
	struct stat st;

	/* replaced or removed meanwhile: the next scan sees it */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISREG(st.st_mode)) {
		AUTO_FREE char *words = xasprintf("%s is no regular file", path);

		return sink->trouble(sink->context, words, false, err);
	}
	file.mode = st.st_mode;
	file.size = (uint64_t)st.st_size;
	file.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	return sink->file(sink->context, &file, err);
}

typedef bool choose_fn(const char *name);

static int scan_chosen(int dirfd, const char *folder, choose_fn *choose,
                       const struct store_sink *sink, struct strings *directories,
                       struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int result = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return error_system(err, "open %s", folder);
	(void)fd_take(&fd);
	for (errno = 0; result == 0 && (entry = readdir(dir)); errno = 0) {
		if (choose(entry->d_name))
			result = tell(dirfd, folder, entry->d_name, sink, err);
		else if (directories && entry->d_name[0] != '.')
			strings_add(directories, entry->d_name);
	}
	if (result == 0 && errno)
		result = error_system(err, "read %s", folder);
	closedir(dir);
	return result;
}

int files_scan(int dirfd, const char *folder, const struct store_sink *sink, struct error *err)
{
	return scan_chosen(dirfd, folder, files_is_carried, sink, NULL, err);
}

static bool is_mbox_index(const char *name)
{
	return !strcmp(name, "dovecot.index") || !strcmp(name, "dovecot.index.log") ||
	       !strcmp(name, "dovecot.index.log.2");
}

int files_scan_mbox_indexes(int dirfd, const char *folder, const struct store_sink *sink,
                            struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".imap", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *path = xasprintf("%s%s.imap", folder, *folder ? "/" : "");
	AUTO_STRINGS struct strings names = { 0 };

	if (fd < 0)
		return 0;
	if (scan_chosen(fd, path, files_is_carried, sink, &names, err) < 0)
		return -1;
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *below = xasprintf("%s/%s", path, names.rows[i]);
		AUTO_CLOSE int at = openat(fd, names.rows[i],
		                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (at >= 0 && scan_chosen(at, below, is_mbox_index, sink, NULL, err) < 0)
			return -1;
	}
	return 0;
}
