/* SPDX-License-Identifier: BSD-2-Clause */

/* copy_files -- `mailhaul copy --kind tree`: any files, as they are. */

#include "cmd/copy.h"

#include "copy/tree.h"

#include <stdio.h>

static void show(void *context, const struct copy_tree_progress *p)
{
	struct copy *c = context;

	progress_at(c->progress, p->files, p->total_files, p->octets, p->path);
}

static void tell_json(const struct copy *c, const struct copy_tree_result *r)
{
	json_t *document = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "files",
		(json_int_t)r->entries, "bytes_read", (json_int_t)r->bytes_read, "bytes_sent",
		(json_int_t)r->bytes_sent, "created", (json_int_t)r->created, "updated",
		(json_int_t)r->updated, "attributes", (json_int_t)r->attributes, "hard_links",
		(json_int_t)r->hard_links, "removed", (json_int_t)r->removed, "unchanged",
		(json_int_t)r->unchanged, "failed", (json_int_t)r->failed, "seconds",
		copy_seconds(c), "not_kept", copy_words_json(&r->not_kept), "extra",
		copy_words_json(&r->extra), "notes", copy_words_json(&r->notes));

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void tell(const struct copy *c, const struct copy_tree_result *r)
{
	char octets[16];

	if (c->run->json) {
		tell_json(c, r);
		return;
	}
	if (!c->run->quiet)
		printf("%llu entries: %llu%s made, %llu changed (%s), %llu with other attributes, "
		       "%llu removed, %llu unchanged\n",
		       (unsigned long long)r->entries, (unsigned long long)r->created,
		       c->run->dry_run ? " would be" : "", (unsigned long long)r->updated,
		       text_size(octets, r->bytes_sent), (unsigned long long)r->attributes,
		       (unsigned long long)r->removed, (unsigned long long)r->unchanged);
	copy_print_words(c, "not kept", &r->not_kept);
	copy_print_words(c, "at the destination only, left alone", &r->extra);
	copy_print_words(c, "notes", &r->notes);
}

int copy_a_tree(struct copy *c, struct error *err)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_options options = {
		.from_root = c->from,
		.to_root = c->to,
		.content = c->look_everywhere,
		.delete_extra = c->delete_extra,
		.dry_run = c->run->dry_run,
		.progress = show,
		.context = c,
	};

	if (copy_tree(c->from_host, c->to_host, &options, c->state, &r, err) < 0)
		return -1;
	tell(c, &r);
	return r.failed ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
