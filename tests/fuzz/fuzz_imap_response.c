/* SPDX-License-Identifier: BSD-2-Clause */

/* What an IMAP server sends: the same responses however it is cut, and nothing outside of them. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "imap/name.h"
#include "imap/response.h"

#include <string.h>

struct sum {
	uint64_t responses, octets, stored;
	struct buf words;
};

static int count(void *context, struct span octets, struct error *err)
{
	*(uint64_t *)context += octets.n;
	return 0;
}

static void look_inside(const struct imap_response *p, struct span text)
{
	const struct span spans[] = { p->tag,   p->code,       p->code_rest,
		                      p->words, p->attributes, p->flags };
	AUTO_BUF struct buf letters = { 0 }, keywords = { 0 }, path = { 0 };
	struct span set = p->words;
	uint32_t first, last;
	const char *why;

	for (size_t i = 0; i < ROWS(spans); i++)
		if (spans[i].n &&
		    (spans[i].p < text.p || spans[i].p + spans[i].n > text.p + text.n) &&
		    spans[i].p[0])
			__builtin_trap();
	imap_flags_sort(p->flags, &letters, &keywords, NULL);
	while (imap_set_next(&set, &first, &last))
		if (!first || first > last)
			__builtin_trap();
	for (unsigned layout = IMAP_LAYOUT_MAILDIRPP; layout <= IMAP_LAYOUT_FS; layout++) {
		AUTO_FREE char *made = imap_name_path((enum imap_layout)layout, buf_span(&p->name),
		                                      SPAN("INBOX."), p->separator, &why);

		/* no path leaves its root */
		if (made && (made[0] == '/' || !strncmp(made, "../", 3) || strstr(made, "/../")))
			__builtin_trap();
	}
	imap_name_subscription(IMAP_LAYOUT_ESCAPED, buf_span(&p->name), SPAN(""), p->separator,
	                       &path);
}

static void take(const struct imap_reader *r, struct imap_response *p, struct sum *sum)
{
	struct error err = { 0 };
	uint64_t stored = 0;

	sum->responses++;
	sum->octets += r->body.size;
	buf_add_span(&sum->words, buf_span(&r->text));
	if (imap_body_walk(&r->body, count, &stored, &err) < 0 ||
	    stored != imap_body_stored_size(&r->body))
		__builtin_trap();
	sum->stored += stored;
	if (r->text.n && imap_response_parse(r, p, &err) == 0)
		look_inside(p, buf_span(&r->text));
}

static void feed(struct span text, size_t piece, struct sum *sum)
{
	struct imap_response p = { 0 };
	struct imap_reader r;
	struct error err = { 0 };

	imap_reader_init(&r);
	while (text.n) {
		struct span now = { text.p, text.n < piece ? text.n : piece };
		size_t used;
		int whole = imap_reader_feed(&r, now, &used, &err);

		if (whole < 0)
			break;
		if (whole)
			take(&r, &p, sum);
		text = span_from(text, used);
	}
	imap_response_fini(&p);
	imap_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = { (const char *)data, size };
	struct sum whole = { 0 }, cut = { 0 };

	feed(text, size ? size : 1, &whole);
	feed(text, 1, &cut);
	if (whole.responses != cut.responses || whole.octets != cut.octets ||
	    whole.stored != cut.stored || !span_equal(buf_span(&whole.words), buf_span(&cut.words)))
		__builtin_trap();
	buf_fini(&whole.words);
	buf_fini(&cut.words);
	return 0;
}
