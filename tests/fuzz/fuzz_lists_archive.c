/* SPDX-License-Identifier: BSD-2-Clause */

/* Any octets as an mbox, a message, a page and a crontab. Splitting gives out every octet, in its order,
 * whatever the pieces in which it comes; a page that is edited with nothing to change keeps its rows. What an archiver
 * is told of an mbox lies within it, is the same for all pieces, and no two messages have one name. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "lists/archive_html.h"
#include "lists/archive_split.h"
#include "lists/crontab.h"
#include "lists/hyperkitty_letters.h"

#include <string.h>

struct seen {
	struct buf octets;
	uint64_t strays, messages;
};

static int take(void *context, enum archive_line kind, uint64_t line, struct span octets,
                struct error *err)
{
	struct seen *s = context;

	s->strays += kind == ARCHIVE_LINE_STRAY;
	s->messages += kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE;
	buf_add_span(&s->octets, octets);
	return 0;
}

static void split(struct span octets, size_t piece, struct seen *s)
{
	AUTO_ARCHIVE_SPLIT struct archive_split split = { .take = take, .context = s };
	struct span rest = octets;
	struct error err = { 0 };

	while (rest.n) {
		size_t n = rest.n < piece ? rest.n : piece;

		if (archive_split_feed(&split, (struct span){ rest.p, n }, &err) < 0)
			__builtin_trap();
		rest = span_from(rest, n);
	}
	if (archive_split_end(&split, &err) < 0 || !span_equal(buf_span(&s->octets), octets))
		__builtin_trap();
}

static void pages(struct span octets)
{
	const struct archive_row rows[] = {
		{ 1, SPAN("01.1-"), SPAN("a"), SPAN("b") },
		{ 2, SPAN("01.1-02.2-"), octets, octets },
		{ 3, SPAN("01.1-02.2-03.3-"), SPAN("c"), SPAN("d") },
	};
	AUTO_BUF struct buf out = { 0 }, again = { 0 }, hidden = { 0 }, contents = { 0 };

	if (archive_html_index(octets, ARCHIVE_THREAD, rows, ROWS(rows), NULL, "now", &out) &&
	    !archive_html_index(buf_span(&out), ARCHIVE_DATE, rows, ROWS(rows), NULL, NULL, &again))
		__builtin_trap();
	(void)archive_html_hide_links(octets, 42, &hidden);
	(void)archive_html_contents(octets, "2026-March", &contents);
}

static void read_letters(struct span octets, size_t piece, struct buf *said)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index index = { 0 };
	AUTO_HYPERKITTY_LETTERS struct hyperkitty_letters l = { 0 };
	struct span rest = octets;
	uint64_t end = 0;

	lists_mbox_index_feed(&index, octets);
	lists_mbox_index_end(&index);
	hyperkitty_letters_begin(&l, &index);
	while (rest.n) {
		size_t n = rest.n < piece ? rest.n : piece;

		hyperkitty_letters_feed(&l, (struct span){ rest.p, n });
		rest = span_from(rest, n);
	}
	hyperkitty_letters_end(&l);
	for (size_t i = 0; i < l.n; i++) {
		const struct hyperkitty_letter *m = &l.rows[i];

		if (m->at < end || m->at + m->octets > octets.n || !*m->id ||
		    strlen(m->id) > HYPERKITTY_ID_MAX)
			__builtin_trap();
		end = m->at + m->octets;
		for (size_t j = 0; j < i && l.n < 100; j++)
			if (!m->is_copy && !l.rows[j].is_copy && !strcmp(m->id, l.rows[j].id))
				__builtin_trap();
		hyperkitty_letters_json(&l, i, said);
	}
}

static void letters(struct span octets)
{
	AUTO_BUF struct buf whole = { 0 }, pieces = { 0 };

	read_letters(octets, octets.n + 1, &whole);
	read_letters(octets, 1, &pieces);
	if (!span_equal(buf_span(&whole), buf_span(&pieces)))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span octets = { (const char *)data, size };
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };
	AUTO_LISTS_CRON struct lists_cron cron = { 0 };
	AUTO_BUF struct buf sorted = { 0 }, page = { 0 };
	struct archive_html_page html = { 7, -1, 8, "talk", "http://x/", "t@example.org", &letter };
	struct seen whole = { 0 }, pieces = { 0 };

	split(octets, size ? size : 1, &whole);
	split(octets, 1, &pieces);
	if (whole.strays != pieces.strays || whole.messages != pieces.messages)
		__builtin_trap();
	buf_fini(&whole.octets);
	buf_fini(&pieces.octets);
	archive_letter_read(&letter, octets, true);
	archive_letter_sorted(buf_span(&letter.subject), SPAN("[talk]"), &sorted);
	archive_html_message(&html, &page);
	pages(octets);
	letters(octets);
	lists_cron_parse(&cron, "/etc/cron.d/mailman", octets, NULL, NULL);
	return 0;
}
