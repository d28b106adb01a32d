/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/flags.h"

#include <stdlib.h>

#define NAME_MAX_OCTETS 255u

void mail_keywords_fini(struct mail_keywords *k)
{
	for (size_t i = 0; i < MAIL_KEYWORDS_MAX; i++)
		free(k->names[i]);
	*k = (struct mail_keywords){ 0 };
}

void mail_name_split(struct span file_name, struct span *base, struct span *suffix)
{
	ssize_t colon = span_find(file_name, ':');
	size_t n = colon < 0 ? file_name.n : (size_t)colon;

	*base = (struct span){ file_name.p, n };
	*suffix = span_from(file_name, n);
}

bool mail_name_fits(struct span name)
{
	return name.n > 0 && name.n <= NAME_MAX_OCTETS && !span_is(name, ".") &&
	       !span_is(name, "..") && span_find(name, '/') < 0 && span_find(name, 0) < 0;
}

bool mail_path_fits(const char *path)
{
	struct span rest = span_of(path), part;

	if (!*path)
		return true;
	while (span_next_part(&rest, '/', &part))
		if (!mail_name_fits(part))
			return false;
	return true;
}

/* The letters behind ":2,"; none for any other kind of suffix. */
static struct span letters_of(struct span suffix)
{
	if (!span_starts(suffix, ":2,"))
		return SPAN("");
	return span_from(suffix, 3);
}

static bool has_letter(struct span letters, char c)
{
	/* what follows a second comma belongs to nobody (Dovecot leaves it alone too) */
	for (size_t i = 0; i < letters.n && letters.p[i] != ','; i++)
		if (letters.p[i] == c)
			return true;
	return false;
}

void mail_suffix_flags(struct span suffix, struct buf *out)
{
	struct span letters = letters_of(suffix);

	for (char c = 'A'; c <= 'Z'; c++)
		if (has_letter(letters, c))
			buf_add_char(out, c);
}

void mail_suffix_keywords(struct span suffix, const struct mail_keywords *k, struct buf *out)
{
	AUTO_STRINGS struct strings names = { 0 };
	struct span letters = letters_of(suffix);

	if (!letters.n)
		return;
	for (unsigned i = 0; i < MAIL_KEYWORDS_MAX; i++) {
		if (!has_letter(letters, (char)('a' + (char)i)))
			continue;
		if (k->names[i])
			strings_add(&names, k->names[i]);
		else
			strings_addf(&names, "?%c", (char)('a' + (char)i));
	}
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		if (i)
			buf_add_char(out, ' ');
		buf_add_text(out, names.rows[i]);
	}
}
