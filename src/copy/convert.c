/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/convert.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/mboxlook.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool convert_is_wanted(const struct copy_account *account)
{
	return account->from->format == MAILBOX_MBOX && account->to->format == MAILBOX_MAILDIR;
}

/* ── names ───────────────────────────────────────────────────────────────────────────────────── */

static const char *refuse_part(enum mailbox_layout layout, struct span part)
{
	if (!mail_name_fits(part))
		return "no name that a folder can have";
	if (layout == MAILBOX_LAYOUT_MAILDIRPP)
		return span_find(part, '.') < 0 ? NULL
		                                : "a '.' parts folders in Maildir++, so no name "
		                                  "can hold one; rename "
		                                  "it on the old host, or take the fs layout";
	if (part.p[0] == '.')
		return "a folder in the fs layout can't begin with '.'";
	if (span_is(part, "cur") || span_is(part, "new") || span_is(part, "tmp"))
		return "the fs layout keeps cur, new and tmp for itself";
	return NULL;
}

char *convert_name(enum mailbox_layout layout, const char *folder, const char **why)
{
	AUTO_BUF struct buf made = { 0 };
	struct span rest = span_of(folder), part;

	*why = NULL;
	if (!*folder)
		return xstrdup("");
	while (span_next_part(&rest, '/', &part)) {
		*why = refuse_part(layout, part);
		if (*why)
			return NULL;
		if (layout == MAILBOX_LAYOUT_MAILDIRPP || made.n)
			buf_add_char(&made, layout == MAILBOX_LAYOUT_MAILDIRPP ? '.' : '/');
		buf_add_span(&made, part);
	}
	if (layout == MAILBOX_LAYOUT_MAILDIRPP && made.n > 255) {
		*why = "the name is too long for one file name";
		return NULL;
	}
	return buf_take(&made);
}

char *convert_name_back(enum mailbox_layout layout, const char *folder)
{
	char *made = xstrdup(layout == MAILBOX_LAYOUT_MAILDIRPP && *folder == '.' ? folder + 1
	                                                                          : folder);

	for (char *at = made; layout == MAILBOX_LAYOUT_MAILDIRPP && *at; at++)
		if (*at == '.')
			*at = '/';
	return made;
}

char *convert_from_line(int64_t mtime_ns)
{
	time_t seconds = mtime_ns / 1000000000 - (mtime_ns % 1000000000 < 0);
	char date[64];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof date, "%a %b %e %T %Y", &tm))
		return xstrdup("From MAILER-DAEMON Thu Jan  1 00:00:00 1970 +0000");
	/* with its zone: the host's own is not ours */
	return xasprintf("From MAILER-DAEMON %s +0000", date);
}

/* ── UIDs ────────────────────────────────────────────────────────────────────────────────────── */

static int file_order(const void *a, const void *b)
{
	const struct mail_message *x = a, *y = b;

	bool known = x->offset == MBOXLOOK_LEDGER;

	/* what was not read lies in front, in the order of its UIDs */
	if (known != (y->offset == MBOXLOOK_LEDGER))
		return known ? -1 : 1;
	if (known)
		return x->uid < y->uid ? -1 : x->uid > y->uid;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/*
 * As Dovecot does (2.3, mbox-sync-parse.c): an X-UID counts if it is greater than the one before
 * and no greater than the last UID in X-IMAPbase. Rows from the ledger have theirs.
 */
static void give_uids(struct mail_folder *f, uint32_t next)
{
	uint32_t before = 0;

	if (f->n)
		qsort(f->rows, f->n, sizeof *f->rows, file_order);
	for (size_t i = 0; i < f->n; i++) {
		struct mail_message *m = &f->rows[i];
		if (m->offset != MBOXLOOK_LEDGER && (m->uid <= before || m->uid >= next))
			m->uid = next++;
		before = m->uid;
	}
	f->uidnext = next;
}

static void settle_uids(struct mail_folder *f, const struct known *known)
{
	const struct known_folder *k = known ? known_find_folder(known, f->name) : NULL;
	uint32_t last = f->uidnext; /* X-IMAPbase has the last UID that was given */
	bool from_ledger = false;

	for (size_t i = 0; i < f->n; i++)
		from_ledger = from_ledger || f->rows[i].offset == MBOXLOOK_LEDGER;
	if (from_ledger)
		give_uids(f, k && k->uidnext ? k->uidnext : 1);
	else if (f->uidvalidity)
		give_uids(f, last < UINT32_MAX ? last + 1 : last);
	else /* no server has given any: in the file's order, the same ones each time */
		give_uids(f, 1);
	if (!f->uidvalidity && k)
		f->uidvalidity = k->uidvalidity;
	if (!f->uidvalidity && known)
		f->uidvalidity = (uint32_t)(clock_wall_ms() / 1000);
}

/* ── keywords ────────────────────────────────────────────────────────────────────────────────── */

/* The letter of a keyword, given if need be; 0: all 26 are taken. */
static char letter_of(struct mail_keywords *k, struct span name)
{
	for (unsigned i = 0; i < MAIL_KEYWORDS_MAX; i++)
		if (k->names[i] && span_is(name, k->names[i]))
			return (char)('a' + (char)i);
	for (unsigned i = 0; i < MAIL_KEYWORDS_MAX; i++) {
		if (k->names[i])
			continue;
		k->names[i] = span_dup(name);
		return (char)('a' + (char)i);
	}
	return 0;
}

static void settle_keywords(struct mail_folder *f, const struct mail_folder *there)
{
	for (unsigned i = 0; there && i < MAIL_KEYWORDS_MAX; i++)
		if (there->keywords.names[i])
			f->keywords.names[i] = xstrdup(there->keywords.names[i]);
}

static int letter_order(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

static void settle_suffix(struct mail_folder *f, struct mail_message *m, struct strings *left_out)
{
	AUTO_BUF struct buf letters = { 0 }, title = { 0 };
	struct span rest = span_of(m->keywords ? m->keywords : ""), word;

	mail_suffix_flags(span_of(m->suffix), &letters);
	while (span_next_word(&rest, &word)) {
		char letter = letter_of(&f->keywords, word);

		if (letter) {
			buf_add_char(&letters, letter);
			continue;
		}
		mail_folder_title(f->name, &title);
		buf_addf(&title, ": keyword ");
		buf_add_printable(&title, word);
		buf_addf(&title, ": file names have letters for 26 keywords only");
		if (!strings_has(left_out, buf_text(&title)))
			strings_add(left_out, buf_text(&title));
		buf_reset(&title);
	}
	if (letters.n)
		qsort(letters.p, letters.n, 1, letter_order);
	m->in_new = m->in_new && !letters.n;
	free(m->suffix);
	m->suffix = m->in_new ? xstrdup("") : xasprintf(":2,%s", buf_text(&letters));
	free(TAKE(m->keywords));
}

static void write_keywords(struct mail_folder *f)
{
	buf_reset(&f->keywords_file);
	for (unsigned i = 0; i < MAIL_KEYWORDS_MAX; i++)
		if (f->keywords.names[i])
			buf_addf(&f->keywords_file, "%u %s\n", i, f->keywords.names[i]);
}

/* ── the folder ──────────────────────────────────────────────────────────────────────────────── */

/* The same for the same folder each time; what a Dovecot would make up is another each time. */
static void settle_guid(const struct copy_account *a, struct mail_folder *f)
{
	AUTO_FREE char *words = xasprintf("mailhaul %s\n%s\n%u", a->from->user, f->name,
	                                  f->uidvalidity);
	const struct digest digest = digest_of(span_of(words));
	char hex[2 * DIGEST_SIZE + 1];

	snprintf(f->guid, sizeof f->guid, "%.32s", digest_text(hex, &digest));
}

static void write_uidlist(struct mail_folder *f)
{
	buf_reset(&f->uidlist);
	buf_addf(&f->uidlist, "3 V%u N%u G%s\n", f->uidvalidity, f->uidnext, f->guid);
	for (size_t i = 0; i < f->n; i++)
		buf_addf(&f->uidlist, "%u :%s\n", f->rows[i].uid, f->rows[i].base);
}

static void convert_folder(const struct copy_account *a, const struct known *known,
                           const struct mail_listing *there, struct mail_folder *f,
                           struct strings *left_out)
{
	settle_uids(f, known);
	settle_guid(a, f);
	settle_keywords(f, there ? mail_listing_find(there, f->name) : NULL);
	for (size_t i = 0; i < f->n; i++) {
		struct mail_message *m = &f->rows[i];

		settle_suffix(f, m, left_out);
		m->mode = 0600;
		/* the order in which they are asked for (copy/group.c): that of the file */
		m->inode = m->offset;
	}
	write_keywords(f);
	write_uidlist(f);
	f->mode = 0700;
}

void convert_listing(const struct copy_account *account, const struct known *known,
                     const struct mail_listing *there, struct mail_listing *old,
                     struct strings *left_out)
{
	size_t kept = 0;

	for (size_t i = 0; i < old->folders_n; i++) {
		struct mail_folder *f = &old->folders[i];
		const char *why;
		char *name = convert_name(account->to->layout, f->name, &why);

		if (!name) {
			AUTO_BUF struct buf words = { 0 };

			mail_folder_title(f->name, &words);
			buf_addf(&words, ": left out with its %zu messages: %s", f->n, why);
			strings_add(left_out, buf_text(&words));
			mail_folder_fini(f);
			continue;
		}
		f->origin = f->name;
		f->name = name;
		convert_folder(account, known, there, f, left_out);
		if (kept != i)
			old->folders[kept] = *f;
		kept++;
	}
	old->folders_n = kept;
	mail_listing_sort(old);
}

int convert_scan(struct host *h, const struct copy_account *account, const struct known *known,
                 const struct mail_listing *there, struct mail_listing *out, struct error *err)
{
	AUTO_MBOX_STATES struct mbox_states states = { 0 };
	AUTO_STRINGS struct strings left_out = { 0 };

	if (mailbox_mbox_scan(h, account->from, true, NULL, out, &states, err) < 0)
		return -1;
	convert_listing(account, known, there, out, &left_out);
	for (size_t i = 0; i < left_out.n; i++)
		strings_add(&out->troubles, left_out.rows[i]);
	return 0;
}
