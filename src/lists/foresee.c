/* SPDX-License-Identifier: BSD-2-Clause */

/* foresee -- what lists_list_read() is going to ask a host for, asked for many lists together. */

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/list_inside.h"

#include <string.h>

#define LISTS_AT_ONCE 16u
#define OCTETS_AT_ONCE (32ull << 20)

static const struct host_entry *file_of(const struct lists_site *s, const char *list,
                                        const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", list, file);

	return lists_entry(&s->lists, path);
}

/* Octets that it will take, about. */
static uint64_t want_file(struct lists_site *s, const char *list, const char *file)
{
	AUTO_FREE char *below = xasprintf("%s/%s", list, file);
	AUTO_FREE char *path = lists_paths_join(s->paths, LISTS_LIST_DATA_DIR, below);
	const struct host_entry *e = file_of(s, list, file);

	if (!e)
		return 0;
	lists_ahead_want_part(s->ahead, path, 0, LISTS_FILE_MAX);
	return e->size;
}

static void want_mbox(struct lists_site *s, const char *path, bool counts)
{
	lists_ahead_want_list(s->ahead, path, 0);
	if (counts)
		lists_ahead_want_part(s->ahead, path, 0, LISTS_MBOX_PART);
}

static uint64_t want_list(struct lists_site *s, const char *name, bool counts)
{
	AUTO_FREE char *box = xasprintf("%s.mbox/%s.mbox", name, name);
	AUTO_FREE char *state = xasprintf("%s/pipermail.pck", name);
	AUTO_FREE char *digest = xasprintf("%s/digest.mbox", name);
	AUTO_FREE char *in_digest = lists_paths_join(s->paths, LISTS_LIST_DATA_DIR, digest);
	AUTO_FREE char *in_box = lists_paths_join(s->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, box);
	AUTO_FREE char *pages = lists_paths_join(s->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, name);
	AUTO_FREE char *in_state = lists_paths_join(s->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                                            state);
	uint64_t octets = want_file(s, name, "config.pck");

	octets += want_file(s, name, "request.pck") + want_file(s, name, "pending.pck");
	want_mbox(s, in_digest, counts && file_of(s, name, "digest.mbox"));
	if (!pages)
		return octets;
	want_mbox(s, in_box, counts);
	lists_ahead_want_list(s->ahead, pages, 2);
	lists_ahead_want_part(s->ahead, in_state, 0, LISTS_FILE_MAX);
	return octets;
}

int lists_foresee(struct lists_site *s, const struct strings *names, size_t *until,
                  const struct lists_list_options *options, struct error *err)
{
	bool counts = !options || !options->count_max || options->count_max > LISTS_MBOX_PART;
	size_t first = *until;
	uint64_t octets = 0;

	if (!s->ahead)
		s->ahead = lists_ahead_new();
	lists_ahead_forget(s->ahead);
	for (; *until < names->n && *until - first < LISTS_AT_ONCE && octets < OCTETS_AT_ONCE;
	     ++*until)
		octets += want_list(s, names->rows[*until], counts);
	return lists_ahead_ask(s->ahead, s->h, err);
}
