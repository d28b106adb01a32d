/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/moved.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "http/url.h"

#include <stdlib.h>
#include <string.h>

void moved_fini(struct moved *m)
{
	free(m->from);
	free(m->to);
	*m = (struct moved){ 0 };
}

/* The caller's; NULL: that is no address of a page. */
static char *address_of(const char *base, struct span word)
{
	AUTO_HTTP_URL struct http_url url = { 0 };
	AUTO_FREE char *text = NULL;
	size_t n = base ? strlen(base) : 0;

	if (!span_starts(word, "/") || span_starts(word, "//")) {
		text = span_dup(word);
	} else {
		if (!n)
			return NULL;
		n -= base[n - 1] == '/';
		text = xasprintf("%.*s%.*s", (int)n, base, (int)word.n, word.p);
	}
	return http_url_read(span_of(text), &url) ? TAKE(text) : NULL;
}

static void read_line(const struct moved_map *map, struct span line, struct moved *out)
{
	struct span from, to, more;

	if (line.n > 2 * HTTP_URL_MAX || !span_next_word(&line, &from) ||
	    !span_next_word(&line, &to) || span_next_word(&line, &more))
		return;
	out->from = address_of(map->base, from);
	out->to = address_of(map->base, to);
	if (out->from && out->to)
		return;
	free(out->from);
	free(out->to);
	out->from = out->to = NULL;
}

bool moved_next(struct moved_map *map, struct moved *out)
{
	struct span rest = span_from(map->text, map->at), line;

	while (span_next_line(&rest, &line)) {
		size_t offset = map->at;

		map->at = map->text.n - rest.n;
		map->line++;
		if (!span_trim(line).n || *line.p == '#')
			continue;
		moved_fini(out);
		out->line = map->line;
		out->offset = offset;
		read_line(map, line, out);
		return true;
	}
	return false;
}

void moved_at(const struct moved_map *map, size_t offset, struct moved *out)
{
	struct span rest = span_from(map->text, offset), line;

	moved_fini(out);
	out->offset = offset;
	if (span_next_line(&rest, &line))
		read_line(map, line, out);
}
