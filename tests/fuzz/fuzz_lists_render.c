/* SPDX-License-Identifier: BSD-2-Clause */

/* Any octets as a message, on its page. The page has exactly the tags of a page of the same form with words alone in
 * it: nothing of the message is one. */

#include "base/cleanup.h"
#include "fuzz/fuzz.h"
#include "lists/archive_letter.h"
#include "lists/render_html.h"
#include "lists/render_parts.h"

#include <string.h>

struct page {
	struct buf body, words;
	unsigned parts;
};

/* Beside the part's own text stands one that is only letters. */
static void add(struct page *p, struct span text, bool veil)
{
	buf_add_text(&p->body, "<pre>");
	render_html_text(text, veil, &p->body);
	buf_add_text(&p->body, "</pre>");
	buf_add_text(&p->words, "<pre>x</pre>");
}

static void take(void *context, const struct render_part *part)
{
	struct page *p = context;
	AUTO_BUF struct buf linked = { 0 };
	const char *extension = render_safe_extension(part->type);

	p->parts++;
	add(p, part->text, false);
	add(p, span_of(part->name), true);
	add(p, span_of(part->type), true);
	render_html_body(part->text, part->text.n & 1, &linked);
	if (!extension || strchr(extension, '/') || strspn(part->type, "<>\"'"))
		__builtin_trap();
}

static size_t count(const struct buf *b, const char *octets)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] && strchr(octets, b->p[i]);
	return n;
}

static void render_both(const struct page *p, const struct archive_letter *l)
{
	const struct render_list list = { "Talk", "talk@example.org", "https://example.org/",
		                          true };
	const struct render_message_page page = { "2026-March",
		                                  42,
		                                  41,
		                                  -1,
		                                  buf_span(&l->id),
		                                  buf_span(&l->subject),
		                                  buf_span(&l->author),
		                                  buf_span(&l->email),
		                                  buf_span(&l->date_text),
		                                  buf_span(&p->body) };
	const struct render_message_page plain = {
		"2026-March", 42,        41,        -1,        SPAN("x"),
		SPAN("x"),    SPAN("x"), SPAN("x"), SPAN("x"), buf_span(&p->words)
	};
	AUTO_BUF struct buf out = { 0 }, words = { 0 };

	render_message_page(&list, &page, &out);
	render_message_page(&list, &plain, &words);
	if (count(&out, "<>\"'") != count(&words, "<>\"'"))
		__builtin_trap();
	for (struct span rest = buf_span(&out); rest.n;) {
		size_t n = span_utf8_length(rest);

		if (!n || (n == 3 && !memcmp(rest.p, "\xe2\x80\xae", 3)))
			__builtin_trap();
		rest = span_from(rest, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span octets = { (const char *)data, size };
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };
	struct page p = { 0 };

	archive_letter_read(&letter, octets, false);
	render_parts(octets, take, &p);
	render_both(&p, &letter);
	buf_fini(&p.body);
	buf_fini(&p.words);
	return 0;
}
