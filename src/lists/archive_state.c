/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_state.h"

#include "base/memory.h"
#include "lists/archive_split.h"
#include "lists/carry_inside.h"
#include "lists/site.h"
#include "mail/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PART (1u << 20)
#define HEAD_MAX (64u << 10)

void archive_state_fini(struct archive_state *s)
{
	for (size_t i = 0; i < s->known_n; i++) {
		free(s->known[i].id);
		free(s->known[i].key);
	}
	free(s->known);
	free(s->last_dates);
	free(s->dir);
	free(s->mbox_dir);
	free(s->mbox_name);
	free(s->real_name);
	free(s->address);
	free(s->info);
	free(s->language);
	free(s->prefix);
	host_listing_fini(&s->files);
	value_file_fini(&s->pck);
	strings_fini(&s->volumes);
	strings_fini(&s->mbox_ids);
	strings_fini(&s->troubles);
	*s = (struct archive_state){ 0 };
}

bool archive_page_of(const char *path, struct span *volume, int64_t *number)
{
	struct span rest = span_of(path), file, more;
	uint64_t v;

	if (!span_next_part(&rest, '/', volume) || !span_next_part(&rest, '/', &file) ||
	    span_next_part(&rest, '/', &more) || file.n < 11 || !span_ends(file, ".html"))
		return false;
	file.n -= strlen(".html");
	if (!span_parse_u64(file, &v) || v > INT64_MAX)
		return false;
	*number = (int64_t)v;
	return true;
}

/* ── the mbox ────────────────────────────────────────────────────────────────────────────────── */

struct collecting {
	struct strings *ids;
	struct buf head;
	bool in_head;
	uint64_t messages, without;
};

static void end_head(struct collecting *c)
{
	struct span head = buf_span(&c->head), line;
	AUTO_BUF struct buf id = { 0 };

	if (!c->in_head)
		return;
	c->in_head = false;
	(void)span_next_line(&head, &line);
	header_message_id(head, &id);
	if (id.n)
		strings_add(c->ids, buf_text(&id));
	else
		c->without++;
}

static int collect(void *context, enum archive_line kind, uint64_t line, struct span octets,
                   struct error *err)
{
	struct collecting *c = context;

	if (kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE) {
		end_head(c);
		buf_reset(&c->head);
		c->in_head = true;
		c->messages++;
	}
	if (!c->in_head)
		return 0;
	buf_add_span(&c->head, octets);
	if (!span_trim(octets).n || c->head.n > HEAD_MAX)
		end_head(c);
	return 0;
}

static int read_mbox(struct host *h, const char *path, struct archive_split *split,
                     struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t size = 1;

	for (uint64_t at = 0; at < size; at += part.n) {
		if (host_read_part(h, path, at, PART, &part, &size, err) < 0)
			return -1;
		if (!part.n)
			break;
		if (archive_split_feed(split, buf_span(&part), err) < 0)
			return -1;
	}
	return archive_split_end(split, err);
}

int archive_mbox_ids(struct host *h, const char *dir, const char *name, struct strings *ids,
                     uint64_t *messages, uint64_t *without, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	struct collecting c = { .ids = ids };
	AUTO_ARCHIVE_SPLIT struct archive_split split = { .take = collect, .context = &c };
	struct error why = { 0 };
	int result = read_mbox(h, path, &split, &why);

	end_head(&c);
	buf_fini(&c.head);
	strings_sort(ids);
	*messages = c.messages;
	*without = c.without;
	if (result == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool archive_ids_have(const struct strings *sorted, const char *id)
{
	return sorted->n &&
	       bsearch(&id, sorted->rows, sorted->n, sizeof *sorted->rows, compare_texts);
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

static char *text_of(struct value dict, const char *name, const char *otherwise)
{
	struct span text;

	return value_get_chars(value_dict_find(dict, span_of(name)), &text) && text.n
	               ? span_dup(text)
	               : xstrdup(otherwise);
}

static int read_config(struct archive_state *s, const struct lists_installation *site,
                       struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s/config.pck", s->list);
	AUTO_FREE char *path = lists_paths_join(&site->paths, LISTS_LIST_DATA_DIR, below);
	AUTO_FREE char *host = NULL, *web = NULL;
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct value config;

	if (!path || lists_file_read(s->h, path, &file, err) < 0)
		return -1;
	config = file.rows[0];
	host = text_of(config, "host_name", "localhost");
	web = text_of(config, "web_page_url", "");
	s->real_name = text_of(config, "real_name", s->list);
	s->language = text_of(config, "preferred_language", "en");
	s->prefix = text_of(config, "subject_prefix", "");
	s->address = xasprintf("%s@%s", s->list, host);
	s->info = xasprintf("%slistinfo/%s", web, s->list);
	s->frequency = 1;
	s->obscure = true;
	(void)value_get_int(value_dict_find(config, SPAN("archive_volume_frequency")),
	                    &s->frequency);
	return 0;
}

/* ── volumes ─────────────────────────────────────────────────────────────────────────────────── */

static int read_pck(struct archive_state *s, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/pipermail.pck", s->dir);
	struct value volumes;

	if (lists_file_read(s->h, path, &s->pck, err) < 0)
		return error_context(err, "%s", path);
	volumes = value_dict_find(s->pck.rows[0], SPAN("archives"));
	if (!value_get_int(value_dict_find(s->pck.rows[0], SPAN("sequence")), &s->sequence) ||
	    s->sequence < 0)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "%s: no number of the next message", path);
	for (size_t i = 0; i < value_count(volumes); i++) {
		struct span name;

		if (value_get_chars(value_item(volumes, i), &name) && name.n && name.n < 100 &&
		    span_find(name, '/') < 0 && *name.p != '.')
			strings_add_span(&s->volumes, name);
	}
	return 0;
}

/* Pages and index files of volumes that pipermail.pck has forgotten. */
static void add_forgotten(struct archive_state *s)
{
	for (size_t i = 0; i < s->files.n; i++) {
		struct span path = span_of(s->files.rows[i].path);

		if (!span_starts(path, "database/") || !span_ends(path, "-article"))
			continue;
		AUTO_FREE char *name = xstrndup(path.p + 9, path.n - 9 - strlen("-article"));
		if (*name && *name != '.' && !strings_has(&s->volumes, name))
			strings_add(&s->volumes, name);
	}
}

static int take_file(void *context, size_t index, struct buf *content, const struct error *why,
                     struct error *err)
{
	struct buf *octets = context;

	if (content) {
		octets[index] = *content;
		*content = (struct buf){ 0 };
		return 0;
	}
	if (why->sys_errno != ENOENT)
		return *err = *why, -1;
	/* of a volume that is new, or was begun by a call that was killed; Mailman leaves an empty file */
	buf_add_text(&octets[index], "{0");
	return 0;
}

int archive_state_volume(const struct archive_state *s, const char *name, struct archive_volume *v,
                         struct error *err)
{
	struct buf octets[ARCHIVE_FILES] = { 0 };
	char *paths[ARCHIVE_FILES];
	int result;

	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		paths[i] = xasprintf("database/%s-%s", name, archive_file_name(i));
	result = carry_fetch(s->h, s->dir, (const char *const *)paths, ARCHIVE_FILES, take_file,
	                     octets, err);
	if (result == 0)
		result = archive_volume_parse(v, name, octets, err);
	for (unsigned i = 0; i < ARCHIVE_FILES; i++) {
		buf_fini(&octets[i]);
		free(paths[i]);
	}
	return result;
}

void archive_state_volume_of(const struct archive_state *s, int64_t date, struct buf *out)
{
	AUTO_BUF struct buf name = { 0 };
	bool monthly = s->frequency < 0 || s->frequency == 1 || s->frequency > 4;

	archive_volume_of(date, s->frequency, &name);
	for (size_t i = 0; monthly && i < s->volumes.n; i++) {
		AUTO_BUF struct buf month = { 0 };

		if (!s->last_dates[i] || !archive_volume_is_foreign_month(s->volumes.rows[i]))
			continue;
		archive_volume_of(s->last_dates[i], s->frequency, &month);
		if (!span_equal(buf_span(&month), buf_span(&name)))
			continue;
		buf_add_text(out, s->volumes.rows[i]);
		return;
	}
	buf_add_span(out, buf_span(&name));
}

static int by_id(const void *a, const void *b)
{
	const struct archive_known *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* pipermail takes "<" and ">" away where they are the first and the last character of the value: not of one that
 * begins with the blanks of a folded header. Source: strip_separators() of Mailman/Archiver/pipermail.py. */
static char *without_brackets(struct span key)
{
	while (key.n && strchr(" \t\r\n<", *key.p))
		key = span_from(key, 1);
	while (key.n && strchr(" \t\r\n>", key.p[key.n - 1]))
		key.n--;
	return span_dup(key);
}

static void take_volume(struct archive_state *s, size_t at, const struct archive_volume *v)
{
	for (size_t i = 0; i < v->n; i++) {
		uint64_t date;

		ARRAY_GROW(s->known, s->known_n, s->known_room);
		s->known[s->known_n++] = (struct archive_known){
			.id = without_brackets(v->rows[i].id),
			.key = span_dup(v->rows[i].id),
			.volume = at,
			.number = v->rows[i].number,
		};
		if (span_parse_u64(v->rows[i].date, &date) && (int64_t)date > s->last_dates[at])
			s->last_dates[at] = (int64_t)date;
	}
}

static int read_volumes(struct archive_state *s, struct error *err)
{
	s->last_dates = xcalloc(s->volumes.n + 1, sizeof *s->last_dates);
	for (size_t i = 0; i < s->volumes.n; i++) {
		struct archive_volume v = { 0 };
		struct error why = { 0 };

		if (archive_state_volume(s, s->volumes.rows[i], &v, &why) == 0)
			take_volume(s, i, &v);
		if (lists_is_unreached(&why))
			*err = why;
		else if (*why.text || archive_volume_check(&v, &why) < 0)
			carry_tell(&s->troubles, s->volumes.rows[i], "%s", why.text);
		archive_volume_fini(&v);
		if (lists_is_unreached(&why))
			return -1;
	}
	if (s->known_n)
		qsort(s->known, s->known_n, sizeof *s->known, by_id);
	return 0;
}

const struct archive_known *archive_state_find(const struct archive_state *s, const char *id)
{
	AUTO_FREE char *own = xstrdup(id);
	const struct archive_known key = { .id = own };

	return s->known_n ? bsearch(&key, s->known, s->known_n, sizeof *s->known, by_id) : NULL;
}

int archive_state_read(struct archive_state *s, struct host *h,
                       const struct lists_installation *site, const char *list, struct error *err)
{
	s->h = h;
	s->list = list;
	s->dir = lists_paths_join(&site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, list);
	s->mbox_name = xasprintf("%s.mbox", list);
	s->mbox_dir = lists_paths_join(&site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, s->mbox_name);
	if (!s->dir)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "PRIVATE_ARCHIVE_FILE_DIR is not known");
	if (read_config(s, site, err) < 0 || read_pck(s, err) < 0 ||
	    lists_listing(h, s->dir, 2, &s->files, err) < 0)
		return -1;
	add_forgotten(s);
	if (read_volumes(s, err) < 0)
		return -1;
	return archive_mbox_ids(h, s->mbox_dir, s->mbox_name, &s->mbox_ids, &s->mbox_messages,
	                        &s->mbox_without_id, err);
}
