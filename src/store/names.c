/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/names.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "mail/flags.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PASSES_MAX 6u

static void row_fini(struct names_row *row)
{
	free(row->base);
	free(row->suffix);
	free(row->twin);
}

void names_fini(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		row_fini(&n->rows[i]);
	free(n->rows);
	free(n->slots);
	*n = (struct names){ 0 };
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 64 bits. */
static size_t hash(struct span base)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < base.n; i++)
		h = (h ^ (unsigned char)base.p[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static size_t *slot_of(const struct names *n, struct span base)
{
	size_t at = hash(base) & (n->slots_n - 1);

	while (n->slots[at] && !span_is(base, n->rows[n->slots[at] - 1].base))
		at = (at + 1) & (n->slots_n - 1);
	return &n->slots[at];
}

static void make_room(struct names *n)
{
	if (2 * (n->n + 1) < n->slots_n)
		return;
	free(n->slots);
	n->slots_n = n->slots_n ? 2 * n->slots_n : 256;
	n->slots = xcalloc(n->slots_n, sizeof *n->slots);
	for (size_t i = 0; i < n->n; i++)
		*slot_of(n, span_of(n->rows[i].base)) = i + 1;
}

static void see(struct names *n, const struct dirent *entry, bool in_new)
{
	struct span base, suffix;
	struct names_row *row;
	size_t *slot;

	mail_name_split(span_of(entry->d_name), &base, &suffix);
	make_room(n);
	slot = slot_of(n, base);
	if (!*slot) {
		ARRAY_GROW(n->rows, n->n, n->room);
		n->rows[n->n++] = (struct names_row){ .base = span_dup(base) };
		*slot = n->n;
	}
	row = &n->rows[*slot - 1];
	free(TAKE(row->twin));
	if (row->pass == n->passes) {
		row->twin = TAKE(row->suffix);
		row->twin_in_new = row->in_new;
	}
	row->in_new = in_new;
	row->inode = entry->d_type == DT_REG ? entry->d_ino : 0;
	row->pass = n->passes;
	if (!row->suffix || !span_is(suffix, row->suffix)) {
		free(row->suffix);
		row->suffix = span_dup(suffix);
	}
}

static int read_directory(struct names *n, int dirfd, bool in_new, struct error *err)
{
	/* a stream of its own, at the start: dup() would share the place in it */
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return error_system(err, "open the folder");
	(void)fd_take(&fd);
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			break;
		if (entry->d_name[0] != '.')
			see(n, entry, in_new);
		else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			n->hidden++;
	}

	int why = errno;
	closedir(dir);
	errno = why;
	return why ? error_system(err, "read the folder") : 0;
}

size_t names_find(const struct names *n, struct span base)
{
	size_t at = n->slots_n ? *slot_of(n, base) : 0;

	return at ? at - 1 : SIZE_MAX;
}

int names_read_again(int newfd, int curfd, struct names *n, struct error *err)
{
	n->passes++;
	n->hidden = 0;
	if (newfd >= 0 && read_directory(n, newfd, true, err) < 0)
		return error_context(err, "new/");
	if (curfd >= 0 && read_directory(n, curfd, false, err) < 0)
		return error_context(err, "cur/");
	return 0;
}

static int64_t changed_ns(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

/* A change within one tick of the clock that stamps directories would leave the stamp as it is, so
 * a stamp that young says nothing. File systems that keep whole seconds need two of them. */
static bool is_old_enough(int64_t stamp_ns, int64_t now_ms)
{
	int64_t margin_ms = stamp_ns % 1000000000 ? 40 : 2000;

	return stamp_ns / 1000000 + margin_ms < now_ms;
}

static void forget_vanished(struct names *n, unsigned oldest)
{
	size_t kept = 0;

	while (kept < n->n && n->rows[kept].pass >= oldest)
		kept++;
	if (kept == n->n)
		return;
	for (size_t i = kept; i < n->n; i++) {
		if (n->rows[i].pass >= oldest) {
			n->rows[kept++] = n->rows[i];
		} else {
			row_fini(&n->rows[i]);
		}
	}
	n->n = kept;
	memset(n->slots, 0, n->slots_n * sizeof *n->slots);
	for (size_t i = 0; i < n->n; i++)
		*slot_of(n, span_of(n->rows[i].base)) = i + 1;
}

static bool something_is_missing(const struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->rows[i].pass + 1 == n->passes)
			return true;
	return false;
}

int names_read(int newfd, int curfd, struct names *out, struct error *err)
{
	AUTO_NAMES struct names made = { 0 };
	unsigned oldest = 0;

	make_room(&made);
	while (made.passes < PASSES_MAX) {
		int64_t now_ms = clock_wall_ms();
		int64_t new_ns = changed_ns(newfd), cur_ns = changed_ns(curfd);

		if (names_read_again(newfd, curfd, &made, err) < 0)
			return -1;
		oldest = made.passes;
		if (new_ns == changed_ns(newfd) && cur_ns == changed_ns(curfd) &&
		    is_old_enough(new_ns, now_ms) && is_old_enough(cur_ns, now_ms))
			break;
		if (made.passes > 1 && !something_is_missing(&made))
			break;
		oldest = made.passes - 1; /* too lively: the caller's stat(2) decides on those */
	}
	forget_vanished(&made, oldest);
	names_fini(out);
	*out = made;
	made = (struct names){ 0 };
	return 0;
}
