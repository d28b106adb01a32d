/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/rename_values.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/rename_inside.h"
#include "pickle/read.h"
#include "pickle/write.h"

#include <string.h>

void rename_diff_fini(struct rename_diff *d)
{
	strings_fini(&d->lines);
	strings_fini(&d->left);
	*d = (struct rename_diff){ 0 };
}

/* ── words for a person ──────────────────────────────────────────────────────────────────────── */

static void add_line(struct strings *lines, const char *sign, struct span text)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_text(&words, sign);
	buf_add_printable(&words, text);
	strings_add(lines, buf_text(&words));
}

/* The lines that one text has and the other has not in that place. */
static void add_lines(struct strings *to, const char *sign, struct span text, struct span other)
{
	struct span line, there;

	while (span_next_line(&text, &line)) {
		there = (struct span){ "", 0 };
		if (!span_next_line(&other, &there) || !span_equal(line, there))
			add_line(to, sign, line);
	}
}

void rename_tell(struct rename_diff *d, const char *place, struct span before, struct span after)
{
	strings_add(&d->lines, place);
	add_lines(&d->lines, "- ", before, after);
	add_lines(&d->lines, "+ ", after, before);
	d->changes++;
}

void rename_tell_lines(struct rename_diff *d, struct span before, struct span after)
{
	add_lines(&d->lines, "- ", before, after);
	add_lines(&d->lines, "+ ", after, before);
	d->changes++;
}

/* ── values ──────────────────────────────────────────────────────────────────────────────────── */

struct value rename_chars(struct rename_edit_run *r, struct value v, struct span text)
{
	return value_kind(v) == VALUE_TEXT ? value_text(r->arena, text) : value_str(r->arena, text);
}

struct value rename_deep(struct rename_edit_run *r, struct value v, const char *place)
{
	AUTO_BUF struct buf changed = { 0 };
	struct span text;

	if (value_get_chars(v, &text)) {
		if (!rename_text(r->w, text, &changed)) {
			if (!r->w->of_other && rename_mentions_host(r->w, text))
				strings_addf(&r->diff->left, "%s: names an old host", place);
			return v;
		}
		rename_tell(r->diff, place, text, buf_span(&changed));
		if (!r->w->of_other && rename_mentions_host(r->w, buf_span(&changed)))
			strings_addf(&r->diff->left, "%s: still names an old host", place);
		return rename_chars(r, v, buf_span(&changed));
	}
	if (value_enter(&r->walk, v) != VALUE_STEP_IN)
		return v;
	for (size_t i = 0; i < value_count(v); i++) {
		struct value row = value_item(v, i), now = rename_deep(r, row, place);

		if (!value_same(row, now))
			value_set_item(v, i, now);
	}
	value_leave(&r->walk, v);
	return v;
}

void rename_set_chars(struct rename_edit_run *r, struct value dict, const char *key,
                      struct span text)
{
	struct value now = value_dict_find(dict, span_of(key));
	struct span before = { "", 0 };

	(void)value_get_chars(now, &before);
	if (span_equal(before, text))
		return;
	rename_tell(r->diff, key, before, text);
	value_dict_set(r->arena, dict, value_str(r->arena, span_of(key)),
	               rename_chars(r, now, text));
}

void rename_set_key(struct rename_edit_run *r, struct value dict, const char *key,
                    struct value value)
{
	value_dict_set(r->arena, dict, value_str(r->arena, span_of(key)), value);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

/* In which protocol the pickle that begins so was written; Python 2 reads none above 2. */
static unsigned protocol_of(struct span octets)
{
	if (octets.n > 1 && octets.p[0] == '\x80')
		return (unsigned char)octets.p[1] < 2 ? (unsigned char)octets.p[1] : 2;
	return octets.n > 1 && octets.p[0] == '(' && strchr("dlpi", octets.p[1]) ? 0 : 1;
}

static int check_written(struct value v, struct value again, const struct buf *written,
                         struct buf *out, struct error *err)
{
	if (!value_equal(v, again))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "what was written is not what it had to be");
	buf_add_span(out, buf_span(written));
	return 0;
}

int rename_write(struct rename_edit_run *r, struct span octets, struct value v, struct buf *out,
                 struct error *err)
{
	AUTO_BUF struct buf written = { 0 };
	struct value again;
	size_t at = 0;

	if (pickle_write(v, protocol_of(octets), &written, err) < 0)
		return -1;
	/* the arena keeps what the value borrows */
	if (pickle_read(r->arena, value_arena_keep(r->arena, buf_span(&written)), &at,
	                &(struct read_limits){ 0 }, &again, err) < 0)
		return error_context(err, "what was written");
	return check_written(v, again, &written, out, err);
}

int rename_write_marshal(struct rename_edit_run *r, struct value v, struct buf *out,
                         struct error *err)
{
	AUTO_BUF struct buf written = { 0 };
	struct value again;
	size_t at = 0;

	if (marshal_write(v, &written, err) < 0 ||
	    marshal_read(r->arena, value_arena_keep(r->arena, buf_span(&written)), &at, NULL,
	                 &again, err) < 0)
		return error_context(err, "what was written");
	return check_written(v, again, &written, out, err);
}

/* Python 3 sets the highest bit of what it refers to again. No opcode of pickle is "{". */
static bool is_marshal(const struct buf *content)
{
	return content->n && (content->p[0] & 0x7f) == '{';
}

static int read_dict(struct value_arena *arena, const struct buf *content, struct value *dict,
                     struct error *err)
{
	size_t at = 0;
	int result = is_marshal(content)
	                     ? marshal_read(arena, buf_span(content), &at, NULL, dict, err)
	                     : pickle_read(arena, buf_span(content), &at, NULL, dict, err);

	if (result < 0)
		return -1;
	if (value_kind(*dict) == VALUE_DICT)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "it holds no dict");
}

int rename_one_dict(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                    void (*change)(struct rename_edit_run *r, struct value dict), struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct rename_edit_run r = { w, diff, arena, { .left = RENAME_VALUES_MAX } };
	AUTO_BUF struct buf out = { 0 };
	size_t changes = diff->changes;
	struct value dict;

	if (read_dict(arena, content, &dict, err) < 0)
		return -1;
	change(&r, dict);
	if (diff->changes == changes)
		return 0;
	if (is_marshal(content) ? rename_write_marshal(&r, dict, &out, err) < 0
	                        : rename_write(&r, buf_span(content), dict, &out, err) < 0)
		return -1;
	buf_reset(content);
	buf_add_span(content, buf_span(&out));
	return 1;
}

/* ── texts ───────────────────────────────────────────────────────────────────────────────────── */

int rename_plain(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                 struct error *err)
{
	AUTO_BUF struct buf changed = { 0 };

	if (!rename_text(w, buf_span(content), &changed))
		return 0;
	rename_tell_lines(diff, buf_span(content), buf_span(&changed));
	buf_reset(content);
	buf_add_span(content, buf_span(&changed));
	return 1;
}

int rename_look(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                struct error *err)
{
	if (rename_mentions_host(w, buf_span(content)))
		strings_add(&diff->left, "names an old host");
	return 0;
}
