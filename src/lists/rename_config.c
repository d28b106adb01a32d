/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_config -- attributes of lists that hold a host or a list's name. */

#include "lists/rename_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

/* Texts and addresses that may name the list. */
static const char *const texts[] = {
	"owner",
	"moderator",
	"reply_to_address",
	"accept_these_nonmembers",
	"hold_these_nonmembers",
	"reject_these_nonmembers",
	"discard_these_nonmembers",
	"subscribe_auto_approval",
	"ban_list",
	"regular_include_lists",
	"regular_exclude_lists",
	"description",
	"info",
	"welcome_msg",
	"goodbye_msg",
	"msg_header",
	"msg_footer",
	"digest_header",
	"digest_footer",
	"autoresponse_postings_text",
	"autoresponse_admin_text",
	"autoresponse_request_text",
	"member_moderation_notice",
	"nonmember_rejection_notice",
	"dmarc_moderation_notice",
	"dmarc_wrapped_message_text",
	"header_filter_rules",
	"bounce_matching_headers",
	"equivalent_domains",
	"subject_prefix",
	"nntp_host",
	"linked_newsgroup",
	"dmarc_moderation_addresses",
	"topics",
};

/* Have words of their own, or none that a list's name can be in. */
static const char *const handled[] = {
	"host_name", "web_page_url", "acceptable_aliases",
	"password",  "mod_password", "post_password",
};

/* "@LIST" stands for the members of another list. */
static const char *const at_lists[] = {
	"accept_these_nonmembers",  "hold_these_nonmembers",   "reject_these_nonmembers",
	"discard_these_nonmembers", "subscribe_auto_approval",
};

/* By member, or by who wrote: addresses are the keys. */
static const char *const by_member[] = {
	"members",
	"digest_members",
	"user_options",
	"language",
	"passwords",
	"usernames",
	"topics_userinterest",
	"delivery_status",
	"bounce_info",
	"one_last_digest",
	"hold_and_cmd_autoresponses",
	"postings_responses",
	"admin_responses",
	"request_responses",
};

static void change_texts(struct rename_edit_run *r, struct value dict, const char *const *names,
                         size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct value v = value_dict_find(dict, span_of(names[i]));
		struct value now = rename_deep(r, v, names[i]);

		if (!value_same(v, now))
			rename_set_key(r, dict, names[i], now);
	}
}

/* ── a list that is a member of another ──────────────────────────────────────────────────────── */

/* "0" stands for "as the key"; else the address with its capitals. */
static struct value change_address(struct rename_edit_run *r, struct value v)
{
	AUTO_BUF struct buf changed = { 0 };
	struct span text;

	if (!value_get_chars(v, &text) || !rename_address(r->w, text, &changed))
		return v;
	return rename_chars(r, v, buf_span(&changed));
}

static void change_bounce(struct rename_edit_run *r, struct value v)
{
	struct value state = value_object(v) ? value_object(v)->state : (struct value){ 0 };
	struct value member = value_dict_find(state, SPAN("member"));
	struct value now = change_address(r, member);

	if (!value_same(member, now))
		rename_set_key(r, state, "member", now);
}

static bool any_address(struct rename_edit_run *r, const struct value_pair *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!value_same(rows[i].key, change_address(r, rows[i].key)))
			return true;
	return false;
}

/* The order stays, so the dict is made anew. */
static void change_members(struct rename_edit_run *r, struct value dict, const char *name)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(value_dict_find(dict, span_of(name)), &rows);
	struct value made;

	if (!any_address(r, rows, n))
		return;
	made = value_new_dict(r->arena);
	for (size_t i = 0; i < n; i++) {
		struct value key = change_address(r, rows[i].key);
		struct span before = { "", 0 }, after = { "", 0 };

		(void)value_get_chars(rows[i].key, &before);
		(void)value_get_chars(key, &after);
		if (!value_same(key, rows[i].key))
			rename_tell(r->diff, name, before, after);
		change_bounce(r, rows[i].value);
		value_dict_set(r->arena, made, key, change_address(r, rows[i].value));
	}
	rename_set_key(r, dict, name, made);
}

static void change_at_lists(struct rename_edit_run *r, struct value dict)
{
	AUTO_FREE char *old = xasprintf("@%s", r->w->list);
	AUTO_FREE char *new = xasprintf("@%s", r->w->list_to);

	for (size_t i = 0; i < ROWS(at_lists) && strcmp(old, new) != 0; i++) {
		struct value list = value_dict_find(dict, span_of(at_lists[i]));

		for (size_t at = 0; at < value_count(list); at++) {
			struct span text;

			if (!value_get_chars(value_item(list, at), &text) ||
			    !span_is_nocase(text, old))
				continue;
			rename_tell(r->diff, at_lists[i], text, span_of(new));
			value_set_item(list, at,
			               rename_chars(r, value_item(list, at), span_of(new)));
		}
	}
}

/* Its texts may name this list as well as its own attributes do. */
static void change_other(struct rename_edit_run *r, struct value dict)
{
	change_texts(r, dict, texts, ROWS(texts));
	change_at_lists(r, dict);
	for (size_t i = 0; i < ROWS(by_member); i++)
		change_members(r, dict, by_member[i]);
}

int rename_other_config(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                        struct error *err)
{
	struct rename_words others = *w;

	others.of_other = true;
	return rename_one_dict(&others, content, diff, change_other, err);
}

/* ── the list itself ─────────────────────────────────────────────────────────────────────────── */

static void change_url(struct rename_edit_run *r, struct value dict)
{
	struct value v = value_dict_find(dict, SPAN("web_page_url"));
	AUTO_BUF struct buf url = { 0 };
	struct span text, rest;
	ssize_t at;

	if (!value_get_chars(v, &text))
		return;
	at = span_find_text(text, "://");
	if (at < 0)
		return;
	rest = span_from(text, (size_t)at + 3);
	if (rest.n < strlen(r->w->web) || !span_starts_nocase(rest, r->w->web))
		return;
	if (r->w->scheme_to)
		buf_add_text(&url, r->w->scheme_to);
	else
		buf_add(&url, text.p, (size_t)at);
	buf_addf(&url, "://%s", r->w->web_to);
	if (r->w->path_to)
		buf_add_text(&url, r->w->path_to);
	else
		buf_add_span(&url, span_from(rest, strlen(r->w->web)));
	rename_set_chars(r, dict, "web_page_url", buf_span(&url));
}

char *rename_shown_name(const char *old, const char *list_to)
{
	char *name = xstrdup(list_to);

	if (*old >= 'A' && *old <= 'Z' && *name >= 'a' && *name <= 'z')
		*name = (char)(*name - 32);
	return name;
}

/* The name that people see may differ from the internal one in capitals alone. */
static void change_names(struct rename_edit_run *r, struct value dict)
{
	struct value v = value_dict_find(dict, SPAN("real_name"));
	AUTO_FREE char *name = NULL, *old = NULL, *prefix = NULL, *now = NULL;
	struct span text, before;

	if (!strcmp(r->w->list, r->w->list_to) || !value_get_chars(v, &text) || !text.n)
		return;
	old = span_dup(text);
	name = rename_shown_name(old, r->w->list_to);
	if (!span_is_nocase(text, r->w->list))
		strings_addf(&r->diff->left, "real_name: was \"%s\", which is not the list's name",
		             old);
	rename_set_chars(r, dict, "real_name", span_of(name));
	v = value_dict_find(dict, SPAN("subject_prefix"));
	prefix = xasprintf("[%s]", old);
	if (!value_get_chars(v, &before) || !span_starts_nocase(before, prefix))
		return;
	now = xasprintf("[%s]%.*s", name, (int)(before.n - strlen(prefix)),
	                before.p + strlen(prefix));
	rename_set_chars(r, dict, "subject_prefix", span_of(now));
}

static void add_alias(const struct rename_edit_run *r, struct span line, const char *keep,
                      struct buf *out)
{
	if (keep && span_is_nocase(span_trim(line), keep))
		buf_add_span(out, line);
	else
		(void)rename_text(r->w, line, out);
}

/* Who still writes to the old name gets through require_explicit_destination, by a line with the old
 * address; which stays, whenever this is done again. */
static void change_aliases(struct rename_edit_run *r, struct value dict)
{
	struct value v = value_dict_find(dict, SPAN("acceptable_aliases"));
	bool renames = strcmp(r->w->list, r->w->list_to) != 0;
	AUTO_FREE char *keep = renames ? xasprintf("%s@%s", r->w->local ? r->w->local : r->w->list,
	                                           r->w->mail)
	                               : NULL;
	AUTO_BUF struct buf text = { 0 };
	struct span before = { "", 0 }, rest, line;
	bool there = !renames;

	if (!value_get_chars(v, &before) && !renames)
		return;
	rest = before;
	while (rest.n) {
		ssize_t end = span_find(rest, '\n');

		line = (struct span){ rest.p, end < 0 ? rest.n : (size_t)end };
		rest = span_from(rest, line.n + (end >= 0));
		there = there || span_is_nocase(span_trim(line), keep);
		add_alias(r, line, keep, &text);
		if (end >= 0)
			buf_add_char(&text, '\n');
	}
	if (!there && text.n && text.p[text.n - 1] != '\n')
		buf_add_char(&text, '\n');
	if (!there)
		buf_addf(&text, "%s\n", keep);
	rename_set_chars(r, dict, "acceptable_aliases", buf_span(&text));
}

static bool is_one_of(struct span name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* Whether a text in it names an old host. */
static bool mentions(struct rename_edit_run *r, struct value v)
{
	struct span text;
	bool found = false;

	if (value_get_chars(v, &text))
		return rename_mentions_host(r->w, text);
	if (value_enter(&r->walk, v) != VALUE_STEP_IN)
		return false;
	for (size_t i = 0; i < value_count(v) && !found; i++)
		found = mentions(r, value_item(v, i));
	value_leave(&r->walk, v);
	return found;
}

/* Attributes that no table here names: a site's own, or of a release to come. */
static void look_at_rest(struct rename_edit_run *r, struct value dict)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(dict, &rows);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf name = { 0 };
		struct span key = { "", 0 };

		(void)value_get_chars(rows[i].key, &key);
		if (is_one_of(key, texts, ROWS(texts)) || is_one_of(key, handled, ROWS(handled)) ||
		    is_one_of(key, by_member, ROWS(by_member)) || !mentions(r, rows[i].value))
			continue;
		buf_add_printable(&name, key);
		strings_addf(&r->diff->left, "%s: names an old host", buf_text(&name));
	}
}

static void change_config(struct rename_edit_run *r, struct value dict)
{
	rename_set_chars(r, dict, "host_name", span_of(r->w->mail_to));
	change_url(r, dict);
	change_texts(r, dict, texts, ROWS(texts));
	change_at_lists(r, dict);
	change_names(r, dict);
	change_aliases(r, dict);
	look_at_rest(r, dict);
}

int rename_config(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                  struct error *err)
{
	return rename_one_dict(w, content, diff, change_config, err);
}
