/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_html.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_SHOWN 3u

const char *archive_kind_name(enum archive_kind kind)
{
	static const char *const names[] = { "thread", "subject", "author", "date" };

	return names[kind];
}

/* ── text ────────────────────────────────────────────────────────────────────────────────────── */

static unsigned long character(struct span s, size_t n)
{
	unsigned long c = (unsigned char)*s.p;

	if (n > 1)
		c &= n == 2 ? 0x1f : n == 3 ? 0x0f : 0x07;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return c;
}

void archive_html_text(struct span text, struct buf *out)
{
	while (text.n) {
		size_t n = span_utf8_length(text);
		unsigned char c = (unsigned char)*text.p;
		const char *entity = text_entity(*text.p);

		if (!n || (c < 32 && c != '\n' && c != '\t') || c == 127)
			buf_add_char(out, '?');
		else if (n > 1)
			buf_addf(out, "&#%lu;", character(text, n));
		else if (entity)
			buf_add_text(out, entity);
		else
			buf_add_char(out, (char)c);
		text = span_from(text, n ? n : 1);
	}
}

static void add_url_text(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || c == '.')
			buf_add_char(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned char)c);
	}
}

static void add_words(const char *text, struct buf *out)
{
	archive_html_text(span_of(text ? text : ""), out);
}

/* ── index pages ─────────────────────────────────────────────────────────────────────────────── */

/* What stands of a message in an index page. */
struct entry {
	int64_t number;
	struct span text; /* <LI> to </I> */
};
struct parsed {
	struct span before, after; /* what the rows stand between */
	struct entry *rows;        /* owned; by number */
	size_t n, room;
};

/* "<LI><A HREF="000042.html">": the number, -1 for another line. */
static int64_t entry_number(struct span line)
{
	static const char head[] = "<LI><A HREF=\"";
	struct span rest;
	ssize_t dot;
	uint64_t v;

	if (!span_starts(line, head))
		return -1;
	rest = span_from(line, sizeof head - 1);
	dot = span_find_text(rest, ".html\">");
	return dot > 0 && dot <= 18 && span_parse_u64((struct span){ rest.p, (size_t)dot }, &v)
	               ? (int64_t)v
	               : -1;
}

static bool is_row_line(struct span line)
{
	return span_is(line, "<UL>") || span_is(line, "</UL>") || entry_number(line) >= 0 ||
	       (span_starts(line, "<!--") && line.n > 4 && line.p[4] >= '0' && line.p[4] <= '9');
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void add_entry(struct parsed *p, int64_t number, struct span text)
{
	ARRAY_GROW(p->rows, p->n, p->room);
	p->rows[p->n++] = (struct entry){ number, text };
}

/* The rows stand in the second list of the page: the first and the third lead to the other indexes. */
static bool parse(struct span page, struct parsed *p)
{
	struct span rest = page, line;
	const char *begin = NULL, *entry = NULL;
	unsigned lists = 0;
	int64_t number = -1;

	while (span_next_line(&rest, &line)) {
		if (!begin && lists == 1 && is_row_line(line))
			begin = line.p;
		if (lists == 1 && entry_number(line) >= 0) {
			entry = line.p;
			number = entry_number(line);
		}
		if (entry && span_is(line, "</I>")) {
			add_entry(p, number,
			          (struct span){ entry, (size_t)(line.p + line.n - entry) });
			entry = NULL;
		}
		if (!span_is(span_trim(line), "</ul>"))
			continue;
		if (entry)
			return false;
		if (++lists < 2)
			continue;
		begin = begin ? begin : line.p;
		p->before = (struct span){ page.p, (size_t)(begin - page.p) };
		p->after = span_from(page, (size_t)(line.p - page.p));
		if (p->n)
			qsort(p->rows, p->n, sizeof *p->rows, by_number);
		return true;
	}
	return false;
}

/* "<i>...</i>" at or behind `from`; the place of its text. */
static bool find_date(struct span s, size_t from, size_t *at, size_t *n)
{
	ssize_t open = from <= s.n ? span_find_text(span_from(s, from), "<i>") : -1, end;

	if (open < 0)
		return false;
	*at = from + (size_t)open + 3;
	end = span_find_text(span_from(s, *at), "</i>");
	if (end < 0 || memchr(s.p + *at, '\n', (size_t)end))
		return false;
	*n = (size_t)end;
	return true;
}

static void add_dated(struct span s, const char *const *dates, unsigned n, struct buf *out)
{
	size_t done = 0, at, length;

	for (unsigned i = 0; i < n && find_date(s, done, &at, &length); i++) {
		buf_add(out, s.p + done, at - done);
		if (dates[i])
			buf_add_text(out, dates[i]);
		else
			buf_add(out, s.p + at, length);
		done = at + length;
	}
	buf_add_span(out, span_from(s, done));
}

/* "<b>Messages:</b> 10<p>", whatever the language: the last number before a "<p>". */
static void add_count(struct span s, size_t count, struct buf *out)
{
	for (size_t at = s.n; at > 5; at--) {
		size_t from = at;

		if (at + 3 > s.n || memcmp(s.p + at, "<p>", 3) != 0)
			continue;
		while (from && s.p[from - 1] >= '0' && s.p[from - 1] <= '9')
			from--;
		if (from == at || from < 5 || memcmp(s.p + from - 5, "</b> ", 5) != 0)
			continue;
		buf_add(out, s.p, from);
		buf_addf(out, "%zu", count);
		buf_add_span(out, span_from(s, at));
		return;
	}
	buf_add_span(out, s);
}

static void add_row(const struct parsed *p, const struct archive_row *row, struct buf *out)
{
	const struct entry key = { .number = row->number };
	const struct entry *known = p->n ? bsearch(&key, p->rows, p->n, sizeof *p->rows, by_number)
	                                 : NULL;

	if (known) {
		buf_add_span(out, known->text);
	} else {
		buf_addf(out, "<LI><A HREF=\"%06lld.html\">", (long long)row->number);
		archive_html_text(row->subject, out);
		buf_addf(out, "\n</A><A NAME=\"%lld\">&nbsp;</A>\n<I>", (long long)row->number);
		archive_html_text(row->author, out);
		buf_add_text(out, "\n</I>");
	}
	buf_add_text(out, "\n\n");
}

/* A message stands below the nearest one before it whose key its own begins with. */
static unsigned depth_below(const struct archive_row **above, unsigned n, struct span key)
{
	while (n && !(above[n - 1]->thread_key.n < key.n &&
	              !memcmp(above[n - 1]->thread_key.p, key.p, above[n - 1]->thread_key.n)))
		n--;
	return n;
}

static void add_rows(const struct parsed *p, enum archive_kind kind, const struct archive_row *rows,
                     size_t n, struct buf *out)
{
	const struct archive_row *above[DEPTH_SHOWN + 1];
	unsigned now = 0, depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (kind == ARCHIVE_THREAD) {
			depth = depth_below(above, depth, rows[i].thread_key);
			if (depth > DEPTH_SHOWN)
				depth = DEPTH_SHOWN;
			for (; now < depth; now++)
				buf_add_text(out, "<UL>\n");
			for (; now > depth; now--)
				buf_add_text(out, "</UL>\n");
			buf_addf(out, "<!--%u ", depth);
			buf_add_span(out, rows[i].thread_key);
			buf_add_text(out, " -->\n");
			above[depth] = &rows[i];
			depth = depth < DEPTH_SHOWN ? depth + 1 : DEPTH_SHOWN;
		}
		add_row(p, &rows[i], out);
	}
	for (; now; now--)
		buf_add_text(out, "</UL>\n");
}

bool archive_html_index(struct span page, enum archive_kind kind, const struct archive_row *rows,
                        size_t n, const char *starting, const char *ending, struct buf *out)
{
	const char *const before[] = { starting, ending }, *const after[] = { ending };
	AUTO_BUF struct buf head = { 0 };
	struct parsed p = { 0 };
	bool good = parse(page, &p);

	if (good) {
		add_count(p.before, n, &head);
		add_dated(buf_span(&head), before, 2, out);
		add_rows(&p, kind, rows, n, out);
		add_dated(p.after, after, 1, out);
	}
	free(p.rows);
	return good;
}

static void add_head(const char *title, bool index, struct buf *out)
{
	buf_add_text(out, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n"
	                  "<HTML>\n <HEAD>\n  <TITLE>");
	add_words(title, out);
	buf_addf(out,
	         "</TITLE>\n  <META NAME=\"robots\" CONTENT=\"%s\">\n"
	         "  <META http-equiv=\"Content-Type\" content=\"text/html; charset=us-ascii\">\n",
	         index ? "index,nofollow" : "noindex,follow");
}

static void add_sorted(const char *anchor, struct buf *out)
{
	for (unsigned kind = 0; kind < ARCHIVE_KINDS; kind++)
		buf_addf(out, "  <a href=\"%s.html#%s\">[ %s ]</a>\n", archive_kind_name(kind),
		         anchor, archive_kind_name(kind));
}

static void add_info(const char *info, const char *list, struct buf *out)
{
	buf_add_text(out, "<a href=\"");
	add_words(info, out);
	buf_add_text(out, "\">More about ");
	add_words(list, out);
	buf_add_text(out, "</a>");
}

void archive_html_new_index(enum archive_kind kind, const char *list, const char *volume,
                            const char *info, struct buf *out)
{
	AUTO_FREE char *title = xasprintf("%s, %s, by %s", list, volume, archive_kind_name(kind));

	add_head(title, false, out);
	buf_add_text(out,
	             " </HEAD>\n <BODY BGCOLOR=\"#ffffff\">\n  <a name=\"start\"></a>\n  <h1>");
	add_words(title, out);
	buf_add_text(out, "</h1>\n  <ul>\n  <li><b>Sorted by:</b>\n");
	add_sorted("start", out);
	buf_add_text(out, "  <li><b>");
	add_info(info, list, out);
	buf_add_text(out, "</b></li>\n  </ul>\n  <p><b>Starting:</b> <i>-</i><br>\n"
	                  "     <b>Ending:</b> <i>-</i><br>\n     <b>Messages:</b> 0<p>\n"
	                  "  <ul>\n\n  </ul>\n  <p><a name=\"end\"><b>Last message:</b></a>\n"
	                  "  <i>-</i><br>\n  <ul>\n  <li><b>Sorted by:</b>\n");
	add_sorted("start", out);
	buf_add_text(out, "  </ul>\n </BODY>\n</HTML>\n");
}

/* ── pages of messages ───────────────────────────────────────────────────────────────────────── */

bool archive_html_hide_links(struct span page, int64_t number, struct buf *out)
{
	AUTO_FREE char *link = xasprintf("<A HREF=\"%06lld.html\">", (long long)number);
	bool any = false;
	ssize_t at, end;

	while ((at = span_find_text(page, link)) >= 0) {
		size_t text = (size_t)at + strlen(link);

		buf_add(out, page.p, text);
		page = span_from(page, text);
		end = span_find_text(page, "</A>");
		if (end < 0)
			break;
		buf_add_text(out, "(withdrawn)\n");
		page = span_from(page, (size_t)end);
		any = true;
	}
	buf_add_span(out, page);
	return any;
}

void archive_html_withdrawn(int64_t number, const char *list, const char *info, struct buf *out)
{
	add_head("withdrawn", false, out);
	buf_add_text(out, " </HEAD>\n " ARCHIVE_WITHDRAWN "\n <BODY BGCOLOR=\"#ffffff\">\n"
	                  "  <H1>This message was withdrawn</H1>\n"
	                  "  <p>It is no longer in the archive. Its address stays, and is given "
	                  "to no other message.</p>\n  <p>");
	buf_addf(out, "%06lld; the others:\n", (long long)number);
	add_sorted("start", out);
	buf_add_text(out, "  </p>\n  <hr>\n  ");
	add_info(info, list, out);
	buf_add_text(out, "\n </BODY>\n</HTML>\n");
}

static void add_neighbours(const struct archive_html_page *p, struct buf *out)
{
	AUTO_FREE char *anchor = xasprintf("%lld", (long long)p->number);

	buf_add_text(out, "  <P><UL>\n");
	if (p->before >= 0)
		buf_addf(out,
		         "  <LI>Previous message (by thread): <A HREF=\"%06lld.html\">%06lld\n"
		         "</A></li>\n",
		         (long long)p->before, (long long)p->before);
	if (p->after >= 0)
		buf_addf(out,
		         "  <LI>Next message (by thread): <A HREF=\"%06lld.html\">%06lld\n"
		         "</A></li>\n",
		         (long long)p->after, (long long)p->after);
	buf_add_text(out, "  <LI> <B>Messages sorted by:</B>\n");
	add_sorted(anchor, out);
	buf_add_text(out, "  </LI>\n  </UL>\n");
}

static void add_mail_link(const struct archive_html_page *p, struct buf *out)
{
	buf_add_text(out, "mailto:");
	add_url_text(span_of(p->address), out);
	buf_add_text(out, "?Subject=Re%3A%20");
	add_url_text(buf_span(&p->letter->subject), out);
	buf_add_text(out, "&In-Reply-To=%3C");
	add_url_text(buf_span(&p->letter->id), out);
	buf_add_text(out, "%3E");
}

void archive_html_message(const struct archive_html_page *p, struct buf *out)
{
	const struct archive_letter *l = p->letter;

	add_head(buf_text(&l->subject), true, out);
	buf_add_text(out, "  <LINK REL=\"Index\" HREF=\"index.html\">\n"
	                  "  <LINK REL=\"made\" HREF=\"");
	add_mail_link(p, out);
	buf_add_text(out, "\">\n </HEAD>\n <BODY BGCOLOR=\"#ffffff\">\n  <H1>");
	archive_html_text(buf_span(&l->subject), out);
	buf_add_text(out, "</H1>\n  <B>");
	archive_html_text(buf_span(&l->author), out);
	buf_add_text(out, "</B>\n  <A HREF=\"");
	add_mail_link(p, out);
	buf_add_text(out, "\">");
	archive_html_text(buf_span(&l->email), out);
	buf_add_text(out, "</A><BR>\n  <I>");
	archive_html_text(buf_span(&l->date_text), out);
	buf_add_text(out, "</I>\n");
	add_neighbours(p, out);
	buf_add_text(out, "  <HR>\n<!--beginarticle-->\n<PRE>");
	archive_html_text(buf_span(&l->body), out);
	buf_add_text(out, "</PRE>\n<!--endarticle-->\n  <HR>\n");
	add_neighbours(p, out);
	buf_add_text(out, "  <hr>\n  ");
	add_info(p->info, p->list, out);
	buf_add_text(out, "<br>\n </BODY>\n</HTML>\n");
}

/* Where the second row of the table begins, the first being its heading; its end, where there is none. */
static ssize_t second_row(struct span page)
{
	ssize_t table = span_find_text(page, "<table"), end, row;
	struct span rest;

	if (table < 0)
		return -1;
	rest = span_from(page, (size_t)table);
	end = span_find_text(rest, "</table>");
	if (end < 0)
		return -1;
	rest.n = (size_t)end;
	row = span_find_text(rest, "<tr>");
	if (row < 0)
		return table + end;
	rest = span_from(rest, (size_t)row + 4);
	row = span_find_text(rest, "<tr>");
	return row < 0 ? table + end : rest.p + row - page.p;
}

bool archive_html_contents(struct span page, const char *volume, struct buf *out)
{
	AUTO_FREE char *link = xasprintf("href=\"%s/thread.html\"", volume);
	ssize_t at = second_row(page);

	if (at < 0 || span_find_text(page, link) >= 0)
		return false;
	buf_add(out, page.p, (size_t)at);
	buf_add_text(out, "<tr>\n            <td>");
	add_words(volume, out);
	buf_add_text(out, ":</td>\n            <td>\n");
	for (unsigned kind = 0; kind < ARCHIVE_KINDS; kind++)
		buf_addf(out, "              <A href=\"%s/%s.html\">[ %s ]</a>\n", volume,
		         archive_kind_name(kind), archive_kind_name(kind));
	buf_add_text(out,
	             "            </td>\n            <td></td>\n            </tr>\n\n\n\t    ");
	buf_add_span(out, span_from(page, (size_t)at));
	return true;
}
