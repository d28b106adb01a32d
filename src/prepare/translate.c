/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/translate.h"

#include "base/memory.h"
#include "mta/postfix.h"
#include "mta/postfix_settings.h"

#include <string.h>

/* Does the new host's Postfix know the type? Asked once (postconf -m). */
static bool knows_type(struct prepare *p, struct span type)
{
	struct span rest, word;

	if (!p->table_types.n) {
		AUTO_BUF struct buf text = { 0 };
		struct error ignored;

		if (host_do(p->new_host, "postfix-types", NULL, SPAN(""), &text, &ignored) < 0)
			return true;
		rest = buf_span(&text);
		while (span_next_line(&rest, &word))
			strings_add_span(&p->table_types, span_trim(word));
	}
	AUTO_FREE char *name = span_dup(type);
	return strings_has(&p->table_types, name);
}

char *prepare_table_type(struct prepare *p, struct span type)
{
	const char *usual = mta_setting(&p->to.mta, "default_database_type");

	if (!postfix_type_is_compiled(type) || knows_type(p, type) || !usual)
		return span_dup(type);
	return xstrdup(usual);
}

/* Octets that can't belong to the name of a type. */
static bool ends_type(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

char *prepare_translate_tables(struct prepare *p, const char *value)
{
	AUTO_BUF struct buf out = { 0 };
	size_t start = 0, n = strlen(value);

	for (size_t i = 0; i < n; i++) {
		/* "hash:/x" and "proxy:hash:/x", and never the "hash" of something else */
		if (value[i] == ':' && i + 1 < n && (value[i + 1] == '/' || value[i + 1] == '$') &&
		    i > start) {
			struct span type = { value + start, i - start };
			AUTO_FREE char *made = prepare_table_type(p, type);

			out.n -= type.n;
			buf_add_text(&out, made);
		}
		if (ends_type(value[i]))
			start = i + 1;
		buf_add_char(&out, value[i]);
	}
	return buf_take(&out);
}

/* "203.0.113.10", "203.0.113.10/32", "[2001:db8::10]/128" */
static bool is_old_address(const struct prepare *p, struct span word)
{
	ssize_t slash = span_find(word, '/');
	struct span length = slash < 0 ? SPAN("") : span_from(word, (size_t)slash + 1);

	if (length.n && !span_is(length, "32") && !span_is(length, "128"))
		return false;
	if (slash >= 0)
		word.n = (size_t)slash;
	if (word.n > 2 && word.p[0] == '[' && word.p[word.n - 1] == ']')
		word = (struct span){ word.p + 1, word.n - 2 };
	for (size_t i = 0; i < p->old_addresses.n; i++)
		if (span_is_nocase(word, p->old_addresses.rows[i]))
			return true;
	return false;
}

char *prepare_translate_networks(struct prepare *p, const char *name, const char *value)
{
	AUTO_BUF struct buf out = { 0 };
	struct span rest = span_of(value), element;
	bool changed = false;

	while (postfix_list_next(&rest, &element)) {
		if (is_old_address(p, element)) {
			prepare_leave(p, "%s: %.*s, an address of the old machine, is left out",
			              name, (int)element.n, element.p);
			changed = true;
		} else {
			buf_addf(&out, "%s%.*s", out.n ? ", " : "", (int)element.n, element.p);
		}
	}
	return changed ? buf_take(&out) : prepare_translate_tables(p, value);
}

char *prepare_translate_numbers(const struct prepare *p, struct span words)
{
	static const struct {
		const char *name;
		bool group;
	} names[] = { { "uid=", false }, { "gid=", true } };
	AUTO_BUF struct buf out = { 0 };

	while (words.n) {
		size_t n = 0;
		bool done = false;

		while (n < words.n && words.p[n] != ' ')
			n++;
		struct span word = { words.p, n };
		for (size_t i = 0; i < ROWS(names) && !done; i++) {
			uint64_t number;

			if (!span_starts(word, names[i].name) ||
			    !span_parse_u64(span_from(word, 4), &number) || number > UINT32_MAX)
				continue;
			buf_addf(&out, "%s%u", names[i].name,
			         prepare_number(p, (uint32_t)number, names[i].group));
			done = true;
		}
		if (!done)
			buf_add_span(&out, word);
		words = span_from(words, n);
		if (words.n) {
			buf_add_char(&out, ' ');
			words = span_from(words, 1);
		}
	}
	return buf_take(&out);
}
