/* SPDX-License-Identifier: BSD-2-Clause */

/* mboxtree -- an account in mbox form: the INBOX file, and a directory whose files are folders. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "store/files.h"
#include "store/folder.h"
#include "store/mbox.h"
#include "store/mboxfile.h"
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

static int tell_folder(struct scan *s, const char *name, struct mail_folder *f, struct error *err)
{
	if (s->sink->folder(s->sink->context, f, err) < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		if (s->sink->message(s->sink->context, &f->rows[i], err) < 0)
			return -1;
	return 0;
}

/* A file that can't be read as an mbox costs this folder, not the account; but what can pass by
 * itself (a lock) is an error, so that a folder never looks empty because of it. */
static int scan_file(struct scan *s, const char *name, struct error *err)
{
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	struct mail_folder f = { .name = xstrdup(name) };
	struct error why = { 0 };
	int result;

	if (mboxfile_open(&file, s->rootfd, s->account, name, MBOXFILE_READ, &why) < 0 ||
	    mboxfile_messages(&file, &f, &why) < 0) {
		if (why.sys_errno == ENOENT) {
			result = 0;
		} else if (why.retry == ERROR_RETRY_LATER) {
			*err = why;
			result = -1;
		} else {
			result = trouble(s, name, why.text, err);
		}
	} else {
		if (!*name) {
			s->inbox_dev = file.st.st_dev;
			s->inbox_ino = file.st.st_ino;
		}
		result = tell_folder(s, name, &f, err);
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
		return 0;
	if (S_ISREG(st.st_mode)) {
		if (st.st_dev == s->inbox_dev && st.st_ino == s->inbox_ino)
			return 0;
		return scan_file(s, below, err);
	}
	if (!S_ISDIR(st.st_mode))
		return trouble(s, below, "neither file nor directory, not followed", err);

	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return trouble(s, below, strerror(errno), err);
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

	if (!dir)
		return error_system(err, "open %s", path);
	(void)fd_take(&fd);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !is_lock(entry->d_name) &&
		    !files_is_carried(entry->d_name))
			strings_add(&names, entry->d_name);
	closedir(dir);
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (scan_entry(s, dirfd, path, names.rows[i], depth, err) < 0)
			return -1;
	if (files_scan(dirfd, path, s->sink, err) < 0)
		return -1;
	return files_scan_mbox_indexes(dirfd, path, s->sink, err);
}

static int mbox_scan(int rootfd, const struct mailbox_account *account,
                     const struct store_sink *sink, struct error *err)
{
	struct scan s = { .rootfd = rootfd, .account = account, .sink = sink };

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

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

struct search {
	const char *base;
	char hex[41];
	unsigned number, seen;
	bool found;
	uint64_t offset;
};

static int compare(void *context, const struct mbox_message *m, struct error *err)
{
	struct search *s = context;
	char hex[2 * DIGEST_SIZE + 1];

	digest_text(hex, &m->digest);
	if (m->internal || s->found || strncmp(hex, s->hex, 40) != 0 || ++s->seen < s->number)
		return 0;
	s->found = true;
	s->offset = m->offset;
	return 0;
}

static int find_message(struct mboxfile *f, const struct store_wanted *wanted, uint64_t *offset,
                        struct error *err)
{
	struct search s = { .base = wanted->base };
	const struct mbox_visitor visitor = { .context = &s, .end = compare };
	uint64_t size = (uint64_t)f->st.st_size, number;
	struct span rest = span_of(wanted->base), hex;

	if (!span_next_part(&rest, '.', &hex) || hex.n != 40 || !rest.p ||
	    !span_parse_u64(rest, &number) || number == 0)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, EINVAL,
		                 "no name of an mbox message");
	memcpy(s.hex, hex.p, 40);
	/* where it was, if it has not moved: any of several with the same content will do */
	s.number = 1;
	if (wanted->offset < size) {
		struct error ignored = { 0 };

		if (mbox_walk(mboxfile_pread, &f->fd, wanted->offset, size, true, f->name, &visitor,
		              &ignored) < 0)
			s.found = false;
	}
	if (!s.found) {
		s.number = (unsigned)number;
		s.seen = 0;
		if (mbox_walk(mboxfile_pread, &f->fd, 0, size, false, f->name, &visitor, err) < 0)
			return -1;
	}
	*offset = s.offset;
	if (s.found)
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, ENOENT,
	                 "is not in %s any more", f->name);
}

struct found {
	struct mail_message m;
	char *from_line;
};

static int keep_found(void *context, const struct mbox_message *m, struct error *err)
{
	struct found *f = context;

	f->from_line = span_dup(m->from_line);
	f->m.suffix = xasprintf(":2,%s", m->flags);
	f->m.keywords = xstrdup(buf_text(&m->keywords));
	f->m.in_new = !m->seen_before;
	f->m.mode = 0600;
	f->m.uid = m->uid;
	f->m.size = m->size;
	f->m.offset = m->offset;
	f->m.mtime_ns = m->from_time * 1000000000LL;
	return 0;
}

static int give_message(struct mboxfile *f, uint64_t offset, struct found *found,
                        const struct store_reader *reader, struct error *err)
{
	/* flags stand in the header, but are told before the content: walk twice */
	const struct mbox_visitor first = { .context = found, .end = keep_found };
	const struct mbox_visitor second = { .context = reader->context, .content = reader->bytes };
	uint64_t size = (uint64_t)f->st.st_size;

	if (mbox_walk(mboxfile_pread, &f->fd, offset, size, true, f->name, &first, err) < 0)
		return -1;
	if (reader->begin(reader->context, &found->m, span_of(found->from_line), err) < 0)
		return -1;
	return mbox_walk(mboxfile_pread, &f->fd, offset, size, true, f->name, &second, err);
}

static int mbox_read(int rootfd, const struct mailbox_account *account,
                     const struct store_wanted *wanted, const struct store_reader *reader,
                     struct error *err)
{
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	struct found found = { .m = { .base = xstrdup(wanted->base) } };
	uint64_t offset = 0;
	int result = -1;

	if (mboxfile_open(&file, rootfd, account, wanted->folder, MBOXFILE_READ, err) == 0 &&
	    find_message(&file, wanted, &offset, err) == 0)
		result = give_message(&file, offset, &found, reader, err);
	mail_message_fini(&found.m);
	free(found.from_line);
	if (result < 0 && err->scope == ERROR_SCOPE_MAILBOX)
		err->scope = ERROR_SCOPE_MESSAGE;
	return result;
}

const struct store store_mbox = {
	.format = MAILBOX_MBOX,
	.name = "mbox",
	.scan = mbox_scan,
	.read = mbox_read,
};
