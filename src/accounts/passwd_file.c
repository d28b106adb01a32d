/* SPDX-License-Identifier: BSD-2-Clause */
#include "accounts/passwd_file.h"

#include <string.h>

#define FIELDS 8u

/* As Dovecot cuts it: seven colons, the rest is the last field, "\:" is no separator. Returns how
 * many fields the line has; the others are empty. */
static size_t cut_fields(struct span line, struct span fields[FIELDS])
{
	size_t at = 0, start = 0, i;

	for (i = 0; i < FIELDS; i++)
		fields[i] = (struct span){ "", 0 };
	for (i = 0; i < line.n && at < FIELDS - 1; i++) {
		if (line.p[i] == '\\' && i + 1 < line.n) {
			i++;
		} else if (line.p[i] == ':') {
			fields[at++] = (struct span){ line.p + start, i - start };
			start = i + 1;
		}
	}
	fields[at] = span_from(line, start);
	return at + 1;
}

static bool get_number(struct span text, uint32_t *out)
{
	uint64_t value;

	if (!span_parse_u64(text, &value) || value > UINT32_MAX - 1)
		return false;
	*out = (uint32_t)value;
	return true;
}

bool passwd_file_next(struct span *rest, unsigned *line, struct passwd_file_row *row)
{
	struct span text;

	while (span_next_line(rest, &text)) {
		struct span f[FIELDS];

		++*line;
		if (!text.n || text.p[0] == '#' || text.p[0] == ':')
			continue;
		cut_fields(text, f);
		*row = (struct passwd_file_row){ f[0], f[1], f[2], f[3],         f[4],
			                         f[5], f[6], f[7], .line = *line };
		row->has_numbers = get_number(f[2], &row->uid_number) &&
		                   get_number(f[3], &row->gid_number);
		return true;
	}
	return false;
}

bool passwd_file_extra(const struct passwd_file_row *row, const char *name, struct span *value)
{
	struct span rest = row->extra, word;
	size_t n = strlen(name);

	while (span_next_word(&rest, &word)) {
		if (!span_starts(word, name))
			continue;
		if (word.n == n || word.p[n] == '=') {
			*value = span_from(word, word.n == n ? n : n + 1);
			return true;
		}
	}
	return false;
}

static struct span renumber_field(struct span field, bool group, const struct number_map *map,
                                  size_t map_n, char out[16])
{
	uint32_t number;

	if (!get_number(field, &number))
		return field;
	for (size_t i = 0; i < map_n; i++) {
		if (map[i].group != group || map[i].from != number)
			continue;
		return (struct span){ out, (size_t)snprintf(out, 16, "%u", map[i].to) };
	}
	return field;
}

/* The two fields of one line; true when it differs. */
static bool renumber_line(struct span line, const struct number_map *map, size_t map_n,
                          struct buf *out)
{
	struct span f[FIELDS], uid, gid;
	char uid_text[16], gid_text[16];
	size_t n = cut_fields(line, f);

	uid = renumber_field(f[2], false, map, map_n, uid_text);
	gid = renumber_field(f[3], true, map, map_n, gid_text);
	if (n < 4 || (uid.p == f[2].p && gid.p == f[3].p)) {
		buf_add_span(out, line);
		return false;
	}
	buf_add(out, line.p, (size_t)(f[2].p - line.p));
	buf_add_span(out, uid);
	buf_add_char(out, ':');
	buf_add_span(out, gid);
	buf_add_span(out, span_from(line, (size_t)(f[3].p + f[3].n - line.p)));
	return true;
}

size_t passwd_file_renumber(struct span text, const struct number_map *map, size_t map_n,
                            struct buf *out)
{
	size_t changed = 0;
	struct span line;

	while (span_next_line(&text, &line)) {
		if (line.n && line.p[0] != '#')
			changed += renumber_line(line, map, map_n, out);
		else
			buf_add_span(out, line);
		/* the line's own end: LF, CRLF, or nothing behind the last one */
		buf_add(out, line.p + line.n, (size_t)(text.p - (line.p + line.n)));
	}
	return changed;
}
