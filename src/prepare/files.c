/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "mail/digest.h"
#include "prepare/places.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20) /* octets of a file that is carried */
#define WRITE_MAX (3u << 20) /* octets that go in one write */
#define BEFORE ".before-mailhaul"

bool prepare_touched(const struct prepare *p, const char *path)
{
	return strings_has(&p->touched, path);
}

/* Entry of a path on new, links not followed. 1, 0, -1. */
static int look(struct prepare *p, const char *path, struct host_entry *out, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(p->new_host, path, 0, &l, &why) < 0) {
		if (why.sys_errno == ENOENT || why.sys_errno == ENOTDIR)
			return 0;
		return *err = why, -1;
	}
	*out = l.rows[0];
	out->path = out->target = NULL;
	return 1;
}

int prepare_keep_before(struct prepare *p, const char *path, struct error *err)
{
	AUTO_FREE char *before = xasprintf("%s" BEFORE, path);
	AUTO_BUF struct buf text = { 0 };
	struct host_entry entry;
	int found = look(p, path, &entry, err);

	if (found <= 0 || host_has(p->new_host, before))
		return found < 0 ? -1 : 0;
	if (host_read(p->new_host, path, WRITE_MAX, &text, err) < 0)
		return error_context(err, "keep %s as it was", path);
	return host_write(p->new_host, before, entry.mode & 07777, entry.uid, entry.gid,
	                  buf_span(&text), err);
}

static bool is_same(struct prepare *p, const char *path, struct span data, uint32_t mode,
                    uint32_t uid, uint32_t gid)
{
	AUTO_BUF struct buf there = { 0 };
	struct host_entry entry;
	struct error ignored;

	return look(p, path, &entry, &ignored) == 1 && S_ISREG(entry.mode) &&
	       (entry.mode & 07777) == mode && entry.uid == uid && entry.gid == gid &&
	       entry.size == data.n &&
	       host_read(p->new_host, path, FILE_MAX, &there, &ignored) == 0 &&
	       span_equal(buf_span(&there), data);
}

/* What was written to a file is known by its digest, so that a person's own
 * change is seen. */
static int remember(struct prepare *p, const char *path, struct span data, struct error *err)
{
	AUTO_FREE char *fact = xasprintf("prepare.file.%s", path), *before = NULL;
	struct digest digest = digest_of(data);
	char hex[2 * DIGEST_SIZE + 1];

	if (p->dry_run || state_get(p->state, fact, &before, err) < 0)
		return p->dry_run ? 0 : -1;
	if (before && !strcmp(before, digest_text(hex, &digest)))
		return 0;
	return state_put(p->state, fact, digest_text(hex, &digest), err);
}

/* Has a person changed on new what an earlier run wrote there? */
static bool is_edited(struct prepare *p, const char *path, struct span data)
{
	AUTO_FREE char *fact = xasprintf("prepare.file.%s", path), *before = NULL;
	AUTO_BUF struct buf there = { 0 };
	struct error ignored;
	struct digest digest;
	char hex[2 * DIGEST_SIZE + 1];

	if (state_get(p->state, fact, &before, &ignored) < 0 || !before ||
	    host_read(p->new_host, path, FILE_MAX, &there, &ignored) < 0 ||
	    span_equal(buf_span(&there), data))
		return false;
	digest = digest_of(buf_span(&there));
	return strcmp(before, digest_text(hex, &digest)) != 0;
}

int prepare_put(struct prepare *p, const char *path, struct span data, uint32_t mode, uint32_t uid,
                uint32_t gid, struct error *err)
{
	if (is_same(p, path, data, mode, uid, gid)) {
		prepare_same(p, "%s", path);
		return remember(p, path, data, err);
	}
	if (is_edited(p, path, data)) {
		prepare_leave(p,
		              "%s was changed on the new host since it was carried: left as it is",
		              path);
		return 0;
	}
	prepare_changed(p, "%s", path);
	strings_add(&p->touched, path);
	if (p->dry_run)
		return 0;
	if (prepare_keep_before(p, path, err) < 0)
		return -1;
	/* the old host's files change too: only what it had last is ours */
	if (host_write(p->new_host, path, mode, uid, gid, data, err) < 0)
		return -1;
	return remember(p, path, data, err);
}

int prepare_take_back(struct prepare *p, const char *path, struct span before, struct error *err)
{
	struct host_entry entry;
	int found = look(p, path, &entry, err);

	if (found < 1)
		return found;
	if (host_write(p->new_host, path, entry.mode & 07777, entry.uid, entry.gid, before, err) <
	    0)
		return -1;
	return remember(p, path, before, err);
}

/* ── folders ─────────────────────────────────────────────────────────────────────────────────── */

static int make_folder(struct prepare *p, const char *path, struct error *err)
{
	struct host_entry entry = { .mode = S_IFDIR | 0755 };
	uint32_t uid, gid;
	int found = survey_stat(&p->from, path, &entry, err);

	if (found < 0)
		return -1;
	if (!found || !S_ISDIR(entry.mode))
		entry = (struct host_entry){ .mode = S_IFDIR | 0755 };
	prepare_owner(p, entry.uid, entry.gid, &uid, &gid);
	prepare_changed(p, "folder %s", path);
	if (p->dry_run)
		return 0;
	return host_mkdir(p->new_host, path, entry.mode & 03777, uid, gid, err);
}

int prepare_folder(struct prepare *p, const char *path, struct error *err)
{
	AUTO_FREE char *part = xstrdup(path);

	for (char *slash = part; slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = 0;
		if (!host_has(p->new_host, part) && make_folder(p, part, err) < 0)
			return -1;
		if (slash)
			*slash = '/';
	}
	return 0;
}

/* ── carrying ────────────────────────────────────────────────────────────────────────────────── */

static int folder_of(struct prepare *p, const char *path, struct error *err)
{
	AUTO_FREE char *folder = xstrdup(path);

	*strrchr(folder, '/') = 0;
	return *folder ? prepare_folder(p, folder, err) : 0;
}

/* What stands on new already, where nothing may be replaced: the same is fine. */
static int compare_absent(struct prepare *p, const char *path, const char *what, struct span data)
{
	AUTO_BUF struct buf there = { 0 };
	struct error ignored;

	if (host_read(p->new_host, path, FILE_MAX, &there, &ignored) < 0 ||
	    !span_equal(buf_span(&there), data))
		prepare_leave(p, "%s (%s) is another one on the new host: left as it is", path,
		              what);
	else
		prepare_same(p, "%s", path);
	return 0;
}

static int carry_data(struct prepare *p, const char *path, const char *what, enum place_rule rule,
                      const struct host_entry *entry, struct span data, struct error *err)
{
	uint32_t uid, gid, mode = entry->mode & 0777;
	struct host_entry there;
	int found = look(p, path, &there, err);

	if (found < 0)
		return -1;
	if (found && rule == PLACE_IF_ABSENT)
		return compare_absent(p, path, what, data);
	if (found && !S_ISREG(there.mode)) {
		prepare_leave(p, "%s (%s) is no regular file on the new host: left as it is", path,
		              what);
		return 0;
	}
	if (entry->mode & 07000)
		prepare_leave(p, "%s (%s) has set-id bits on the old host: not carried with them",
		              path, what);
	if (folder_of(p, path, err) < 0)
		return -1;
	prepare_owner(p, entry->uid, entry->gid, &uid, &gid);
	return prepare_put(p, path, data, mode, uid, gid, err);
}

/* A program in /usr/local is found before the system's own of the same name. */
static bool hides_program(struct prepare *p, const char *path)
{
	static const char *const folders[] = { "/bin", "/sbin", "/usr/bin", "/usr/sbin" };
	const char *name = strrchr(path, '/') + 1;

	if (strncmp(path, "/usr/local/bin/", 15) != 0 && strncmp(path, "/usr/local/sbin/", 16) != 0)
		return false;
	for (size_t i = 0; i < ROWS(folders); i++) {
		AUTO_FREE char *other = xasprintf("%s/%s", folders[i], name);

		if (host_has(p->new_host, other))
			return true;
	}
	return false;
}

int prepare_carry(struct prepare *p, const char *path, const char *what, struct error *err)
{
	enum place_rule rule = place_of_file(path);
	AUTO_BUF struct buf data = { 0 };
	struct host_entry entry;
	struct error why = { 0 };
	int found = survey_stat(&p->from, path, &entry, err);

	if (found <= 0)
		return found;
	if (rule == PLACE_NEVER || hides_program(p, path)) {
		/* what comes with a package is there on both sides */
		if (!place_is_packaged(path) || !host_has(p->new_host, path))
			prepare_leave(
				p,
				"%s (%s) is not carried, its place is the new host's own: look "
				"whether it is needed",
				path, what);
		else
			prepare_same(p, "%s", path);
		return 0;
	}
	if (!S_ISREG(entry.mode)) {
		prepare_leave(p, "%s (%s) is no regular file: not carried", path, what);
		return 0;
	}
	if (entry.size > WRITE_MAX || host_read(p->old_host, path, WRITE_MAX, &data, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		prepare_failed(p, "%s (%s) could not be carried: %s", path, what,
		               why.text[0] ? why.text : "too long; copy it by hand");
		return 0;
	}
	return carry_data(p, path, what, rule, &entry, buf_span(&data), err);
}
