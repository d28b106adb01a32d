/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/turnaway.h"

#include <string.h>

static enum gate_wish end_line(struct turnaway *s)
{
	struct span word = span_trim((struct span){
		s->word, s->line_at < sizeof s->word ? s->line_at : sizeof s->word });
	size_t line_at = s->line_at;

	s->line_at = 0;
	if (word.n == 0 && line_at <= 1)
		return GATE_WAIT; /* an empty line says nothing */
	if (s->said_n)
		s->said_done = true;
	return span_is_nocase(word, "QUIT") ? GATE_QUIT : GATE_REPEAT;
}

enum gate_wish turnaway_input(struct turnaway *s, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		char c = bytes.p[i];

		if (s->heard == GATE_INPUT_MAX)
			return GATE_END;
		s->heard++;
		if (c == '\n') {
			enum gate_wish wish = end_line(s);

			if (wish != GATE_WAIT)
				return wish;
			continue;
		}
		if (s->line_at < sizeof s->word)
			s->word[s->line_at] = c;
		s->line_at++;
		if (s->said_done || c == '\r')
			continue;
		if (s->said_n < GATE_SAID_MAX)
			s->said[s->said_n++] = c;
		else
			s->said_cut = true;
	}
	return GATE_WAIT;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

bool gate_reply_make(const char *name, const char *text, struct buf *out)
{
	if (!is_printable(name) || !is_printable(text) || !*name)
		return false;
	buf_reset(out);
	buf_addf(out, "421 4.3.2 %s %s\r\n", name, text);
	return out->n <= GATE_LINE_MAX;
}
