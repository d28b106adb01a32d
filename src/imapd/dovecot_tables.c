/* SPDX-License-Identifier: BSD-2-Clause */

/* dovecot_tables -- reads what `doveadm -f tab` prints. */

#include "imapd/dovecot_mail.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 8u

static int bad(struct error *err, uint64_t line, const char *what)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "doveadm's table, line %llu: %s", (unsigned long long)line, what);
}

/* Splits at tabs from the right, so that the first column keeps its own. */
static bool split(struct span line, struct span columns[], size_t n)
{
	for (size_t i = n; i-- > 1;) {
		size_t at = line.n;

		while (at && line.p[at - 1] != '\t')
			at--;
		if (!at)
			return false;
		columns[i] = span_from(line, at);
		line.n = at - 1;
	}
	columns[0] = line;
	return true;
}

static bool read_u32(struct span text, uint32_t *out)
{
	uint64_t value;

	if (!span_parse_u64(text, &value) || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* ── folders ─────────────────────────────────────────────────────────────────────────────────── */

enum column {
	COLUMN_NAME,
	COLUMN_MESSAGES,
	COLUMN_VALIDITY,
	COLUMN_NEXT,
	COLUMN_SIZE,
	COLUMN_GUID
};
#define FOLDER_COLUMNS 6u

/* Where each column stands: doveadm has an order of its own. */
static bool read_head(struct span line, size_t places[FOLDER_COLUMNS])
{
	static const char *const names[] = { "mailbox", "messages", "uidvalidity",
		                             "uidnext", "vsize",    "guid" };
	struct span columns[FOLDER_COLUMNS];

	if (!split(line, columns, FOLDER_COLUMNS) || !span_is(columns[0], names[0]))
		return false;
	for (size_t i = 0; i < FOLDER_COLUMNS; i++) {
		places[i] = FOLDER_COLUMNS;
		for (size_t k = 0; k < FOLDER_COLUMNS; k++)
			if (span_is(columns[k], names[i]))
				places[i] = k;
		if (places[i] == FOLDER_COLUMNS)
			return false;
	}
	return true;
}

static bool read_folder(const struct span columns[], const size_t places[],
                        struct mail_folder *folder, struct dovecot_totals *totals)
{
	struct span name = columns[0], guid = columns[places[COLUMN_GUID]];
	uint64_t messages, octets;

	if (!name.n || guid.n >= sizeof folder->guid ||
	    !span_parse_u64(columns[places[COLUMN_MESSAGES]], &messages) ||
	    !span_parse_u64(columns[places[COLUMN_SIZE]], &octets) ||
	    !read_u32(columns[places[COLUMN_VALIDITY]], &folder->uidvalidity) ||
	    !read_u32(columns[places[COLUMN_NEXT]], &folder->uidnext))
		return false;
	memcpy(folder->guid, guid.p, guid.n);
	folder->name = span_is_nocase(name, "INBOX") ? xstrdup("") : span_dup(name);
	folder->size = octets;
	if (totals) {
		totals->folders++;
		totals->messages += messages;
		totals->octets += octets;
	}
	return true;
}

int dovecot_read_folders(struct span text, struct mail_listing *out, struct dovecot_totals *totals,
                         struct error *err)
{
	size_t places[FOLDER_COLUMNS];
	struct span line, columns[FOLDER_COLUMNS];
	uint64_t n = 0;

	while (span_next_line(&text, &line)) {
		struct mail_folder folder = { 0 };

		if (!n++) {
			if (!read_head(line, places))
				return bad(err, n, "not the columns that were asked for");
			continue;
		}
		if (n > DOVECOT_FOLDERS_MAX)
			return bad(err, n, "more folders than any user has");
		if (!split(line, columns, FOLDER_COLUMNS) ||
		    !read_folder(columns, places, &folder, totals))
			return bad(err, n, "no folder");
		if (out)
			mail_listing_take_folder(out, &folder);
		mail_folder_fini(&folder);
	}
	return 0;
}

/* ── messages ────────────────────────────────────────────────────────────────────────────────── */

static int guid_order(const void *a, const void *b, void *context)
{
	const struct mail_listing *l = context;

	return strcmp(l->folders[*(const size_t *)a].guid, l->folders[*(const size_t *)b].guid);
}

void dovecot_rows_begin(struct dovecot_rows *r, struct mail_listing *listing)
{
	*r = (struct dovecot_rows){ .listing = listing };
	r->by_guid = xcalloc(listing->folders_n + 1, sizeof *r->by_guid);
	for (size_t i = 0; i < listing->folders_n; i++)
		r->by_guid[i] = i;
	qsort_r(r->by_guid, listing->folders_n, sizeof *r->by_guid, guid_order, listing);
}

void dovecot_rows_fini(struct dovecot_rows *r)
{
	buf_fini(&r->line);
	free(r->by_guid);
}

static struct mail_folder *find_folder(struct dovecot_rows *r, struct span guid)
{
	size_t low = 0, high = r->listing->folders_n;

	if (r->last && span_is(guid, r->last->guid))
		return r->last;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct mail_folder *f = &r->listing->folders[r->by_guid[middle]];
		size_t n = strlen(f->guid);
		int order = memcmp(f->guid, guid.p, n < guid.n ? n : guid.n);

		if (!order && n == guid.n)
			return r->last = f;
		if (order < 0 || (!order && n < guid.n))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void read_flags(struct span text, struct mail_message *m)
{
	static const struct {
		const char *name;
		char letter;
	} letters[] = { { "\\Draft", 'D' },
		        { "\\Flagged", 'F' },
		        { "\\Answered", 'R' },
		        { "\\Seen", 'S' },
		        { "\\Deleted", 'T' } };
	AUTO_STRINGS struct strings keywords = { 0 };
	AUTO_BUF struct buf suffix = { 0 }, names = { 0 };
	bool has[ROWS(letters)] = { false };
	struct span word;

	while (span_next_word(&text, &word)) {
		for (size_t i = 0; i < ROWS(letters); i++)
			has[i] |= span_is_nocase(word, letters[i].name);
		if (word.p[0] != '\\')
			strings_add_span(&keywords, word);
	}
	strings_sort(&keywords);
	buf_add_text(&suffix, ":2,");
	for (size_t i = 0; i < ROWS(letters); i++)
		if (has[i])
			buf_add_char(&suffix, letters[i].letter);
	for (size_t i = 0; i < keywords.n; i++)
		buf_addf(&names, "%s%s", i ? " " : "", keywords.rows[i]);
	m->suffix = buf_take(&suffix);
	m->keywords = names.n ? buf_take(&names) : xstrdup("");
}

/* "2026-03-01 02:13:07", in UTC. */
static bool read_date(struct span text, int64_t *mtime_ns)
{
	char form[32];
	int64_t ms;
	size_t used;

	if (text.n != 19 || text.p[10] != ' ')
		return false;
	snprintf(form, sizeof form, "%.10sT%.8sZ", text.p, text.p + 11);
	if (!clock_parse(span_of(form), 0, &ms, &used))
		return false;
	/* Dovecot's cache has 32 bits without a sign: a message of 1904 is of 2040 from the second look
	 * on, on each host at a moment of its own */
	*mtime_ns = (int64_t)(uint32_t)(ms / 1000) * 1000000000;
	return true;
}

static int read_row(struct dovecot_rows *r, struct span line, struct error *err)
{
	struct mail_message m = { 0 };
	struct mail_folder *f;
	struct span columns[6];

	if (!r->lines++)
		return span_is(line, "mailbox-guid\tuid\tguid\tsize.virtual\tdate.received\tflags")
		               ? 0
		               : bad(err, 1, "not the columns that were asked for");
	if (r->lines > DOVECOT_MESSAGES_MAX)
		return bad(err, r->lines, "more messages than any user has");
	if (!split(line, columns, ROWS(columns)) || !read_u32(columns[1], &m.uid) || !m.uid ||
	    columns[2].n > 255 || !span_parse_u64(columns[3], &m.size) ||
	    !read_date(columns[4], &m.mtime_ns))
		return bad(err, r->lines, "no message");
	f = find_folder(r, columns[0]);
	if (!f)
		return 0; /* its folder was made since the folders were listed: the next pass */
	AUTO_FREE char *guid = span_dup(columns[2]);
	m.base = xasprintf("%010u-%s", m.uid, guid);
	read_flags(columns[5], &m);
	mail_folder_take_message(f, &m);
	r->messages++;
	return 0;
}

int dovecot_rows_feed(struct dovecot_rows *r, struct span piece, struct error *err)
{
	while (piece.n) {
		ssize_t lf = span_find(piece, '\n');
		size_t n = lf < 0 ? piece.n : (size_t)lf;

		if (r->line.n + n > DOVECOT_LINE_MAX)
			return bad(err, r->lines + 1, "too long");
		buf_add(&r->line, piece.p, n);
		if (lf < 0)
			return 0;
		if (read_row(r, buf_span(&r->line), err) < 0)
			return -1;
		buf_reset(&r->line);
		piece = span_from(piece, n + 1);
	}
	return 0;
}

int dovecot_rows_end(struct dovecot_rows *r, struct error *err)
{
	if (r->line.n)
		return bad(err, r->lines + 1, "ends in the middle");
	mail_listing_sort(r->listing);
	return 0;
}
