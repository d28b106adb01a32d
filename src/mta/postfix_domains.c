/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "accounts/aliases.h"
#include "accounts/names.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>

/* The parameters that make a domain this server's, each with its class. */
static const struct {
	const char *parameter;
	enum mta_domain_class class;
} lists[] = {
	{ "mydestination", MTA_DOMAIN_LOCAL },
	{ "virtual_alias_domains", MTA_DOMAIN_VIRTUAL_ALIAS },
	{ "virtual_mailbox_domains", MTA_DOMAIN_VIRTUAL_MAILBOX },
	{ "relay_domains", MTA_DOMAIN_RELAY },
};

struct search {
	struct host *h;
	struct mta_facts *f;
	const char *parameter;
	enum mta_domain_class class;
};

static void for_person(struct search *s, struct span element, const char *why)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_printable(&words, element);
	strings_addf(&s->f->for_person, "%s names %s: %s", s->parameter, buf_text(&words), why);
}

static void add_domain(struct search *s, struct span name, const char *source)
{
	struct mta_facts *f = s->f;
	AUTO_FREE char *text = NULL;

	/* "!name" takes one away, ".name" is all below it: neither is a domain of its own */
	if (!name.n || name.p[0] == '!' || name.p[0] == '.')
		return;
	text = span_dup(name);
	for (char *c = text; *c; c++)
		*c = ascii_lower(*c);
	if (!account_domain_good(text)) {
		for_person(s, name, "not a domain's name");
		return;
	}
	for (size_t i = 0; i < f->domains_n; i++)
		/* relay_domains is $mydestination by default in old versions */
		if (!strcmp(f->domains[i].name, text) &&
		    (f->domains[i].class == s->class || s->class == MTA_DOMAIN_RELAY))
			return;
	if (f->domains_n >= POSTFIX_ROWS_MAX)
		return;
	ARRAY_GROW(f->domains, f->domains_n, f->domains_room);
	f->domains[f->domains_n++] = (struct mta_domain){
		.name = TAKE(text),
		.class = s->class,
		.source = xstrdup(source),
	};
}

/* Keys of a table. Those with "@" are addresses: virtual_alias_domains is by default the table of
 * virtual aliases, where a domain is a key without "@" (virtual(5)). */
static void add_keys(struct search *s, struct span text, const char *source)
{
	AUTO_ALIAS_READER struct alias_reader r;
	struct alias_row row;

	alias_reader_init(&r, ALIAS_FORM_TABLE, text);
	while (alias_next(&r, &row))
		if (span_find(row.name, '@') < 0)
			add_domain(s, row.name, source);
}

static void add_words(struct search *s, struct span text, const char *source)
{
	struct span line, word;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (line.n && line.p[0] == '#')
			continue;
		while (postfix_list_next(&line, &word))
			add_domain(s, word, source);
	}
}

/* -1 only when the host can't be reached. */
static int add_file_words(struct search *s, struct span path, struct error *err)
{
	AUTO_FREE char *text = span_dup(path);
	AUTO_BUF struct buf words = { 0 };
	struct error why = { 0 };

	if (host_read(s->h, text, POSTFIX_FILE_MAX, &words, &why) == 0)
		add_words(s, buf_span(&words), text);
	else if (why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	else
		for_person(s, path, "could not be read");
	return 0;
}

/* "inline:{ example.org=x, {a = b} }" */
static void add_inline(struct search *s, struct span text)
{
	struct span element;

	if (text.n >= 2 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		text = (struct span){ text.p + 1, text.n - 2 };
	while (postfix_list_next(&text, &element)) {
		ssize_t equals = span_find(element, '=');

		if (equals > 0 && element.p[0] != '{')
			add_domain(s, (struct span){ element.p, (size_t)equals }, s->parameter);
	}
}

static int add_table(struct search *s, struct span element, struct span type, struct span name,
                     struct error *err)
{
	AUTO_FREE char *path = span_dup(name);
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (span_is(type, "inline")) {
		add_inline(s, name);
		return 0;
	}
	if (!postfix_type_is_text(type) || *path != '/') {
		for_person(s, element, "which domains it holds can't be listed from here");
		return 0;
	}
	if (postfix_read_table(s->h, type, path, &text, &why) == 0)
		add_keys(s, buf_span(&text), path);
	else if (why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	else
		for_person(s, element, "its text could not be read");
	return 0;
}

static int add_list(struct search *s, struct error *err)
{
	AUTO_FREE char *value = mta_setting_expanded(s->f, s->parameter);
	struct span rest = span_of(value), element, type, name;

	while (postfix_list_next(&rest, &element)) {
		if (element.p[0] == '/') {
			if (add_file_words(s, element, err) < 0)
				return -1;
		} else if (postfix_table_of(element, &type, &name)) {
			if (add_table(s, element, type, name, err) < 0)
				return -1;
		} else {
			add_domain(s, element, s->parameter);
		}
	}
	return 0;
}

int postfix_find_domains(struct host *h, struct mta_facts *f, struct error *err)
{
	for (size_t i = 0; i < ROWS(lists); i++) {
		struct search s = { h, f, lists[i].parameter, lists[i].class };

		if (add_list(&s, err) < 0)
			return -1;
	}
	return 0;
}
