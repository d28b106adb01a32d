/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/master_lines.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

#define LINES_MAX 5000u
#define COMMAND_MAX 60000u

void master_lines_fini(struct master_lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].name);
		free(l->rows[i].type);
		for (size_t c = 0; c < ROWS(l->rows[i].columns); c++)
			free(l->rows[i].columns[c]);
		free(l->rows[i].command);
	}
	free(l->rows);
	*l = (struct master_lines){ 0 };
}

size_t master_lines_parse(struct span text, const char *chroot, struct master_lines *out)
{
	struct span line, word[7];
	size_t bad = 0;

	while (span_next_line(&text, &line) && out->n < LINES_MAX) {
		size_t n = 0;

		if (!line.n || line.p[0] == '#')
			continue;
		while (n < 7 && span_next_word(&line, &word[n]))
			n++;
		line = span_trim(line);
		if (n < 7 || !line.n) {
			bad++;
			continue;
		}
		ARRAY_GROW(out->rows, out->n, out->room);
		struct master_line *l = &out->rows[out->n++];
		*l = (struct master_line){ .name = span_dup(word[0]),
			                   .type = span_dup(word[1]),
			                   .command = span_dup(line) };
		for (size_t c = 0; c < ROWS(l->columns); c++)
			l->columns[c] = c == 2 && span_is(word[4], "-") ? xstrdup(chroot)
			                                                : span_dup(word[2 + c]);
	}
	return bad;
}

const struct master_line *master_line_find(const struct master_lines *l, const char *name,
                                           const char *type)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->rows[i].name, name) && !strcmp(l->rows[i].type, type))
			return &l->rows[i];
	return NULL;
}

bool master_line_same(const struct master_line *a, const struct master_line *b)
{
	for (size_t c = 0; c < ROWS(a->columns); c++)
		if (strcmp(a->columns[c], b->columns[c]) != 0)
			return false;
	return !strcmp(a->name, b->name) && !strcmp(a->type, b->type) &&
	       !strcmp(a->command, b->command);
}

static bool made_of(const char *text, const char *more)
{
	static const char usual[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (!*text || *text == '-' || strlen(text) > 200)
		return false;
	for (; *text; text++)
		if (!strchr(usual, *text) && !strchr(more, *text))
			return false;
	return true;
}

char *master_line_program(const struct master_line *l)
{
	struct span rest = span_of(l->command), word = { "", 0 };

	(void)span_next_word(&rest, &word);
	return span_dup(word);
}

bool master_line_good(const struct master_line *l)
{
	AUTO_FREE char *program = master_line_program(l);
	static const char *const types[] = { "inet", "unix", "fifo", "pass", "unix-dgram" };
	bool known = false;

	for (size_t i = 0; i < ROWS(types); i++)
		known = known || !strcmp(l->type, types[i]);
	for (size_t c = 0; c < ROWS(l->columns); c++)
		if (strcmp(l->columns[c], "-") != 0 && !made_of(l->columns[c], "?"))
			return false;
	for (const char *at = l->command; *at; at++)
		if ((unsigned char)*at < 0x20 && *at != '\t')
			return false;
	/* a slash would lead out of the daemon directory, and master runs what it finds as root */
	return known && made_of(l->name, ".:[]*/") && made_of(program, ".") &&
	       !strstr(l->name, "..") && *program != '.' && strlen(l->command) < COMMAND_MAX;
}

char *master_line_edit(const struct master_line *l)
{
	return xasprintf("%s/%s=%s %s %s %s %s %s %s %s", l->name, l->type, l->name, l->type,
	                 l->columns[0], l->columns[1], l->columns[2], l->columns[3], l->columns[4],
	                 l->command);
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

static bool is_old(struct span address, const struct strings *addresses)
{
	if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']')
		address = (struct span){ address.p + 1, address.n - 2 };
	for (size_t i = 0; i < addresses->n; i++)
		if (span_is_nocase(address, addresses->rows[i]))
			return true;
	return false;
}

static bool name_without_address(struct master_line *l, const struct strings *addresses)
{
	char *colon = strrchr(l->name, ':'), *port;

	if (strcmp(l->type, "inet") != 0 || !colon ||
	    !is_old((struct span){ l->name, (size_t)(colon - l->name) }, addresses))
		return false;
	port = xstrdup(colon + 1);
	free(l->name);
	l->name = port;
	return true;
}

/* "-o smtp_bind_address=203.0.113.10" */
static bool is_bind(struct span option, const struct strings *addresses)
{
	ssize_t equals = span_find(option, '=');
	struct span name;

	if (equals < 0)
		return false;
	name = (struct span){ option.p, (size_t)equals };
	return (span_ends(name, "_bind_address") || span_ends(name, "_bind_address6")) &&
	       is_old(span_from(option, (size_t)equals + 1), addresses);
}

static bool command_without_bind(struct master_line *l, const struct strings *addresses)
{
	AUTO_BUF struct buf out = { 0 };
	struct span rest = span_of(l->command), word, next;
	bool changed = false;
	const char *from = l->command;

	while (span_next_word(&rest, &word)) {
		struct span after = rest;

		if (!span_is(word, "-o") || !span_next_word(&after, &next) ||
		    !is_bind(next, addresses))
			continue;
		buf_add(&out, from, (size_t)(word.p - from));
		from = next.p + next.n;
		rest = after;
		changed = true;
	}
	if (!changed)
		return false;
	buf_add_text(&out, from);
	free(l->command);
	l->command = span_dup(span_trim(buf_span(&out)));
	return true;
}

bool master_line_without_addresses(struct master_line *l, const struct strings *addresses)
{
	bool name = name_without_address(l, addresses);

	return command_without_bind(l, addresses) || name;
}
