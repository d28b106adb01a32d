/* SPDX-License-Identifier: BSD-2-Clause */

/* courier_files -- reads Courier's files of one folder. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/digest.h"
#include "store/courier.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX (256u << 20) /* some 3 million messages in one folder */
#define UPDATE_MAX (64u << 10)
#define UPDATES_MAX 1000000u

/* A missing file is an empty one. */
static int read_file(int dirfd, const char *place, const char *name, size_t limit, struct buf *out,
                     struct error *err)
{
	struct stat st;
	AUTO_CLOSE int fd = folder_open_file(dirfd, name, &st);

	buf_reset(out);
	if (fd < 0 && (errno == ENOENT || errno == EINVAL || errno == ELOOP))
		return 0;
	if (fd < 0)
		return error_system(err, "open %s/%s", place, name);
	for (;;) {
		ssize_t n = read(fd, buf_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s/%s", place, name);
		if (n == 0)
			return 0;
		buf_grown(out, (size_t)n);
		if (out->n > limit)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "%s/%s is longer than %zu octets", place, name, limit);
	}
}

static int read_uids(int folderfd, const char *place, struct courier *c, struct error *err)
{
	AUTO_FREE char *words = xasprintf("mailhaul courier %s", place);
	const struct digest digest = digest_of(span_of(words));
	AUTO_BUF struct buf uiddb = { 0 }, sizelist = { 0 };
	char hex[2 * DIGEST_SIZE + 1], guid[33];

	if (read_file(folderfd, place, "courierimapuiddb", LIST_MAX, &uiddb, err) < 0 ||
	    read_file(folderfd, place, "courierpop3dsizelist", LIST_MAX, &sizelist, err) < 0)
		return -1;
	snprintf(guid, sizeof guid, "%.32s", digest_text(hex, &digest));
	courier_uids(c, buf_span(&uiddb), buf_span(&sizelist), guid);
	return 0;
}

static int read_updates(int fd, const char *place, struct courier *c, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_BUF struct buf text = { 0 };
	AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;

	if (!dir)
		return error_system(err, "open %s/courierimapkeywords", place);
	(void)fd_take(&own);
	while ((entry = readdir(dir)) && names.n < UPDATES_MAX)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, ":list") != 0)
			strings_add(&names, entry->d_name);
	closedir(dir);
	/* one that went meanwhile is in the list of the next look */
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		if (fstatat(fd, names.rows[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (read_file(fd, place, names.rows[i], UPDATE_MAX, &text, err) < 0)
			return -1;
		courier_update(c, names.rows[i], buf_span(&text));
	}
	return 0;
}

static int read_keywords(int folderfd, const char *place, struct courier *c, struct error *err)
{
	AUTO_CLOSE int fd = openat(folderfd, "courierimapkeywords",
	                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_BUF struct buf list = { 0 };

	if (fd < 0)
		return 0;
	if (read_file(fd, place, ":list", LIST_MAX, &list, err) < 0)
		return -1;
	courier_keywords(c, buf_span(&list));
	if (read_updates(fd, place, c, err) < 0)
		return -1;
	courier_settle(c);
	return 0;
}

bool courier_is_used(int folderfd)
{
	return faccessat(folderfd, "dovecot-uidlist", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       (faccessat(folderfd, "courierimapuiddb", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	        faccessat(folderfd, "courierpop3dsizelist", F_OK, AT_SYMLINK_NOFOLLOW) == 0);
}

int courier_read(int folderfd, const char *place, struct courier *out, struct error *err)
{
	if (!courier_is_used(folderfd))
		return 0;
	if (read_uids(folderfd, place, out, err) < 0)
		return -1;
	/* Dovecot's own keywords have their letters in the names already */
	if (faccessat(folderfd, "dovecot-keywords", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return read_keywords(folderfd, place, out, err);
}
