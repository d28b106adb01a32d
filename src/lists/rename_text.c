/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/rename_text.h"

#include <string.h>

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* May stand in a local part or a list's name, so what begins behind it is no beginning. */
static bool is_name(char c)
{
	return is_word(c) || (c && strchr("-+_.=", c));
}

static bool starts(struct span s, const char *word)
{
	return span_starts_nocase(s, word);
}

/* ── hosts ───────────────────────────────────────────────────────────────────────────────────── */

/* Octets that `host` takes at the beginning of `s`, 0 if it is another; in regular expressions dots have
 * backslashes. */
static size_t match_host(struct span s, const char *host, bool *escaped)
{
	size_t at = 0;

	*escaped = false;
	for (const char *h = host; *h; h++, at++) {
		if (*h == '.' && at + 1 < s.n && s.p[at] == '\\') {
			*escaped = true;
			at++;
		}
		if (at >= s.n || ascii_lower(s.p[at]) != ascii_lower(*h))
			return 0;
	}
	/* not the beginning of a longer one: "lists.example.org.example.net" */
	if (at < s.n && (is_word(s.p[at]) || s.p[at] == '-' || s.p[at] == '_'))
		return 0;
	if (at + 1 < s.n && s.p[at] == '.' && is_word(s.p[at + 1]))
		return 0;
	return at;
}

static void add_host(struct buf *out, const char *host, bool escaped)
{
	for (; *host; host++) {
		if (*host == '.' && escaped)
			buf_add_char(out, '\\');
		buf_add_char(out, *host);
	}
}

/* As the old one was written: "Talk" becomes "News", "TALK" becomes "NEWS". */
static void add_as(struct span as_written, const char *to, struct buf *out)
{
	bool upper = as_written.n > 1, first;

	first = as_written.p[0] >= 'A' && as_written.p[0] <= 'Z';
	for (size_t i = 0; i < as_written.n; i++)
		upper = upper && !(as_written.p[i] >= 'a' && as_written.p[i] <= 'z');
	upper = upper && first;
	if (span_is_nocase(as_written, to)) {
		buf_add_span(out, as_written);
		return;
	}
	for (const char *p = to; *p; p++)
		buf_add_char(out, *p >= 'a' && *p <= 'z' && (upper || (first && p == to))
		                          ? (char)(*p - 32)
		                          : *p);
}

static void add_list(const struct rename_words *w, struct span as_written, struct buf *out)
{
	add_as(as_written, w->list_to, out);
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

/* "-owner", "-bounces+x=example.org": what may stand between the list's name and the '@'. */
static size_t match_suffix(struct span s)
{
	static const char *const suffixes[] = { "-admin",       "-bounces", "-confirm",
		                                "-join",        "-leave",   "-owner",
		                                "-unsubscribe", "-request", "-subscribe" };
	size_t n = 0;

	for (size_t i = 0; i < ROWS(suffixes) && !n; i++)
		if (starts(s, suffixes[i]))
			n = strlen(suffixes[i]);
	if (n && n < s.n && s.p[n] == '+')
		while (n < s.n && (is_name(s.p[n]) || s.p[n] == '%') &&
		       !starts(span_from(s, n), "%40"))
			n++;
	return n;
}

static size_t match_sign(struct span s, bool has_suffix)
{
	static const char *const signs[] = { "@", "%40", " at ", "\\@", ".", "\\." };

	for (size_t i = 0; i < ROWS(signs) - (has_suffix ? 2 : 0); i++)
		if (starts(s, signs[i]))
			return strlen(signs[i]);
	return 0;
}

/* An address with the local part that begins as `from`. */
static size_t take_address_of(const struct rename_words *w, struct span s, const char *from,
                              const char *to, struct buf *out)
{
	size_t name = strlen(from), suffix, sign, host;
	bool escaped;

	if (!starts(s, from))
		return 0;
	suffix = match_suffix(span_from(s, name));
	sign = match_sign(span_from(s, name + suffix), suffix > 0);
	if (!sign)
		return 0;
	host = match_host(span_from(s, name + suffix + sign), w->mail, &escaped);
	if (!host)
		return 0;
	add_as((struct span){ s.p, name }, to, out);
	buf_add(out, s.p + name, suffix + sign);
	add_host(out, w->mail_to, escaped);
	return name + suffix + sign + host;
}

/* Octets that one of the list's addresses takes, 0 if there is none; `out` gets the new one. */
static size_t take_address(const struct rename_words *w, struct span s, struct buf *out)
{
	size_t n = w->local ? take_address_of(w, s, w->local, w->local_to, out) : 0;

	return n ? n : take_address_of(w, s, w->list, w->list_to, out);
}

/* ── URLs ────────────────────────────────────────────────────────────────────────────────────── */

static size_t url_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] > ' ' && !strchr("<>\"')]}", s.p[n]))
		n++;
	return n;
}

/* Whether `s` begins with the list's name as a whole component of a path ("LIST", "LIST.mbox"). */
static bool is_component(const struct rename_words *w, struct span s)
{
	struct span rest;

	if (!starts(s, w->list))
		return false;
	rest = span_from(s, strlen(w->list));
	if (span_starts(rest, ".mbox"))
		rest = span_from(rest, 5);
	return !rest.n || !is_name(rest.p[0]) ||
	       (rest.p[0] == '.' && (rest.n < 2 || !is_word(rest.p[1])));
}

/* Programs, and the public archive, that have the list behind them. */
static size_t match_program(struct span s)
{
	static const char *const programs[] = { "/listinfo/", "/admin/",     "/admindb/",
		                                "/options/",  "/private/",   "/roster/",
		                                "/confirm/",  "/subscribe/", "/edithtml/",
		                                "/rmlist/",   "/pipermail/" };

	for (size_t i = 0; i < ROWS(programs); i++)
		if (span_starts(s, programs[i]))
			return strlen(programs[i]);
	return 0;
}

/* What stands behind web_page_url's path; nothing, if `path` does not begin with that. */
static struct span behind_path(const struct rename_words *w, struct span path)
{
	return w->path && span_starts(path, w->path) ? span_from(path, strlen(w->path))
	                                             : (struct span){ "", 0 };
}

static bool is_overview(const struct rename_words *w, struct span path)
{
	struct span program;

	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	program = behind_path(w, path);
	if (span_is(program, "listinfo") || span_is(program, "admin"))
		return true;
	return span_ends(path, "/mailman/listinfo") || span_ends(path, "/mailman/admin");
}

/* The name that begins `s`, which is_component(), and the mbox in LIST.mbox/LIST.mbox. */
static size_t take_component(const struct rename_words *w, struct span s, struct buf *out)
{
	static const char box[] = ".mbox";
	size_t name = strlen(w->list), n = name + strlen(box) + 1;

	add_list(w, (struct span){ s.p, name }, out);
	if (!span_starts(span_from(s, name), ".mbox/") || !is_component(w, span_from(s, n)))
		return name;
	buf_add(out, s.p + name, n - name);
	add_list(w, (struct span){ s.p + n, name }, out);
	return n + name;
}

/* The path of a URL, or a part of a text: behind each program's name the list may stand. */
static bool add_path(const struct rename_words *w, struct span path, struct buf *out)
{
	bool found = false;

	for (size_t at = 0; at < path.n;) {
		size_t program = match_program(span_from(path, at));

		if (program && is_component(w, span_from(path, at + program))) {
			buf_add(out, path.p + at, program);
			at += program;
			at += take_component(w, span_from(path, at), out);
			found = true;
		} else {
			buf_add_char(out, path.p[at++]);
		}
	}
	return found;
}

/* Octets at the beginning of a URL's path that another web_page_url has in another way, 0 if it has none:
 * its path, with one of Mailman's programs right behind. The public archive is none. */
static size_t match_path(const struct rename_words *w, struct span path)
{
	struct span from;

	if (!w->path || !w->path_to || !behind_path(w, path).n)
		return 0;
	/* with the slash that begins the program */
	from = span_from(path, strlen(w->path) - 1);
	return is_overview(w, path) || (match_program(from) && !span_starts(from, "/pipermail/"))
	               ? strlen(w->path)
	               : 0;
}

/* Octets that a URL of the list's takes, 0 if there is none; `out` gets the new one. */
static size_t take_url(const struct rename_words *w, struct span s, struct buf *out)
{
	AUTO_BUF struct buf path = { 0 };
	size_t scheme = starts(s, "http://") ? 4 : starts(s, "https://") ? 5 : 0;
	size_t host, n, old;
	bool escaped;
	struct span rest;

	if (!scheme)
		return 0;
	host = match_host(span_from(s, scheme + 3), w->web, &escaped);
	if (!host)
		return 0;
	rest = span_from(s, scheme + 3 + host);
	n = url_length(rest);
	rest.n = n;
	old = match_path(w, rest);
	/* the slash stands on both sides */
	if (old)
		buf_add(&path, w->path_to, strlen(w->path_to) - 1);
	if (!add_path(w, old ? span_from(rest, old - 1) : rest, &path) &&
	    (w->of_other || !is_overview(w, rest)))
		return 0;
	if (w->scheme_to)
		buf_add_text(out, w->scheme_to);
	else
		buf_add(out, s.p, scheme);
	buf_add_text(out, "://");
	add_host(out, w->web_to, escaped);
	buf_add_span(out, buf_span(&path));
	return scheme + 3 + host + n;
}

/* Octets of a link without scheme and host, "/mailman/listinfo/LIST", that gets another path. */
static size_t take_rooted(const struct rename_words *w, struct span text, size_t at,
                          struct buf *out)
{
	AUTO_BUF struct buf path = { 0 };
	struct span s = span_from(text, at);
	size_t old;

	if (at > 0 && !strchr("\"'= \t\n(", text.p[at - 1]))
		return 0;
	s.n = url_length(s);
	old = match_path(w, s);
	if (!old ||
	    (!add_path(w, span_from(s, old - 1), &path) && (w->of_other || !is_overview(w, s))))
		return 0;
	buf_add(out, w->path_to, strlen(w->path_to) - 1);
	buf_add_span(out, buf_span(&path));
	return s.n;
}

/* ── texts ───────────────────────────────────────────────────────────────────────────────────── */

/* Whether an address may begin there: not within a name. */
static bool may_begin(struct span text, size_t at)
{
	if (at == 0 || !is_name(text.p[at - 1]))
		return true;
	/* "\b" and "\s" of a regular expression */
	if (at >= 2 && text.p[at - 2] == '\\' && (text.p[at - 1] == 'b' || text.p[at - 1] == 's'))
		return true;
	return at >= 3 && starts(span_from(text, at - 3), "%3C");
}

static size_t take(const struct rename_words *w, struct span text, size_t at, struct buf *out)
{
	struct span s = span_from(text, at);
	size_t n = 0, program, name = strlen(w->list);

	if (s.p[0] == 'h' || s.p[0] == 'H')
		n = take_url(w, s, out);
	if (!n && may_begin(text, at))
		n = take_address(w, s, out);
	if (!n && s.p[0] == '/' && w->path_to)
		n = take_rooted(w, text, at, out);
	if (n || s.p[0] != '/' || !strcmp(w->list, w->list_to))
		return n;
	program = match_program(s);
	/* "../LIST.mbox/LIST.mbox", in the contents of an archive */
	if (!program && span_starts(span_from(s, 1 + name), ".mbox/") &&
	    is_component(w, span_from(s, 1 + name + strlen(".mbox/"))))
		program = 1;
	if (!program || !is_component(w, span_from(s, program)))
		return 0;
	buf_add(out, s.p, program);
	return program + take_component(w, span_from(s, program), out);
}

bool rename_text(const struct rename_words *w, struct span text, struct buf *out)
{
	size_t begin = out->n;

	for (size_t at = 0; at < text.n;) {
		size_t n = take(w, text, at, out);

		if (!n)
			buf_add_char(out, text.p[at]);
		at += n ? n : 1;
	}
	return !span_equal(span_from(buf_span(out), begin), text);
}

bool rename_address(const struct rename_words *w, struct span address, struct buf *out)
{
	AUTO_BUF struct buf changed = { 0 };

	if (take_address(w, address, &changed) != address.n ||
	    span_equal(buf_span(&changed), address))
		return false;
	buf_add_span(out, buf_span(&changed));
	return true;
}

/* ── pages of an archive ─────────────────────────────────────────────────────────────────────── */

/* The text with the name that people see, as a word by itself, as it is to be. */
static void add_shown(const struct rename_words *w, struct span text, struct buf *out)
{
	size_t name = strlen(w->shown);

	for (size_t at = 0; at < text.n;) {
		struct span s = span_from(text, at);

		if (span_starts(s, w->shown) && (!at || !is_name(text.p[at - 1])) &&
		    (s.n == name || !is_name(s.p[name]))) {
			buf_add_text(out, w->shown_to);
			at += name;
		} else {
			buf_add_char(out, text.p[at++]);
		}
	}
}

/* "<a href=...listinfo/LIST">": what begins a link to the list's own page. */
static size_t match_link(const struct rename_words *w, struct span s)
{
	ssize_t end = starts(s, "<a ") ? span_find(s, '>') : -1;
	AUTO_BUF struct buf page = { 0 };
	struct span tag = { s.p, end < 0 ? 0 : (size_t)end };

	buf_addf(&page, "/listinfo/%s\"", w->list_to);
	return end >= 0 && span_find_text(tag, buf_text(&page)) >= 0 ? tag.n + 1 : 0;
}

/* Octets of the tag that begins a text in which the name is shown, up to the next "</". */
static size_t match_tag(const struct rename_words *w, struct span s, bool is_index)
{
	static const char *const tags[] = { "<title>", "<h1>" };

	for (size_t i = 0; is_index && i < ROWS(tags); i++)
		if (starts(s, tags[i]))
			return strlen(tags[i]);
	return match_link(w, s);
}

static void add_page(const struct rename_words *w, struct span page, bool is_index, struct buf *out)
{
	for (size_t at = 0; at < page.n;) {
		struct span s = span_from(page, at), text;
		size_t tag = s.p[0] == '<' ? match_tag(w, s, is_index) : 0;
		ssize_t end = tag ? span_find_text(span_from(s, tag), "</") : -1;

		if (end < 0) {
			buf_add_char(out, page.p[at++]);
			continue;
		}
		buf_add(out, s.p, tag);
		text = (struct span){ s.p + tag, (size_t)end };
		add_shown(w, text, out);
		at += tag + text.n;
	}
}

bool rename_page_text(const struct rename_words *w, struct span page, bool is_index,
                      struct buf *out)
{
	AUTO_BUF struct buf changed = { 0 };
	size_t begin = out->n;

	if (!w->shown)
		return rename_text(w, page, out);
	(void)rename_text(w, page, &changed);
	add_page(w, buf_span(&changed), is_index, out);
	return !span_equal(span_from(buf_span(out), begin), page);
}

static bool mentions(struct span text, const char *host, const char *host_to)
{
	bool escaped;

	if (!strcmp(host, host_to))
		return false;
	for (size_t at = 0; at < text.n; at++)
		if ((at == 0 || !is_word(text.p[at - 1])) &&
		    match_host(span_from(text, at), host, &escaped))
			return true;
	return false;
}

bool rename_mentions_host(const struct rename_words *w, struct span text)
{
	return mentions(text, w->mail, w->mail_to) || mentions(text, w->web, w->web_to);
}
