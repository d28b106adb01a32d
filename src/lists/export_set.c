/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/export_set.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/csv.h"
#include "mail/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SUMS "SHA256SUMS"
#define SUMS_MAX (256u << 20)
#define PART (1u << 20)
#define FILE_MODE 0600

static int sum_of(int dir, const char *name, struct digest *out, struct error *err)
{
	AUTO_CLOSE int fd = file_open_below(dir, name, O_RDONLY | O_CLOEXEC, 0);
	AUTO_FREE char *part = xmalloc(PART);
	struct digest_state state;
	ssize_t n;

	if (fd < 0)
		return error_system(err, "%s", name);
	digest_begin(&state);
	while ((n = read(fd, part, PART)) > 0)
		digest_add(&state, part, (size_t)n);
	*out = digest_end(&state);
	return n < 0 ? error_system(err, "%s", name) : 0;
}

/* The name behind a sum, two blanks between them. */
static struct span name_of(struct span line)
{
	return line.n > 2 * DIGEST_SIZE + 2 ? span_from(line, 2 * DIGEST_SIZE + 2) : SPAN("");
}

/* Only names that a sum stood before; none leads out of the list's directory. */
static int remove_others(int dir, const struct buf *old, const struct strings *names,
                         struct error *err)
{
	struct span rest = buf_span(old), line;

	while (span_next_line(&rest, &line)) {
		AUTO_FREE char *name = span_dup(name_of(line));
		AUTO_CLOSE int parent = -1;
		const char *last;

		if (!*name || strings_has(names, name))
			continue;
		parent = file_open_parent_below(dir, name, &last);
		if (parent < 0 || (unlinkat(parent, last, 0) < 0 && errno != ENOENT)) {
			if (errno != ENOENT)
				return error_system(err, "%s", name);
		}
	}
	return 0;
}

int lists_export_sums(const char *dir, const struct lists_list *l,
                      const struct lists_export_result *r, struct error *err)
{
	AUTO_FREE char *place = xasprintf("%s/%s", dir, l->name);
	AUTO_CLOSE int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int there = -1;
	AUTO_BUF struct buf old = { 0 }, sums = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (fd < 0)
		return error_system(err, "%s", place);
	there = file_open_below(fd, SUMS, O_PATH | O_CLOEXEC, 0);
	if (there >= 0 && file_read_below(fd, SUMS, SUMS_MAX, &old, err) < 0)
		return -1;
	for (size_t i = 0; i < r->names.n; i++)
		strings_add(&names, r->names.rows[i]);
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		char text[2 * DIGEST_SIZE + 1];
		struct digest sum;

		if (sum_of(fd, names.rows[i], &sum, err) < 0)
			return error_context(err, "%s", place);
		buf_addf(&sums, "%s  %s\n", digest_text(text, &sum), names.rows[i]);
	}
	if (remove_others(fd, &old, &names, err) < 0)
		return error_context(err, "%s", place);
	if (span_equal(buf_span(&old), buf_span(&sums)))
		return 0;
	return file_write_durable(fd, SUMS, FILE_MODE, buf_span(&sums), err);
}

void lists_export_line(const struct lists_list *l, const struct lists_export_result *r,
                       struct buf *out)
{
	AUTO_BUF struct buf address = { 0 };

	if (!l) {
		buf_add_text(out, "name,address,members,messages,files,archive\r\n");
		return;
	}
	lists_list_address(l, &address);
	lists_csv_cell(out, span_of(l->name));
	buf_add_char(out, ',');
	lists_csv_cell(out, buf_span(&address));
	buf_addf(out, ",%zu,%zu,%zu,%s\r\n", r->members, r->messages, r->files,
	         !l->archive.mbox.is_there ? "none"
	         : l->archive.is_private   ? "private"
	                                   : "public");
}

int lists_export_index(const char *dir, const struct buf *lines, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/lists.csv", dir);

	return file_write_path_durable(path, FILE_MODE, buf_span(lines), err);
}
