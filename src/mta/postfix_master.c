/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix_master.h"

#include "base/attr.h"

#include <string.h>

#define LINES_MAX 100000u

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_comment(struct span line)
{
	line = span_trim(line);
	return !line.n || line.p[0] == '#';
}

static size_t cut_fields(struct span line, struct span fields[8])
{
	size_t n = 0;

	memset(fields, 0, 8 * sizeof *fields);
	while (n < 7 && span_next_word(&line, &fields[n]))
		n++;
	fields[7] = span_trim(line);
	return n + (fields[7].n > 0);
}

/* The raw bytes from the start of `line` up to `rest`, its end of line included. */
static struct span raw_line(struct span line, struct span rest)
{
	return (struct span){ line.p, (size_t)(rest.p - line.p) };
}

size_t postfix_master_close(struct span text, postfix_master_fn *goes, void *context,
                            struct buf *out)
{
	struct span line, fields[8];
	bool going = false;
	size_t taken = 0, lines = 0;

	while (lines++ < LINES_MAX && span_next_line(&text, &line)) {
		/* a comment between a line and its continuation belongs to neither */
		if (!is_comment(line) && !is_blank(line.p[0])) {
			/* the program's options are what follows the seventh word */
			going = cut_fields(line, fields) >= 8 && goes(context, fields);
			taken += going;
		}
		if (going && !is_comment(line))
			buf_add_text(out, POSTFIX_MASTER_MARK);
		buf_add_span(out, raw_line(line, text));
	}
	buf_add_span(out, text);
	return taken;
}

size_t postfix_master_open(struct span text, struct buf *out)
{
	struct span line;
	size_t back = 0;

	while (span_next_line(&text, &line)) {
		struct span raw = raw_line(line, text);

		if (span_starts(raw, POSTFIX_MASTER_MARK)) {
			raw = span_from(raw, strlen(POSTFIX_MASTER_MARK));
			back++;
		}
		buf_add_span(out, raw);
	}
	return back;
}

bool postfix_master_accepts(const struct span fields[8])
{
	static const char *const programs[] = { "smtpd", "postscreen", "qmqpd" };
	struct span rest = fields[7], program;

	if (!span_is(fields[1], "inet") && !span_is(fields[1], "pass"))
		return false;
	if (!span_next_word(&rest, &program))
		return false;
	for (size_t i = 0; i < ROWS(programs); i++)
		if (span_is(program, programs[i]))
			return true;
	return false;
}
