/* SPDX-License-Identifier: BSD-2-Clause */
#include "accounts/aliases.h"

#include <string.h>

void alias_reader_init(struct alias_reader *r, enum alias_form form, struct span text)
{
	*r = (struct alias_reader){ .rest = text, .form = form };
}

void alias_reader_fini(struct alias_reader *r)
{
	buf_fini(&r->logical);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Empty, blank, or a comment. */
static bool is_nothing(struct span line)
{
	line = span_trim(line);
	return !line.n || line.p[0] == '#';
}

/* Does the next line that is something continue the row before it? */
static bool continues(struct span rest)
{
	struct span line;

	while (span_next_line(&rest, &line))
		if (!is_nothing(line))
			return is_blank(line.p[0]);
	return false;
}

/* Gathers a line and its continuations; false at the end. */
static bool read_logical(struct alias_reader *r, unsigned *start)
{
	struct span line;

	buf_reset(&r->logical);
	while (span_next_line(&r->rest, &line)) {
		r->line++;
		if (is_nothing(line))
			continue;
		if (!r->logical.n)
			*start = r->line;
		else
			buf_add_char(&r->logical, ' ');
		if (r->logical.n + line.n <= ALIAS_LINE_MAX)
			buf_add_span(&r->logical, line);
		else
			r->bad++;
		if (r->form == ALIAS_FORM_LIST || !continues(r->rest))
			return true;
	}
	return r->logical.n > 0;
}

/* The end of a name that may be in quotes; the offset behind it. */
static size_t name_end(struct span text, enum alias_form form)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && quoted && i + 1 < text.n)
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
		else if (!quoted &&
		         (form == ALIAS_FORM_ALIASES ? text.p[i] == ':' : is_blank(text.p[i])))
			return i;
	}
	return text.n;
}

static struct span unquoted(struct span name)
{
	name = span_trim(name);
	if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		return (struct span){ name.p + 1, name.n - 2 };
	return name;
}

bool alias_next(struct alias_reader *r, struct alias_row *row)
{
	unsigned start = 0;

	while (read_logical(r, &start)) {
		struct span text = span_trim(buf_span(&r->logical));
		size_t end;

		if (r->form == ALIAS_FORM_LIST) {
			*row = (struct alias_row){ .value = text, .line = start };
			return true;
		}
		end = name_end(text, r->form);
		*row = (struct alias_row){
			.name = unquoted((struct span){ text.p, end }),
			.value = span_trim(span_from(text, end < text.n ? end + 1 : end)),
			.line = start,
		};
		if (row->name.n && row->value.n)
			return true;
		r->bad++;
	}
	return false;
}

static bool ends_target(char c, enum alias_form form)
{
	return c == ',' || (form == ALIAS_FORM_LIST && is_blank(c));
}

/* Copies up to the next separator outside quotes, without the quotes. */
static void copy_target(struct span *value, enum alias_form form, struct buf *out)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < value->n; i++) {
		char c = value->p[i];

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && ends_target(c, form))
			break;
		/* a backslash outside quotes belongs to the address: "\bob" means no more aliases */
		if (c == '\\' && quoted && i + 1 < value->n)
			c = value->p[++i];
		buf_add_char(out, c);
	}
	*value = span_from(*value, i < value->n ? i + 1 : i);
}

bool alias_next_target(struct span *value, enum alias_form form, struct buf *out)
{
	while (value->n) {
		struct span made;

		buf_reset(out);
		*value = span_trim(*value);
		copy_target(value, form, out);
		made = span_trim(buf_span(out));
		if (!made.n)
			continue;
		/* blanks behind the target, before the comma */
		if (made.n != out->n) {
			AUTO_BUF struct buf trimmed = { 0 };

			buf_add_span(&trimmed, made);
			buf_reset(out);
			buf_add_span(out, buf_span(&trimmed));
		}
		return true;
	}
	return false;
}

enum alias_target alias_target_of(struct span target, struct span *what)
{
	*what = target;
	if (span_starts_nocase(target, ":include:")) {
		*what = span_trim(span_from(target, strlen(":include:")));
		return ALIAS_TARGET_INCLUDE;
	}
	if (target.n && target.p[0] == '|') {
		*what = span_trim(span_from(target, 1));
		return ALIAS_TARGET_PIPE;
	}
	if (target.n && target.p[0] == '/')
		return ALIAS_TARGET_FILE;
	return ALIAS_TARGET_ADDRESS;
}

struct span alias_program(struct span command)
{
	struct span word;

	/* Postfix hands a command with shell characters to sh: "IFS=' ' && exec /path args" (and
	 * Mailman's old way of writing it) */
	while (span_next_word(&command, &word)) {
		while (word.n && (word.p[0] == '"' || word.p[0] == '\''))
			word = span_from(word, 1);
		while (word.n && (word.p[word.n - 1] == '"' || word.p[word.n - 1] == '\''))
			word.n--;
		if (word.n && word.p[0] == '/')
			return word;
		if (!span_is(word, "exec") && !span_is(word, "&&") && span_find(word, '=') < 0 &&
		    word.n)
			break;
	}
	return (struct span){ "", 0 };
}
