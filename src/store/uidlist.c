/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/uidlist.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define TROUBLES_MAX 100u

void uidlist_fini(struct uidlist *u)
{
	free(u->rows);
	*u = (struct uidlist){ 0 };
}

static int span_order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

static int row_order(const void *a, const void *b)
{
	const struct uidlist_row *x = a, *y = b;
	int order = span_order(x->base, y->base);

	/* of two rows for one file Dovecot goes by the greater UID */
	return order ? order : x->uid < y->uid ? -1 : x->uid > y->uid;
}

static bool parse_u32(struct span text, uint32_t *out)
{
	uint64_t v;

	if (!span_parse_u64(text, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool parse_header(struct span line, struct uidlist *out)
{
	struct span word;

	if (!span_next_word(&line, &word))
		return false;
	if (span_is(word, "1")) {
		out->version = 1;
		return span_next_word(&line, &word) && parse_u32(word, &out->uidvalidity) &&
		       span_next_word(&line, &word) && parse_u32(word, &out->uidnext);
	}
	if (!span_is(word, "3"))
		return false;
	out->version = 3;
	while (span_next_word(&line, &word)) {
		struct span value = span_from(word, 1);

		if (word.p[0] == 'V' && !parse_u32(value, &out->uidvalidity))
			return false;
		if (word.p[0] == 'N' && !parse_u32(value, &out->uidnext))
			return false;
		if (word.p[0] == 'G' && value.n == 32)
			memcpy(out->guid, value.p, 32);
	}
	return out->uidvalidity != 0;
}

static struct span until_colon(struct span name)
{
	ssize_t colon = span_find(name, ':');

	return colon < 0 ? name : (struct span){ name.p, (size_t)colon };
}

/* Says what is wrong, or NULL. */
static const char *parse_row(struct span line, unsigned version, struct uidlist_row *out)
{
	struct span word;
	ssize_t colon;

	if (!span_next_word(&line, &word) || !parse_u32(word, &out->uid) || out->uid == 0)
		return "no UID";
	if (version == 1) {
		out->base = until_colon(span_trim(line));
		out->fields = (struct span){ line.p, 0 };
		return out->base.n ? NULL : "no file name";
	}
	colon = span_starts(line, ":") ? 0 : span_find_text(line, " :");
	if (colon < 0)
		return "no file name";
	out->fields = span_trim((struct span){ line.p, (size_t)colon });
	line = span_from(line, (size_t)colon);
	line = span_from(line, (size_t)span_find(line, ':') + 1);
	out->base = until_colon(line);
	return out->base.n ? NULL : "no file name";
}

static void keep_last_of_each(struct uidlist *u)
{
	size_t n = 0;

	if (u->n)
		qsort(u->rows, u->n, sizeof *u->rows, row_order);
	for (size_t i = 0; i < u->n; i++) {
		if (n && span_equal(u->rows[n - 1].base, u->rows[i].base))
			n--;
		u->rows[n++] = u->rows[i];
	}
	u->n = n;
}

int uidlist_parse(struct span text, const char *place, struct uidlist *out,
                  struct strings *troubles, struct error *err)
{
	AUTO_UIDLIST struct uidlist made = { 0 };
	struct span line;
	size_t number = 1;

	/* the last line is whole only with its LF */
	while (text.n && text.p[text.n - 1] != '\n')
		text.n--;
	if (!span_next_line(&text, &line) || !parse_header(line, &made))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "%s:1: no header of a dovecot-uidlist of version 1 or 3", place);
	while (span_next_line(&text, &line)) {
		struct uidlist_row row = { 0 };
		const char *wrong = parse_row(line, made.version, &row);

		number++;
		if (!wrong) {
			ARRAY_GROW(made.rows, made.n, made.room);
			made.rows[made.n++] = row;
			if (row.uid >= made.uidnext && row.uid < UINT32_MAX)
				made.uidnext = row.uid + 1;
		} else if (troubles && troubles->n < TROUBLES_MAX) {
			strings_addf(troubles, "%s:%zu: %s", place, number, wrong);
		}
	}
	keep_last_of_each(&made);
	uidlist_fini(out);
	*out = made;
	made = (struct uidlist){ 0 };
	return 0;
}

const struct uidlist_row *uidlist_find(const struct uidlist *u, struct span base)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_order(u->rows[middle].base, base);

		if (order == 0)
			return &u->rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The next UID counts rows that are left out as well: no UID is ever given twice. */
static void add_header(struct span line, const struct uidlist *header, struct buf *out)
{
	struct span word;

	buf_addf(out, "%u", header->version);
	if (header->version == 1) {
		buf_addf(out, " %u %u\n", header->uidvalidity, header->uidnext);
		return;
	}
	buf_addf(out, " V%u N%u", header->uidvalidity, header->uidnext);
	(void)span_next_word(&line, &word);
	while (span_next_word(&line, &word)) {
		if (word.p[0] == 'V' || word.p[0] == 'N')
			continue;
		buf_add_char(out, ' ');
		buf_add_span(out, word);
	}
	buf_add_char(out, '\n');
}

static uint32_t next_of_rows(struct span text, const struct uidlist *header)
{
	uint32_t next = header->uidnext;
	struct uidlist_row row;
	struct span line;

	while (span_next_line(&text, &line))
		if (!parse_row(line, header->version, &row) && row.uid >= next &&
		    row.uid < UINT32_MAX)
			next = row.uid + 1;
	return next;
}

void uidlist_filter(struct span text, uidlist_has_fn *has, void *context, struct buf *out)
{
	struct uidlist header = { 0 };
	struct span line;

	while (text.n && text.p[text.n - 1] != '\n')
		text.n--;
	if (!span_next_line(&text, &line) || !parse_header(line, &header))
		return;
	header.uidnext = next_of_rows(text, &header);
	add_header(line, &header, out);
	while (span_next_line(&text, &line)) {
		struct uidlist_row row;

		if (parse_row(line, header.version, &row) || !has(context, row.base))
			continue;
		buf_add_span(out, line);
		buf_add_char(out, '\n');
	}
}

static struct span field(struct span fields, char letter)
{
	struct span word;

	while (span_next_word(&fields, &word))
		if (word.p[0] == letter)
			return word;
	return SPAN("");
}

bool uidlist_agrees(const struct uidlist *old, const struct uidlist *new)
{
	if (old->uidvalidity != new->uidvalidity || new->uidnext < old->uidnext ||
	    strcmp(old->guid, new->guid) != 0)
		return false;
	for (size_t i = 0; i < old->n; i++) {
		const struct uidlist_row *a = &old->rows[i];
		const struct uidlist_row *b = uidlist_find(new, a->base);

		if (!b || a->uid != b->uid)
			return false;
		if (!span_equal(field(a->fields, 'P'), field(b->fields, 'P')) ||
		    !span_equal(field(a->fields, 'G'), field(b->fields, 'G')))
			return false;
	}
	return true;
}
