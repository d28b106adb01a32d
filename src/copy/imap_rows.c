/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_rows -- which messages one folder of an IMAP server has, asking for no more than changed. */

#include "base/memory.h"
#include "copy/imap_pass.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 10000000u
#define SET_MAX 800u /* octets; lines of 1,000 are what every server takes (RFC 2683, 3.2.1.5) */

struct asking {
	struct imap_pass *i;
	struct imap_folder *f;
	struct imap_rows *rows;
	size_t sorted; /* rows that are sorted, and may be searched */
	uint32_t exists;
	bool has_exists;
	bool by_search;      /* SEARCH tells who is there: all others are gone */
	struct buf vanished; /* sets, in lines */
};

void imap_rows_fini(struct imap_rows *rows)
{
	for (size_t k = 0; k < rows->n; k++) {
		free(rows->rows[k].flags);
		free(rows->rows[k].keywords);
	}
	free(rows->rows);
	*rows = (struct imap_rows){ 0 };
}

/* ── rows ────────────────────────────────────────────────────────────────────────────────────── */

static int row_order(const void *a, const void *b)
{
	const struct imap_row *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static struct imap_row *find(struct imap_rows *rows, size_t sorted, uint32_t uid)
{
	const struct imap_row key = { .uid = uid };

	return sorted ? bsearch(&key, rows->rows, sorted, sizeof key, row_order) : NULL;
}

static int add(struct asking *a, uint32_t uid, struct imap_row **out, struct error *err)
{
	struct imap_rows *rows = a->rows;

	*out = find(rows, a->sorted, uid);
	if (*out)
		return 0;
	if (rows->n == ROWS_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "the server lists more than %u messages", ROWS_MAX);
	ARRAY_GROW(rows->rows, rows->n, rows->room);
	*out = &rows->rows[rows->n++];
	**out = (struct imap_row){ .uid = uid };
	if (a->sorted + 1 == rows->n && (!a->sorted || (*out)[-1].uid < uid))
		a->sorted++;
	return 0;
}

/* Of two rows for one message each may know something. */
static void merge(struct imap_row *into, struct imap_row *from)
{
	if (!into->has_flags && from->has_flags) {
		into->has_flags = true;
		into->flags = TAKE(from->flags);
		into->keywords = TAKE(from->keywords);
	}
	if (!into->has_date && from->has_date) {
		into->has_date = true;
		into->date = from->date;
		into->size = from->size;
	}
	into->gone = into->gone && from->gone;
	free(from->flags);
	free(from->keywords);
}

static void settle(struct asking *a)
{
	struct imap_rows *rows = a->rows;
	size_t kept = 0;

	if (a->sorted == rows->n)
		return;
	qsort(rows->rows, rows->n, sizeof *rows->rows, row_order);
	for (size_t k = 0; k < rows->n; k++) {
		if (kept && rows->rows[kept - 1].uid == rows->rows[k].uid)
			merge(&rows->rows[kept - 1], &rows->rows[k]);
		else
			rows->rows[kept++] = rows->rows[k];
	}
	rows->n = a->sorted = kept;
}

static void drop_gone(struct asking *a)
{
	struct imap_rows *rows = a->rows;
	size_t kept = 0;

	for (size_t k = 0; k < rows->n; k++) {
		if (!rows->rows[k].gone) {
			rows->rows[kept++] = rows->rows[k];
			continue;
		}
		free(rows->rows[k].flags);
		free(rows->rows[k].keywords);
	}
	rows->n = a->sorted = kept;
}

static size_t first_from(const struct imap_rows *rows, uint32_t uid)
{
	size_t low = 0, high = rows->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows->rows[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void mark_gone(struct imap_rows *rows, struct span set)
{
	uint32_t first, last;
	size_t marked = 0;

	/* no true set names more than there are */
	while (marked <= rows->n && imap_set_next(&set, &first, &last))
		for (size_t k = first_from(rows, first); k < rows->n && rows->rows[k].uid <= last;
		     k++, marked++)
			rows->rows[k].gone = true;
}

static void forget_vanished(struct asking *a)
{
	struct span rest = buf_span(&a->vanished), set;

	settle(a);
	while (span_next_line(&rest, &set))
		mark_gone(a->rows, set);
	buf_reset(&a->vanished);
	drop_gone(a);
}

/* They are sorted by folder. */
static size_t first_known(const struct known *known, const char *folder)
{
	size_t low = 0, high = known->messages_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(known->messages[middle].folder, folder) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void imap_rows_known(struct imap_pass *i, const struct imap_folder *f, uint32_t uidvalidity,
                     struct imap_rows *out)
{
	struct asking a = { .i = i, .rows = out };
	struct error ignored = { 0 };

	for (size_t k = first_known(&i->p.known, f->path); k < i->p.known.messages_n; k++) {
		const struct known_message *m = &i->p.known.messages[k];
		struct imap_row *row;
		uint32_t uid;

		if (strcmp(m->folder, f->path) != 0)
			break;
		if (imap_base_uid(m->base, uidvalidity, &uid) && add(&a, uid, &row, &ignored) == 0)
			row->known = m;
	}
	settle(&a);
}

/* ── what the server says ────────────────────────────────────────────────────────────────────── */

static int take_fetched(struct asking *a, const struct imap_response *p, struct error *err)
{
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };
	struct imap_row *row;

	if (!p->uid)
		return 0; /* flags that somebody has just changed: the next pass sees it by MODSEQ */
	if (add(a, p->uid, &row, err) < 0)
		return -1;
	row->gone = false;
	if (p->has_flags) {
		imap_flags_sort(p->flags, &flags, &keywords, &a->i->strange);
		free(row->flags);
		free(row->keywords);
		row->flags = xstrdup(buf_text(&flags));
		row->keywords = xstrdup(buf_text(&keywords));
		row->has_flags = true;
	}
	if (p->has_date) {
		row->has_date = true;
		row->date = p->date;
	}
	if (p->has_size)
		row->size = p->size;
	return 0;
}

static int take_found(struct asking *a, const struct imap_response *p, struct error *err)
{
	struct span rest = p->words, word;
	struct imap_row *row;
	uint64_t uid;

	if (!a->by_search)
		return 0;
	if (p->is_set) {
		uint32_t first, last;

		while (imap_set_next(&rest, &first, &last))
			for (uint64_t n = first; n <= last; n++) {
				if (add(a, (uint32_t)n, &row, err) < 0)
					return -1;
				row->gone = false;
			}
		return 0;
	}
	while (span_next_word(&rest, &word)) {
		if (!span_parse_u64(word, &uid) || !uid || uid > UINT32_MAX)
			continue;
		if (add(a, (uint32_t)uid, &row, err) < 0)
			return -1;
		row->gone = false;
	}
	return 0;
}

static void take_vanished(struct asking *a, const struct imap_response *p)
{
	struct span rest = p->words;
	uint32_t first, last;

	buf_add_span(&a->vanished, p->words);
	buf_add_char(&a->vanished, '\n');
	/* (EARLIER) was before this EXISTS */
	while (!p->earlier && imap_set_next(&rest, &first, &last))
		a->exists -= a->exists < last - first + 1 ? a->exists : last - first + 1;
}

static int take(void *context, const struct imap_response *p, struct error *err)
{
	struct asking *a = context;
	struct imap_numbers *now = &a->f->now;

	if (p->kind == IMAP_FETCH)
		return take_fetched(a, p, err);
	if (p->kind == IMAP_SEARCH)
		return take_found(a, p, err);
	if (p->kind == IMAP_VANISHED && a->vanished.n < (64u << 20))
		take_vanished(a, p);
	if (p->kind == IMAP_EXISTS) {
		a->exists = p->number;
		a->has_exists = true;
	}
	if (p->kind == IMAP_EXPUNGE && a->exists)
		a->exists--;
	if (p->kind != IMAP_WORDS)
		return 0;
	if (p->numbers.uidvalidity)
		now->uidvalidity = p->numbers.uidvalidity;
	if (p->numbers.uidnext)
		now->uidnext = p->numbers.uidnext;
	if (p->numbers.modseq)
		now->modseq = p->numbers.modseq;
	if (p->numbers.nomodseq)
		now->modseq = 0;
	return 0;
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static int expect_good(struct asking *a, const struct imap_response *end, const char *what,
                       struct error *err)
{
	if (end->status == IMAP_OK)
		return 0;
	return imap_session_refused(a->i->session, end, what, err);
}

static int examine(struct asking *a, bool delta, struct error *err)
{
	const struct imap_record *was = &a->f->was;
	const struct imap_response *end;
	AUTO_BUF struct buf name = { 0 }, more = { 0 };

	(void)imap_quote(span_of(a->f->name), &name);
	if (a->i->qresync && delta)
		buf_addf(&more, " (QRESYNC (%u %llu))", was->uidvalidity,
		         (unsigned long long)was->modseq);
	else if (a->i->condstore)
		buf_add_text(&more, " (CONDSTORE)");
	a->f->now = (struct imap_numbers){ 0 };
	if (imap_session_run(a->i->session, take, a, &end, err, "EXAMINE %s%s", buf_text(&name),
	                     buf_text(&more)) < 0 ||
	    expect_good(a, end, "EXAMINE", err) < 0)
		return -1;
	if (a->f->now.uidvalidity && a->has_exists)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
	                 "the server gives no UIDVALIDITY: its UIDs name nothing that lasts");
}

/* Everybody who is there; with what is not known of any, when nothing is known. */
static int ask_all(struct asking *a, struct error *err)
{
	const struct imap_response *end;
	bool first = !a->rows->n;

	settle(a);
	for (size_t k = 0; k < a->rows->n; k++)
		a->rows->rows[k].gone = true;
	if (a->exists &&
	    (imap_session_run(a->i->session, take, a, &end, err, "UID FETCH 1:* (UID FLAGS%s)",
	                      first ? " INTERNALDATE RFC822.SIZE" : "") < 0 ||
	     expect_good(a, end, "UID FETCH", err) < 0))
		return -1;
	settle(a);
	drop_gone(a);
	forget_vanished(a);
	return 0;
}

/* What FETCH and EXISTS do not agree about. */
static int ask_search(struct asking *a, struct error *err)
{
	const struct imap_response *end;

	settle(a);
	for (size_t k = 0; k < a->rows->n; k++)
		a->rows->rows[k].gone = true;
	a->by_search = true;
	if (imap_session_run(a->i->session, take, a, &end, err, "UID SEARCH%s ALL",
	                     imap_session_has(a->i->session, "ESEARCH") ? " RETURN (ALL)" : "") <
	            0 ||
	    expect_good(a, end, "UID SEARCH", err) < 0)
		return -1;
	a->by_search = false;
	settle(a);
	drop_gone(a);
	forget_vanished(a);
	return 0;
}

static int ask_changed(struct asking *a, struct error *err)
{
	const struct imap_response *end;

	if (!a->i->qresync && a->exists &&
	    (imap_session_run(a->i->session, take, a, &end, err,
	                      "UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE %llu)",
	                      (unsigned long long)a->f->was.modseq) < 0 ||
	     expect_good(a, end, "UID FETCH", err) < 0))
		return -1;
	forget_vanished(a);
	return a->rows->n == a->exists ? 0 : ask_search(a, err);
}

static bool wants_date(const struct imap_row *row)
{
	return !row->known && !row->has_date;
}

/* "5:9,12" of the rows from *at on that want a date. */
static void next_set(const struct imap_rows *rows, size_t *at, struct buf *set)
{
	while (*at < rows->n && set->n < SET_MAX) {
		size_t first = *at, last;

		if (!wants_date(&rows->rows[first])) {
			++*at;
			continue;
		}
		for (last = first; last + 1 < rows->n && wants_date(&rows->rows[last + 1]) &&
		                   rows->rows[last + 1].uid == rows->rows[last].uid + 1;)
			last++;
		buf_addf(set, "%s%u", set->n ? "," : "", rows->rows[first].uid);
		if (last > first)
			buf_addf(set, ":%u", rows->rows[last].uid);
		*at = last + 1;
	}
}

static int ask_dates(struct asking *a, struct error *err)
{
	const struct imap_response *end;

	for (size_t at = 0; at < a->rows->n;) {
		AUTO_BUF struct buf set = { 0 };

		next_set(a->rows, &at, &set);
		if (set.n && (imap_session_run(a->i->session, take, a, &end, err,
		                               "UID FETCH %s (UID FLAGS INTERNALDATE RFC822.SIZE)",
		                               buf_text(&set)) < 0 ||
		              expect_good(a, end, "UID FETCH", err) < 0))
			return -1;
	}
	forget_vanished(a);
	return 0;
}

static void tell_unequal(struct asking *a)
{
	AUTO_FREE char *why = NULL;

	if (a->rows->n >= a->exists)
		return;
	why = xasprintf("the server counts %u messages, and lists %zu", a->exists, a->rows->n);
	pass_skip(&a->i->p, a->f->path, "", why);
	a->f->incomplete = true;
}

static int ask(struct asking *a, struct error *err)
{
	const struct imap_record *was = &a->f->was;
	bool delta = a->i->condstore && a->f->known && was->modseq &&
	             !a->i->p.options->look_everywhere;

	if (delta)
		imap_rows_known(a->i, a->f, was->uidvalidity, a->rows);
	a->sorted = a->rows->n;
	if (examine(a, delta, err) < 0)
		return -1;
	if (delta && (!a->f->now.modseq || a->f->now.uidvalidity != was->uidvalidity)) {
		delta = false;
		imap_rows_fini(a->rows);
		a->sorted = 0;
		buf_reset(&a->vanished);
	}
	if (!delta && !a->rows->n)
		imap_rows_known(a->i, a->f, a->f->now.uidvalidity, a->rows);
	a->sorted = delta ? a->sorted : a->rows->n;
	if (delta ? ask_changed(a, err) < 0 : ask_all(a, err) < 0)
		return -1;
	if (a->rows->n != a->exists && !delta && ask_search(a, err) < 0)
		return -1;
	if (ask_dates(a, err) < 0)
		return -1;
	tell_unequal(a);
	return 0;
}

int imap_rows_ask(struct imap_pass *i, struct imap_folder *f, struct imap_rows *out,
                  struct error *err)
{
	struct asking a = { .i = i, .f = f, .rows = out };
	int result = ask(&a, err);

	buf_fini(&a.vanished);
	f->now.messages = (uint32_t)out->n;
	return result;
}
