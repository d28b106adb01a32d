/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mlmmj_rosters.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROSTER_MAX (256u << 20)
#define LINE_MAX_OCTETS 1000

static const char *const kinds[] = { "subscribers.d", "digesters.d", "nomailsubs.d" };

/* All rosters of a list. `files`: path to an array of its lines; `where`: an address in lower case to an array of
 * paths that have it; `dirty`: paths to be written. */
struct rosters {
	json_t *files, *where, *dirty;
};

static void rosters_fini(struct rosters *r)
{
	json_decref(r->files);
	json_decref(r->where);
	json_decref(r->dirty);
}
#define AUTO_ROSTERS __attribute__((cleanup(rosters_fini)))

static char *lower(const char *text)
{
	char *made = xstrdup(text);

	for (char *p = made; *p; p++)
		*p = ascii_lower(*p);
	return made;
}

static json_t *array_at(json_t *object, const char *key)
{
	json_t *there = json_object_get(object, key);

	if (there)
		return there;
	json_object_set_new(object, key, json_array());
	return json_object_get(object, key);
}

static void add_line(struct rosters *r, const char *path, const char *line)
{
	AUTO_FREE char *key = lower(line);

	json_array_append_new(array_at(r->files, path), json_string(line));
	json_array_append_new(array_at(r->where, key), json_string(path));
}

static int read_file(struct rosters *r, int fd, const char *path, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line;

	if (file_read_below(fd, path, ROSTER_MAX, &text, err) < 0)
		return -1;
	(void)array_at(r->files, path);
	for (rest = buf_span(&text); span_next_line(&rest, &line);) {
		AUTO_FREE char *address = span_dup(line);

		/* what is no text would be lost when the file is written */
		if (line.n && (line.n > LINE_MAX_OCTETS || !json_object_get(r->files, path)))
			continue;
		if (line.n)
			add_line(r, path, address);
	}
	return 0;
}

static int read_all(struct rosters *r, int fd, struct error *err)
{
	r->files = json_object();
	r->where = json_object();
	r->dirty = json_object();
	for (size_t i = 0; i < ROWS(kinds); i++) {
		int at = file_open_below(fd, kinds[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		DIR *dir = at < 0 ? NULL : fdopendir(at);
		struct dirent *entry;
		int result = 0;

		if (!dir && at >= 0)
			(void)close(at);
		if (!dir && errno != ENOENT)
			return error_system(err, "%s", kinds[i]);
		while (dir && result == 0 && (entry = readdir(dir))) {
			AUTO_FREE char *path = xasprintf("%s/%s", kinds[i], entry->d_name);

			/* "." and "..", and its locks */
			if (*entry->d_name != '.')
				result = read_file(r, fd, path, err);
		}
		if (dir)
			(void)closedir(dir);
		if (result < 0)
			return -1;
	}
	return 0;
}

static void take_out(struct rosters *r, const char *path, const char *key)
{
	json_t *lines = json_object_get(r->files, path), *line;
	size_t i;

	json_array_foreach (lines, i, line) {
		AUTO_FREE char *there = lower(json_string_value(line));

		if (strcmp(there, key) != 0)
			continue;
		json_array_remove(lines, i);
		i--;
	}
	json_object_set_new(r->dirty, path, json_true());
}

/* One of the plan. */
static void bring(struct rosters *r, const char *address, const char *kind, json_t *answer)
{
	AUTO_FREE char *key = lower(address);
	AUTO_FREE char *path = xasprintf("%s/%c", kind, *key);
	json_t *where = json_object_get(r->where, key), *one;
	bool is_right = false;
	size_t i;

	json_array_foreach (where, i, one) {
		struct span there = span_of(json_string_value(one));

		if (span_starts(there, kind))
			is_right = true;
		else
			take_out(r, json_string_value(one), key);
	}
	if (is_right && json_array_size(where) == 1)
		return;
	end_answer_add(answer, "changed", where ? "member %s: %s" : "member %s", address, kind);
	if (is_right)
		return;
	add_line(r, path, address);
	json_object_set_new(r->dirty, path, json_true());
}

static int write_dirty(const struct rosters *r, int fd, enum lists_end_do what, struct error *err)
{
	const char *path;
	json_t *yes;

	json_object_foreach (r->dirty, path, yes) {
		json_t *lines = json_object_get(r->files, path), *line, *silent;
		AUTO_BUF struct buf text = { 0 };
		size_t i;
		int result;

		json_array_foreach (lines, i, line)
			buf_addf(&text, "%s\n", json_string_value(line));
		/* what was changed is told by names */
		silent = json_pack("{s:[]}", "changed");
		result = end_files_put(fd, what, path, buf_span(&text), silent, err);
		json_decref(silent);
		if (result < 0)
			return -1;
	}
	return 0;
}

int mlmmj_rosters_give(int fd, enum lists_end_do what, const struct lists_end_plan *p,
                       json_t *answer, struct error *err)
{
	AUTO_ROSTERS struct rosters r = { 0 };
	json_t *members = json_object_get(p->work, "members"), *one, *where;
	json_t *ours = json_object();
	json_int_t there = 0;
	const char *key;
	size_t i;
	int result = read_all(&r, fd, err);

	json_array_foreach (members, i, one) {
		const char *address = json_string_value(json_object_get(one, "address"));
		AUTO_FREE char *lowered = lower(address);

		if (result < 0)
			break;
		there += what != LISTS_END_LOOK || json_object_get(r.where, lowered);
		bring(&r, address, json_string_value(json_object_get(one, "kind")), answer);
		json_object_set_new(ours, lowered, json_true());
	}
	if (result == 0)
		json_object_foreach (r.where, key, where) {
			if (!json_object_get(ours, key))
				end_answer_add(answer, "told", "member %s is there, and not in 2.1",
				               key);
		}
	json_decref(ours);
	json_object_set_new(answer, "members", json_integer(there));
	if (result < 0 || what == LISTS_END_LOOK)
		return result;
	return write_dirty(&r, fd, what, err);
}

/* ── what Postfix is told ────────────────────────────────────────────────────────────────────── */

/* Of 2.1's ten addresses, and what answers there; bounces of what 2.1 has sent nobody counts any more. */
static const struct {
	const char *suffix, *word;
} old_addresses[] = {
	{ "admin", "owner" },         { "owner", "owner" },       { "join", "subscribe" },
	{ "subscribe", "subscribe" }, { "leave", "unsubscribe" }, { "unsubscribe", "unsubscribe" },
	{ "request", "help" },
};

static void add_escaped(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!isalnum((unsigned char)text.p[i]) && text.p[i] != '@' && text.p[i] != '-')
			buf_add_char(out, '\\');
		buf_add_char(out, text.p[i]);
	}
}

static void add_list(const char *folder, struct span address, char delimiter, struct buf *virtual,
                     struct buf *transport)
{
	ssize_t at = span_find(address, '@');
	struct span local = { address.p, at > 0 ? (size_t)at : 0 };
	struct span host = span_from(address, local.n);
	AUTO_BUF struct buf start = { 0 }, end = { 0 };
	struct span sign = { &delimiter, 1 };

	if (at <= 0)
		return;
	add_escaped(&start, local);
	add_escaped(&end, host);
	buf_addf(virtual, "/^(%s(", buf_text(&start));
	add_escaped(virtual, sign);
	buf_addf(virtual, "[^@]*)?%s)$/ $1\n", buf_text(&end));
	buf_addf(transport, "/^%s(", buf_text(&start));
	add_escaped(transport, sign);
	buf_addf(transport, "[^@]*)?%s$/ mlmmj:%s\n", buf_text(&end), folder);
	for (size_t i = 0; i < ROWS(old_addresses); i++)
		buf_addf(virtual, "/^%s-%s%s$/ %.*s%c%s%.*s\n", buf_text(&start),
		         old_addresses[i].suffix, buf_text(&end), (int)local.n, local.p, delimiter,
		         old_addresses[i].word, (int)host.n, host.p);
}

/* What can stand in a table's line. */
static bool is_plain(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 0x7f ||
		    strchr("/$#\"<>(),;:\\", text.p[i]))
			return false;
	return text.n != 0;
}

static int add_of(const struct end_folder *f, const char *folder, struct buf *virtual,
                  struct buf *transport, struct error *err)
{
	AUTO_FREE char *address_path = xasprintf("%s/control/listaddress", folder);
	AUTO_FREE char *delimiter_path = xasprintf("%s/control/delimiter", folder);
	AUTO_BUF struct buf address = { 0 }, delimiter = { 0 };
	struct span rest, line = SPAN("");
	AUTO_CLOSE int there = file_open_below(f->fd, address_path, O_PATH | O_CLOEXEC, 0);
	AUTO_CLOSE int other = file_open_below(f->fd, delimiter_path, O_PATH | O_CLOEXEC, 0);

	if (there < 0)
		return 0;
	if (file_read_below(f->fd, address_path, ROSTER_MAX, &address, err) < 0 ||
	    (other >= 0 && file_read_below(f->fd, delimiter_path, ROSTER_MAX, &delimiter, err) < 0))
		return -1;
	rest = buf_span(&address);
	(void)span_next_line(&rest, &line);
	line = span_trim(line);
	if (is_plain(line) && is_plain(span_of(folder)))
		add_list(folder, line, delimiter.n ? *delimiter.p : '+', virtual, transport);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int mlmmj_tables_write(const struct end_folder *f, struct error *err)
{
	static const char head[] =
		"# Made by mailhaul of all lists here; regexp tables of Postfix.\n";
	AUTO_BUF struct buf virtual = { 0 }, transport = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	int at = file_open_below(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), result = 0;
	DIR *dir = at < 0 ? NULL : fdopendir(at);
	struct dirent *entry;
	json_t *silent;

	if (!dir) {
		if (at >= 0)
			(void)close(at);
		return error_system(err, "%s", f->path);
	}
	while ((entry = readdir(dir)))
		if (*entry->d_name != '.')
			strings_add(&names, entry->d_name);
	(void)closedir(dir);
	if (names.n)
		qsort(names.rows, names.n, sizeof *names.rows, compare);
	buf_add_text(&virtual, head);
	buf_add_text(&transport, head);
	for (size_t i = 0; i < names.n && result == 0; i++)
		result = add_of(f, names.rows[i], &virtual, &transport, err);
	if (result < 0)
		return -1;
	silent = json_pack("{s:[]}", "changed");
	if (end_files_put(f->fd, LISTS_END_GIVE, "virtual.regexp", buf_span(&virtual), silent,
	                  err) < 0 ||
	    end_files_put(f->fd, LISTS_END_GIVE, "transport.regexp", buf_span(&transport), silent,
	                  err) < 0)
		result = -1;
	json_decref(silent);
	return result;
}
