/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_templates -- templates of a language belong to the version of Mailman and stay behind; those that
 * somebody has edited on old would do so unseen. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "lists/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEMPLATES_MAX (8u << 20) /* octets of all of old; Mailman's own are 2 MB */

struct templates {
	struct carry_run *r;
	struct strings paths; /* LANG/FILE */
	struct buf *old;      /* of each path */
	struct strings differ;
};

static int list(struct host *h, const char *path, struct host_listing *out, struct error *err)
{
	AUTO_FREE char *root = NULL;
	int found = path ? lists_resolve(h, path, &root, NULL, err) : 0;

	return found <= 0 ? found : host_list(h, root, 2, out, err);
}

static void choose(struct templates *t, const struct host_listing *old)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < old->n; i++) {
		const struct host_entry *e = &old->rows[i];
		AUTO_FREE char *language = span_dup(carry_first(e->path));

		if (!S_ISREG(e->mode) || !strchr(e->path, '/') || !carry_is_language(language))
			continue;
		octets += e->size;
		if (octets > TEMPLATES_MAX) {
			carry_tell(&t->r->out->notes, "templates",
			           "too large to be compared from %s on: look for edited ones "
			           "yourself",
			           e->path);
			return;
		}
		strings_add(&t->paths, e->path);
	}
}

static int take_old(void *context, size_t index, struct buf *content, const struct error *why,
                    struct error *err)
{
	struct templates *t = context;

	if (content) {
		t->old[index] = *content;
		*content = (struct buf){ 0 };
	}
	return 0;
}

static int take_new(void *context, size_t index, struct buf *content, const struct error *why,
                    struct error *err)
{
	struct templates *t = context;

	if (!content || !span_equal(buf_span(content), buf_span(&t->old[index])))
		strings_add(&t->differ, t->paths.rows[index]);
	return 0;
}

/* A line for each language: another version of Mailman has other texts in most files. */
static void tell(struct templates *t, const char *dir)
{
	for (size_t i = 0; i < t->differ.n;) {
		AUTO_FREE char *language = span_dup(carry_first(t->differ.rows[i]));
		AUTO_FREE char *place = xasprintf("%s/%s", dir, language);
		AUTO_BUF struct buf names = { 0 };
		size_t n = strlen(language) + 1;

		for (; i < t->differ.n && !strncmp(t->differ.rows[i], language, n - 1) &&
		       t->differ.rows[i][n - 1] == '/';
		     i++)
			buf_addf(&names, "%s%s", names.n ? ", " : "", t->differ.rows[i] + n);
		carry_tell(&t->r->out->notes, place,
		           "%s: not carried, and new's own are others, by its version or because "
		           "somebody has edited old's: copy what was edited to %s/site/%s on old, "
		           "which is carried",
		           buf_text(&names), dir, language);
	}
}

static int compare(struct templates *t, struct error *err)
{
	const struct lists_carry_options *o = t->r->o;
	const char *from = o->old->paths.value[LISTS_TEMPLATE_DIR];
	const char *to = o->new->paths.value[LISTS_TEMPLATE_DIR];
	AUTO_LISTING struct host_listing old = { 0 };
	const char *const *paths;

	if (!from || !to)
		return 0;
	if (list(o->from, from, &old, err) < 0)
		return -1;
	choose(t, &old);
	if (!t->paths.n)
		return 0;
	paths = (const char *const *)t->paths.rows;
	t->old = xcalloc(t->paths.n, sizeof *t->old);
	if (carry_fetch(o->from, from, paths, t->paths.n, take_old, t, err) < 0 ||
	    (host_has(o->to, to) &&
	     carry_fetch(o->to, to, paths, t->paths.n, take_new, t, err) < 0))
		return -1;
	tell(t, from);
	return 0;
}

int carry_look_at_templates(struct carry_run *r, struct error *err)
{
	struct templates t = { .r = r };
	int result = (r->o->lists && r->o->lists->n) || r->o->back ? 0 : compare(&t, err);

	for (size_t i = 0; t.old && i < t.paths.n; i++)
		buf_fini(&t.old[i]);
	free(t.old);
	strings_fini(&t.paths);
	strings_fini(&t.differ);
	return result < 0 ? error_context(err, "compare templates") : 0;
}
