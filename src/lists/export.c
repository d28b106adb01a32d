/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/export.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/csv.h"
#include "lists/mbox.h"
#include "lists/queue.h"
#include "lists/show.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define PART (4ull << 20)
#define FILE_MODE 0600
#define DIR_MODE 0700

struct exporting {
	const struct lists_list *l;
	const struct lists_site *site;
	char *dir;
	bool secrets;
	struct lists_export_result *out;
};

void lists_export_result_fini(struct lists_export_result *r)
{
	strings_fini(&r->names);
	strings_fini(&r->words);
	strings_fini(&r->nearly);
	*r = (struct lists_export_result){ 0 };
}

static void add_failure(struct exporting *x, const char *name, const char *why)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_printable(&words, span_of(name));
	buf_addf(&words, ": %s", why);
	strings_add(&x->out->words, buf_text(&words));
	x->out->failed++;
}

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, DIR_MODE) < 0 && errno != EEXIST)
		return error_system(err, "%s", path);
	return 0;
}

/* Names come from a host: they may not lead elsewhere. */
static bool is_below(const char *name)
{
	struct span rest = span_of(name), part;

	/* a line of sums is a line */
	if (strpbrk(name, "\n\r\\"))
		return false;
	while (span_next_part(&rest, '/', &part))
		if (!part.n || span_is(part, ".") || span_is(part, ".."))
			return false;
	return *name != '\0';
}

/* The place of a file; the directories on the way are made. NULL: failed. */
static char *place_for(struct exporting *x, const char *name, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", x->dir, name);

	for (char *slash = path + strlen(x->dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (make_dir(path, err) < 0)
			return NULL;
		*slash = '/';
	}
	return TAKE(path);
}

/* A name beside, which then takes the file's: a reader sees the old one or the new one. What is
 * written waits for the disk once, in sync_all(): a file at a time, ten thousand take minutes. */
struct beside {
	char *path, *name;
	int fd;
};

static void beside_end(struct beside *b)
{
	if (b->fd >= 0)
		(void)close(b->fd);
	free(b->path);
	free(b->name);
}
#define AUTO_BESIDE __attribute__((cleanup(beside_end)))

static int beside_open(struct exporting *x, const char *name, struct beside *b, struct error *err)
{
	b->path = place_for(x, name, err);
	if (!b->path)
		return -1;
	b->name = xasprintf("%s.part", b->path);
	b->fd = open(b->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	return b->fd < 0 ? error_system(err, "%s", b->name) : 0;
}

static int beside_keep(struct exporting *x, struct beside *b, struct error *err)
{
	if (rename(b->name, b->path) < 0)
		return error_system(err, "%s", b->path);
	x->out->files++;
	strings_add(&x->out->names, b->path + strlen(x->dir) + 1);
	return 0;
}

static int put(struct exporting *x, const char *name, struct span data, struct error *err)
{
	AUTO_BESIDE struct beside b = { .fd = -1 };

	if (!is_below(name)) {
		add_failure(x, name, "is no name for a file");
		return 0;
	}
	if (beside_open(x, name, &b, err) < 0)
		return -1;
	if (fd_write_all(b.fd, data.p, data.n) < 0)
		return error_system(err, "%s", b.name);
	return beside_keep(x, &b, err);
}

static int put_json(struct exporting *x, const char *name, json_t *document, struct error *err)
{
	AUTO_FREE char *text = json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS);
	AUTO_BUF struct buf data = { 0 };

	json_decref(document);
	buf_add_text(&data, text ? text : "null");
	buf_add_char(&data, '\n');
	return put(x, name, buf_span(&data), err);
}

/* ── messages ────────────────────────────────────────────────────────────────────────────────── */

static int put_message(struct exporting *x, const char *name, enum lists_message_form form,
                       const struct buf *text, struct error *err)
{
	if (form == LISTS_MESSAGE_NEARLY)
		strings_add(&x->out->nearly, name);
	x->out->messages++;
	return put(x, name, buf_span(text), err);
}

static int export_held(struct exporting *x, struct error *err)
{
	AUTO_BUF struct buf all = { 0 };

	for (size_t i = 0; i < x->l->requests_n; i++) {
		const struct lists_request *r = &x->l->requests[i];
		AUTO_BUF struct buf text = { 0 }, unix_from = { 0 };
		AUTO_FREE char *name = xasprintf("held/%lld.eml", (long long)r->id);
		enum lists_message_form form;

		if (r->kind != LISTS_REQUEST_POST)
			continue;
		form = lists_request_text(x->site, r, &unix_from, &text);
		if (form == LISTS_MESSAGE_NONE) {
			add_failure(x, name, r->is_lost ? "its file is lost" : "cannot be read");
			continue;
		}
		if (put_message(x, name, form, &text, err) < 0)
			return -1;
		lists_mbox_append(&all, buf_span(&unix_from), buf_span(&text));
	}
	return all.n ? put(x, "held.mbox", buf_span(&all), err) : 0;
}

static int export_queue(struct exporting *x, struct error *err)
{
	for (size_t i = 0; i < x->site->queue_n; i++) {
		const struct lists_queued *q = &x->site->queue[i];
		AUTO_BUF struct buf text = { 0 };
		AUTO_FREE char *name = xasprintf("queue/%s/%s.eml", lists_queue_name(q->queue),
		                                 q->name);

		enum lists_message_form form;

		if (!lists_queued_is_of(q, x->l))
			continue;
		form = lists_queued_text(x->site, q, &text);
		if (form == LISTS_MESSAGE_NONE) {
			add_failure(x, name, "has no message that can be read");
			continue;
		}
		if (put_message(x, name, form, &text, err) < 0)
			return -1;
	}
	return 0;
}

/* ── files as they are ───────────────────────────────────────────────────────────────────────── */

static int copy_octets(struct exporting *x, const char *from, int fd, struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t size = 1;

	for (uint64_t at = 0; at < size; at += part.n) {
		if (host_read_part(x->site->h, from, at, PART, &part, &size, err) < 0)
			return -1;
		if (!part.n)
			return 0;
		if (fd_write_all(fd, part.p, part.n) < 0)
			return error_system(err, "writing");
	}
	return 0;
}

/* Large ones too: in parts. */
static int copy_file(struct exporting *x, const char *from, const char *name, struct error *err)
{
	AUTO_BESIDE struct beside b = { .fd = -1 };

	if (!is_below(name)) {
		add_failure(x, name, "is no name for a file");
		return 0;
	}
	if (beside_open(x, name, &b, err) < 0)
		return -1;
	if (copy_octets(x, from, b.fd, err) < 0) {
		(void)unlink(b.name);
		if (lists_is_unreached(err) || err->scope == ERROR_SCOPE_MOVE)
			return -1;
		add_failure(x, name, err->text);
		return 0;
	}
	return beside_keep(x, &b, err);
}

static int export_files(struct exporting *x, struct error *err)
{
	const struct lists_list *l = x->l;

	if (l->digest.is_there && copy_file(x, l->digest.path, "digest.mbox", err) < 0)
		return -1;
	if (l->archive.mbox.is_there && copy_file(x, l->archive.mbox.path, "archive.mbox", err) < 0)
		return -1;
	for (size_t i = 0; i < l->templates.n; i++) {
		AUTO_FREE char *below = xasprintf("%s/%s", l->name, l->templates.rows[i]);
		AUTO_FREE char *from = lists_paths_join(x->site->paths, LISTS_LIST_DATA_DIR, below);
		AUTO_FREE char *name = xasprintf("templates/%s", l->templates.rows[i]);

		if (copy_file(x, from, name, err) < 0)
			return -1;
	}
	return 0;
}

/* syncfs(2) waits for all that was written below. */
static int sync_all(const struct exporting *x, struct error *err)
{
	AUTO_CLOSE int fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? error_system(err, "%s", x->dir) : 0;
}

int lists_export(const struct lists_list *l, const struct lists_site *site, const char *dir,
                 bool secrets, struct lists_export_result *out, struct error *err)
{
	AUTO_FREE char *place = xasprintf("%s/%s", dir, l->name);
	AUTO_BUF struct buf csv = { 0 };
	struct exporting x = { .l = l, .site = site, .dir = place, .secrets = secrets, .out = out };

	*out = (struct lists_export_result){ .members = l->members.n };
	if (make_dir(dir, err) < 0 || make_dir(place, err) < 0)
		return -1;
	lists_members_csv(l, secrets, &csv);
	if (put(&x, "members.csv", buf_span(&csv), err) < 0 ||
	    put_json(&x, "settings.json", lists_settings_json(l, secrets), err) < 0 ||
	    put_json(&x, "requests.json", lists_requests_json(l, secrets), err) < 0 ||
	    put_json(&x, "pending.json", lists_pending_json(l, secrets), err) < 0 ||
	    export_held(&x, err) < 0 || export_queue(&x, err) < 0)
		return -1;
	return export_files(&x, err) < 0 ? -1 : sync_all(&x, err);
}
