/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/name.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/flags.h"

#define FILE_NAME_MAX 255u

bool imap_name_is_inbox(struct span name)
{
	return span_is_nocase(name, "INBOX");
}

static bool has_control(struct span part)
{
	for (size_t i = 0; i < part.n; i++)
		if ((unsigned char)part.p[i] < ' ' || part.p[i] == 127)
			return true;
	return false;
}

static const char *refuse_part(enum imap_layout layout, struct span part)
{
	if (!mail_name_fits(part) || has_control(part))
		return "no name that a folder can have";
	if (layout == IMAP_LAYOUT_MAILDIRPP && span_find(part, '.') >= 0)
		return "a '.' parts folders in Maildir++, so no name can hold one: --layout "
		       "listescape or fs keeps it";
	if (layout == IMAP_LAYOUT_FS && (part.p[0] == '.' || span_is(part, "cur") ||
	                                 span_is(part, "new") || span_is(part, "tmp")))
		return "the fs layout has no folder of that name";
	return NULL;
}

/* "a.b" as Dovecot's listescape has it: "a\2eb". */
static void add_escaped(struct span part, struct buf *out)
{
	for (size_t i = 0; i < part.n; i++) {
		if (part.p[i] == '.')
			buf_add_text(out, "\\2e");
		else if (part.p[i] == '\\')
			buf_add_text(out, "\\5c");
		else
			buf_add_char(out, part.p[i]);
	}
}

static struct span without_prefix(struct span name, struct span prefix)
{
	AUTO_FREE char *word = span_dup(prefix);

	return prefix.n && span_starts_nocase(name, word) ? span_from(name, prefix.n) : name;
}

static bool next_part(struct span *rest, char separator, struct span *part)
{
	if (separator)
		return span_next_part(rest, separator, part);
	*part = *rest;
	*rest = (struct span){ 0 };
	return part->p != NULL;
}

char *imap_name_path(enum imap_layout layout, struct span name, struct span prefix, char separator,
                     const char **why)
{
	struct span rest = without_prefix(name, prefix), part;
	AUTO_BUF struct buf made = { 0 };
	bool fs = layout == IMAP_LAYOUT_FS;

	*why = NULL;
	if (imap_name_is_inbox(name))
		return xstrdup("");
	if (!rest.n) {
		*why = "no name that a folder can have";
		return NULL;
	}
	while (next_part(&rest, separator, &part)) {
		*why = refuse_part(layout, part);
		if (*why)
			return NULL;
		if (!fs || made.n)
			buf_add_char(&made, fs ? '/' : '.');
		if (layout == IMAP_LAYOUT_ESCAPED)
			add_escaped(part, &made);
		else
			buf_add_span(&made, part);
	}
	if (!fs && made.n > FILE_NAME_MAX) {
		*why = "the name is too long for one file name";
		return NULL;
	}
	return buf_take(&made);
}

void imap_name_subscription(enum imap_layout layout, struct span name, struct span prefix,
                            char separator, struct buf *out)
{
	struct span rest = without_prefix(name, prefix), part;
	size_t before = out->n;

	if (imap_name_is_inbox(name))
		rest = SPAN("INBOX");
	if (!rest.n || has_control(rest))
		return;
	while (next_part(&rest, separator, &part)) {
		if (out->n > before)
			buf_add_char(out, '\t');
		if (layout == IMAP_LAYOUT_ESCAPED)
			add_escaped(part, out);
		else
			buf_add_span(out, part);
	}
	buf_add_char(out, '\n');
}
