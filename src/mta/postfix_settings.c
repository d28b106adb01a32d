/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix_settings.h"

#include "base/memory.h"

#include <string.h>

#define EXPAND_DEPTH_MAX 20
#define EXPAND_STEPS_MAX 20000u

static struct mta_setting *find_setting(const struct mta_facts *f, struct span name)
{
	for (size_t i = 0; i < f->settings_n; i++)
		if (span_is(name, f->settings[i].name))
			return &f->settings[i];
	return NULL;
}

const char *mta_setting(const struct mta_facts *f, const char *name)
{
	const struct mta_setting *s = find_setting(f, span_of(name));

	return s ? s->value : NULL;
}

void postfix_settings_parse(struct mta_facts *f, struct span text, bool given)
{
	struct span line;
	size_t before = f->settings_n;

	while (span_next_line(&text, &line) && f->settings_n < POSTFIX_SETTINGS_MAX) {
		ssize_t equals = span_find(line, '=');
		struct mta_setting *s = NULL;
		struct span name, value;

		if (equals <= 0 || line.n > POSTFIX_VALUE_MAX)
			continue;
		name = span_trim((struct span){ line.p, (size_t)equals });
		value = span_trim(span_from(line, (size_t)equals + 1));
		if (!name.n)
			continue;
		/* `postconf -n` comes second and names few; the first listing has each name once */
		if (before)
			s = find_setting(f, name);
		if (s) {
			free(s->value);
			s->value = span_dup(value);
			s->given |= given;
			continue;
		}
		ARRAY_GROW(f->settings, f->settings_n, f->settings_room);
		f->settings[f->settings_n++] = (struct mta_setting){
			.name = span_dup(name),
			.value = span_dup(value),
			.given = given,
		};
	}
}

/* ── services ────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *name;
	unsigned port;
} ports[] = {
	{ "smtp", 25 },  { "mail", 25 },   { "smtps", 465 }, { "submissions", 465 },
	{ "urd", 465 },  { "ssmtp", 465 }, { "qmqp", 628 },  { "submission", 587 },
	{ "msa", 587 },  { "pop3", 110 },  { "imap2", 143 }, { "imap", 143 },
	{ "policy", 0 },
};

/* Splits "host:port", "[host]:port" or "port". */
static void cut_service(const char *name, struct span *address, struct span *port)
{
	const char *colon = strrchr(name, ':');

	*address = (struct span){ name, colon ? (size_t)(colon - name) : 0 };
	*port = span_of(colon ? colon + 1 : name);
	if (address->n >= 2 && address->p[0] == '[' && address->p[address->n - 1] == ']')
		*address = (struct span){ address->p + 1, address->n - 2 };
}

unsigned postfix_service_port(const char *name)
{
	struct span address, port;
	uint64_t number;

	cut_service(name, &address, &port);
	if (span_parse_u64(port, &number))
		return number < 65536 ? (unsigned)number : 0;
	for (size_t i = 0; i < ROWS(ports); i++)
		if (span_is(port, ports[i].name))
			return ports[i].port;
	return 0;
}

char *postfix_service_address(const char *name)
{
	struct span address, port;

	cut_service(name, &address, &port);
	return span_dup(address);
}

void postfix_services_parse(struct mta_facts *f, struct span text)
{
	struct span line, whole, word[7];

	while (span_next_line(&text, &line) && f->services_n < POSTFIX_SERVICES_MAX) {
		size_t n = 0;

		if (line.n > POSTFIX_VALUE_MAX || !line.n || line.p[0] == '#')
			continue;
		whole = span_trim(line);
		while (n < 7 && span_next_word(&line, &word[n]))
			n++;
		line = span_trim(line);
		if (n < 7 || !line.n)
			continue;
		ARRAY_GROW(f->services, f->services_n, f->services_room);
		struct mta_service *s = &f->services[f->services_n++];
		*s = (struct mta_service){
			.name = span_dup(word[0]),
			.type = span_dup(word[1]),
			.command = span_dup(line),
			.line = span_dup(whole),
			/* the default is y before Postfix 3.0 and n since */
			.chroot = span_is(word[4], "y"),
		};
		if (!strcmp(s->type, "inet"))
			s->port = postfix_service_port(s->name);
	}
}

static bool pattern_fits(struct span pattern, const char *name, const char *type)
{
	ssize_t dot = -1;

	for (size_t i = 0; i < pattern.n; i++)
		if (pattern.p[i] == '.' || pattern.p[i] == '/')
			dot = (ssize_t)i;
	if (dot < 0)
		return span_is(pattern, type);
	return span_is((struct span){ pattern.p, (size_t)dot }, name) &&
	       span_is(span_from(pattern, (size_t)dot + 1), type);
}

bool postfix_service_is_disabled(struct span pattern, const char *name, const char *type)
{
	struct span element;

	while (postfix_list_next(&pattern, &element)) {
		bool not = element.n && element.p[0] == '!';

		if (pattern_fits(not ? span_from(element, 1) : element, name, type))
			return !not ;
	}
	return false;
}

/* ── lists and tables ────────────────────────────────────────────────────────────────────────── */

static bool separates(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r';
}

bool postfix_list_next(struct span *rest, struct span *element)
{
	size_t n = 0, depth = 0;

	while (rest->n && separates(rest->p[0]))
		*rest = span_from(*rest, 1);
	while (n < rest->n && (depth || !separates(rest->p[n]))) {
		if (rest->p[n] == '{')
			depth++;
		else if (rest->p[n] == '}' && depth)
			depth--;
		n++;
	}
	*element = (struct span){ rest->p, n };
	*rest = span_from(*rest, n);
	return n > 0;
}

static bool is_type(struct span s)
{
	if (!s.n || s.n > 32)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* Types that hand the question on to another table. */
static bool is_wrapper(struct span type)
{
	return span_is(type, "proxy") || span_is(type, "debug");
}

/* Things of the form "word:rest" that are no tables. */
static bool is_no_table(struct span type, struct span name)
{
	static const char *const transports[] = { "inet",  "unix",  "local",   "smtp",    "lmtp",
		                                  "relay", "error", "discard", "virtual", "fifo" };
	uint64_t number;

	for (size_t i = 0; i < ROWS(transports); i++)
		if (span_is(type, transports[i]))
			/* unix:passwd.byname is a table, unix:/run/milter.sock is not */
			return !(span_is(type, "unix") && span_ends(name, ".byname"));
	return span_parse_u64(name, &number); /* host:port */
}

bool postfix_table_of(struct span element, struct span *type, struct span *name)
{
	for (int depth = 0; depth < 4; depth++) {
		ssize_t colon = span_find(element, ':');

		if (element.n && element.p[0] == '!')
			return postfix_table_of(span_from(element, 1), type, name);
		if (colon <= 0 || (size_t)colon + 1 == element.n)
			return false;
		*type = (struct span){ element.p, (size_t)colon };
		*name = span_from(element, (size_t)colon + 1);
		if (!is_type(*type) || is_no_table(*type, *name))
			return false;
		if (!is_wrapper(*type))
			return true;
		element = *name;
	}
	return false;
}

/* ── $name ───────────────────────────────────────────────────────────────────────────────────── */

struct expander {
	const struct mta_facts *f;
	unsigned steps; /* a value may name the next one twice, and so on: 2^depth */
};

static void expand(struct expander *e, struct span value, struct buf *out, int depth);

static bool is_name(char c)
{
	char l = ascii_lower(c);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Offset of the bracket that closes the one in front of `text`; -1 when there is none. */
static ssize_t closing(struct span text, char open, char close)
{
	size_t depth = 1;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == open)
			depth++;
		else if (text.p[i] == close && --depth == 0)
			return (ssize_t)i;
	}
	return -1;
}

static struct span without_braces(struct span text)
{
	text = span_trim(text);
	if (text.n >= 2 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		return span_trim((struct span){ text.p + 1, text.n - 2 });
	return text;
}

/* Cuts "{...}" off the front. */
static bool cut_braces(struct span *rest, struct span *inside)
{
	ssize_t end;

	*rest = span_trim(*rest);
	if (!rest->n || rest->p[0] != '{')
		return false;
	end = closing(span_from(*rest, 1), '{', '}');
	if (end < 0)
		return false;
	*inside = span_trim((struct span){ rest->p + 1, (size_t)end });
	*rest = span_trim(span_from(*rest, (size_t)end + 2));
	return true;
}

static int compare(struct span a, struct span b)
{
	uint64_t x, y;

	/* levels: "3.6" against "2" by their first number is enough for the defaults that ask */
	if (span_parse_u64(a, &x) && span_parse_u64(b, &y))
		return x < y ? -1 : x > y;
	if (span_equal(a, b))
		return 0;
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n < b.n ? -1 : 1);
}

static bool holds(struct span operator, int order)
{
	if (span_starts(operator, "=="))
		return order == 0;
	if (span_starts(operator, "!="))
		return order != 0;
	if (span_starts(operator, "<=") || span_starts(operator, "<=level"))
		return order <= 0;
	if (span_starts(operator, ">="))
		return order >= 0;
	if (span_starts(operator, "<"))
		return order < 0;
	return order > 0;
}

/* "{a} == {b} ? {yes} : {no}", the braces around it already gone. */
static void expand_choice(struct expander *e, struct span text, struct buf *out, int depth)
{
	AUTO_BUF struct buf left = { 0 }, right = { 0 };
	struct span a, b, operator, yes = { 0 }, no = { 0 };
	size_t n = 0;

	if (!cut_braces(&text, &a))
		return;
	while (n < text.n && text.p[n] != '{')
		n++;
	operator= span_trim((struct span){ text.p, n });
	text = span_from(text, n);
	if (!cut_braces(&text, &b) || !text.n || text.p[0] != '?')
		return;
	text = span_from(text, 1);
	if (cut_braces(&text, &yes) && text.n && text.p[0] == ':') {
		text = span_from(text, 1);
		(void)cut_braces(&text, &no);
	}
	expand(e, a, &left, depth + 1);
	expand(e, b, &right, depth + 1);
	expand(e, holds(operator, compare(buf_span(&left), buf_span(&right))) ? yes : no, out,
	       depth + 1);
}

/* "name", "name?text", "name:text", "name?{text}:{text}" or a comparison. */
static void expand_inside(struct expander *e, struct span text, struct buf *out, int depth)
{
	size_t n = 0;

	text = span_trim(text);
	if (text.n && text.p[0] == '{') {
		expand_choice(e, text, out, depth);
		return;
	}
	while (n < text.n && is_name(text.p[n]))
		n++;

	const struct mta_setting *s = find_setting(e->f, (struct span){ text.p, n });
	struct span then = span_trim(span_from(text, n)), otherwise = { 0 };
	bool is_set = s && *s->value;

	if (!then.n) {
		if (s)
			expand(e, span_of(s->value), out, depth + 1);
		return;
	}
	if (then.p[0] == ':') {
		if (is_set)
			expand(e, span_of(s->value), out, depth + 1);
		else
			expand(e, without_braces(span_from(then, 1)), out, depth + 1);
		return;
	}
	if (then.p[0] != '?')
		return;
	then = span_from(then, 1);
	struct span rest = then, inside;
	if (cut_braces(&rest, &inside)) {
		then = inside;
		if (rest.n && rest.p[0] == ':')
			otherwise = without_braces(span_from(rest, 1));
	}
	expand(e, is_set ? then : otherwise, out, depth + 1);
}

/* What stands behind a '$' at the front of `text`; returns how many octets belong to it. */
static size_t expand_one(struct expander *e, struct span text, struct buf *out, int depth)
{
	bool braces = text.n && (text.p[0] == '{' || text.p[0] == '(');
	size_t n = 0;

	if (braces) {
		char open = text.p[0];
		ssize_t end = closing(span_from(text, 1), open, open == '{' ? '}' : ')');

		if (end < 0)
			return 0;
		expand_inside(e, (struct span){ text.p + 1, (size_t)end }, out, depth);
		return (size_t)end + 2;
	}
	while (n < text.n && is_name(text.p[n]))
		n++;
	if (n)
		expand_inside(e, (struct span){ text.p, n }, out, depth);
	return n;
}

static void expand(struct expander *e, struct span value, struct buf *out, int depth)
{
	for (size_t i = 0; i < value.n && out->n < POSTFIX_VALUE_MAX; i++) {
		size_t used;

		if (value.p[i] != '$' || depth > EXPAND_DEPTH_MAX || e->steps > EXPAND_STEPS_MAX) {
			buf_add_char(out, value.p[i]);
			continue;
		}
		if (i + 1 < value.n && value.p[i + 1] == '$') {
			buf_add_char(out, '$');
			i++;
			continue;
		}
		e->steps++;
		used = expand_one(e, span_from(value, i + 1), out, depth);
		if (!used)
			buf_add_char(out, '$');
		i += used;
	}
}

void postfix_expand(const struct mta_facts *f, struct span value, struct buf *out)
{
	struct expander e = { .f = f };

	expand(&e, value, out, 0);
}

char *mta_setting_expanded(const struct mta_facts *f, const char *name)
{
	AUTO_BUF struct buf out = { 0 };
	const char *value = mta_setting(f, name);

	if (value)
		postfix_expand(f, span_of(value), &out);
	return buf_take(&out);
}
