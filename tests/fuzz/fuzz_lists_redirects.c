/* SPDX-License-Identifier: BSD-2-Clause */

/* Any octets as a message's page, and each of its lines as a name of a file. A map has one line for each address
 * that leads elsewhere, whatever the names are, and no octet of a name ends a word. */

#include "base/cleanup.h"
#include "fuzz/fuzz.h"
#include "lists/redirects.h"

#include <string.h>

static size_t lines_of(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Each line: a word, a blank, an address without anything that a server would take for its own. */
static void check_plain(const struct redirects *r, struct span text)
{
	struct span line, rest = text;

	if (lines_of(text) != r->n)
		__builtin_trap();
	while (span_next_line(&rest, &line)) {
		ssize_t blank = span_find(line, ' ');
		struct span to = span_from(line, (size_t)(blank + 1));

		if (blank < 1 || *line.p != '/' || !span_starts(to, "https://x.example.org/"))
			__builtin_trap();
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] < 33 && (ssize_t)i != blank)
				__builtin_trap();
		for (size_t i = 0; i < to.n; i++)
			if (to.p[i] < 33 || to.p[i] > 126 || strchr("\"\\${};?#'", to.p[i]))
				__builtin_trap();
	}
}

/* "KEY" "ADDRESS"; where a quotation mark of a key stands behind a backslash. */
static void check_nginx(struct span text)
{
	struct span line, rest = text;

	while (span_next_line(&rest, &line)) {
		size_t i = 1;

		while (i < line.n && line.p[i] != '"')
			i += line.p[i] == '\\' ? 2 : 1;
		if (i + 3 >= line.n || *line.p != '"' ||
		    memcmp(line.p + i, "\" \"https://", 11) != 0 || !span_ends(line, "\";"))
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span octets = { (const char *)data, size }, rest = octets, line;
	static const struct strings none;
	const struct redirects_to to = { (enum redirects_target)(size % 3), "https://x.example.org",
		                         "/a", "/l", &none };
	const struct redirects_list list = { "talk", "talk@example.org", size & 4 };
	AUTO_REDIRECTS struct redirects r = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_BUF struct buf id = { 0 }, plain = { 0 }, apache = { 0 }, nginx = { 0 };
	struct old_page rows[64] = { 0 };
	struct old_pages pages = { .rows = rows };

	(void)old_page_id(octets, &id);
	if (id.n && memchr(id.p, ' ', id.n))
		__builtin_trap();
	while (names.n < ROWS(rows) && span_next_line(&rest, &line))
		strings_add_span(&names, line);
	for (size_t i = 0; i < names.n; i++) {
		rows[i].path = names.rows[i];
		rows[i].volume = span_of(names.rows[i]);
		rows[i].kind = (enum old_page_kind)(i % (OLD_PAGE_ATTACHMENT + 1));
		rows[i].id = rows[i].kind == OLD_PAGE_MESSAGE ? names.rows[i] : NULL;
	}
	pages.n = names.n;
	redirects_add_list(&r, &to, &list, &pages);
	redirects_end(&r, &to);
	redirects_plain(&r, &plain);
	redirects_apache(&r, &apache);
	redirects_nginx(&r, &nginx);
	check_plain(&r, buf_span(&plain));
	check_nginx(buf_span(&nginx));
	return 0;
}
