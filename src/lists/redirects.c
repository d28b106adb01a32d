/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/redirects.h"

#include "base/memory.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HYPERKITTY_ID_MAX 254u /* octets of a Message-ID that it keeps, where there are more */
#define LINE_MAX_LOOKED 1000u  /* mod_rewrite reads lines of 1023 octets; nginx has words of 4096 */

void redirects_fini(struct redirects *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rows[i].from);
		free(r->rows[i].to);
	}
	free(r->rows);
	strings_fini(&r->without_id);
	strings_fini(&r->named);
	strings_fini(&r->kept);
	*r = (struct redirects){ 0 };
}

/* ── names ───────────────────────────────────────────────────────────────────────────────────── */

static bool is_path(const char *path)
{
	size_t n = strlen(path);

	if (n && (*path != '/' || path[n - 1] == '/'))
		return false;
	for (; *path; path++)
		if (!isalnum((unsigned char)*path) && !strchr("/-_.~@+", *path))
			return false;
	return true;
}

int redirects_check(const struct redirects_to *to, struct error *err)
{
	struct span host = span_of(to->base);

	host = span_starts(host, "https://") ? span_from(host, 8) : (struct span){ "", 0 };
	for (size_t i = 0; i < host.n; i++)
		if (!isalnum((unsigned char)host.p[i]) && !strchr("-.:[]", host.p[i]))
			host.n = 0;
	if (!host.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "\"%s\" is no https://HOST", to->base);
	if (!is_path(to->archives) || !is_path(to->lists))
		return error_set(
			err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			"\"%s\" or \"%s\" is no path: it begins with \"/\", and ends without",
			to->archives, to->lists);
	return 0;
}

void redirects_hyperkitty_hash(const char *id, char out[33])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	size_t n = strlen(id), bit = 0;
	unsigned char sha[21] = { 0 };

	(void)EVP_Digest(id, n > HYPERKITTY_ID_MAX ? HYPERKITTY_ID_MAX : n, sha, NULL, EVP_sha1(),
	                 NULL);
	for (size_t i = 0; i < 32; i++, bit += 5) {
		unsigned two = (unsigned)sha[bit / 8] << 8 | sha[bit / 8 + 1];

		out[i] = digits[two >> (11 - bit % 8) & 31];
	}
	out[32] = '\0';
}

static void escape(struct span path, const char *plain, const char *digits, struct buf *out)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		const char hex[3] = { '%', digits[c >> 4], digits[c & 15] };

		if ((c < 128 && isalnum(c)) || (c && c < 128 && strchr(plain, c)))
			buf_add_char(out, (char)c);
		else
			buf_add(out, hex, 3);
	}
}

void redirects_escape(struct span path, struct buf *out)
{
	escape(path, "$-_.+!*'(),:;@&=/~", "0123456789abcdef", out);
}

/* What may stand in an address (RFC 3986 section 2.3), and means nothing to a server's configuration. */
static void add_address(struct span path, struct buf *out)
{
	escape(path, "-_.~/@", "0123456789ABCDEF", out);
}

/* ── rows ────────────────────────────────────────────────────────────────────────────────────── */

/* A message, by the name of its folder of attachments. */
struct hashed {
	char hash[OLD_PAGE_HASH_SIZE + 1];
	const struct old_page *page;
};

struct adding {
	struct redirects *r;
	const struct redirects_to *to;
	const struct redirects_list *list;
	struct strings places; /* paths of the list's folder: "/pipermail/talk" */
	char *now;             /* address of its folder, where pages keep their names */
	struct hashed *hashes; /* messages; owned; by hash */
	size_t hashes_n;
};

static void add_row(struct redirects *r, const struct redirects_to *to, const char *from,
                    const char *address)
{
	AUTO_BUF struct buf same = { 0 };
	struct redirect row = { .from = xstrdup(from), .to = xstrdup(address) };

	buf_add_text(&same, to->base);
	add_address(span_of(from), &same);
	row.stays = !strcmp(buf_text(&same), address);
	r->stays += row.stays;
	ARRAY_GROW(r->rows, r->n, r->room);
	r->rows[r->n++] = row;
}

/* One old page at all of its addresses. */
static void add_page(struct adding *a, const char *path, const char *address)
{
	for (size_t i = 0; i < a->places.n; i++) {
		AUTO_FREE char *from = xasprintf("%s%s%s", a->places.rows[i], *path ? "/" : "",
		                                 path);

		add_row(a->r, a->to, from, address);
	}
}

/* The folder "PATH/", and "PATH": else a server sends to the first itself, and that is a step more. */
static void add_folder(struct adding *a, struct span path, const char *address)
{
	AUTO_FREE char *name = span_dup(path);

	for (size_t i = 0; i < a->places.n; i++) {
		AUTO_FREE char *bare = xasprintf("%s%s%s", a->places.rows[i], *name ? "/" : "",
		                                 name);
		AUTO_FREE char *whole = xasprintf("%s/", bare);

		add_row(a->r, a->to, bare, address);
		add_row(a->r, a->to, whole, address);
	}
}

/* "2026-March" as HyperKitty has it, "2026/3/"; weeks and days by their month; empty for others. */
static void add_month(struct span volume, struct buf *out)
{
	static const char *const months[] = { "January",   "February", "March",    "April",
		                              "May",       "June",     "July",     "August",
		                              "September", "October",  "November", "December" };
	uint64_t year, month, day;
	struct span digits = volume;

	if (volume.n > 5 && volume.p[4] == '-' &&
	    span_parse_u64((struct span){ volume.p, 4 }, &year))
		for (unsigned i = 0; i < ROWS(months); i++)
			if (span_is(span_from(volume, 5), months[i]))
				buf_addf(out, "%llu/%u/", (unsigned long long)year, i + 1);
	if (span_starts(volume, "Week-of-Mon-"))
		digits = span_from(volume, strlen("Week-of-Mon-"));
	if (digits.n == 8 && span_parse_u64(digits, &day)) {
		year = day / 10000;
		month = day / 100 % 100;
		if (month >= 1 && month <= 12)
			buf_addf(out, "%llu/%llu/", (unsigned long long)year,
			         (unsigned long long)month);
	}
}

static int by_hash(const void *x, const void *y)
{
	return strcmp(((const struct hashed *)x)->hash, ((const struct hashed *)y)->hash);
}

/* The message whose attachments stand in attachments/YYYYMMDD/HHHHHHHH/; NULL: no page has it. */
static const struct old_page *page_of_attachment(const struct adding *a, struct span path)
{
	const struct hashed *found;
	struct hashed key = { 0 };
	struct span part;

	for (unsigned i = 0; i < 3; i++)
		if (!span_next_part(&path, '/', &part))
			return NULL;
	if (part.n != OLD_PAGE_HASH_SIZE || !a->hashes_n)
		return NULL;
	memcpy(key.hash, part.p, part.n);
	found = bsearch(&key, a->hashes, a->hashes_n, sizeof key, by_hash);
	return found ? found->page : NULL;
}

static void hyperkitty_address(struct adding *a, const struct old_page *page, struct buf *out)
{
	const struct old_page *message = page->kind == OLD_PAGE_ATTACHMENT
	                                         ? page_of_attachment(a, span_of(page->path))
	                                         : page;

	if (page->kind == OLD_PAGE_OTHER || !message)
		return;
	buf_addf(out, "%s%s/list/", a->to->base, a->to->archives);
	add_address(span_of(a->list->address), out);
	buf_add_char(out, '/');
	if (message->kind == OLD_PAGE_MESSAGE && message->id) {
		char hash[33];

		redirects_hyperkitty_hash(message->id, hash);
		buf_addf(out, "message/%s/", hash);
	} else if (message->kind != OLD_PAGE_CONTENTS) {
		add_month(message->volume, out);
	}
}

/* Where a page is now. True: it has no place of its own in what is new, and its file has to stay. */
static bool address_of(struct adding *a, const struct old_page *page, struct buf *out)
{
	bool is_kept = false;

	if (a->to->target == REDIRECTS_HYPERKITTY) {
		hyperkitty_address(a, page, out);
		if (out->n)
			return false;
		is_kept = true;
		buf_add_text(out, a->to->base);
		add_address(span_of(a->places.rows[0]), out);
	} else {
		buf_add_text(out, a->now);
	}
	buf_add_char(out, '/');
	if (page->kind == OLD_PAGE_TEXT && a->to->target == REDIRECTS_RENDER) {
		add_address(page->volume, out);
		buf_add_text(out, "/thread.html");
	} else {
		add_address(span_of(page->path), out);
	}
	return is_kept;
}

static bool is_plain(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path < 32 || *path == 127)
			return false;
	return true;
}

static void name_page(struct strings *to, const struct adding *a, const struct old_page *page,
                      const char *why)
{
	AUTO_BUF struct buf shown = { 0 };

	buf_add_printable(&shown, span_of(page->path));
	strings_addf(to, "%s/%s%s", a->list->name, buf_text(&shown), why);
}

/* The folder of a volume, when its first page is met. */
static void add_volume(struct adding *a, struct span volume)
{
	const struct old_page index = { .kind = OLD_PAGE_VOLUME, .path = "", .volume = volume };
	AUTO_BUF struct buf to = { 0 };

	if (a->to->target == REDIRECTS_HYPERKITTY) {
		hyperkitty_address(a, &index, &to);
	} else {
		buf_addf(&to, "%s/", a->now);
		add_address(volume, &to);
		buf_add_char(&to, '/');
	}
	add_folder(a, volume, buf_text(&to));
}

static void add_pages(struct adding *a, const struct old_pages *pages)
{
	struct span folder = { NULL, 0 };

	for (size_t i = 0; i < pages->n; i++) {
		const struct old_page *page = &pages->rows[i];
		AUTO_BUF struct buf address = { 0 };

		a->r->pages++;
		a->r->messages += page->kind == OLD_PAGE_MESSAGE;
		if (!is_plain(page->path)) {
			name_page(&a->r->named, a, page, ": has octets that are no text");
			continue;
		}
		if (page->kind == OLD_PAGE_MESSAGE && !page->id)
			name_page(&a->r->without_id, a, page, "");
		if (address_of(a, page, &address))
			name_page(&a->r->kept, a, page, "");
		add_page(a, page->path, buf_text(&address));
		if ((page->kind == OLD_PAGE_VOLUME || page->kind == OLD_PAGE_MESSAGE) &&
		    !span_equal(folder, page->volume)) {
			folder = page->volume;
			add_volume(a, folder);
		}
	}
}

static void begin_hashes(struct adding *a, const struct old_pages *pages)
{
	if (a->to->target != REDIRECTS_HYPERKITTY || !pages)
		return;
	a->hashes = xcalloc(pages->n + 1, sizeof *a->hashes);
	for (size_t i = 0; i < pages->n; i++) {
		if (!pages->rows[i].id)
			continue;
		old_page_hash(pages->rows[i].id, a->hashes[a->hashes_n].hash);
		a->hashes[a->hashes_n++].page = &pages->rows[i];
	}
	qsort(a->hashes, a->hashes_n, sizeof *a->hashes, by_hash);
}

static void add_places(struct adding *a)
{
	const char *name = a->list->name;

	if (a->list->is_private) {
		strings_addf(&a->places, "/mailman/private/%s", name);
		strings_addf(&a->places, "/cgi-bin/mailman/private/%s", name);
	} else {
		strings_addf(&a->places, "/pipermail/%s", name);
	}
	for (size_t i = 0; i < a->to->domains->n; i++)
		strings_addf(&a->places, "/%s/%s-%s",
		             a->list->is_private ? "private.cgi" : "pipermail", name,
		             a->to->domains->rows[i]);
}

/* ── what is not the archive ─────────────────────────────────────────────────────────────────── */

static const char *const programs[] = { "listinfo", "admin", "admindb", "roster", "options" };

static void program_address(const struct redirects_to *to, const char *program, const char *list,
                            struct buf *out)
{
	const char *host = list ? strrchr(list, '@') : NULL;

	if (to->target == REDIRECTS_HYPERKITTY) {
		/* Postorius has a list by its list-id */
		buf_addf(out, "%s%s/lists/", to->base, to->lists);
		if (!list)
			return;
		add_address((struct span){ list, host ? (size_t)(host - list) : strlen(list) },
		            out);
		if (host) {
			buf_add_char(out, '.');
			add_address(span_of(host + 1), out);
		}
		buf_add_char(out, '/');
		return;
	}
	buf_addf(out, "%s%s/%s", to->base, to->lists, program);
	if (list) {
		buf_add_char(out, '/');
		add_address((struct span){ list, host ? (size_t)(host - list) : strlen(list) },
		            out);
	}
}

static void add_programs(struct adding *a)
{
	static const char *const places[] = { "/mailman", "/cgi-bin/mailman" };

	for (size_t i = 0; i < ROWS(programs); i++) {
		AUTO_BUF struct buf to = { 0 };

		program_address(a->to, programs[i], a->list->address, &to);
		for (size_t k = 0; a->to->target == REDIRECTS_HYPERKITTY && k < ROWS(places); k++) {
			AUTO_FREE char *from = xasprintf("%s/%s/%s", places[k], programs[i],
			                                 a->list->name);

			add_row(a->r, a->to, from, buf_text(&to));
		}
		for (size_t k = 0; k < a->to->domains->n; k++) {
			AUTO_FREE char *from = xasprintf("/%s.cgi/%s-%s", programs[i],
			                                 a->list->name, a->to->domains->rows[k]);

			add_row(a->r, a->to, from, buf_text(&to));
		}
	}
}

/* The archive's mbox, which has no place in an archive that is made of pages. */
static void add_mbox(struct adding *a, const char *address)
{
	for (size_t i = 0; i < a->places.n; i++) {
		const char *place = a->places.rows[i], *name = strrchr(place, '/') + 1;
		AUTO_FREE char *from = xasprintf("%s.mbox/%s.mbox", place, name);
		AUTO_BUF struct buf to = { 0 };

		if (a->to->target == REDIRECTS_KEEP) {
			buf_addf(&to, "%s.mbox/", a->now);
			add_address(span_of(a->list->name), &to);
			buf_add_text(&to, ".mbox");
		}
		add_row(a->r, a->to, from, to.n ? buf_text(&to) : address);
	}
}

void redirects_add_list(struct redirects *r, const struct redirects_to *to,
                        const struct redirects_list *list, const struct old_pages *pages)
{
	struct adding a = { .r = r, .to = to, .list = list };
	AUTO_BUF struct buf now = { 0 };

	r->has_private = r->has_private || list->is_private;
	add_places(&a);
	buf_add_text(&now, to->base);
	if (list->is_private && to->target == REDIRECTS_KEEP)
		buf_addf(&now, "%s/private", to->lists);
	else
		buf_add_text(&now, to->archives);
	buf_add_char(&now, '/');
	add_address(span_of(list->name), &now);
	a.now = buf_take(&now);
	begin_hashes(&a, pages);
	if (pages) {
		const struct old_page contents = { .kind = OLD_PAGE_CONTENTS, .path = "" };
		AUTO_BUF struct buf address = { 0 };

		(void)address_of(&a, &contents, &address);
		add_folder(&a, span_of(""), buf_text(&address));
		add_mbox(&a, buf_text(&address));
		add_pages(&a, pages);
	}
	add_programs(&a);
	free(a.hashes);
	free(a.now);
	strings_fini(&a.places);
}

/* ── all together ────────────────────────────────────────────────────────────────────────────── */

static int by_from(const void *x, const void *y)
{
	return strcmp(((const struct redirect *)x)->from, ((const struct redirect *)y)->from);
}

static bool is_long(const struct redirect *row)
{
	AUTO_BUF struct buf escaped = { 0 };

	redirects_escape(span_of(row->from), &escaped);
	return escaped.n + strlen(row->to) > LINE_MAX_LOOKED;
}

/* Of two rules for one address one would hold by chance. */
static void name_doubles(struct redirects *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct redirect *row = &r->rows[i];
		const struct redirect *before = kept ? &r->rows[kept - 1] : NULL;
		bool again = before && !strcmp(before->from, row->from), longer = is_long(row);

		if (longer)
			strings_addf(&r->named, "%s: is too long for a server's map", row->from);
		else if (again && strcmp(before->to, row->to) != 0)
			strings_addf(&r->named, "%s: is of two lists; leads to %s", row->from,
			             before->to);
		if (!again && !longer) {
			r->rows[kept++] = *row;
			continue;
		}
		r->stays -= row->stays;
		free(row->from);
		free(row->to);
	}
	r->n = kept;
}

void redirects_end(struct redirects *r, const struct redirects_to *to)
{
	for (size_t i = 0; to->domains->n && i < 2; i++) {
		static const char *const froms[] = { "/listinfo.cgi", "/listinfo.cgi/" };
		AUTO_BUF struct buf address = { 0 };

		program_address(to, "listinfo", NULL, &address);
		add_row(r, to, froms[i], buf_text(&address));
	}
	if (r->n)
		qsort(r->rows, r->n, sizeof *r->rows, by_from);
	name_doubles(r);
}
