/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/attributes.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define TRIES_MAX 5

/* The value, or names, of a size that may change between the two calls. */
static int read_sized(int fd, const char *name, struct buf *out)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		ssize_t n = name ? fgetxattr(fd, name, NULL, 0) : flistxattr(fd, NULL, 0);

		buf_reset(out);
		if (n <= 0)
			return (int)n;
		n = name ? fgetxattr(fd, name, buf_room(out, (size_t)n), (size_t)n)
		         : flistxattr(fd, buf_room(out, (size_t)n), (size_t)n);
		if (n >= 0) {
			buf_grown(out, (size_t)n);
			return 0;
		}
		if (errno != ERANGE)
			return -1;
	}
	return -1;
}

/* A file system or a kernel without them. */
static bool is_without(int e)
{
	return e == EOPNOTSUPP || e == ENOSYS;
}

int tree_attributes_read(int fd, struct tree_attributes *out, struct error *err)
{
	AUTO_BUF struct buf names = { 0 }, value = { 0 };
	struct span rest, name;
	size_t octets = 0;

	if (read_sized(fd, NULL, &names) < 0)
		return is_without(errno) ? 0 : error_system(err, "list its attributes");
	rest = buf_span(&names);
	while (rest.n && span_next_part(&rest, 0, &name)) {
		AUTO_FREE char *text = span_dup(name);

		if (!tree_attribute_is_carried(text)) {
			strings_add(&out->others, text);
			continue;
		}
		if (read_sized(fd, text, &value) < 0) {
			if (errno == ENODATA) /* taken away meanwhile */
				continue;
			return error_system(err, "read its attribute %s", text);
		}
		octets += name.n + value.n;
		if (octets > TREE_ATTRIBUTES_MAX)
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
			                 "it has more than %u octets of attributes",
			                 TREE_ATTRIBUTES_MAX);
		tree_attributes_add(out, text, buf_span(&value));
	}
	tree_attributes_sort(out);
	return 0;
}

struct timespec tree_time(int64_t ns)
{
	int64_t seconds = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	return (struct timespec){ .tv_sec = seconds, .tv_nsec = (long)rest };
}

/* New files inherit an ACL from their directory's default. */
static void take_others_away(int fd, const struct tree_attributes *wanted, struct strings *notes)
{
	AUTO_BUF struct buf names = { 0 };
	struct span rest, name;

	if (read_sized(fd, NULL, &names) < 0)
		return;
	rest = buf_span(&names);
	while (rest.n && span_next_part(&rest, 0, &name)) {
		AUTO_FREE char *text = span_dup(name);

		if (tree_attribute_is_carried(text) && !tree_attributes_find(wanted, text) &&
		    fremovexattr(fd, text) < 0 && errno != ENODATA)
			strings_addf(notes, "attribute %s, which is not on the old side: %s", text,
			             strerror(errno));
	}
}

static void give_one(int fd, const struct tree_attribute *a, struct strings *notes)
{
	AUTO_BUF struct buf words = { 0 };

	if (fsetxattr(fd, a->name, buf_text(&a->value), a->value.n, 0) == 0)
		return;
	buf_add_printable(&words, span_of(a->name));
	strings_addf(notes, "attribute %s: %s", buf_text(&words), strerror(errno));
}

int tree_attributes_give(int fd, const struct tree_node *node,
                         const struct tree_attributes *attributes, struct strings *notes,
                         struct error *err)
{
	struct timespec times[2];
	uint32_t mode = node->mode;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_system(err, "stat it");
	if ((st.st_uid != node->uid || st.st_gid != node->gid) &&
	    fchown(fd, node->uid, node->gid) < 0) {
		strings_addf(notes, "owner %u:%u: %s", node->uid, node->gid, strerror(errno));
		mode &= 01777u; /* whoever owns it instead must not lend out that right */
	}
	take_others_away(fd, attributes, notes);
	if (fchmod(fd, mode) < 0)
		strings_addf(notes, "mode %04o: %s", mode, strerror(errno));
	for (size_t i = 0; i < attributes->n; i++)
		give_one(fd, &attributes->rows[i], notes);
	times[0] = times[1] = tree_time(node->mtime_ns);
	if (futimens(fd, times) < 0)
		return error_system(err, "set its time");
	return 0;
}
