/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_dress -- a folder of an IMAP server as the Maildir folder that it becomes: file names, letters
 * of keywords, dovecot-uidlist, dovecot-keywords. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/imap_pass.h"

#include <stdlib.h>
#include <string.h>

#define ENDING "imap"

char *imap_base(uint32_t uidvalidity, uint32_t uid)
{
	return xasprintf("%u.U%u." ENDING, uidvalidity, uid);
}

bool imap_base_uid(const char *base, uint32_t uidvalidity, uint32_t *uid)
{
	struct span rest = span_of(base), part;
	uint64_t validity, number;

	if (!span_next_part(&rest, '.', &part) || !span_parse_u64(part, &validity) ||
	    validity != uidvalidity || !span_next_part(&rest, '.', &part) || part.n < 2 ||
	    part.p[0] != 'U' || !span_parse_u64(span_from(part, 1), &number) ||
	    number > UINT32_MAX || !rest.p || !span_is(rest, ENDING))
		return false;
	*uid = (uint32_t)number;
	return true;
}

/* ── keywords ────────────────────────────────────────────────────────────────────────────────── */

/* What new calls them stays, so that no file has to be renamed for it. */
static void settle_keywords(struct mail_folder *f, const struct mail_folder *there)
{
	for (unsigned k = 0; there && k < MAIL_KEYWORDS_MAX; k++)
		if (there->keywords.names[k])
			f->keywords.names[k] = xstrdup(there->keywords.names[k]);
}

static char letter_of(struct mail_keywords *k, struct span name)
{
	for (unsigned n = 0; n < MAIL_KEYWORDS_MAX; n++)
		if (k->names[n] && span_is(name, k->names[n]))
			return (char)('a' + (char)n);
	for (unsigned n = 0; n < MAIL_KEYWORDS_MAX; n++) {
		if (k->names[n])
			continue;
		k->names[n] = span_dup(name);
		return (char)('a' + (char)n);
	}
	return 0;
}

static int letter_order(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

static void tell_too_many(struct imap_pass *i, struct imap_folder *f, struct span word)
{
	AUTO_BUF struct buf line = { 0 };

	mail_folder_title(f->path, &line);
	buf_add_text(&line, ": keyword ");
	buf_add_printable(&line, word);
	buf_add_text(&line, ": file names have letters for 26 keywords only");
	if (!strings_has(&i->p.out->skipped, buf_text(&line)))
		strings_add(&i->p.out->skipped, buf_text(&line));
	f->incomplete = true;
}

static char *suffix_of(struct imap_pass *i, struct imap_folder *f, struct mail_folder *made,
                       const char *flags, const char *keywords)
{
	AUTO_BUF struct buf letters = { 0 };
	struct span rest = span_of(keywords), word;
	size_t n;

	buf_add_text(&letters, flags);
	n = letters.n;
	while (span_next_word(&rest, &word)) {
		char letter = letter_of(&made->keywords, word);

		if (letter)
			buf_add_char(&letters, letter);
		else
			tell_too_many(i, f, word);
	}
	if (letters.n > n)
		qsort(letters.p + n, letters.n - n, 1, letter_order);
	return xasprintf(":2,%s", buf_text(&letters));
}

/* ── the folder ──────────────────────────────────────────────────────────────────────────────── */

/* The same for the same folder each time; what a Dovecot would make up is another each time. */
static void settle_guid(const struct imap_pass *i, struct mail_folder *f)
{
	AUTO_FREE char *words = xasprintf("mailhaul %s\n%s\n%u", i->p.account->from->user, f->name,
	                                  f->uidvalidity);
	const struct digest digest = digest_of(span_of(words));
	char hex[2 * DIGEST_SIZE + 1];

	snprintf(f->guid, sizeof f->guid, "%.32s", digest_text(hex, &digest));
}

static void add_message(struct imap_pass *i, struct imap_folder *f, struct mail_folder *made,
                        const struct imap_row *row)
{
	const struct known_message *k = row->known;
	struct mail_message m = {
		.base = imap_base(made->uidvalidity, row->uid),
		.uid = row->uid,
		.mode = 0600,
		.size = k ? k->size : row->size,
		/* a server without a date gets the first look's, and keeps it by the ledger */
		.mtime_ns = row->has_date ? row->date * 1000000000
		            : k           ? k->mtime_ns
		                          : clock_wall_ms() / 1000 * 1000000000,
	};

	m.suffix = suffix_of(i, f, made,
	                     row->flags ? row->flags
	                     : k        ? k->flags
	                                : "",
	                     row->keywords ? row->keywords
	                     : k           ? k->keywords
	                                   : "");
	mail_folder_take_message(made, &m);
}

void imap_dress(struct imap_pass *i, const struct imap_folder *f, const struct imap_rows *rows)
{
	struct imap_folder *folder = imap_pass_folder_at(i, f->path);
	struct mail_folder made = {
		.name = xstrdup(f->path),
		.origin = xstrdup(f->name),
		.mode = 0700,
		.uidvalidity = f->now.uidvalidity,
		.uidnext = f->now.uidnext,
	};

	settle_keywords(&made, mail_listing_find(&i->p.new, f->path));
	for (size_t k = 0; k < rows->n; k++) {
		add_message(i, folder, &made, &rows->rows[k]);
		if (rows->rows[k].uid >= made.uidnext)
			made.uidnext = rows->rows[k].uid + 1;
	}
	made.uidnext = made.uidnext ? made.uidnext : 1;
	settle_guid(i, &made);
	for (unsigned k = 0; k < MAIL_KEYWORDS_MAX; k++)
		if (made.keywords.names[k])
			buf_addf(&made.keywords_file, "%u %s\n", k, made.keywords.names[k]);
	/* an empty one too: it keeps UIDVALIDITY and UIDNEXT */
	buf_addf(&made.uidlist, "3 V%u N%u G%s\n", made.uidvalidity, made.uidnext, made.guid);
	for (size_t k = 0; k < made.n; k++)
		buf_addf(&made.uidlist, "%u :%s\n", made.rows[k].uid, made.rows[k].base);
	mail_listing_take_folder(&i->p.old, &made);
}
