/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_archives -- pipermail's own files of each archive that went. What is cut off there, pipermail takes
 * for empty, without a word: at the next post it writes over pages, or drops a month from the indexes. So
 * each has to be read to its end before Mailman starts on new. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "pickle/read.h"

#include <sys/stat.h>

struct archives {
	struct carry_run *r;
	const char *root; /* on new */
	struct strings paths;
};

static void add_indexes(struct archives *a, const struct carry_list *l)
{
	AUTO_FREE char *state = xasprintf("%s/%s/pipermail.pck", a->root, l->name);
	AUTO_FREE char *dir = xasprintf("%s/%s/database", a->root, l->name);
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (host_has(a->r->o->to, state))
		strings_addf(&a->paths, "%s/pipermail.pck", l->name);
	if (host_list(a->r->o->to, dir, 1, &listing, &ignored) < 0)
		return;
	for (size_t i = 0; i < listing.n; i++)
		if (S_ISREG(listing.rows[i].mode) && !carry_is_lock(listing.rows[i].path))
			strings_addf(&a->paths, "%s/database/%s", l->name, listing.rows[i].path);
}

static int take_index(void *context, size_t index, struct buf *content, const struct error *why,
                      struct error *err)
{
	struct archives *a = context;
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct error bad = { 0 };

	if (content) {
		if (value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) == 0)
			return 0;
		why = &bad;
	}
	carry_tell(
		&a->r->out->notes, a->paths.rows[index],
		"can't be read (%s), here as on old: the next post would write over pages of the "
		"archive, or drop them from its indexes",
		why->text);
	return 0;
}

int carry_check_archives(struct carry_run *r, struct error *err)
{
	struct archives a = { .r = r,
		              .root = r->o->new->paths.value[LISTS_PRIVATE_ARCHIVE_FILE_DIR] };
	int result = 0;

	for (size_t i = 0; a.root && i < r->lists_n; i++)
		if (r->lists[i].goes)
			add_indexes(&a, &r->lists[i]);
	if (a.paths.n)
		result = carry_fetch(r->o->to, a.root, (const char *const *)a.paths.rows, a.paths.n,
		                     take_index, &a, err);
	strings_fini(&a.paths);
	return result;
}
