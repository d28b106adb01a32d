/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/mboxfile.h"

#include "base/cleanup.h"
#include "base/clock.h"
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
		if (*folder)
			error_system(err, "open %s/%s", account->root, folder);
		else
			error_system(err, "open %s", account->inbox);
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

struct taking {
	struct mail_folder *f;
	bool utc;
};

static int take_message(void *context, const struct mbox_message *m, struct error *err)
{
	const struct taking *taking = context;
	struct mail_folder *f = taking->f;
	struct mail_message made = { 0 };

	if (m->uidvalidity && !f->uidvalidity) {
		f->uidvalidity = m->uidvalidity;
		f->uidnext = m->uidnext;
	}
	if (m->internal)
		return 0;
	made.suffix = xasprintf(":2,%s", m->flags);
	made.keywords = xstrdup(buf_text(&m->keywords));
	made.message_id = xstrdup(buf_text(&m->message_id));
	made.in_new = !m->seen_before;
	made.uid = m->uid;
	made.size = m->size;
	made.offset = m->offset;
	made.mtime_ns = (taking->utc ? mbox_from_utc(m->from_line) : m->from_time) * 1000000000LL;
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

/* ── a look ──────────────────────────────────────────────────────────────────────────────────── */

static int64_t to_ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

void mboxfile_stamp(const struct mboxfile *f, struct mbox_state *out)
{
	out->size = (uint64_t)f->st.st_size;
	out->mtime_ns = to_ns(&f->st.st_mtim);
	out->ctime_ns = to_ns(&f->st.st_ctim);
	out->inode = f->st.st_ino;
}

/* now->from: where what `known` knows ends, if it is still the beginning. */
static int sum_beginning(struct mboxfile *f, const struct mbox_state *known,
                         struct mbox_summing *sum, struct mbox_state *now, struct error *err)
{
	struct mbox_sum is;
	char five[5];

	mbox_sum_begin(sum);
	now->from = 0;
	if (!known || !known->size || known->size > now->size)
		return 0;
	if (known->size < now->size &&
	    (mboxfile_pread(&f->fd, five, 5, known->size) != 5 || memcmp(five, "From ", 5) != 0))
		return 0;
	if (mboxfile_sum(f, sum, 0, known->size, err) < 0)
		return -1;
	is = mbox_sum_end(sum);
	if (mbox_sum_equal(&is, &known->sum))
		now->from = known->size;
	else
		mbox_sum_begin(sum);
	return 0;
}

/* Reads for the walk; what comes in its order is summed on its way. */
struct summed_read {
	int fd;
	struct mbox_summing *sum;
	uint64_t to; /* what lies before is in the sum */
};

static ssize_t read_and_sum(void *context, void *out, size_t n, uint64_t offset)
{
	struct summed_read *r = context;
	ssize_t got = mboxfile_pread(&r->fd, out, n, offset);

	if (got > 0 && offset <= r->to && offset + (uint64_t)got > r->to) {
		size_t skip = (size_t)(r->to - offset);

		mbox_sum_add(r->sum, (const char *)out + skip, (size_t)got - skip);
		r->to = offset + (uint64_t)got;
	}
	return got;
}

static int look_once(struct mboxfile *f, const struct mbox_state *known, bool utc,
                     struct mail_folder *out, struct mbox_state *now, struct error *err)
{
	struct taking taking = { out, utc };
	const struct mbox_visitor visitor = { .context = &taking, .end = take_message };
	int64_t began_ns = clock_wall_ms() * 1000000;
	struct mbox_summing sum;

	forget_messages(out);
	mboxfile_stamp(f, now);
	if (known && known->settled && mbox_state_is_same(known, now)) {
		now->settled = true;
		now->sum = known->sum;
		now->from = now->size;
		return 0;
	}
	now->settled = mbox_state_settles(now, began_ns);
	if (sum_beginning(f, known, &sum, now, err) < 0)
		return -1;
	struct summed_read summed = { f->fd, &sum, now->from };
	if (mbox_walk(read_and_sum, &summed, now->from, now->size, false, f->name, &visitor, err) <
	            0 ||
	    mboxfile_sum(f, &sum, summed.to, now->size, err) < 0)
		return -1;
	now->sum = mbox_sum_end(&sum);
	return 0;
}

int mboxfile_look(struct mboxfile *f, const struct mbox_state *known, bool utc,
                  struct mail_folder *out, struct mbox_state *now, struct error *err)
{
	for (int look = 1;; look++) {
		int result = look_once(f, known, utc, out, now, err);

		if (result < 0 && known && now->from && err->retry != ERROR_RETRY_LATER)
			known = NULL; /* a line that only looked like the beginning of a message */
		else if (result < 0 && (err->retry != ERROR_RETRY_LATER || look == LOOKS_MAX))
			return -1;
		if ((is_unchanged(f) && result == 0) || look == LOOKS_MAX)
			break;
	}
	out->mode = f->st.st_mode & 07777;
	out->uid = f->st.st_uid;
	out->gid = f->st.st_gid;
	out->size = now->size;
	out->mtime_ns = now->mtime_ns;
	number_messages(out);
	return 0;
}

int mboxfile_messages(struct mboxfile *f, struct mail_folder *out, struct error *err)
{
	struct mbox_state ignored = { 0 };

	return mboxfile_look(f, NULL, false, out, &ignored, err);
}
