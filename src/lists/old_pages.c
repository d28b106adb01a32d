/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/old_pages.h"

#include "base/memory.h"
#include "lists/archive_state.h"
#include "lists/site.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 4u               /* attachments/YYYYMMDD/HHHHHHHH/attachment.ext */
#define HEAD_SHORT 1536u       /* octets: where the link stands, but for long subjects */
#define HEAD_LONG (256u << 10) /* where it stands at the latest */
#define ID_MAX 998u            /* RFC 5322 section 2.1.1 */

void old_pages_fini(struct old_pages *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->rows[i].id);
	free(p->rows);
	host_listing_fini(&p->files);
	*p = (struct old_pages){ 0 };
}

/* ── one page ────────────────────────────────────────────────────────────────────────────────── */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* Where a link's value ends: at its quotation mark, or at the next field of the mailto. */
static struct span link_value(struct span rest)
{
	size_t n = 0;

	while (n < rest.n && !strchr("\"&>\n", rest.p[n]))
		n++;
	return (struct span){ rest.p, n };
}

static void add_unquoted(struct span value, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '%' && i + 2 < value.n && hex(value.p[i + 1]) >= 0 &&
		    hex(value.p[i + 2]) >= 0) {
			c = (char)(hex(value.p[i + 1]) * 16 + hex(value.p[i + 2]));
			i += 2;
		}
		if (c && !strchr("<> \t\r\n", c) && out->n < ID_MAX)
			buf_add_char(out, c);
	}
}

bool old_page_id(struct span html, struct buf *out)
{
	static const char field[] = "In-Reply-To=";
	ssize_t at = span_find_text(html, "<LINK REL=\"made\"");
	AUTO_BUF struct buf id = { 0 };
	uint64_t number;

	/* what stands in front holds the subject; in it "<" would be "&lt;" */
	if (at < 0)
		return false;
	html = span_from(html, (size_t)at);
	at = span_find_text(html, field);
	if (at < 0 || memchr(html.p, '>', (size_t)at))
		return false;
	add_unquoted(link_value(span_from(html, (size_t)at + sizeof field - 1)), &id);
	/* a message without one has its number, or what Python calls nothing */
	if (!id.n || span_is(buf_span(&id), "None") || span_parse_u64(buf_span(&id), &number))
		return false;
	buf_add_span(out, buf_span(&id));
	return true;
}

/* mailman.NUMBER.SECONDS.PROCESS.LIST@HOST: Utils.unique_message_id() */
bool old_page_is_made(const char *id)
{
	struct span rest = span_of(id), part;
	uint64_t number;

	if (!span_next_part(&rest, '.', &part) || !span_is(part, "mailman"))
		return false;
	for (unsigned i = 0; i < 3; i++)
		if (!rest.p || !span_next_part(&rest, '.', &part) || !span_parse_u64(part, &number))
			return false;
	return rest.p;
}

void old_pages_drop_made(struct old_pages *p, const struct strings *mbox_ids)
{
	for (size_t i = 0; i < p->n; i++) {
		AUTO_FREE char *whole = NULL;

		if (!p->rows[i].id || !old_page_is_made(p->rows[i].id))
			continue;
		whole = xasprintf("<%s>", p->rows[i].id);
		if (archive_ids_have(mbox_ids, whole))
			continue;
		free(p->rows[i].id);
		p->rows[i].id = NULL;
	}
}

void old_page_hash(const char *id, char out[OLD_PAGE_HASH_SIZE + 1])
{
	AUTO_FREE char *whole = xasprintf("<%s>", id);
	AUTO_BUF struct buf digits = { 0 };
	unsigned char digest[20] = { 0 };

	(void)EVP_Digest(whole, strlen(whole), digest, NULL, EVP_sha1(), NULL);
	buf_add_hex(&digits, digest, 2);
	buf_add_hex(&digits, digest + 18, 2);
	memcpy(out, buf_text(&digits), OLD_PAGE_HASH_SIZE + 1);
}

/* ── a folder ────────────────────────────────────────────────────────────────────────────────── */

static bool is_index_name(struct span file)
{
	static const char *const names[] = { "index.html", "thread.html", "subject.html",
		                             "author.html", "date.html" };

	for (size_t i = 0; i < ROWS(names); i++)
		if (span_is(file, names[i]))
			return true;
	return false;
}

/* What a path is; of a file, or of a symbolic link. */
static struct old_page page_of(const char *path)
{
	struct old_page page = { .path = path };
	struct span rest = span_of(path), file;
	ssize_t slash = span_find(rest, '/');
	size_t cut = 0;

	if (slash < 0) {
		if (span_is(rest, "index.html"))
			page.kind = OLD_PAGE_CONTENTS;
		else if (span_ends(rest, ".txt"))
			cut = 4;
		else if (span_ends(rest, ".txt.gz"))
			cut = 7;
		if (cut)
			page.kind = OLD_PAGE_TEXT;
		page.volume = (struct span){ rest.p, rest.n - cut };
		return page;
	}
	page.volume = (struct span){ rest.p, (size_t)slash };
	file = span_from(rest, (size_t)slash + 1);
	if (span_is(page.volume, "attachments"))
		page.kind = OLD_PAGE_ATTACHMENT;
	else if (archive_page_of(path, &page.volume, &page.number))
		page.kind = OLD_PAGE_MESSAGE;
	else if (is_index_name(file))
		page.kind = OLD_PAGE_VOLUME;
	return page;
}

static bool is_published(const struct host_entry *e)
{
	struct span path = span_of(e->path);

	return (S_ISREG(e->mode) || S_ISLNK(e->mode)) && !span_starts(path, "database/") &&
	       !span_is(path, "pipermail.pck") && !span_starts(path, "pipermail.pck.");
}

static char *path_of(const char *dir, const struct old_page *page)
{
	return xasprintf("%s/%s", dir, page->path);
}

/* The link of a few stands further down. */
static int read_far(struct old_page *page, struct host *h, const char *dir, struct error *err)
{
	AUTO_FREE char *path = path_of(dir, page);
	AUTO_BUF struct buf head = { 0 }, id = { 0 };
	uint64_t size;

	if (host_read_part(h, path, 0, HEAD_LONG, &head, &size, err) < 0)
		return error_context(err, "%s", page->path);
	if (old_page_id(buf_span(&head), &id))
		page->id = buf_take(&id);
	return 0;
}

static int collect(struct old_page *page, struct host *h, bool *far, struct error *err)
{
	AUTO_BUF struct buf head = { 0 }, id = { 0 };
	uint64_t size;

	if (host_read_part_collect(h, HEAD_SHORT, &head, &size, err) < 0)
		return error_context(err, "%s", page->path);
	if (old_page_id(buf_span(&head), &id))
		page->id = buf_take(&id);
	*far = !page->id && size > head.n;
	return 0;
}

/* Asks for many ahead, so that a line waits once for a window of them. */
static int read_messages(struct old_pages *p, struct host *h, const char *dir, bool *far,
                         struct error *err)
{
	size_t asked = 0, under_way = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->rows[i].kind != OLD_PAGE_MESSAGE)
			continue;
		for (; asked < p->n && under_way < HOST_AHEAD; asked++) {
			AUTO_FREE char *path = NULL;

			if (p->rows[asked].kind != OLD_PAGE_MESSAGE)
				continue;
			path = path_of(dir, &p->rows[asked]);
			if (host_read_part_send(h, path, 0, HEAD_SHORT, err) < 0)
				return -1;
			under_way++;
		}
		if (collect(&p->rows[i], h, &far[i], err) < 0)
			return -1;
		under_way--;
	}
	return 0;
}

int old_pages_read(struct old_pages *p, struct host *h, const char *dir, struct error *err)
{
	AUTO_FREE bool *far = NULL;

	if (lists_listing(h, *dir ? dir : "/", DEPTH, &p->files, err) < 0)
		return -1;
	for (size_t i = 0; i < p->files.n; i++) {
		if (!is_published(&p->files.rows[i]))
			continue;
		ARRAY_GROW(p->rows, p->n, p->room);
		p->rows[p->n++] = page_of(p->files.rows[i].path);
	}
	far = xcalloc(p->n + 1, sizeof *far);
	if (read_messages(p, h, dir, far, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (far[i] && read_far(&p->rows[i], h, dir, err) < 0)
			return -1;
	return 0;
}
