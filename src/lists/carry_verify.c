/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_verify -- files that differ in octets, and may be the same: what was changed on the way, and
 * pickles that Mailman has saved anew on new. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_entry.h"
#include "lists/carry_names.h"
#include "pickle/read.h"

#include <string.h>

#define AT_ONCE 32u

struct span carry_list_of(const struct carry_pass *p, const char *path)
{
	struct span name = carry_first(p->prefix ? p->prefix : path), held;

	if (p->part->path == LISTS_LIST_DATA_DIR)
		return name;
	if (p->part->path == LISTS_SPAM_DIR)
		return carry_spam_list(path);
	if (p->part->path == LISTS_DATA_DIR) {
		(void)carry_data_of(path, &held);
		return held;
	}
	if (p->part->path != LISTS_PRIVATE_ARCHIVE_FILE_DIR)
		return (struct span){ path, 0 };
	if (!carry_list_named(p->run, name) && span_ends(name, ".mbox"))
		name.n -= strlen(".mbox");
	return name;
}

void carry_differs(struct carry_pass *p, const char *path, const char *how)
{
	struct span list = carry_list_of(p, path);
	AUTO_FREE char *place = xasprintf("%.*s%s%s/%s", (int)list.n, list.p, list.n ? ": " : "",
	                                  p->to, path);

	carry_tell(&p->run->out->failed, place, "%s", how);
}

/* ── values ──────────────────────────────────────────────────────────────────────────────────── */

struct compare {
	struct carry_pass *p;
	const char *const *paths;
	struct buf old[AT_ONCE];
	bool read[AT_ONCE];
};

static bool has_values(const char *path)
{
	struct span s = span_of(path);

	return span_ends(s, ".pck") || span_ends(s, ".pck.last") || span_ends(s, ".db") ||
	       span_ends(s, ".db.last") || span_ends(s, ".bak") || span_ends(s, ".psv");
}

static bool same_values(struct buf *a, struct buf *b)
{
	AUTO_VALUE_FILE struct value_file x = { 0 };
	AUTO_VALUE_FILE struct value_file y = { 0 };
	struct error ignored = { 0 };

	if (value_file_read(&x, a, &(struct read_limits){ 0 }, &ignored) < 0 ||
	    value_file_read(&y, b, &(struct read_limits){ 0 }, &ignored) < 0 || x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n; i++)
		if (!value_equal(x.rows[i], y.rows[i]))
			return false;
	return true;
}

/* What it has to be on new: marked as what it is, and with the path of new's queue. */
static void expect(const struct carry_pass *p, struct buf *content)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct carry_entry_words words;
	struct error ignored = { 0 };

	if (carry_entry_read(arena, buf_span(content), &words, &ignored) < 0)
		return;

	AUTO_FREE char *queue = words.whichq.n ? carry_queue_on_new(p->run, words.whichq) : NULL;
	if (words.is_mismarked && p->part->path != LISTS_BADQUEUE_DIR)
		(void)!carry_entry_set_mark(content, &ignored);
	if (queue)
		(void)!carry_entry_set_whichq(content, queue, &ignored);
}

static int take_old(void *context, size_t index, struct buf *content, const struct error *why,
                    struct error *err)
{
	struct compare *c = context;

	c->read[index] = content != NULL;
	if (!content) {
		carry_differs(c->p, c->paths[index], why->text);
		return 0;
	}
	c->old[index] = *content;
	*content = (struct buf){ 0 };
	return 0;
}

static int take_new(void *context, size_t index, struct buf *content, const struct error *why,
                    struct error *err)
{
	struct compare *c = context;
	const char *path = c->paths[index];

	if (!c->read[index])
		return 0;
	if (c->p->part->is_queue)
		expect(c->p, &c->old[index]);
	if (!content)
		carry_differs(c->p, path, why->text);
	else if (!has_values(path) || !same_values(&c->old[index], content))
		carry_differs(c->p, path,
		              has_values(path) ? "has other values on new"
		                               : "has another content on new");
	return 0;
}

/* Owner and mode, of those that are the same by their values. */
static int check_modes(struct carry_pass *p, const char *path, struct error *err)
{
	AUTO_FREE char *from = xasprintf("%s/%s", p->from, path);
	AUTO_FREE char *to = xasprintf("%s/%s", p->to, path);
	AUTO_LISTING struct host_listing old = { 0 };
	AUTO_LISTING struct host_listing new = { 0 };
	struct tree_node node = { .kind = TREE_FILE };

	if (host_list(p->run->o->from, from, 0, &old, err) < 0 ||
	    host_list(p->run->o->to, to, 0, &new, err) < 0)
		return -1;
	node.mode = old.rows[0].mode & 07777;
	carry_dress(p, path, &node);
	if ((new.rows[0].mode &node.mode) != node.mode ||
	    (host_hello(p->run->o->to)->uid == 0 && new.rows[0].gid != node.gid))
		carry_differs(p, path, "has another group or mode on new");
	return 0;
}

static int compare(struct compare *c, size_t n, struct error *err)
{
	const struct carry_run *r = c->p->run;

	if (carry_fetch(r->o->from, c->p->from, c->paths, n, take_old, c, err) < 0 ||
	    carry_fetch(r->o->to, c->p->to, c->paths, n, take_new, c, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (c->read[i] && check_modes(c->p, c->paths[i], err) < 0)
			return -1;
	return 0;
}

int carry_verify_values(struct carry_pass *p, struct error *err)
{
	for (size_t at = 0; at < p->differ.n; at += AT_ONCE) {
		struct compare c = { .p = p };
		size_t n = p->differ.n - at < AT_ONCE ? p->differ.n - at : AT_ONCE;
		int result;

		c.paths = (const char *const *)(p->differ.rows + at);
		result = compare(&c, n, err);
		for (size_t i = 0; i < AT_ONCE; i++)
			buf_fini(&c.old[i]);
		if (result < 0)
			return -1;
	}
	return 0;
}
