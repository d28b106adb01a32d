/* SPDX-License-Identifier: BSD-2-Clause */

/* render_write -- pages and attachments into a folder that nobody reads yet. */

#include "lists/render_inside.h"

#include "base/file.h"
#include "base/memory.h"
#include "lists/archive_letter.h"
#include "lists/render_parts.h"
#include "mail/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define COPY_PART (256u << 10)

static int write_file(int dir, const char *name, struct span octets, struct error *err)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	                           0644);

	if (fd < 0 || fd_write_all(fd, octets.p, octets.n) < 0)
		return error_system(err, "%s", name);
	return 0;
}

/* The folders that a path below `dir` wants. */
static int make_parents(int dir, const char *path, struct error *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *parent = xstrndup(path, (size_t)(slash - path));

		if (mkdirat(dir, parent, 0755) < 0 && errno != EEXIST)
			return error_system(err, "%s", parent);
	}
	return 0;
}

/* ── the page of a message ───────────────────────────────────────────────────────────────────── */

struct paging {
	struct render_run *run;
	const struct render_message *m;
	int dir; /* of the archive */
	struct buf *body;
	unsigned parts;
	struct error *err;
	bool failed;
};

/* attachments/YYYYMMDD/HHHHHHHH/ as pipermail has it; a file is named by what is in it. */
static char *attachment_path(const struct paging *p, const struct render_part *part)
{
	AUTO_FREE char *number = xasprintf("%lld", (long long)p->m->number);
	struct digest digest = digest_of(part->octets);
	char hash[OLD_PAGE_HASH_SIZE + 1], day[20] = "19700101", text[2 * DIGEST_SIZE + 1];
	time_t at = (time_t)p->m->date;
	struct tm tm;

	if (gmtime_r(&at, &tm))
		(void)strftime(day, sizeof day, "%Y%m%d", &tm);
	old_page_hash(p->m->id ? p->m->id : number, hash);
	return xasprintf("attachments/%s/%s/%.16s.%s", day, hash, digest_text(text, &digest),
	                 render_safe_extension(part->type));
}

static int write_attachment(struct paging *p, const char *path, struct span octets)
{
	struct stat st;

	if (fstatat(p->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0; /* the same octets, twice in one message */
	if (make_parents(p->dir, path, p->err) < 0 || write_file(p->dir, path, octets, p->err) < 0)
		return -1;
	p->run->r->attachments++;
	return 0;
}

static void add_attachment(struct paging *p, const struct render_part *part)
{
	AUTO_FREE char *path = attachment_path(p, part);
	bool veil = p->run->o->list.veil;
	char size[16];

	if (write_attachment(p, path, part->octets) < 0) {
		p->failed = true;
		return;
	}
	buf_addf(p->body, "<p class=\"part\">Attachment: <a rel=\"nofollow\" href=\"../%s\"><bdi>",
	         path);
	render_html_text(span_of(*part->name ? part->name : "without a name"), veil, p->body);
	buf_addf(p->body, "</bdi></a> (%s, %s)</p>\n", part->type, text_size(size, part->octets.n));
}

static void take_part(void *context, const struct render_part *part)
{
	struct paging *p = context;
	bool veil = p->run->o->list.veil;
	struct span text = part->text;

	if (p->failed)
		return;
	if (part->kind == RENDER_PART_ATTACHMENT) {
		add_attachment(p, part);
		return;
	}
	while (text.n && strchr("\r\n", text.p[text.n - 1]))
		text.n--;
	if (*part->name) {
		buf_add_text(p->body, "<p class=\"part\">Part: <bdi>");
		render_html_text(span_of(part->name), veil, p->body);
		buf_add_text(p->body, "</bdi></p>\n");
	}
	/* the first line end of a pre is none */
	buf_addf(p->body, "<pre dir=\"auto\"%s>\n", p->parts++ ? " class=\"part\"" : "");
	render_html_body(text, veil, p->body);
	buf_add_text(p->body, "</pre>\n");
}

static int64_t number_of(const struct render_run *run, uint32_t message)
{
	return message == RENDER_NONE ? -1 : run->messages[message].number;
}

static int read_message(struct render_run *run, const struct render_message *m, struct buf *octets,
                        struct error *err)
{
	uint64_t all = render_octets(run, m->row);

	if (all > RENDER_MESSAGE_MAX)
		strings_addf(&run->r->named,
		             "message %lld: has %llu octets: its page has the first %u",
		             (long long)m->number, (unsigned long long)all, RENDER_MESSAGE_MAX);
	return render_read(run, run->index.rows[m->row].offset,
	                   all < RENDER_MESSAGE_MAX ? (size_t)all : RENDER_MESSAGE_MAX, octets,
	                   err);
}

static int write_message(struct render_run *run, const struct render_volume *v,
                         const struct render_message *m, int dir, int volume, struct buf *octets,
                         struct error *err)
{
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };
	AUTO_FREE char *name = xasprintf("%06lld.html", (long long)m->number);
	const struct lists_mbox_row *row = &run->index.rows[m->row];
	AUTO_BUF struct buf body = { 0 }, page = { 0 };
	struct paging p = { .run = run, .m = m, .dir = dir, .body = &body, .err = err };
	struct render_message_page html = { .volume = v->name,
		                            .number = m->number,
		                            .before = number_of(run, m->before),
		                            .after = number_of(run, m->after) };

	if (read_message(run, m, octets, err) < 0)
		return -1;
	archive_letter_read(&letter,
	                    (struct span){ octets->p, row->body_offset < octets->n
	                                                      ? row->body_offset
	                                                      : octets->n },
	                    false);
	if (!letter.date_text.n)
		render_date(m->date, &letter.date_text);
	html.id = buf_span(&letter.id);
	html.subject = buf_span(&letter.subject);
	html.author = buf_span(&letter.author);
	html.email = buf_span(&letter.email);
	html.date = buf_span(&letter.date_text);
	render_parts(span_from(buf_span(octets), row->from_octets), take_part, &p);
	if (p.failed)
		return -1;
	html.body = buf_span(&body);
	render_message_page(&run->o->list, &html, &page);
	return write_file(volume, name, buf_span(&page), err);
}

/* pipermail has made two messages of one there: the address leads to where the text is. */
static int write_stray(const struct render_run *run, const struct render_message *m, int dir,
                       struct error *err)
{
	const struct render_message *whole = &run->messages[m->part_of];
	const struct render_volume *v = &run->volumes[whole->volume];
	AUTO_FREE char *name = xasprintf("%s/%06lld.html", run->volumes[m->volume].name,
	                                 (long long)m->number);
	AUTO_BUF struct buf page = { 0 };

	render_page_begin(&run->o->list, SPAN("A part of another message"), false, &page);
	buf_add_text(&page, "<p>What stood here is a part of <a href=\"../");
	render_html_address(span_of(v->name), &page);
	buf_addf(&page, "/%06lld.html\">this message</a>.</p>\n", (long long)whole->number);
	render_page_end(&run->o->list, "../index.html", &page);
	return make_parents(dir, name, err) < 0 ? -1 : write_file(dir, name, buf_span(&page), err);
}

/* ── volumes ─────────────────────────────────────────────────────────────────────────────────── */

static int write_index(const struct render_run *run, struct render_volume *v,
                       enum render_order order, int volume, struct error *err)
{
	AUTO_FREE struct render_row *rows = xcalloc(v->n + 1, sizeof *rows);
	AUTO_FREE char *name = xasprintf("%s.html", render_order_name(order));
	AUTO_BUF struct buf page = { 0 };

	render_sort(run, v, order);
	for (size_t i = 0; i < v->n; i++) {
		const struct render_message *m = &run->messages[v->messages[i]];

		rows[i] = (struct render_row){ m->number, m->date, span_of(m->subject),
			                       span_of(m->author), v->depths[i] };
	}
	render_index_page(&run->o->list, v->name, order, rows, v->n, &page);
	if (order == RENDER_THREAD && write_file(volume, "index.html", buf_span(&page), err) < 0)
		return -1;
	return write_file(volume, name, buf_span(&page), err);
}

static int write_volume(struct render_run *run, struct render_volume *v, int dir, uint64_t *done,
                        uint64_t *octets_done, struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };
	AUTO_CLOSE int volume = -1;

	if (mkdirat(dir, v->name, 0755) < 0 && errno != EEXIST)
		return error_system(err, "%s", v->name);
	volume = openat(dir, v->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (volume < 0)
		return error_system(err, "%s", v->name);
	for (unsigned order = 0; order < RENDER_ORDERS; order++)
		if (write_index(run, v, (enum render_order)order, volume, err) < 0)
			return error_context(err, "%s", v->name);
	for (size_t i = 0; i < v->n; i++) {
		const struct render_message *m = &run->messages[v->messages[i]];

		if (write_message(run, v, m, dir, volume, &octets, err) < 0)
			return error_context(err, "%s", v->name);
		run->r->messages++;
		*octets_done += octets.n;
		if (run->o->progress)
			run->o->progress(run->o->context, ++*done, run->n, *octets_done);
	}
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct render_volume *const *a = x, *const *b = y;

	return (*a)->last != (*b)->last ? ((*a)->last > (*b)->last ? -1 : 1)
	                                : strcmp((*b)->name, (*a)->name);
}

static int write_contents(const struct render_run *run, int dir, struct error *err)
{
	AUTO_FREE const struct render_volume **order = xcalloc(run->volumes_n + 1, sizeof(void *));
	AUTO_FREE struct render_volume_row *rows = xcalloc(run->volumes_n + 1, sizeof *rows);
	AUTO_BUF struct buf page = { 0 };

	for (size_t i = 0; i < run->volumes_n; i++)
		order[i] = &run->volumes[i];
	qsort(order, run->volumes_n, sizeof(void *), newest_first);
	for (size_t i = 0; i < run->volumes_n; i++)
		rows[i] = (struct render_volume_row){ order[i]->name, order[i]->n };
	render_contents(&run->o->list, rows, run->volumes_n, &page);
	return write_file(dir, "index.html", buf_span(&page), err);
}

int render_write(struct render_run *run, int dir, struct error *err)
{
	uint64_t done = 0, octets = 0;

	for (size_t i = 0; i < run->volumes_n; i++)
		if (write_volume(run, &run->volumes[i], dir, &done, &octets, err) < 0)
			return -1;
	for (size_t i = 0; i < run->n; i++)
		if (run->messages[i].part_of != RENDER_NONE &&
		    write_stray(run, &run->messages[i], dir, err) < 0)
			return -1;
	return write_contents(run, dir, err);
}

/* ── what stays of the old archive ───────────────────────────────────────────────────────────── */

/* 1: copied; 0: is no file, or ours has that name. */
static int copy_file(int from, int to, const char *path, struct error *err)
{
	AUTO_CLOSE int in = file_open_below(from, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	AUTO_FREE char *part = xmalloc(COPY_PART);
	AUTO_CLOSE int out = -1;
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st) < 0)
		return error_system(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (make_parents(to, path, err) < 0)
		return -1;
	out = openat(to, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (out < 0)
		return errno == EEXIST ? 0 : error_system(err, "%s", path);
	while ((n = read(in, part, COPY_PART)) != 0)
		if (n < 0 || fd_write_all(out, part, (size_t)n) < 0)
			return error_system(err, "%s", path);
	return 1;
}

int render_keep_old(struct render_run *run, int dir, struct error *err)
{
	const struct old_pages *old = run->o->old;
	AUTO_CLOSE int from = -1;

	if (!old)
		return 0;
	from = open(run->o->old_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return error_system(err, "%s", run->o->old_dir);
	for (size_t i = 0; i < old->n; i++) {
		const struct old_page *page = &old->rows[i];
		int copied;

		if (page->kind != OLD_PAGE_ATTACHMENT &&
		    (page->kind != OLD_PAGE_MESSAGE || run->old_used[i]))
			continue;
		copied = copy_file(from, dir, page->path, err);
		if (copied < 0)
			return error_context(err, "%s", run->o->old_dir);
		if (page->kind == OLD_PAGE_ATTACHMENT)
			run->r->kept_attachments += (uint64_t)copied;
		else
			run->r->kept_pages += (uint64_t)copied;
		if (page->kind == OLD_PAGE_MESSAGE)
			strings_add(&run->r->kept, page->path);
	}
	return 0;
}
