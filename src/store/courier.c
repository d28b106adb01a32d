/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/courier.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define TROUBLES_MAX 100u
#define UIDDB "courierimapuiddb"
#define SIZELIST "courierpop3dsizelist"
#define LIST "courierimapkeywords/:list"

void courier_fini(struct courier *c)
{
	buf_fini(&c->uidlist);
	buf_fini(&c->keywords_file);
	strings_fini(&c->names);
	for (size_t i = 0; i < c->n; i++)
		free(c->messages[i].base);
	free(c->messages);
	strings_fini(&c->troubles);
	*c = (struct courier){ 0 };
}

static void trouble(struct courier *c, const char *file, size_t line, const char *what)
{
	if (c->troubles.n < TROUBLES_MAX)
		strings_addf(&c->troubles, "%s:%zu: %s", file, line, what);
}

static bool parse_u32(struct span text, uint32_t *out)
{
	uint64_t v;

	if (!span_parse_u64(text, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static struct span until_colon(struct span name)
{
	ssize_t colon = span_find(name, ':');

	return colon < 0 ? name : (struct span){ name.p, (size_t)colon };
}

/* A blank in front or behind would be lost in a uidlist. */
static bool is_base(struct span base)
{
	return base.n && span_trim(base).n == base.n;
}

/* ── UIDs ────────────────────────────────────────────────────────────────────────────────────── */

struct row {
	struct span base;
	uint32_t uid; /* 0: only pop3d knows it */
	bool has_uidl;
	uint32_t number, uidv; /* of pop3d */
	size_t order;          /* in the file: pop3d's is by time of delivery */
};

struct rows {
	struct row *rows;
	size_t n, room;
	uint32_t uidvalidity, uidnext;
};

static void add_row(struct rows *r, const struct row *row)
{
	ARRAY_GROW(r->rows, r->n, r->room);
	r->rows[r->n] = *row;
	r->rows[r->n].order = r->n;
	r->n++;
}

static void read_uiddb(struct courier *c, struct span text, struct rows *out)
{
	struct span line, word;
	uint32_t version;
	size_t number = 1;

	if (!text.n)
		return;
	/* a last line without its end is still being written */
	while (text.n && text.p[text.n - 1] != '\n')
		text.n--;
	if (!span_next_line(&text, &line) || !span_next_word(&line, &word) ||
	    !parse_u32(word, &version) || version != 1 || !span_next_word(&line, &word) ||
	    !parse_u32(word, &out->uidvalidity) || !out->uidvalidity ||
	    !span_next_word(&line, &word) || !parse_u32(word, &out->uidnext)) {
		out->uidvalidity = out->uidnext = 0;
		trouble(c, UIDDB, 1, "no header of version 1: the folder's UIDs are not known");
		return;
	}
	while (span_next_line(&text, &line)) {
		struct row row = { 0 };
		ssize_t blank = span_find(line, ' ');

		number++;
		if (blank > 0)
			row.base = until_colon(span_from(line, (size_t)blank + 1));
		if (blank <= 0 || !parse_u32((struct span){ line.p, (size_t)blank }, &row.uid) ||
		    !row.uid || row.uid == UINT32_MAX || !is_base(row.base)) {
			trouble(c, UIDDB, number, "no UID and file name");
			continue;
		}
		add_row(out, &row);
	}
}

/* "FILE SIZE N:UIDV:UTF8" from its end: a name may hold blanks. */
static bool parse_size_row(struct span line, unsigned version, struct row *row)
{
	struct span words[2], part;
	uint64_t size;

	for (int i = 0; i < (version ? 2 : 1); i++) {
		size_t n = line.n;

		while (n && line.p[n - 1] != ' ')
			n--;
		if (!n)
			return false;
		words[i] = span_from(line, n);
		line.n = n - 1;
	}
	row->base = until_colon(line);
	row->has_uidl = true;
	if (!is_base(row->base) || !span_parse_u64(words[version ? 1 : 0], &size))
		return false;
	if (!version)
		return true;
	if (!span_next_part(&words[0], ':', &part) || !parse_u32(part, &row->number))
		return false;
	return !words[0].p || version < 2 ||
	       (span_next_part(&words[0], ':', &part) && parse_u32(part, &row->uidv));
}

static void read_sizelist(struct courier *c, struct span text, struct rows *out)
{
	struct span whole = text, line, word;
	uint32_t version = 0;
	size_t number = 0;

	if (span_starts(text, "/")) {
		text = span_from(text, 1);
		number = 1;
		if (!span_next_line(&text, &line) || !span_next_word(&line, &word) ||
		    !parse_u32(word, &version) || !version || version > 3 ||
		    !span_next_word(&line, &word) || !parse_u32(word, &out->uidnext)) {
			trouble(c, SIZELIST, 1,
			        "no header of version 1 to 3: POP3 UIDLs are not known");
			return;
		}
		if (span_next_word(&line, &word) && !parse_u32(word, &out->uidvalidity))
			out->uidvalidity = 0;
	} else {
		text = whole;
	}
	while (span_next_line(&text, &line)) {
		struct row row = { 0 };

		number++;
		if (parse_size_row(line, version, &row))
			add_row(out, &row);
		else
			trouble(c, SIZELIST, number, "no file name, size and number");
	}
}

static int base_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	size_t n = x->base.n < y->base.n ? x->base.n : y->base.n;
	int order = n ? memcmp(x->base.p, y->base.p, n) : 0;

	if (order)
		return order;
	if (x->base.n != y->base.n)
		return x->base.n < y->base.n ? -1 : 1;
	/* of two rows for one file the later counts */
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_same_base(const struct row *a, const struct row *b)
{
	return span_equal(a->base, b->base);
}

static void sort_by_base(struct rows *r)
{
	size_t n = 0;

	if (r->n)
		qsort(r->rows, r->n, sizeof *r->rows, base_order);
	for (size_t i = 0; i < r->n; i++) {
		if (n && is_same_base(&r->rows[n - 1], &r->rows[i]))
			n--;
		r->rows[n++] = r->rows[i];
	}
	r->n = n;
}

static int uid_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	/* those without one come last, as pop3d has them */
	if (!x->uid != !y->uid)
		return x->uid ? -1 : 1;
	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Both lists become one; those that only pop3d knows get the next UIDs. */
static void join(struct courier *c, struct rows *imap, struct rows *pop3)
{
	uint32_t last = 0;
	size_t n = 0;

	sort_by_base(imap);
	sort_by_base(pop3);
	for (size_t i = 0, k = 0, end = imap->n; i < pop3->n; i++) {
		while (k < end && base_order(&imap->rows[k], &pop3->rows[i]) < 0 &&
		       !is_same_base(&imap->rows[k], &pop3->rows[i]))
			k++;
		if (k < end && is_same_base(&imap->rows[k], &pop3->rows[i])) {
			imap->rows[k].has_uidl = true;
			imap->rows[k].number = pop3->rows[i].number;
			imap->rows[k].uidv = pop3->rows[i].uidv;
			continue;
		}
		size_t order = pop3->rows[i].order;
		add_row(imap, &pop3->rows[i]);
		imap->rows[imap->n - 1].order = order;
	}
	if (imap->n)
		qsort(imap->rows, imap->n, sizeof *imap->rows, uid_order);
	for (size_t i = 0; i < imap->n; i++) {
		struct row *row = &imap->rows[i];

		if (row->uid && row->uid == last) {
			trouble(c, UIDDB, 1, "a UID stands there twice; the second is left out");
			continue;
		}
		if (!row->uid)
			row->uid = last >= imap->uidnext ? last + 1 : imap->uidnext;
		if (row->uid <= last || row->uid == UINT32_MAX)
			break;
		last = row->uid;
		if (imap->uidnext <= last)
			imap->uidnext = last + 1;
		imap->rows[n++] = *row;
	}
	imap->n = n;
}

static void add_uidl(const struct row *row, struct buf *out)
{
	if (row->number) {
		buf_addf(out, " PUID%u", row->number);
		if (row->uidv)
			buf_addf(out, "-%u", row->uidv);
		return;
	}
	buf_add_text(out, " P");
	for (size_t i = 0; i < row->base.n; i++) {
		unsigned char octet = (unsigned char)row->base.p[i];

		if (octet < 0x21 || octet > 0x7e || octet == '\'' || octet == '"' || octet == '+')
			buf_addf(out, "+%02X", octet);
		else
			buf_add_char(out, (char)octet);
	}
}

void courier_uids(struct courier *c, struct span uiddb, struct span sizelist, const char *guid)
{
	struct rows imap = { 0 }, pop3 = { 0 };

	read_uiddb(c, uiddb, &imap);
	read_sizelist(c, sizelist, &pop3);
	/* one that only POP3 clients use: any UIDVALIDITY will do that is the same each time */
	if (!imap.uidvalidity && !uiddb.n && pop3.uidvalidity) {
		imap.uidvalidity = pop3.uidvalidity;
		imap.uidnext = 1;
	}
	buf_reset(&c->uidlist);
	if (imap.uidvalidity) {
		join(c, &imap, &pop3);
		buf_addf(&c->uidlist, "3 V%u N%u G%s\n", imap.uidvalidity,
		         imap.uidnext ? imap.uidnext : 1, guid);
	}
	for (size_t i = 0; imap.uidvalidity && i < imap.n; i++) {
		buf_addf(&c->uidlist, "%u", imap.rows[i].uid);
		if (imap.rows[i].has_uidl)
			add_uidl(&imap.rows[i], &c->uidlist);
		buf_add_text(&c->uidlist, " :");
		buf_add_span(&c->uidlist, imap.rows[i].base);
		buf_add_char(&c->uidlist, '\n');
	}
	free(imap.rows);
	free(pop3.rows);
}

/* ── keywords ────────────────────────────────────────────────────────────────────────────────── */

/* The keyword's number, which it gets if need be; -1: there are more than file names have letters
 * for. */
static int number_of(struct courier *c, struct span name)
{
	for (size_t i = 0; i < c->names.n; i++)
		if (span_is(name, c->names.rows[i]))
			return (int)i;
	if (c->names.n < MAIL_KEYWORDS_MAX) {
		strings_add_span(&c->names, name);
		return (int)c->names.n - 1;
	}

	AUTO_BUF struct buf words = { 0 };
	buf_addf(&words, "%s: keyword ", LIST);
	buf_add_printable(&words, name);
	buf_addf(&words, ": file names have letters for 26 keywords only");
	if (c->troubles.n < TROUBLES_MAX && !strings_has(&c->troubles, buf_text(&words)))
		strings_add(&c->troubles, buf_text(&words));
	return -1;
}

static bool is_keyword(struct span name)
{
	if (!name.n || name.n > 255)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 127)
			return false;
	return true;
}

static void add_message(struct courier *c, struct span base, uint64_t time, uint32_t numbers)
{
	ARRAY_GROW(c->messages, c->n, c->room);
	c->messages[c->n++] = (struct courier_message){ span_dup(base), time, numbers };
}

static uint32_t list_numbers(struct span rest, const int *numbers, size_t n)
{
	struct span word;
	uint32_t set = 0;

	while (span_next_word(&rest, &word)) {
		uint64_t index;

		if (span_parse_u64(word, &index) && index < n && numbers[index] >= 0)
			set |= (uint32_t)1 << numbers[index];
	}
	return set;
}

void courier_keywords(struct courier *c, struct span list)
{
	AUTO_FREE int *numbers = NULL;
	size_t n = 0, room = 0, line_number = 0;
	struct span line;

	while (span_next_line(&list, &line) && line.n) {
		line_number++;
		ARRAY_GROW(numbers, n, room);
		numbers[n++] = is_keyword(line) ? number_of(c, line) : -1;
		if (!is_keyword(line))
			trouble(c, LIST, line_number, "no keyword");
	}
	line_number++;
	while (span_next_line(&list, &line)) {
		ssize_t colon = span_find(line, ':');

		line_number++;
		if (colon <= 0)
			trouble(c, LIST, line_number, "no file name and numbers");
		else
			add_message(c, (struct span){ line.p, (size_t)colon }, 0,
			            list_numbers(span_from(line, (size_t)colon + 1), numbers, n));
	}
}

void courier_update(struct courier *c, const char *name, struct span text)
{
	struct span base = span_of(name), part, line;
	uint64_t time = UINT64_MAX;
	uint32_t set = 0;

	if (name[0] == ':')
		return;
	if (name[0] == '.') {
		base = span_from(base, 1);
		/* ".tmp.": not in place yet */
		if (!span_next_part(&base, '.', &part) || !span_parse_u64(part, &time) || !time ||
		    !base.p)
			return;
	}
	base = until_colon(base);
	if (!base.n)
		return;
	while (span_next_line(&text, &line) && line.n) {
		int number = is_keyword(line) ? number_of(c, line) : -1;

		if (!is_keyword(line))
			trouble(c, "courierimapkeywords", 1, "an update holds what is no keyword");
		if (number >= 0)
			set |= (uint32_t)1 << number;
	}
	add_message(c, base, time, set);
}

static int message_order(const void *a, const void *b)
{
	const struct courier_message *x = a, *y = b;
	int order = strcmp(x->base, y->base);

	return order ? order : x->time < y->time ? -1 : x->time > y->time;
}

void courier_settle(struct courier *c)
{
	AUTO_STRINGS struct strings sorted = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->names.n; i++)
		strings_add(&sorted, c->names.rows[i]);
	strings_sort(&sorted);
	buf_reset(&c->keywords_file);
	for (size_t i = 0; i < sorted.n; i++) {
		buf_addf(&c->keywords_file, "%zu %s\n", i, sorted.rows[i]);
		for (size_t k = 0; k < c->names.n; k++)
			if (!strcmp(c->names.rows[k], sorted.rows[i]))
				c->letters[k] = (char)('a' + (char)i);
	}
	if (c->n)
		qsort(c->messages, c->n, sizeof *c->messages, message_order);
	for (size_t i = 0; i < c->n; i++) {
		if (n && !strcmp(c->messages[n - 1].base, c->messages[i].base))
			free(c->messages[--n].base);
		c->messages[n++] = c->messages[i];
	}
	c->n = n;
}

static int find_order(const void *key, const void *row)
{
	return strcmp(key, ((const struct courier_message *)row)->base);
}

char *courier_suffix(const struct courier *c, const char *base, const char *suffix)
{
	const struct courier_message *m = c->n ? bsearch(base, c->messages, c->n,
	                                                 sizeof *c->messages, find_order)
	                                       : NULL;
	AUTO_BUF struct buf made = { 0 };

	if (!m || !m->numbers || (*suffix && strncmp(suffix, ":2,", 3) != 0) ||
	    strchr(*suffix ? suffix + 3 : "", ','))
		return NULL;
	buf_add_text(&made, ":2,");
	for (const char *at = *suffix ? suffix + 3 : ""; *at; at++)
		if (*at < 'a' || *at > 'z')
			buf_add_char(&made, *at);
	for (char letter = 'a'; letter <= 'z'; letter++)
		for (size_t i = 0; i < c->names.n; i++)
			if (c->letters[i] == letter && m->numbers & (uint32_t)1 << i)
				buf_add_char(&made, letter);
	return buf_take(&made);
}

/* ── subscriptions ───────────────────────────────────────────────────────────────────────────── */

void courier_subscriptions(struct span text, struct buf *out)
{
	struct span line;

	buf_add_text(out, "V\t2\n\n");
	while (span_next_line(&text, &line)) {
		/* others' folders ("#shared.bob.x") lie where nothing is carried from */
		if (!span_is_nocase(line, "INBOX") && !span_starts_nocase(line, "INBOX."))
			continue;
		if (line.n > 5)
			line = span_from(line, 6);
		else
			line = SPAN("INBOX");
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(out, line.p[i] == '.' ? '\t' : line.p[i]);
		if (line.n)
			buf_add_char(out, '\n');
	}
}
