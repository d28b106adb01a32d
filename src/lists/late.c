/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/late_inside.h"

#include "base/memory.h"
#include "lists/standing.h"
#include "pickle/write.h"
#include "state/mailing_lists.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (256u << 20)
#define ASIDE ".moved-by-mailhaul"

enum { POST = 1 }; /* kinds of requests: that one has a file */

static void late_fini(struct late *g)
{
	strings_fini(&g->noted);
	strings_fini(&g->given);
	value_file_fini(&g->old_requests);
	value_file_fini(&g->new_requests);
	value_file_fini(&g->old_tokens);
	value_file_fini(&g->new_tokens);
}
#define AUTO_LATE __attribute__((cleanup(late_fini)))

static void PRINTF_LIKE(2, 3) say(const struct late *g, const char *format, ...)
{
	AUTO_FREE char *words = NULL, *line = NULL;
	va_list arguments;

	if (!g->l->tell)
		return;
	va_start(arguments, format);
	if (vasprintf(&words, format, arguments) < 0)
		abort();
	va_end(arguments);
	line = xasprintf("%s: %s", g->list, words);
	g->l->tell(g->l->context, line);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static char *list_path(const struct lists_installation *m, const char *list, const char *file)
{
	return xasprintf("%s/%s/%s", m->paths.value[LISTS_LIST_DATA_DIR], list, file);
}

/* One that is not there holds nothing. */
static int read_dict(struct host *h, const char *path, struct value_file *out, struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };
	struct error why = { 0 };

	if (host_read(h, path, FILE_MAX, &octets, &why) < 0)
		return why.sys_errno == ENOENT ? 0 : (*err = why, -1);
	if (value_file_read(out, &octets, NULL, err) < 0)
		return error_context(err, "%s: %s", host_name(h), path);
	if (out->n && value_kind(out->rows[0]) == VALUE_DICT)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0, "%s: %s holds no dict",
	                 host_name(h), path);
}

/* The list's lock, which lies with its end as its time. */
static int check_unlocked(const struct late *g, struct error *err)
{
	AUTO_FREE char *lock = xasprintf("%s.lock", g->list);
	AUTO_FREE char *path = lists_paths_join(&g->l->new->paths, LISTS_LOCK_DIR, lock);
	int64_t now = (int64_t)host_hello(g->l->to)->now_ms * 1000000;
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!path || host_list(g->l->to, path, 0, &listing, &ignored) < 0 || !listing.n ||
	    listing.rows[0].mtime_ns < now)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
	                 "somebody works with list %s on new: its lock is held", g->list);
}

/* As it was, or as the configuration beside it is. Nobody may have written it meanwhile. */
static int write_dict(const struct late *g, const char *file, const struct value_file *f,
                      unsigned protocol, struct error *err)
{
	AUTO_FREE char *path = list_path(g->l->new, g->list, file);
	AUTO_FREE char *config = list_path(g->l->new, g->list, "config.pck");
	AUTO_LISTING struct host_listing there = { 0 };
	AUTO_BUF struct buf octets = { 0 }, now = { 0 };
	const char *like = host_has(g->l->to, path) ? path : config;
	struct error ignored = { 0 };

	if (pickle_write(late_dict(f), protocol, &octets, err) < 0 ||
	    host_list(g->l->to, like, 0, &there, err) < 0 || check_unlocked(g, err) < 0)
		return -1;
	if (like == path && host_read(g->l->to, path, FILE_MAX, &now, &ignored) == 0 &&
	    !span_equal(buf_span(&now), buf_span(&f->octets)))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
		                 "somebody works with list %s on new", g->list);
	return host_write(g->l->to, path, there.rows[0].mode & 07777, there.rows[0].uid,
	                  there.rows[0].gid, buf_span(&octets), err);
}

static int read_old(struct late *g, struct error *err)
{
	AUTO_FREE char *requests = list_path(g->l->old, g->list, "request.pck");
	AUTO_FREE char *tokens = list_path(g->l->old, g->list, "pending.pck");

	if (read_dict(g->l->from, requests, &g->old_requests, err) < 0 ||
	    read_dict(g->l->from, tokens, &g->old_tokens, err) < 0)
		return -1;
	(void)value_dict_settle(late_dict(&g->old_requests));
	(void)value_dict_settle(late_dict(&g->old_tokens));
	return 0;
}

/* ── requests ────────────────────────────────────────────────────────────────────────────────── */

/* Its file comes first; one whose file is lost on old is lost on new. */
static int bring_post(struct late *g, struct value data, int64_t id, struct error *err)
{
	AUTO_FREE char *name = NULL, *from = NULL, *to = NULL, *config = NULL;
	AUTO_LISTING struct host_listing like = { 0 };
	AUTO_BUF struct buf octets = { 0 };
	struct error why = { 0 };
	struct span file;

	if (!value_get_chars(value_item(data, 4), &file) || span_find(file, '/') >= 0)
		return 0;
	AUTO_FREE char *known = span_dup(file);
	name = late_held_name(g->list, id, file);
	from = lists_paths_join(&g->l->old->paths, LISTS_DATA_DIR, known);
	to = lists_paths_join(&g->l->new->paths, LISTS_DATA_DIR, name);
	config = list_path(g->l->new, g->list, "config.pck");
	value_set_item(data, 4, value_str(g->old_requests.arena, span_of(name)));
	if (host_read(g->l->from, from, FILE_MAX, &octets, &why) < 0)
		return why.sys_errno == ENOENT ? 0 : (*err = why, -1);
	if (host_list(g->l->to, config, 0, &like, err) < 0)
		return -1;
	return host_write(g->l->to, to, 0660, like.rows[0].uid, like.rows[0].gid, buf_span(&octets),
	                  err);
}

static struct value new_dict(struct value_file *f)
{
	if (!f->arena)
		f->arena = value_arena_new();
	if (!f->n) {
		f->rows = xcalloc(1, sizeof *f->rows);
		f->rows[0] = value_new_dict(f->arena);
		f->n = f->room = 1;
	}
	return f->rows[0];
}

/* `version`, where new's file is made. */
static void copy_version(struct value_file *from, struct value_file *to)
{
	struct value version = value_dict_find(late_dict(from), SPAN("version"));
	struct value dict = new_dict(to);

	if (value_is_absent(value_dict_find(dict, SPAN("version"))) && !value_is_absent(version))
		value_dict_set(to->arena, dict, value_str(to->arena, SPAN("version")), version);
}

static int bring_request(struct late *g, int64_t old, struct value record, struct error *err)
{
	struct value dict = new_dict(&g->new_requests), key;
	int64_t kind = 0, id;

	if (late_give_number(g, old, &id, err) < 0)
		return -1;
	key = value_int(g->new_requests.arena, id);
	if (!value_is_absent(value_dict_find_key(dict, key)))
		return 0; /* a call that was cut off did it */
	if (value_count(record) == 2)
		(void)value_get_int(value_item(record, 0), &kind);
	if (kind == POST && bring_post(g, value_item(record, 1), id, err) < 0)
		return -1;
	copy_version(&g->old_requests, &g->new_requests);
	value_dict_set(g->new_requests.arena, dict, key, record);
	g->requests_change = true;
	g->n++;
	say(g, "%s came on old after the switch: it waits for new's moderators as number %" PRId64,
	    kind == POST ? "a held post" : "a request to join or leave", id);
	return 0;
}

static int bring_requests(struct late *g, struct error *err)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(late_dict(&g->old_requests), &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *line = late_line_of(false, pairs[i].key);
		int64_t id;

		if (line && !late_has(&g->noted, line) && value_get_int(pairs[i].key, &id) &&
		    bring_request(g, id, pairs[i].value, err) < 0)
			return -1;
	}
	return 0;
}

/* ── what was decided ────────────────────────────────────────────────────────────────────────── */

static int post_aside(const struct late *g, struct value record, struct error *err)
{
	const char *data = g->l->new->paths.value[LISTS_DATA_DIR];
	AUTO_FREE char *dir = xasprintf("%s" ASIDE, data), *name = NULL;
	struct span file;

	if (!value_get_chars(value_item(value_item(record, 1), 4), &file) ||
	    span_find(file, '/') >= 0)
		return 0;
	name = span_dup(file);

	AUTO_FREE char *from = xasprintf("%s/%s", data, name), *to = xasprintf("%s/%s", dir, name);
	if (!host_has(g->l->to, from))
		return 0;
	if (!host_has(g->l->to, dir) && host_mkdir(g->l->to, dir, 0700, 0, 0, err) < 0)
		return -1;
	return host_rename(g->l->to, from, to, err);
}

/* Of those that both had: what is gone on old, somebody has decided there. */
static void take_decisions(struct late *g, struct value records)
{
	struct value now = late_dict(&g->new_requests);

	for (size_t i = 0; i < g->noted.n; i++) {
		const char *line = g->noted.rows[i];
		struct value key, record;

		if (strncmp(line, "r ", 2) != 0)
			continue;
		key = value_int(NULL, strtoll(line + 2, NULL, 10));
		record = value_dict_find_key(now, key);
		if (!value_is_absent(value_dict_find_key(late_dict(&g->old_requests), key)) ||
		    value_is_absent(record))
			continue;
		value_add_item(g->new_requests.arena, records, record);
		(void)value_dict_remove(now, key);
		g->requests_change = true;
		g->n++;
		say(g, "request %s was decided on old after the switch: new does not ask again",
		    line + 2);
	}
}

/* ── tokens ──────────────────────────────────────────────────────────────────────────────────── */

/* "H": of a held post, by its number. */
static int renumber(struct late *g, struct value token, struct error *err)
{
	int64_t old, id;
	struct span op;

	if (!value_get_chars(value_item(token, 0), &op) || !span_is(op, "H") ||
	    !value_get_int(value_item(token, 1), &old))
		return 0;
	if (late_give_number(g, old, &id, err) < 0)
		return -1;
	value_set_item(token, 1, value_int(g->old_tokens.arena, id));
	return 0;
}

static int bring_tokens(struct late *g, struct error *err)
{
	struct value ends = value_dict_find(late_dict(&g->old_tokens), SPAN("evictions"));
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(late_dict(&g->old_tokens), &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *line = late_line_of(true, pairs[i].key);
		struct value dict, all, end;

		if (!line || late_has(&g->noted, line))
			continue;
		dict = new_dict(&g->new_tokens);
		if (!value_is_absent(value_dict_find_key(dict, pairs[i].key)))
			continue;
		if (renumber(g, pairs[i].value, err) < 0)
			return -1;
		copy_version(&g->old_tokens, &g->new_tokens);
		value_dict_set(g->new_tokens.arena, dict, pairs[i].key, pairs[i].value);
		all = value_dict_find(dict, SPAN("evictions"));
		if (value_is_absent(all)) {
			all = value_new_dict(g->new_tokens.arena);
			value_dict_set(g->new_tokens.arena, dict,
			               value_str(g->new_tokens.arena, SPAN("evictions")), all);
		}
		end = value_dict_find_key(ends, pairs[i].key);
		if (!value_is_absent(end))
			value_dict_set(g->new_tokens.arena, all, pairs[i].key, end);
		g->tokens_change = true;
		g->n++;
		say(g, "a token that old gave after the switch is good on new");
	}
	return 0;
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────── */

static int bring_list(struct late *g, struct error *err)
{
	AUTO_FREE char *requests = list_path(g->l->new, g->list, "request.pck");
	AUTO_FREE char *tokens = list_path(g->l->new, g->list, "pending.pck");
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	struct value decided = value_new_items(arena, VALUE_LIST);

	if (late_get_lines(g->l->state, "noted", g->list, &g->noted, err) < 0 ||
	    late_get_lines(g->l->state, "given", g->list, &g->given, err) < 0 ||
	    read_old(g, err) < 0 || read_dict(g->l->to, requests, &g->new_requests, err) < 0 ||
	    read_dict(g->l->to, tokens, &g->new_tokens, err) < 0)
		return -1;
	take_decisions(g, decided);
	if (bring_requests(g, err) < 0 || bring_tokens(g, err) < 0)
		return -1;
	if (g->requests_change && write_dict(g, "request.pck", &g->new_requests, 1, err) < 0)
		return -1;
	for (size_t i = 0; i < value_count(decided); i++)
		if (post_aside(g, value_item(decided, i), err) < 0)
			return -1;
	if (g->tokens_change && write_dict(g, "pending.pck", &g->new_tokens, 0, err) < 0)
		return -1;
	return late_note_old(g, err);
}

static int each_list(const struct lists_late *l, int (*act)(struct late *g, struct error *err),
                     uint64_t *n, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (lists_standing_names(l->from, &l->old->paths, &names, err) < 0 ||
	    mailing_lists_load(l->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_LATE struct late g = { .l = l, .list = names.rows[i] };
		const struct mailing_list *one = mailing_list_named(&known, names.rows[i]);

		if (!one || one->phase < MAILING_LIST_SEEDED)
			continue;
		if (act(&g, err) < 0)
			return error_context(err, "list %s", names.rows[i]);
		*n += g.n;
	}
	return 0;
}

static int note_list(struct late *g, struct error *err)
{
	struct error why = { 0 };

	/* what can't be read is carried as it is, and told there */
	if (read_old(g, &why) < 0)
		return why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	return late_note_old(g, err);
}

int lists_late_note(const struct lists_late *l, struct error *err)
{
	uint64_t none = 0;

	return each_list(l, note_list, &none, err);
}

/* One that can't be read or written does not keep the others from being brought. */
static int bring_one(struct late *g, struct error *err)
{
	AUTO_FREE char *name = late_fact("noted", g->list), *noted = NULL;
	struct error why = { 0 };

	if (state_get(g->l->state, name, &noted, err) < 0)
		return -1;
	if (!noted || bring_list(g, &why) == 0)
		return 0;
	if (why.retry == ERROR_RETRY_REACH || why.retry == ERROR_RETRY_LATER)
		return *err = why, -1;
	say(g, "%s", why.text);
	return 0;
}

int lists_late_bring(const struct lists_late *l, uint64_t *n, struct error *err)
{
	*n = 0;
	return each_list(l, bring_one, n, err);
}
