/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sign.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "mail/flags.h"
#include "store/entries.h"
#include "store/files.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define DEPTH_MAX 64u
#define SECOND_NS 1000000000LL
#define FINE_TICK_NS (20 * 1000000LL)  /* two jiffies of the slowest kernel (HZ=100) */
#define COARSE_TICK_NS (2 * SECOND_NS) /* FAT; ext3 has one second */

struct look {
	const struct mailbox_account *account;
	struct digest_state digest;
	int64_t newest_ns;
	struct buf *places; /* of the outline; borrowed. NULL: nothing is written down (any more) */
};

void store_sign_fini(struct store_sign *sign)
{
	buf_fini(&sign->outline.places);
}

static int64_t ns_of(struct timespec t)
{
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void see_numbers(struct look *l, const struct stat *st)
{
	const int64_t mtime = ns_of(st->st_mtim), ctime = ns_of(st->st_ctim);
	const uint64_t numbers[] = {
		st->st_mode,     (uint64_t)st->st_dev, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)mtime, (uint64_t)ctime,      st->st_uid, st->st_gid,
	};

	digest_add(&l->digest, numbers, sizeof numbers);
	l->newest_ns = mtime > l->newest_ns ? mtime : l->newest_ns;
	l->newest_ns = ctime > l->newest_ns ? ctime : l->newest_ns;
}

static void see(struct look *l, const char *path, const char *name, const struct stat *st)
{
	/* with the NULs, so that "a" + "bc" is not "ab" + "c" */
	digest_add(&l->digest, path, strlen(path) + 1);
	digest_add(&l->digest, name, strlen(name) + 1);
	see_numbers(l, st);
}

/* Caches of Dovecot come and go and say nothing; those of mbox folders hold what the file does not. */
static bool is_seen(const struct look *l, const char *name)
{
	return l->account->format != MAILBOX_MAILDIR ||
	       (!files_is_index(name) && strcmp(name, "tmp") != 0);
}

static bool holds_messages(const struct look *l, const char *name)
{
	return l->account->format == MAILBOX_MAILDIR &&
	       (!strcmp(name, "cur") || !strcmp(name, "new"));
}

static int look_below(struct look *l, int at, const char *name, const char *path, unsigned depth,
                      struct error *err);

/* `names`: those of this directory that were looked at. */
static int look_at_entry(struct look *l, int fd, const struct entry *entry, const char *path,
                         unsigned depth, struct buf *names, struct error *err)
{
	bool is_directory = entry->type == DT_DIR;
	struct stat st;

	if (!is_directory || holds_messages(l, entry->name)) {
		if (fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_system(err, "stat %s/%s", path, entry->name);
		is_directory = S_ISDIR(st.st_mode);
		if (!is_directory || holds_messages(l, entry->name)) {
			see(l, path, entry->name, &st);
			buf_add(names, entry->name, strlen(entry->name) + 1);
			return 0;
		}
	}
	AUTO_FREE char *below = xasprintf("%s/%s", path, entry->name);
	return look_below(l, fd, entry->name, below, depth - 1, err);
}

static void write_down(struct look *l, const char *path, const struct buf *names)
{
	const char *below = path + strlen(l->account->root);

	if (!l->places)
		return;
	below += *below == '/';
	buf_add(l->places, below, strlen(below) + 1);
	buf_add_span(l->places, buf_span(names));
	buf_add_char(l->places, 0);
	if (l->places->n <= STORE_OUTLINE_MAX)
		return;
	buf_fini(l->places);
	l->places = NULL;
}

static int look_in(struct look *l, int fd, const char *path, unsigned depth, struct error *err)
{
	AUTO_ENTRIES struct entries entries = { 0 };
	AUTO_BUF struct buf names = { 0 };

	if (!depth)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, ELOOP,
		                 "%s: folders too deep", path);
	if (entries_read(fd, &entries) < 0)
		return error_system(err, "read %s", path);
	for (size_t i = 0; i < entries.n; i++)
		if (is_seen(l, entries.rows[i].name) &&
		    look_at_entry(l, fd, &entries.rows[i], path, depth, &names, err) < 0)
			return -1;
	write_down(l, path, &names);
	return 0;
}

static int look_below(struct look *l, int at, const char *name, const char *path, unsigned depth,
                      struct error *err)
{
	AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? error_system(err, "open %s", path) : look_in(l, fd, path, depth, err);
}

/* A file, or all that is below a directory; nothing there is a thing to know too. */
static int look_at_path(struct look *l, int rootfd, const char *path, struct error *err)
{
	const char *name;
	AUTO_CLOSE int parent = file_open_parent_below(rootfd, path, &name);
	struct stat st;

	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return error_system(err, "stat %s", path);
		see(l, path, "is missing", &(struct stat){ 0 });
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) {
		see(l, path, "", &st);
		return 0;
	}
	return look_below(l, parent, name, path, DEPTH_MAX, err);
}

/* Stamps of a server on the net are of another clock than ours. statfs(2) has the numbers. */
static bool is_local(int fd)
{
	static const long kinds[] = {
		0xEF53 /* ext2..4 */,       0x58465342 /* xfs */, 0x9123683E /* btrfs */,
		0x01021994 /* tmpfs */,     0x2FC12FC1 /* zfs */, 0xF2F52010 /* f2fs */,
		0x794c7630 /* overlayfs */, 0x3153464A /* jfs */, 0x52654973 /* reiserfs */,
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ROWS(kinds); i++)
		if ((long)st.f_type == kinds[i])
			return true;
	return false;
}

static bool is_settled(int64_t newest_ns, int64_t began_ns)
{
	int64_t tick = newest_ns % SECOND_NS ? FINE_TICK_NS : COARSE_TICK_NS;

	return newest_ns + tick < began_ns;
}

static int look_beside(struct look *l, int rootfd, const struct strings *beside, struct error *err)
{
	const struct mailbox_account *a = l->account;

	l->places = NULL;
	if (a->inbox && *a->inbox && look_at_path(l, rootfd, a->inbox, err) < 0)
		return -1;
	for (size_t i = 0; beside && i < beside->n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", a->home, beside->rows[i]);

		if (look_at_path(l, rootfd, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ── outlines ────────────────────────────────────────────────────────────────────────────────── */

/* Cuts a text with its NUL off *rest; NULL: there is no whole one. */
static const char *next_text(struct span *rest)
{
	const char *text = rest->p;
	ssize_t end = span_find(*rest, 0);

	if (end < 0)
		return NULL;
	*rest = span_from(*rest, (size_t)end + 1);
	return text;
}

static bool look_at_names(struct look *l, int fd, struct span *rest)
{
	const char *name;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	see_numbers(l, &st);
	while ((name = next_text(rest)) && *name) {
		if (!mail_name_fits(span_of(name)) ||
		    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return false;
		see_numbers(l, &st);
	}
	return name != NULL;
}

/* One call more than by the paths of what is in a directory, but no link leads anywhere else. O_PATH spares
 * the half of open(2) that is for reading; from 2.6.39 to 3.5 fstat(2) refuses that, and the sign decides. */
static bool look_along(struct look *l, int rootfd, struct span rest)
{
	while (rest.n) {
		const char *path = next_text(&rest);
		AUTO_CLOSE int below = -1;

		if (!path)
			return false;
		if (*path)
			below = !mail_name_fits(span_of(path))
			                ? folder_open_below(rootfd, path)
			                : openat(rootfd, path,
			                         O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (!look_at_names(l, *path ? below : rootfd, &rest))
			return false;
	}
	return true;
}

/* The digest that goes with `places`, and how new the newest of it is. */
static bool outline_of(int rootfd, int fd, const struct mailbox_account *account,
                       const struct strings *beside, struct span places, struct digest *out,
                       int64_t *newest_ns)
{
	struct look l = { .account = account };
	struct error ignored;

	digest_begin(&l.digest);
	digest_add(&l.digest, places.p, places.n);
	if (!look_along(&l, fd, places) || look_beside(&l, rootfd, beside, &ignored) < 0)
		return false;
	*out = digest_end(&l.digest);
	*newest_ns = l.newest_ns;
	return true;
}

bool store_has_outline(int rootfd, const struct mailbox_account *account,
                       const struct strings *beside, struct span places,
                       const struct digest *digest)
{
	struct error ignored;
	struct digest now;
	int64_t newest_ns;

	AUTO_CLOSE int fd = folder_open_root(rootfd, account->root, &ignored);
	return fd >= 0 && places.n &&
	       outline_of(rootfd, fd, account, beside, places, &now, &newest_ns) &&
	       digest_equal(&now, digest);
}

/* ── signs ───────────────────────────────────────────────────────────────────────────────────── */

/* Looked at after the sign was taken: it goes with that only if nothing changed since before. */
static void add_outline(struct store_sign *out, int rootfd, int fd,
                        const struct mailbox_account *account, const struct strings *beside,
                        int64_t began_ns)
{
	struct store_outline *o = &out->outline;
	int64_t newest_ns;

	if (!o->places.n || !out->settled ||
	    !outline_of(rootfd, fd, account, beside, buf_span(&o->places), &o->digest,
	                &newest_ns) ||
	    !is_settled(newest_ns, began_ns))
		buf_fini(&o->places);
}

int store_sign(int rootfd, const struct mailbox_account *account, const struct strings *beside,
               struct store_sign *out, struct error *err)
{
	struct look l = { .account = account };
	struct timespec now;

	if (account->format == MAILBOX_MAILDIR && *account->root)
		l.places = &out->outline.places;
	clock_gettime(CLOCK_REALTIME, &now);
	digest_begin(&l.digest);

	/* an mbox account may be its INBOX alone; "" is the host's root */
	AUTO_CLOSE int fd = folder_open_root(rootfd, account->root, err);
	if (fd < 0 || (*account->root && look_in(&l, fd, account->root, DEPTH_MAX, err) < 0) ||
	    look_beside(&l, rootfd, beside, err) < 0)
		return -1;
	out->digest = digest_end(&l.digest);
	out->settled = is_local(fd) && is_settled(l.newest_ns, ns_of(now));
	add_outline(out, rootfd, fd, account, beside, ns_of(now));
	return 0;
}

/* ── finding ─────────────────────────────────────────────────────────────────────────────────── */

struct search {
	store_found_fn *found;
	void *context;
};

static bool is_directory(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool holds(int fd, const struct entries *entries, const char *name)
{
	const struct entry *e = entries_find(entries, name);

	return e && (e->type == DT_DIR || (e->type == DT_UNKNOWN && is_directory(fd, name)));
}

/* The fs layout has folders without a dot beside cur/. */
static enum mailbox_layout layout_of(int fd, const struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		const char *name = entries->rows[i].name;

		if (name[0] == '.' || !strcmp(name, "cur") || !strcmp(name, "new") ||
		    !strcmp(name, "tmp") || !entry_may_be_directory(&entries->rows[i]))
			continue;
		AUTO_FREE char *cur = xasprintf("%s/cur", name);
		if (is_directory(fd, cur))
			return MAILBOX_LAYOUT_FS;
	}
	return MAILBOX_LAYOUT_MAILDIRPP;
}

static int tell_found(const struct search *s, int fd, const struct entries *entries,
                      const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_system(err, "stat %s", path);
	return s->found(s->context,
	                &(struct store_found){ path, layout_of(fd, entries), st.st_mode & 07777,
	                                       st.st_uid, st.st_gid },
	                err);
}

static int search_below(const struct search *s, int fd, const char *path, unsigned depth,
                        struct error *err)
{
	AUTO_ENTRIES struct entries entries = { 0 };

	if (entries_read(fd, &entries) < 0)
		return error_system(err, "read %s", path);
	if (holds(fd, &entries, "cur") && holds(fd, &entries, "new"))
		return tell_found(s, fd, &entries, path, err);
	for (size_t i = 0; i < entries.n; i++) {
		const struct entry *entry = &entries.rows[i];

		if (!entry_may_be_directory(entry))
			continue;
		AUTO_CLOSE int below = openat(fd, entry->name,
		                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		AUTO_FREE char *name = xasprintf("%s%s%s", path, *path ? "/" : "", entry->name);

		/* whoever asks for all Maildirs is told that there may be more */
		if (below >= 0 && !depth)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "%s is too many directories down to be looked into", name);
		if (below >= 0 && search_below(s, below, name, depth - 1, err) < 0)
			return -1;
		if (below < 0 && errno == EACCES)
			return error_system(err, "open %s", name);
	}
	return 0;
}

int store_find_maildirs(int rootfd, const char *path, unsigned depth, store_found_fn *found,
                        void *context, struct error *err)
{
	const struct search s = { found, context };
	AUTO_CLOSE int fd = folder_open_root(rootfd, path, err);

	return fd < 0 ? -1 : search_below(&s, fd, "", depth, err);
}
