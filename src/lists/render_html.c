/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/render_html.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define DEPTH_SHOWN 6u

/* Everything that a page needs; a page that asks for anything else asks for nothing. */
static const char head[] =
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n"
	"<style>body{font:1em/1.5 sans-serif;max-width:50em;margin:1em auto;padding:0 .8em;"
	"overflow-wrap:anywhere}pre{white-space:pre-wrap;font:.95em/1.4 monospace}"
	"h1{font-size:1.3em}ul{list-style:none;padding-left:.8em}li{margin:.3em 0}"
	"nav a{display:inline-block;padding:.2em .7em .2em 0}i,time{color:#555}"
	".part{border-top:1px solid #ccc}</style>\n";

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

/* Controls, and what embeds, overrides or isolates a direction (UAX 9): it would reach into what is ours. */
static bool is_shown(unsigned long c)
{
	return c == '\n' || c == '\t' ||
	       (c > 31 && c != 127 && !(c > 127 && c < 160) && !(c >= 0x202a && c <= 0x202e) &&
	        !(c >= 0x2066 && c <= 0x2069) && c != 0x2028 && c != 0x2029 && c != 0xfeff &&
	        (c & 0xfffe) != 0xfffe);
}

static bool is_word(char c)
{
	return (unsigned char)c > 32 && !strchr("<>()[]\",;:", c);
}

/* One character; how many octets it has. */
static size_t add_one(struct span all, size_t at, bool veil, struct buf *out)
{
	struct span rest = span_from(all, at);
	size_t n = span_utf8_length(rest);
	char c = *rest.p;
	const char *entity = text_entity(c);

	if (n == 1 && c == '\r')
		return 1;
	if (!n || !is_shown(character(rest, n)))
		buf_add_text(out, "\xef\xbf\xbd");
	else if (entity)
		buf_add_text(out, entity);
	else if (c == '\'')
		buf_add_text(out, "&#39;");
	else if (c == '@' && veil && at && at + 1 < all.n && is_word(all.p[at - 1]) &&
	         is_word(all.p[at + 1]))
		buf_add_text(out, " at ");
	else
		buf_add(out, rest.p, n);
	return n ? n : 1;
}

/* Octets from `at` on that stand for themselves: most of all text, and taken at once. */
static size_t plain_length(struct span text, size_t at)
{
	static const bool stops[256] = {
		[0 ... '\n' - 1] = true,
		['\n' + 1 ... 31] = true,
		['"'] = true,
		['&'] = true,
		['\''] = true,
		['<'] = true,
		['>'] = true,
		['@'] = true,
		['h'] = true,
		[127 ... 255] = true,
	};
	size_t n = at;

	while (n < text.n && (!stops[(unsigned char)text.p[n]] ||
	                      (text.p[n] == 'h' && !(n + 1 < text.n && text.p[n + 1] == 't'))))
		n++;
	return n - at;
}

void render_html_text(struct span text, bool veil, struct buf *out)
{
	for (size_t at = 0, n; at < text.n; at += n) {
		n = plain_length(text, at);
		if (n)
			buf_add(out, text.p + at, n);
		else
			n = add_one(text, at, veil, out);
	}
}

/* "https://..." at the begin: how long it is; what ends a sentence is not of it. */
static size_t link_length(struct span s)
{
	size_t n = span_starts(s, "http://") ? 7 : span_starts(s, "https://") ? 8 : 0, begin = n;

	while (n && n < s.n && n < 2000 &&
	       ((s.p[n] > 32 && s.p[n] < 127 && isalnum((unsigned char)s.p[n])) ||
	        (s.p[n] && strchr("-._~:/?#@!$&*+,;=%()", s.p[n]))))
		n++;
	while (n > begin && strchr(".,;:!?)", s.p[n - 1]))
		n--;
	return n > begin ? n : 0;
}

void render_html_body(struct span text, bool veil, struct buf *out)
{
	for (size_t at = 0; at < text.n;) {
		size_t plain = plain_length(text, at);
		size_t n = text.p[at] == 'h' ? link_length(span_from(text, at)) : 0;
		struct span link = { text.p + at, n };

		if (plain) {
			buf_add(out, text.p + at, plain);
			at += plain;
		} else if (n && !(veil && memchr(link.p, '@', n))) {
			buf_add_text(out, "<a rel=\"nofollow noopener\" href=\"");
			render_html_text(link, false, out);
			buf_add_text(out, "\">");
			render_html_text(link, false, out);
			buf_add_text(out, "</a>");
			at += n;
		} else {
			at += add_one(text, at, veil, out);
		}
	}
}

void render_html_address(struct span text, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		const char hex[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (c < 128 && (isalnum(c) || (c && strchr("-_.", c))))
			buf_add_char(out, (char)c);
		else
			buf_add(out, hex, 3);
	}
}

void render_date(int64_t date, struct buf *out)
{
	time_t at = (time_t)date;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		(void)strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
	buf_add_text(out, text);
}

/* ── pages ───────────────────────────────────────────────────────────────────────────────────── */

static void add_words(const char *text, bool veil, struct buf *out)
{
	render_html_text(span_of(text), veil, out);
}

static void begin(const struct render_list *list, struct span title, bool index,
                  const char *more_head, struct buf *out)
{
	buf_add_text(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
	render_html_text(title, list->veil, out);
	buf_add_text(out, "</title>\n");
	buf_add_text(out, more_head);
	buf_addf(out, "<meta name=\"robots\" content=\"%s\">\n%s</head>\n<body>\n",
	         index ? "noindex,follow" : "index,nofollow", head);
}

void render_page_begin(const struct render_list *list, struct span title, bool index,
                       struct buf *out)
{
	begin(list, title, index, "", out);
	buf_add_text(out, "<h1><bdi>");
	render_html_text(title, list->veil, out);
	buf_add_text(out, "</bdi></h1>\n");
}

void render_page_end(const struct render_list *list, const char *up, struct buf *out)
{
	buf_add_text(out, "<hr>\n<nav>");
	if (*up)
		buf_addf(out, "<a href=\"%s\">All of this archive</a> ", up);
	if (*list->info) {
		buf_add_text(out, "<a href=\"");
		add_words(list->info, false, out);
		buf_add_text(out, "\">More about ");
		add_words(list->name, list->veil, out);
		buf_add_text(out, "</a>");
	}
	buf_add_text(out, "</nav>\n</body>\n</html>\n");
}

const char *render_order_name(enum render_order order)
{
	static const char *const names[] = { "thread", "subject", "author", "date" };

	return names[order];
}

/* `number` -1: to their begins. */
static void add_orders(int64_t number, struct buf *out)
{
	buf_add_text(out, "<nav>Sorted by: ");
	for (unsigned i = 0; i < RENDER_ORDERS; i++) {
		const char *name = render_order_name((enum render_order)i);

		buf_addf(out, "<a href=\"%s.html", name);
		if (number >= 0)
			buf_addf(out, "#%lld", (long long)number);
		buf_addf(out, "\">%s</a>\n", name);
	}
	buf_add_text(out, "</nav>\n");
}

static void add_row(const struct render_list *list, const struct render_row *row, struct buf *out)
{
	buf_addf(out, "<li id=\"%lld\"><a href=\"%06lld.html\"><bdi>", (long long)row->number,
	         (long long)row->number);
	render_html_text(row->subject, list->veil, out);
	buf_add_text(out, "</bdi></a> <i><bdi>");
	render_html_text(row->author, list->veil, out);
	buf_add_text(out, "</bdi></i> <time>");
	render_date(row->date, out);
	buf_add_text(out, "</time>");
}

void render_index_page(const struct render_list *list, const char *volume, enum render_order order,
                       const struct render_row *rows, size_t n, struct buf *out)
{
	AUTO_BUF struct buf title = { 0 };
	unsigned now = 0;

	buf_addf(&title, "%s, %s, by %s", list->name, volume, render_order_name(order));
	render_page_begin(list, buf_span(&title), true, out);
	add_orders(-1, out);
	buf_addf(out, "<p>Messages: %zu</p>\n<ul>\n", n);
	for (size_t i = 0; i < n; i++) {
		unsigned depth = order != RENDER_THREAD        ? 0
		                 : rows[i].depth < DEPTH_SHOWN ? rows[i].depth
		                                               : DEPTH_SHOWN;

		if (depth > now) {
			buf_add_text(out, "\n<ul>\n");
			now++; /* a thread's next message is one deeper at most */
		} else {
			if (i)
				buf_add_text(out, "</li>\n");
			for (; now > depth; now--)
				buf_add_text(out, "</ul></li>\n");
		}
		add_row(list, &rows[i], out);
	}
	if (n)
		buf_add_text(out, "</li>\n");
	for (; now; now--)
		buf_add_text(out, "</ul></li>\n");
	buf_add_text(out, "</ul>\n");
	add_orders(-1, out);
	render_page_end(list, "../index.html", out);
}

void render_contents(const struct render_list *list, const struct render_volume_row *rows, size_t n,
                     struct buf *out)
{
	AUTO_BUF struct buf title = { 0 };

	buf_addf(&title, "The archive of %s", list->name);
	render_page_begin(list, buf_span(&title), true, out);
	buf_add_text(out, "<ul>\n");
	for (size_t i = 0; i < n; i++) {
		buf_add_text(out, "<li>");
		add_words(rows[i].name, false, out);
		buf_addf(out, " (%zu):", rows[i].messages);
		for (unsigned k = 0; k < RENDER_ORDERS; k++) {
			buf_add_text(out, " <a href=\"");
			render_html_address(span_of(rows[i].name), out);
			buf_addf(out, "/%s.html\">%s</a>", render_order_name((enum render_order)k),
			         render_order_name((enum render_order)k));
		}
		buf_add_text(out, "</li>\n");
	}
	buf_add_text(out, "</ul>\n");
	render_page_end(list, "", out);
}

/* By it readers answer, and programs know whose page it is: old_pages.h. */
static void add_made(const struct render_list *list, const struct render_message_page *p,
                     struct buf *out)
{
	buf_add_text(out, "<LINK REL=\"made\" HREF=\"mailto:");
	render_html_address(span_of(list->address), out);
	buf_add_text(out, "?Subject=");
	if (!span_starts_nocase(p->subject, "re:"))
		buf_add_text(out, "Re%3A%20");
	render_html_address(p->subject, out);
	buf_add_text(out, "&amp;In-Reply-To=");
	if (p->id.n) {
		buf_add_text(out, "%3C");
		render_html_address(p->id, out);
		buf_add_text(out, "%3E");
	}
	buf_add_text(out, "\">\n");
}

static void add_neighbours(const struct render_message_page *p, struct buf *out)
{
	buf_add_text(out, "<nav>");
	if (p->before >= 0)
		buf_addf(out, "<a rel=\"prev\" href=\"%06lld.html\">Previous</a>\n",
		         (long long)p->before);
	if (p->after >= 0)
		buf_addf(out, "<a rel=\"next\" href=\"%06lld.html\">Next</a>\n",
		         (long long)p->after);
	buf_add_text(out, "</nav>\n");
}

void render_message_page(const struct render_list *list, const struct render_message_page *p,
                         struct buf *out)
{
	AUTO_BUF struct buf title = { 0 }, made = { 0 };

	buf_addf(&title, "[%s] ", list->name);
	buf_add_span(&title, p->subject);
	add_made(list, p, &made);
	begin(list, buf_span(&title), false, buf_text(&made), out);
	buf_add_text(out, "<h1><bdi>");
	render_html_text(p->subject, list->veil, out);
	buf_add_text(out, "</bdi></h1>\n<p><b><bdi>");
	render_html_text(p->author, list->veil, out);
	buf_add_text(out, "</bdi></b> <bdi>");
	render_html_text(p->email, list->veil, out);
	buf_add_text(out, "</bdi><br><time>");
	render_html_text(p->date, list->veil, out);
	buf_add_text(out, "</time></p>\n");
	add_neighbours(p, out);
	add_orders(p->number, out);
	buf_add_text(out, "<hr>\n");
	buf_add_span(out, p->body);
	buf_add_text(out, "<hr>\n");
	add_neighbours(p, out);
	render_page_end(list, "../index.html", out);
}
