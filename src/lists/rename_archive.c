/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_archive -- what an archive says of its list: pages, and what pipermail itself keeps. */

#include "lists/rename_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "pickle/read.h"
#include "pickle/write.h"

#include <string.h>

/* ── pages ───────────────────────────────────────────────────────────────────────────────────── */

static int edit_page(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                     bool is_index)
{
	AUTO_BUF struct buf changed = { 0 };

	if (!rename_page_text(w, buf_span(content), is_index, &changed))
		return 0;
	rename_tell_lines(diff, buf_span(content), buf_span(&changed));
	buf_reset(content);
	buf_add_span(content, buf_span(&changed));
	return 1;
}

int rename_article_page(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                        struct error *err)
{
	return edit_page(w, content, diff, false);
}

int rename_index_page(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                      struct error *err)
{
	return edit_page(w, content, diff, true);
}

/* ── pipermail.pck ───────────────────────────────────────────────────────────────────────────── */

/* The path of the archive; Mailman reads over it. */
static void change_state(struct rename_edit_run *r, struct value dict)
{
	AUTO_FREE char *end = xasprintf("/%s", r->w->list);
	AUTO_BUF struct buf path = { 0 };
	struct span text;

	if (!value_get_chars(value_dict_find(dict, SPAN("basedir")), &text) ||
	    !span_ends(text, end))
		return;
	buf_add(&path, text.p, text.n - strlen(end));
	buf_addf(&path, "/%s", r->w->list_to);
	rename_set_chars(r, dict, "basedir", buf_span(&path));
}

int rename_archive_state(const struct rename_words *w, struct buf *content,
                         struct rename_diff *diff, struct error *err)
{
	return rename_one_dict(w, content, diff, change_state, err);
}

/* ── database/VOLUME-article ─────────────────────────────────────────────────────────────────── */

/* An article as Python 3 pickles it (protocol 3 or above) has str and bytes that Python 2's opcodes can't
 * keep apart; what it says of its list is read by nobody, once there is no list of that name. */
static bool is_of_python2(struct span octets)
{
	return octets.n > 1 && (octets.p[0] != '\x80' || octets.p[1] < 3);
}

/* Of one article. 1, 0, -1; *out is the new pickle. */
static int change_article(const struct rename_words *w, struct span octets, struct buf *out,
                          struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct rename_diff told = { 0 };
	struct rename_edit_run r = { w, &told, arena, { .left = RENAME_VALUES_MAX } };
	const struct value_object *object;
	struct value article;
	struct span name;
	size_t at = 0;
	int result = 0;

	if (!is_of_python2(octets))
		return 0;
	if (pickle_read(arena, octets, &at, NULL, &article, err) < 0)
		return -1;
	object = value_object(article);
	if (object && at == octets.n &&
	    value_get_chars(value_dict_find(object->state, SPAN("__listname")), &name) &&
	    span_is(name, w->list)) {
		rename_set_chars(&r, object->state, "__listname", span_of(w->list_to));
		result = rename_write(&r, octets, article, out, err) < 0 ? -1 : 1;
	}
	rename_diff_fini(&told);
	return result;
}

static int change_articles(struct rename_edit_run *r, struct value dict, struct error *err)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(dict, &rows), changed = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf article = { 0 };
		struct span octets;
		int result;

		/* each change gives the dict other rows */
		(void)value_dict_pairs(dict, &rows);
		if (!value_get_str(rows[i].value, &octets))
			continue;
		result = change_article(r->w, octets, &article, err);
		if (result < 0)
			return -1;
		if (!result)
			continue;
		value_dict_set(r->arena, dict, rows[i].key,
		               value_str(r->arena, buf_span(&article)));
		changed++;
	}
	if (changed)
		rename_tell(r->diff, "__listname of each article", span_of(r->w->list),
		            span_of(r->w->list_to));
	return 0;
}

int rename_articles(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                    struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct rename_edit_run r = { w, diff, arena, { .left = RENAME_VALUES_MAX } };
	AUTO_BUF struct buf out = { 0 };
	size_t at = 0, changes = diff->changes;
	struct value dict;

	if (!strcmp(w->list, w->list_to))
		return 0;
	if (marshal_read(arena, buf_span(content), &at, NULL, &dict, err) < 0)
		return -1;
	if (value_kind(dict) != VALUE_DICT || at < content->n)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "it holds no dict, or more than that");
	if (change_articles(&r, dict, err) < 0)
		return -1;
	if (diff->changes == changes)
		return 0;
	if (rename_write_marshal(&r, dict, &out, err) < 0)
		return -1;
	buf_reset(content);
	buf_add_span(content, buf_span(&out));
	return 1;
}
