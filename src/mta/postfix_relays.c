/* SPDX-License-Identifier: BSD-2-Clause */

/* postfix_relays -- whom Postfix lets send to everywhere without a password (postconf(5), mynetworks). */

#include "mta/postfix.h"

#include "accounts/aliases.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <arpa/inet.h>
#include <string.h>

#define FILES_MAX 64u /* files and tables that are read, also those that files name */

struct relays {
	struct host *h;
	struct strings *networks; /* borrowed */
	struct strings *read;     /* borrowed; files, each once: one may name itself */
};

static bool is_own(struct span element)
{
	return span_starts(element, "127.") || span_starts(element, "[::1]") ||
	       span_starts(element, "[::ffff:127.");
}

/* "192.0.2.0/24", "[2001:db8::]/32"; not a name, or one that is taken out again ("!"): who is in one of
 * these too many is still judged by the server itself. */
static void add_network(struct strings *out, struct span element)
{
	AUTO_BUF struct buf text = { 0 };
	uint8_t octets[16];
	ssize_t slash;

	if (is_own(element) || out->n >= MTA_RELAY_NETWORKS_MAX)
		return;
	for (size_t i = 0; i < element.n; i++)
		if (element.p[i] != '[' && element.p[i] != ']')
			buf_add_char(&text, element.p[i]);
	slash = span_find(buf_span(&text), '/');

	AUTO_FREE char *host = xstrndup(buf_text(&text), slash < 0 ? text.n : (size_t)slash);
	if (inet_pton(strchr(host, ':') ? AF_INET6 : AF_INET, host, octets) == 1)
		strings_add(out, buf_text(&text));
}

/* Keys of "key value" text, and the patterns of cidr_table(5): also those between "if" and "endif", for
 * fewer are in them than in the network that the "if" has. */
static void add_keys(struct relays *r, struct span text)
{
	AUTO_ALIAS_READER struct alias_reader reader = { 0 };
	struct alias_row row;

	alias_reader_init(&reader, ALIAS_FORM_TABLE, text);
	while (alias_next(&reader, &row))
		add_network(r->networks, row.name);
}

static int add_element(struct relays *r, struct span element, struct error *err);

/* A file of patterns, as in the setting itself, with comments. */
static int add_patterns(struct relays *r, struct span text, struct error *err)
{
	struct span line, element;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (line.n && line.p[0] == '#')
			continue;
		while (postfix_list_next(&line, &element))
			if (add_element(r, element, err) < 0)
				return -1;
	}
	return 0;
}

/* What can't be read is what nobody is let through by: told to a person by its name alone. */
static int add_element(struct relays *r, struct span element, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span type = { 0 }, name = element;
	struct error why = { 0 };
	bool is_file = element.n && element.p[0] == '/';

	if (element.n && element.p[0] == '!')
		return 0;
	if (!is_file && !postfix_table_of(element, &type, &name)) {
		add_network(r->networks, element);
		return 0;
	}
	if (!is_file && !span_is(type, "cidr") && !postfix_type_is_text(type))
		return 0;
	if (!name.n || name.p[0] != '/' || r->read->n >= FILES_MAX)
		return 0;

	AUTO_FREE char *path = span_dup(name);
	if (strings_has(r->read, path))
		return 0;
	strings_add(r->read, path);
	if (postfix_read_table(r->h, type, path, &text, &why) < 0) {
		if (why.retry != ERROR_RETRY_REACH)
			return 0;
		*err = why;
		return -1;
	}
	if (is_file)
		return add_patterns(r, buf_span(&text), err);
	add_keys(r, buf_span(&text));
	return 0;
}

int postfix_find_relays(struct host *h, const struct mta_facts *f, struct mta_reception *out,
                        struct error *err)
{
	AUTO_FREE char *networks = mta_setting_expanded(f, "mynetworks");
	AUTO_STRINGS struct strings read = { 0 };
	struct relays r = { .h = h, .networks = &out->relay_networks, .read = &read };
	struct span rest = span_of(networks), element;
	AUTO_BUF struct buf others = { 0 };

	while (postfix_list_next(&rest, &element)) {
		if (is_own(element))
			continue;
		buf_add_text(&others, others.n ? ", " : "");
		buf_add_span(&others, element);
		if (add_element(&r, element, err) < 0)
			return -1;
	}
	out->relays_for = xstrdup(buf_text(&others));
	return 0;
}
