/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/mboxfile.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/folder.h"
#include "store/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT_MS 30000
#define LOOKS_MAX 5

ssize_t mboxfile_pread(void *context, void *out, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(*(int *)context, (char *)out + done, n - done,
		                    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int mboxfile_directory(int rootfd, const struct mailbox_account *account, const char *folder,
                       const char **name, struct error *err)
{
	int fd;

	if (!*folder) {
		if (!account->inbox || !*account->inbox)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, ENOENT,
			                 "%s has no INBOX file", account->user);
		fd = file_open_parent_below(rootfd, account->inbox, name);
		if (fd < 0)
			error_system(err, "open the directory of %s", account->inbox);
	} else {
		AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);

		if (root < 0)
			return -1;
		fd = folder_open_parent(root, folder, name);
		if (fd < 0)
			error_system(err, "open the directory of %s/%s", account->root, folder);
	}
	if (fd < 0)
		err->scope = ERROR_SCOPE_MAILBOX;
	return fd;
}

void mboxfile_close(struct mboxfile *f)
{
	lock_end(&f->lock);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dirfd >= 0)
		close(f->dirfd);
	free(f->name);
	*f = (struct mboxfile)MBOXFILE_NONE;
}

static int refuse_kind(struct mboxfile *f, struct error *err)
{
	if (fstat(f->fd, &f->st) < 0)
		return error_system(err, "stat %s", f->name);
	if (S_ISREG(f->st.st_mode))
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "%s is no regular file",
	                 f->name);
}

int mboxfile_open(struct mboxfile *f, int rootfd, const struct mailbox_account *account,
                  const char *folder, enum mboxfile_use use, struct error *err)
{
	AUTO_MBOXFILE struct mboxfile made = MBOXFILE_NONE;
	int flags = use == MBOXFILE_READ ? O_RDONLY : O_RDWR | O_CREAT;
	const char *name;
	int locked;

	made.dirfd = mboxfile_directory(rootfd, account, folder, &name, err);
	if (made.dirfd < 0)
		return -1;
	made.name = xstrdup(name);
	made.fd = openat(made.dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (made.fd < 0) {
		error_system(err, "open %s", name);
		err->scope = ERROR_SCOPE_MAILBOX;
		return -1;
	}
	if (refuse_kind(&made, err) < 0)
		return -1;
	locked = use == MBOXFILE_READ
	                 ? lock_to_read(&made.lock, made.dirfd, name, made.fd, LOCK_WAIT_MS, err)
	                 : lock_to_write(&made.lock, made.dirfd, name, made.fd, LOCK_WAIT_MS, err);
	if (locked < 0 || refuse_kind(&made, err) < 0)
		return -1;
	*f = made;
	made = (struct mboxfile)MBOXFILE_NONE;
	return 0;
}

static int take_message(void *context, const struct mbox_message *m, struct error *err)
{
	struct mail_folder *f = context;
	struct mail_message made = { 0 };

	if (m->uidvalidity && !f->uidvalidity) {
		f->uidvalidity = m->uidvalidity;
		f->uidnext = m->uidnext;
	}
	if (m->internal)
		return 0;
	made.suffix = xasprintf(":2,%s", m->flags);
	made.keywords = xstrdup(buf_text(&m->keywords));
	made.in_new = !m->seen_before;
	made.uid = m->uid;
	made.size = m->size;
	made.offset = m->offset;
	made.mtime_ns = m->from_time * 1000000000LL;
	made.hashed = true;
	made.digest = m->digest;
	mail_folder_take_message(f, &made);
	return 0;
}

static int digest_order(const void *a, const void *b)
{
	const struct mail_message *x = a, *y = b;
	int order = memcmp(x->digest.octets, y->digest.octets, DIGEST_SIZE);

	return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Two messages with the same content are told apart by their number in the file. */
static void number_messages(struct mail_folder *f)
{
	unsigned number = 0;

	if (f->n)
		qsort(f->rows, f->n, sizeof *f->rows, digest_order);
	for (size_t i = 0; i < f->n; i++) {
		char hex[2 * DIGEST_SIZE + 1];

		number = i && digest_equal(&f->rows[i].digest, &f->rows[i - 1].digest) ? number + 1
		                                                                       : 1;
		digest_text(hex, &f->rows[i].digest);
		f->rows[i].base = xasprintf("%.40s.%u", hex, number);
	}
}

static void forget_messages(struct mail_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		mail_message_fini(&f->rows[i]);
	f->n = 0;
	f->uidvalidity = f->uidnext = 0;
}

static bool is_unchanged(struct mboxfile *f)
{
	struct stat now;

	if (fstat(f->fd, &now) < 0)
		return true;
	if (now.st_size == f->st.st_size && now.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)
		return true;
	f->st = now;
	return false;
}

int mboxfile_messages(struct mboxfile *f, struct mail_folder *out, struct error *err)
{
	const struct mbox_visitor visitor = { .context = out, .end = take_message };
	int look = 0;

	do {
		forget_messages(out);
		if (mbox_walk(mboxfile_pread, &f->fd, 0, (uint64_t)f->st.st_size, false, f->name,
		              &visitor, err) < 0) {
			if (err->retry != ERROR_RETRY_LATER || ++look == LOOKS_MAX)
				return -1;
			continue;
		}
		look++;
	} while (!is_unchanged(f) && look < LOOKS_MAX);
	out->mode = f->st.st_mode & 07777;
	out->uid = f->st.st_uid;
	out->gid = f->st.st_gid;
	out->size = (uint64_t)f->st.st_size;
	out->mtime_ns = f->st.st_mtim.tv_sec * 1000000000LL + f->st.st_mtim.tv_nsec;
	number_messages(out);
	return 0;
}
