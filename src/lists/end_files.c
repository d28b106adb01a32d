/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/end_files.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/end_making.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define DIR_MODE 0750
#define FILE_MAX (256u << 20)
#define RECORD "mailhaul.brought"
#define BESIDE ".mailhaul."
#define TEMPORARY BESIDE "new"

/* ── the folder, and who writes ──────────────────────────────────────────────────────────────── */

void end_folder_close(struct end_folder *f)
{
	if (f->is_other && (seteuid(0) < 0 || setegid(0) < 0))
		abort();
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->path);
	*f = (struct end_folder){ .fd = -1 };
}

static int become(struct end_folder *f, const struct lists_end_place *place, struct error *err)
{
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (fstat(f->fd, &st) < 0)
		return error_system(err, "%s", f->path);
	uid = st.st_uid;
	gid = st.st_gid;
	if (place->user) {
		const struct passwd *pw = getpwnam(place->user);

		if (!pw)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "there is no user %s", place->user);
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (geteuid() != 0 || uid == 0)
		return 0;
	if (setegid(gid) < 0)
		return error_system(err, "setegid");
	f->is_other = true;
	return seteuid(uid) < 0 ? error_system(err, "seteuid") : 0;
}

int end_folder_open(struct end_folder *f, const struct lists_end_place *place, struct error *err)
{
	*f = (struct end_folder){ .fd = open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		                  .path = xstrdup(place->folder) };
	if (f->fd < 0) {
		(void)error_system(err, "%s", place->folder);
		err->retry = ERROR_RETRY_PERSON;
		return error_hint(err, "the folder has to be there, and to be its manager's");
	}
	return become(f, place, err);
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

void end_file(json_t *work, const char *path, const struct buf *octets)
{
	if (octets)
		json_object_set_new(json_object_get(work, "files"), path,
		                    end_octets(buf_span(octets)));
	else
		json_array_append_new(json_object_get(work, "absent"), json_string(path));
}

json_t *end_answer(const struct lists_end_plan *p)
{
	return json_pack("{s:s, s:[], s:[], s:[], s:i, s:b, s:n, s:i}", "list", p->address,
	                 "changed", "refused", "told", "members", 0, "new", 0, "error", "mailed",
	                 0);
}

void end_answer_add(json_t *answer, const char *part, const char *format, ...)
{
	AUTO_BUF struct buf shown = { 0 };
	AUTO_FREE char *words = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&words, format, args);
	va_end(args);
	if (n < 0)
		return;
	buf_add_printable(&shown, span_of(words));
	json_array_append_new(json_object_get(answer, part), json_string(buf_text(&shown)));
}

void end_answer_failed(json_t *answer, const struct error *err)
{
	AUTO_BUF struct buf shown = { 0 };

	buf_add_printable(&shown, span_of(err->text));
	json_object_set_new(answer, "error", json_string(buf_text(&shown)));
}

void end_octets_of(const json_t *text, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)json_string_value(text);
	size_t n = json_string_length(text);

	for (size_t i = 0; i < n; i++) {
		bool is_two = p[i] >= 0xc2 && p[i] <= 0xc3 && i + 1 < n;

		buf_add_char(out, (char)(is_two ? (p[i] & 3) << 6 | (p[i + 1] & 0x3f) : p[i]));
		i += is_two;
	}
}

/* ── one file ────────────────────────────────────────────────────────────────────────────────── */

/* 1: it holds just that; 0: not. */
static int is_so(int fd, const char *path, struct span octets, struct error *err)
{
	AUTO_BUF struct buf there = { 0 };
	struct stat st;
	AUTO_CLOSE int file = file_open_below(fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

	if (file < 0)
		return errno == ENOENT ? 0 : error_system(err, "%s", path);
	if (fstat(file, &st) < 0)
		return error_system(err, "%s", path);
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size != octets.n)
		return 0;
	if (file_read_below(fd, path, FILE_MAX, &there, err) < 0)
		return -1;
	return span_equal(buf_span(&there), octets);
}

/* What is written waits under another name, on disk. */
static int write_beside(int fd, const char *name, struct span octets, double at, struct error *err)
{
	AUTO_CLOSE int file = -1;

	(void)unlinkat(fd, name, 0);
	file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (file < 0 || fd_write_all(file, octets.p, octets.n) < 0)
		return error_system(err, "%s", name);
	if (at > 0) {
		struct timespec times[2] = { { .tv_sec = (time_t)at }, { .tv_sec = (time_t)at } };

		if (futimens(file, times) < 0)
			return error_system(err, "%s", name);
	}
	return fsync(file) < 0 ? error_system(err, "%s", name) : 0;
}

static int rename_to(int fd, const char *name, const char *path, int *dir, struct error *err)
{
	const char *last;

	*dir = file_open_parent_below(fd, path, &last);
	return *dir < 0 || renameat(fd, name, *dir, last) < 0 ? error_system(err, "%s", path) : 0;
}

/* Its place, and the directories on both sides of it, are on disk. */
static int into_place(int fd, const char *name, const char *path, struct error *err)
{
	AUTO_CLOSE int dir = -1;

	if (rename_to(fd, name, path, &dir, err) < 0)
		return -1;
	return fsync(dir) < 0 || fsync(fd) < 0 ? error_system(err, "%s", path) : 0;
}

int end_files_put(int fd, enum lists_end_do what, const char *path, struct span octets,
                  json_t *answer, struct error *err)
{
	int so = is_so(fd, path, octets, err);
	AUTO_CLOSE int dir = -1;

	if (so != 0)
		return so < 0 ? -1 : 0;
	end_answer_add(answer, "changed", "%s", path);
	if (what == LISTS_END_LOOK)
		return 0;
	if (write_beside(fd, TEMPORARY, octets, 0, err) < 0)
		return -1;
	return rename_to(fd, TEMPORARY, path, &dir, err);
}

int end_files_sync(int fd, struct error *err)
{
	return syncfs(fd) < 0 ? error_system(err, "syncfs") : 0;
}

static int take_away(int fd, enum lists_end_do what, const char *path, json_t *answer,
                     struct error *err)
{
	const char *last;
	AUTO_CLOSE int dir = file_open_parent_below(fd, path, &last);
	struct stat st;

	if (dir < 0)
		return errno == ENOENT ? 0 : error_system(err, "%s", path);
	if (fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_system(err, "%s", path);
	end_answer_add(answer, "changed", "no %s", path);
	if (what == LISTS_END_LOOK)
		return 0;
	return unlinkat(dir, last, 0) < 0 ? error_system(err, "%s", path) : 0;
}

/* ── what is brought once ────────────────────────────────────────────────────────────────────── */

/* The line of a thing in the record, "THING\tPATH"; its path, empty: it was not brought. */
static struct span brought(const struct buf *record, const char *thing)
{
	struct span rest = buf_span(record), line;

	while (span_next_line(&rest, &line)) {
		ssize_t tab = span_find(line, '\t');

		if (tab >= 0 && span_is((struct span){ line.p, (size_t)tab }, thing))
			return span_from(line, (size_t)tab + 1);
	}
	return SPAN("");
}

static int make_word(char out[17], struct error *err)
{
	unsigned char octets[8];

	if (getrandom(octets, sizeof octets, 0) != sizeof octets)
		return error_system(err, "getrandom");
	for (size_t i = 0; i < sizeof octets; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", octets[i]);
	return 0;
}

/* With the word in each place of "%s". */
static char *filled(const char *text, const char *word)
{
	AUTO_BUF struct buf made = { 0 };
	const char *at;

	for (; (at = strstr(text, "%s")); text = at + 2) {
		buf_add(&made, text, (size_t)(at - text));
		buf_add_text(&made, word);
	}
	buf_add_text(&made, text);
	return buf_take(&made);
}

/* The word of a path that was made from a form. */
static char *word_of(const char *form, struct span path)
{
	const char *at = strstr(form, "%s");
	size_t before = at ? (size_t)(at - form) : 0, after = at ? strlen(at + 2) : 0;

	if (!at || path.n < before + after)
		return xstrdup("");
	return xstrndup(path.p + before, path.n - before - after);
}

static bool is_there(int fd, const char *path)
{
	AUTO_CLOSE int file = file_open_below(fd, path, O_PATH | O_CLOEXEC, 0);

	return file >= 0;
}

/* What waits is on disk, then the record, then it gets its place: a break at any of these is gone on with, and
 * nothing stands there twice. */
static int bring(int fd, json_t *one, struct buf *record, struct error *err)
{
	const char *thing = json_string_value(json_object_get(one, "thing"));
	const char *form = json_string_value(json_object_get(one, "path"));
	AUTO_BUF struct buf octets = { 0 };
	AUTO_FREE char *path = NULL, *beside = NULL;
	char word[17];

	if (make_word(word, err) < 0)
		return -1;
	path = filled(form, word);
	if (!strstr(form, "%s") && is_there(fd, path))
		return 0;
	beside = xasprintf(BESIDE "%s", word);
	end_octets_of(json_object_get(one, "octets"), &octets);
	if (write_beside(fd, beside, buf_span(&octets),
	                 json_number_value(json_object_get(one, "at")), err) < 0)
		return -1;
	buf_addf(record, "%s\t%s\t%s\n", thing, path, beside);
	if (file_write_durable(fd, RECORD, FILE_MODE, buf_span(record), err) < 0)
		return -1;
	return into_place(fd, beside, path, err);
}

/* What a break has left beside its place. */
static int go_on(int fd, const struct buf *record, struct error *err)
{
	struct span rest = buf_span(record), line, thing, path;

	while (span_next_line(&rest, &line)) {
		AUTO_FREE char *to = NULL, *from = NULL;

		if (!span_next_part(&line, '\t', &thing) || !span_next_part(&line, '\t', &path) ||
		    !line.n)
			continue;
		from = span_dup(line);
		to = span_dup(path);
		if (strncmp(from, BESIDE, strlen(BESIDE)) != 0 || strchr(from, '/') ||
		    !is_there(fd, from))
			continue;
		if (into_place(fd, from, to, err) < 0)
			return -1;
	}
	return 0;
}

/* What a break has left that no record names: it is not brought, and comes anew. */
static int clean_up(int fd, const struct buf *record, struct error *err)
{
	int at = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *dir = at < 0 ? NULL : fdopendir(at);
	struct dirent *entry;

	if (!dir) {
		if (at >= 0)
			(void)close(at);
		return error_system(err, "the list's directory");
	}
	while (result == 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, BESIDE, strlen(BESIDE)) != 0 ||
		    span_find_text(buf_span(record), entry->d_name) >= 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0)
			result = error_system(err, "%s", entry->d_name);
	}
	(void)closedir(dir);
	return result;
}

static int give_once(int fd, enum lists_end_do what, json_t *once, json_t *answer,
                     struct error *err)
{
	AUTO_BUF struct buf record = { 0 };
	size_t i;
	json_t *one;

	if (is_there(fd, RECORD) && file_read_below(fd, RECORD, FILE_MAX, &record, err) < 0)
		return -1;
	if (what != LISTS_END_LOOK &&
	    (go_on(fd, &record, err) < 0 || clean_up(fd, &record, err) < 0))
		return -1;
	json_array_foreach (once, i, one) {
		const char *thing = json_string_value(json_object_get(one, "thing"));
		const char *form = json_string_value(json_object_get(one, "path"));
		const char *told = json_string_value(json_object_get(one, "told"));
		AUTO_FREE char *path = NULL, *word = NULL, *words = NULL;
		struct span where = brought(&record, thing), rest;

		if (!where.n && !strstr(form, "%s") && is_there(fd, form))
			continue;
		if (!where.n) {
			end_answer_add(answer, "changed", "%s", thing);
			if (what == LISTS_END_LOOK)
				continue;
			if (bring(fd, one, &record, err) < 0)
				return -1;
			where = brought(&record, thing);
		}
		rest = where;
		(void)span_next_part(&rest, '\t', &where);
		path = span_dup(where);
		if (!told || !is_there(fd, path))
			continue;
		word = word_of(form, where);
		words = filled(told, word);
		end_answer_add(answer, "told", "%s", words);
	}
	return 0;
}

/* ── a list ──────────────────────────────────────────────────────────────────────────────────── */

static int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* One directory further down; made where it is to be. -2: it is not there. */
static int step_into(int parent, const char *name, bool make, struct error *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT && !make)
		return -2;
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(parent, name, DIR_MODE) < 0)
			return error_system(err, "%s", name);
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? error_system(err, "%s", name) : fd;
}

int end_files_open(const struct end_folder *f, enum lists_end_do what,
                   const struct lists_end_plan *p, json_t *answer, struct error *err)
{
	struct span rest = span_of(json_string_value(json_object_get(p->work, "folder"))), part;
	AUTO_CLOSE int fd = file_open_below(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool is_new = false;

	if (fd < 0)
		return error_system(err, "%s", f->path);
	while (span_next_part(&rest, '/', &part)) {
		AUTO_FREE char *name = span_dup(part);
		int next;

		if (!*name || *name == '.')
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
			                 "its name is none that a directory may have here");
		next = step_into(fd, name, false, err);
		is_new = next == -2;
		if (next == -2 && what != LISTS_END_LOOK)
			next = step_into(fd, name, true, err);
		if (next == -2)
			break;
		if (next < 0)
			return error_context(err, "%s", f->path);
		(void)close(fd);
		fd = next;
	}
	if (is_new) {
		end_answer_add(answer, "changed", "list");
		json_object_set_new(answer, "new", json_true());
		if (what == LISTS_END_LOOK)
			return -2;
	}
	return take_fd(&fd);
}

static int give_dirs(int fd, enum lists_end_do what, json_t *dirs, json_t *answer,
                     struct error *err)
{
	size_t i;
	json_t *one;

	json_array_foreach (dirs, i, one) {
		const char *name = json_string_value(one), *last;
		AUTO_CLOSE int dir = file_open_below(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		AUTO_CLOSE int parent = -1;

		if (dir >= 0)
			continue;
		end_answer_add(answer, "changed", "%s/", name);
		if (what == LISTS_END_LOOK)
			continue;
		parent = file_open_parent_below(fd, name, &last);
		if (parent < 0 || mkdirat(parent, last, DIR_MODE) < 0)
			return error_system(err, "%s", name);
	}
	return 0;
}

int end_files_give(int fd, enum lists_end_do what, const struct lists_end_plan *p, json_t *answer,
                   struct error *err)
{
	json_t *files = json_object_get(p->work, "files"), *text, *one;
	const char *path;
	size_t i;

	if (give_dirs(fd, what, json_object_get(p->work, "dirs"), answer, err) < 0)
		return -1;
	json_object_foreach (files, path, text) {
		AUTO_BUF struct buf octets = { 0 };

		end_octets_of(text, &octets);
		if (end_files_put(fd, what, path, buf_span(&octets), answer, err) < 0)
			return -1;
	}
	json_array_foreach (json_object_get(p->work, "absent"), i, one) {
		if (take_away(fd, what, json_string_value(one), answer, err) < 0)
			return -1;
	}
	return give_once(fd, what, json_object_get(p->work, "once"), answer, err);
}
