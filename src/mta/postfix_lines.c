/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix_lines.h"

#include <string.h>

#define WAITS "#mailhaul-passes-on "   /* in front of a line that waits */
#define ADDED "#mailhaul-passes-on:\n" /* a line of its own: the next one was added */
#define ENDED "#mailhaul-passes-on;\n" /* the same; and the text before it had no end of line */

/* With its end of line. */
static bool next_line(struct span *rest, struct span *line)
{
	ssize_t end = span_find(*rest, '\n');

	if (!rest->n)
		return false;
	*line = (struct span){ rest->p, end < 0 ? rest->n : (size_t)end + 1 };
	*rest = span_from(*rest, line->n);
	return true;
}

/* postconf(5): a line that begins with a blank goes on from the one before, over comments and empty
 * ones, too. */
static bool begins(struct span line)
{
	return span_trim(line).n && *line.p != '#' && *line.p != ' ' && *line.p != '\t';
}

static bool goes_on(struct span line)
{
	return span_trim(line).n && (*line.p == ' ' || *line.p == '\t') &&
	       *span_trim(line).p != '#';
}

static bool sets(struct span line, const char *name)
{
	ssize_t equals = span_find(line, '=');

	return equals >= 0 && span_is(span_trim((struct span){ line.p, (size_t)equals }), name);
}

static bool is_replaced(struct span line, const struct postfix_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lines[i].name && sets(line, lines[i].name))
			return true;
	return false;
}

void postfix_lines_put(struct span text, const struct postfix_line *lines, size_t n,
                       struct buf *out)
{
	AUTO_BUF struct buf before = { 0 };
	struct span rest, line;
	bool waits = false, whole;

	postfix_lines_take_back(text, &before);
	rest = buf_span(&before);
	whole = !rest.n || span_ends(rest, "\n");
	while (next_line(&rest, &line)) {
		if (begins(line))
			waits = is_replaced(line, lines, n);
		if (waits && (begins(line) || goes_on(line)))
			buf_add_text(out, WAITS);
		buf_add_span(out, line);
	}
	for (size_t i = 0; i < n; i++) {
		if (!whole)
			buf_add_char(out, '\n');
		buf_addf(out, "%s%s\n", whole ? ADDED : ENDED, lines[i].line);
		whole = true;
	}
}

void postfix_lines_take_back(struct span text, struct buf *out)
{
	struct span rest = text, line;

	while (next_line(&rest, &line)) {
		if (span_is(line, ADDED) || span_is(line, ENDED)) {
			if (span_is(line, ENDED) && out->n)
				out->p[--out->n] = 0;
			(void)next_line(&rest, &line);
			continue;
		}
		if (span_starts(line, WAITS))
			line = span_from(line, strlen(WAITS));
		buf_add_span(out, line);
	}
}
