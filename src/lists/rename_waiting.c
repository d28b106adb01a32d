/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_waiting -- what waits for somebody and names its list: requests, tokens, entries of queues,
 * bounces that were not yet counted. */

#include "lists/rename_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/carry_entry.h"
#include "pickle/read.h"

#include <string.h>

/* A key whose value is the list's name. */
static void change_name(struct rename_edit_run *r, struct value dict, const char *key)
{
	struct span text;

	if (value_get_chars(value_dict_find(dict, span_of(key)), &text) &&
	    span_is(text, r->w->list))
		rename_set_chars(r, dict, key, span_of(r->w->list_to));
}

/* Whoever asked, or is asked, by an address: it may be this list's, which wants to be another's member. */
static struct value change_person(struct rename_edit_run *r, struct value v, const char *place)
{
	AUTO_BUF struct buf changed = { 0 };
	struct span text;

	if (!value_get_chars(v, &text) || !rename_address(r->w, text, &changed))
		return v;
	rename_tell(r->diff, place, text, buf_span(&changed));
	return rename_chars(r, v, buf_span(&changed));
}

static void change_person_at(struct rename_edit_run *r, struct value items, size_t at,
                             const char *place)
{
	struct value v = value_item(items, at), now = change_person(r, v, place);

	if (!value_same(v, now))
		value_set_item(items, at, now);
}

/* ── request.pck ─────────────────────────────────────────────────────────────────────────────── */

/* "heldmsg-LIST-ID.pck"; an absolute path in very old ones. */
static void change_file(struct rename_edit_run *r, struct value record)
{
	struct value v = value_item(record, 4);
	AUTO_FREE char *begin = xasprintf("heldmsg-%s-", r->w->list);
	AUTO_BUF struct buf changed = { 0 };
	struct span text;

	if (!strcmp(r->w->list, r->w->list_to) || !value_get_chars(v, &text) ||
	    !span_starts(text, begin))
		return;
	buf_addf(&changed, "heldmsg-%s-", r->w->list_to);
	buf_add_span(&changed, span_from(text, strlen(begin)));
	rename_tell(r->diff, "file of a held post", text, buf_span(&changed));
	value_set_item(record, 4, rename_chars(r, v, buf_span(&changed)));
}

static void change_held(struct rename_edit_run *r, struct value record)
{
	struct value data = value_item(record, 5);
	struct value notice = value_dict_find(data, SPAN("rejection_notice"));
	struct value now = rename_deep(r, notice, "rejection_notice of a held post");

	if (!value_same(notice, now))
		rename_set_key(r, data, "rejection_notice", now);
	change_name(r, data, "listname");
	change_file(r, record);
}

static void change_request(struct rename_edit_run *r, struct value record, int64_t type)
{
	if (type == 1)
		change_held(r, value_item(record, 1));
	else if (type == 2)
		change_person_at(r, value_item(record, 1), 1, "who wants to join");
	else if (type == 3)
		change_person_at(r, record, 1, "who wants to leave");
}

static void change_requests(struct rename_edit_run *r, struct value dict)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(dict, &rows);

	for (size_t i = 0; i < n; i++) {
		struct value record = rows[i].value;
		int64_t type;

		if (value_count(record) == 2 && value_get_int(value_item(record, 0), &type))
			change_request(r, record, type);
		else if (value_count(record) == 6) /* 2.1.1 to 2.1.11 left them bare */
			change_held(r, record);
	}
}

int rename_requests(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                    struct error *err)
{
	return rename_one_dict(w, content, diff, change_requests, err);
}

/* ── pending.pck ─────────────────────────────────────────────────────────────────────────────── */

static void change_token(struct rename_edit_run *r, struct value entry)
{
	struct span op, text;
	struct value wish, who, now;

	if (!value_get_chars(value_item(entry, 0), &op))
		return;
	for (size_t i = 1; i < value_count(entry); i++)
		change_person_at(r, entry, i, "whom a token is about");
	if (span_is(op, "E") && value_get_chars(value_item(entry, 1), &text) &&
	    span_is(text, r->w->list) && strcmp(r->w->list, r->w->list_to) != 0) {
		rename_tell(r->diff, "list of a token", text, span_of(r->w->list_to));
		value_set_item(entry, 1,
		               rename_chars(r, value_item(entry, 1), span_of(r->w->list_to)));
	}
	if (!span_is(op, "S") || !value_object(value_item(entry, 1)))
		return;
	wish = value_object(value_item(entry, 1))->state;
	change_name(r, wish, "invitation");
	who = value_dict_find(wish, SPAN("address"));
	now = change_person(r, who, "whom a token is about");
	if (!value_same(who, now))
		rename_set_key(r, wish, "address", now);
}

static void change_pending(struct rename_edit_run *r, struct value dict)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(dict, &rows);

	for (size_t i = 0; i < n; i++)
		if (value_kind(rows[i].value) == VALUE_TUPLE)
			change_token(r, rows[i].value);
}

int rename_pending(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                   struct error *err)
{
	return rename_one_dict(w, content, diff, change_pending, err);
}

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

int rename_entry(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                 struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct rename_edit_run r = { w, diff, arena, { .left = RENAME_VALUES_MAX } };
	AUTO_BUF struct buf out = { 0 };
	struct carry_entry_words words;
	struct value data;
	size_t at;

	if (!strcmp(w->list, w->list_to))
		return 0;
	if (carry_entry_read(arena, buf_span(content), &words, err) < 0)
		return -1;
	if (!span_is(words.list, w->list))
		return 0;
	at = words.data_at;
	if (pickle_read(arena, buf_span(content), &at, &(struct read_limits){ 0 }, &data, err) < 0)
		return -1;
	change_name(&r, data, "listname");
	buf_add(&out, content->p, words.data_at);
	if (rename_write(&r, span_from(buf_span(content), words.data_at), data, &out, err) < 0)
		return -1;
	buf_add_span(&out, span_from(buf_span(content), at));
	buf_reset(content);
	buf_add_span(content, buf_span(&out));
	return 1;
}

static void change_old_entry(struct rename_edit_run *r, struct value dict)
{
	change_name(r, dict, "listname");
}

int rename_old_entry(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                     struct error *err)
{
	return strcmp(w->list, w->list_to) != 0
	               ? rename_one_dict(w, content, diff, change_old_entry, err)
	               : 0;
}

/* ── bounce events ───────────────────────────────────────────────────────────────────────────── */

/* Pickles one behind the other; those of other lists stay, octet for octet. */
int rename_events(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                  struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct rename_edit_run r = { w, diff, arena, { .left = RENAME_VALUES_MAX } };
	struct span octets = buf_span(content);
	AUTO_BUF struct buf out = { 0 };
	size_t before = diff->changes;

	for (size_t at = 0, begin = 0; at < octets.n; begin = at) {
		struct value event;
		struct span text;

		if (pickle_read(arena, octets, &at, &(struct read_limits){ 0 }, &event, err) < 0)
			return -1;
		if (strcmp(w->list, w->list_to) != 0 &&
		    value_get_chars(value_item(event, 0), &text) && span_is(text, w->list)) {
			rename_tell(diff, "list of a bounce", text, span_of(w->list_to));
			value_set_item(event, 0,
			               rename_chars(&r, value_item(event, 0), span_of(w->list_to)));
			if (rename_write(&r, span_from(octets, begin), event, &out, err) < 0)
				return -1;
		} else {
			buf_add(&out, octets.p + begin, at - begin);
		}
	}
	if (diff->changes == before)
		return 0;
	buf_reset(content);
	buf_add_span(content, buf_span(&out));
	return 1;
}
