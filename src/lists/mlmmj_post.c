/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_post -- what mlmmj makes of a post before it asks a moderator: who lets it out sends it as it lies there.
 * Source: do_all_the_voodoo_here.c. */

#include "lists/mlmmj_inside.h"

#include "base/cleanup.h"

#include <string.h>

/* A header with its folded lines, taken from *rest; false at the blank line, or the end. */
static bool next_header(struct span *rest, struct span *header)
{
	size_t n = 0;

	if (!rest->n || *rest->p == '\n' || span_starts(*rest, "\r\n"))
		return false;
	do {
		ssize_t end = span_find(span_from(*rest, n), '\n');

		n = end < 0 ? rest->n : n + (size_t)end + 1;
	} while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'));
	*header = (struct span){ rest->p, n };
	*rest = span_from(*rest, n);
	return true;
}

static bool is_deleted(const struct mlmmj *o, struct span header)
{
	struct span rest = buf_span(&o->deleted), name;

	if (span_starts_nocase(header, "From ") || span_starts_nocase(header, "Return-Path:"))
		return true;
	while (span_next_line(&rest, &name)) {
		AUTO_FREE char *text = span_dup(name);

		if (name.n && span_starts_nocase(header, text))
			return true;
	}
	return false;
}

/* With the prefix, in one line; false: it has it, or there is none. */
static bool add_subject(const struct mlmmj *o, struct span header, struct buf *out)
{
	AUTO_BUF struct buf joined = { 0 };
	struct span rest = span_from(header, strlen("Subject:")), line;

	while (span_next_line(&rest, &line))
		buf_add_span(&joined, line);
	if (!o->prefix.n || span_find_text(buf_span(&joined), buf_text(&o->prefix)) >= 0)
		return false;
	buf_addf(out, "Subject: %s%s\n", buf_text(&o->prefix), buf_text(&joined));
	return true;
}

void mlmmj_post(const struct mlmmj *o, struct span message, struct buf *out)
{
	struct span rest = message, header;
	bool has_custom = false, has_subject = false;

	while (next_header(&rest, &header)) {
		bool is_subject = span_starts_nocase(header, "Subject:");

		if (!has_custom && span_starts_nocase(header, "mime")) {
			buf_add_span(out, buf_span(&o->custom));
			has_custom = true;
		}
		has_subject = has_subject || is_subject;
		if (is_subject && add_subject(o, header, out))
			continue;
		if (!is_deleted(o, header))
			buf_add_span(out, header);
		if (out->n && out->p[out->n - 1] != '\n')
			buf_add_char(out, '\n');
	}
	if (!has_custom)
		buf_add_span(out, buf_span(&o->custom));
	if (!has_subject && o->prefix.n)
		buf_addf(out, "Subject: %s\n", buf_text(&o->prefix));
	if (rest.n)
		buf_add_span(out, rest);
	else
		buf_add_char(out, '\n');
	buf_add_span(out, buf_span(&o->footer));
}
