/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/dovecot_settings.h"

#include "base/memory.h"

#include <string.h>

/* ── lines ───────────────────────────────────────────────────────────────────────────────────── */

/* Where a line stands: the blocks around it, "protocol lmtp" > "plugin". */
struct walk {
	char *blocks[DOVECOT_DEPTH_MAX];
	unsigned numbers[DOVECOT_DEPTH_MAX + 1];
	unsigned depth, too_deep, last;
};

static void walk_fini(struct walk *w)
{
	while (w->depth)
		free(w->blocks[--w->depth]);
}
#define AUTO_WALK __attribute__((cleanup(walk_fini)))

static void enter(struct walk *w, struct span name)
{
	if (w->depth == DOVECOT_DEPTH_MAX) {
		w->too_deep++;
		return;
	}
	w->blocks[w->depth++] = span_dup(name);
	w->numbers[w->depth] = ++w->last;
}

static void leave(struct walk *w)
{
	if (w->too_deep)
		w->too_deep--;
	else if (w->depth)
		free(w->blocks[--w->depth]);
}

static void add_path(const struct walk *w, struct span name, struct buf *out)
{
	for (unsigned i = 0; i < w->depth; i++) {
		buf_add_text(out, w->blocks[i]);
		buf_add_char(out, '/');
	}
	buf_add_span(out, name);
}

static struct span without_quotes(struct span value)
{
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		return (struct span){ value.p + 1, value.n - 2 };
	return value;
}

/* What a line is; for a setting its name and value. */
enum line { LINE_NOTHING, LINE_OPEN, LINE_CLOSE, LINE_SETTING };

static enum line read_line(struct span line, struct span *name, struct span *value)
{
	ssize_t equals;

	line = span_trim(line);
	if (!line.n || line.p[0] == '#')
		return LINE_NOTHING;
	if (span_is(line, "}"))
		return LINE_CLOSE;
	if (line.p[line.n - 1] == '{' && (equals = span_find_text(line, " = ")) < 0) {
		*name = span_trim((struct span){ line.p, line.n - 1 });
		return LINE_OPEN;
	}
	equals = span_find(line, '=');
	if (equals <= 0)
		return LINE_NOTHING;
	*name = span_trim((struct span){ line.p, (size_t)equals });
	*value = span_trim(span_from(line, (size_t)equals + 1));
	return LINE_SETTING;
}

/* ── what the settings mean ──────────────────────────────────────────────────────────────────── */

static void add_words(struct strings *list, struct span words)
{
	struct span word;

	while (span_next_word(&words, &word)) {
		AUTO_FREE char *text = span_dup(word);

		/* "$mail_plugins" is what was there before, already said */
		if (*text != '$' && !strings_has(list, text) && list->n < 1000)
			strings_add(list, text);
	}
}

static void add_file(struct imapd_facts *f, struct span path)
{
	AUTO_FREE char *text = span_dup(path);

	if (*text == '/' && !strings_has(&f->files, text) && f->files.n < 10000)
		strings_add(&f->files, text);
}

static void replace(char **field, struct span value)
{
	free(*field);
	*field = span_dup(value);
}

/* "scheme=CRYPT username_format=%u /etc/dovecot/users": the last word is the file. */
static void read_args(struct imapd_database *d)
{
	struct span rest = span_of(d->args), word;

	while (span_next_word(&rest, &word)) {
		if (span_starts(word, "scheme="))
			replace(&d->scheme, span_from(word, strlen("scheme=")));
		else if (span_starts(word, "username_format="))
			replace(&d->username_format, span_from(word, strlen("username_format=")));
		else if (word.p[0] == '/')
			replace(&d->file, word);
	}
}

static void add_database(struct imapd_facts *f, bool users)
{
	ARRAY_GROW(f->databases, f->databases_n, f->databases_room);
	f->databases[f->databases_n++] = (struct imapd_database){
		.users = users,
		.driver = xstrdup(""),
		.args = xstrdup(""),
		.scheme = xstrdup("CRYPT"),
		.username_format = xstrdup("%u"),
	};
}

static void add_namespace(struct imapd_facts *f, struct span block)
{
	struct span rest = block, word = { "", 0 };

	(void)span_next_word(&rest, &word);
	(void)span_next_word(&rest, &word);
	ARRAY_GROW(f->namespaces, f->namespaces_n, f->namespaces_room);
	f->namespaces[f->namespaces_n++] = (struct imapd_namespace){
		.name = span_is(word, "namespace") ? xstrdup("") : span_dup(word),
		.prefix = xstrdup(""),
		.separator = xstrdup(""),
		.location = xstrdup(""),
		.type = xstrdup("private"),
	};
}

static bool is_namespace(struct span block)
{
	return span_is(block, "namespace") || span_starts(block, "namespace ");
}

static bool is_database(struct span block)
{
	return span_is(block, "passdb") || span_is(block, "userdb");
}

static void enter_block(struct imapd_facts *f, const struct walk *w, struct span name)
{
	if (w->depth != 1 || w->too_deep)
		return;
	if (is_database(name))
		add_database(f, span_is(name, "userdb"));
	else if (is_namespace(name))
		add_namespace(f, name);
}

static void set_database(struct imapd_database *d, struct span name, struct span value)
{
	if (span_is(name, "driver"))
		replace(&d->driver, value);
	if (span_is(name, "args"))
		replace(&d->args, value);
	if (span_is(name, "result_success"))
		d->goes_on = span_starts(value, "continue");
}

static void set_namespace(struct imapd_namespace *n, struct span name, struct span value)
{
	if (span_is(name, "prefix"))
		replace(&n->prefix, value);
	else if (span_is(name, "separator"))
		replace(&n->separator, value);
	else if (span_is(name, "location"))
		replace(&n->location, value);
	else if (span_is(name, "type"))
		replace(&n->type, value);
	else if (span_is(name, "inbox"))
		n->inbox = span_is(value, "yes");
}

/* `raw` is the value with its quotes: "</path" in quotes is text, without it is a file. */
static void read_setting(struct imapd_facts *f, const struct walk *w, struct span name,
                         struct span raw)
{
	struct span value = without_quotes(raw);

	if (w->depth == 1 && is_database(span_of(w->blocks[0])))
		set_database(&f->databases[f->databases_n - 1], name, value);
	if (w->depth == 1 && is_namespace(span_of(w->blocks[0])))
		set_namespace(&f->namespaces[f->namespaces_n - 1], name, value);
	if (!w->depth && span_is(name, "protocols"))
		add_words(&f->protocols, value);
	if (span_is(name, "mail_plugins"))
		add_words(&f->plugins, value);
	if (raw.n > 1 && raw.p[0] == '<')
		add_file(f, span_trim(span_from(raw, 1)));
}

static void keep_setting(struct imapd_facts *f, const struct walk *w, struct span name,
                         struct span raw)
{
	AUTO_BUF struct buf path = { 0 };

	if (f->settings_n >= DOVECOT_SETTINGS_MAX)
		return;
	add_path(w, name, &path);
	ARRAY_GROW(f->settings, f->settings_n, f->settings_room);
	f->settings[f->settings_n++] = (struct imapd_setting){
		.path = buf_take(&path),
		.value = span_dup(without_quotes(raw)),
		.block = w->depth ? w->numbers[w->depth] : 0,
	};
}

/* Drivers that need nothing but what prepare carries. */
static bool driver_is_plain(const char *driver)
{
	static const char *const plain[] = { "passwd-file", "passwd",   "pam", "static",
		                             "shadow",      "prefetch", "nss" };

	for (size_t i = 0; i < ROWS(plain); i++)
		if (!strcmp(driver, plain[i]))
			return true;
	return false;
}

static void look_at_databases(struct imapd_facts *f)
{
	for (size_t i = 0; i < f->databases_n; i++) {
		struct imapd_database *d = &f->databases[i];

		read_args(d);
		if (d->file)
			add_file(f, span_of(d->file));
		if (!driver_is_plain(d->driver))
			strings_addf(&f->for_person,
			             "%s by %s (%s): its data lies outside the mail server",
			             d->users ? "userdb" : "passdb", d->driver, d->args);
	}
	for (size_t i = 0; i < f->namespaces_n; i++) {
		const struct imapd_namespace *n = &f->namespaces[i];

		if (strcmp(n->type, "private") != 0)
			strings_addf(&f->for_person, "namespace %s is %s, at %s: not carried here",
			             n->name, n->type, *n->location ? n->location : "?");
	}
}

void dovecot_settings_parse(struct imapd_facts *f, struct span text)
{
	AUTO_WALK struct walk w = { 0 };
	struct span line, name = { "", 0 }, value = { "", 0 };

	while (span_next_line(&text, &line)) {
		switch (read_line(line, &name, &value)) {
		case LINE_OPEN:
			enter(&w, name);
			enter_block(f, &w, name);
			break;
		case LINE_CLOSE:
			leave(&w);
			break;
		case LINE_SETTING:
			if (w.too_deep)
				break;
			read_setting(f, &w, name, value);
			keep_setting(f, &w, name, value);
			break;
		case LINE_NOTHING:
			break;
		}
	}
	look_at_databases(f);
}

/* ── changing, comparing ─────────────────────────────────────────────────────────────────────── */

/* One setting whose value `change` may replace; the bytes around the value stay. */
static size_t rewrite_line(const struct walk *w, struct span line, struct span name,
                           struct span value, dovecot_change_fn *change, void *context,
                           struct buf *out)
{
	AUTO_BUF struct buf path = { 0 };
	AUTO_FREE char *made = NULL;

	add_path(w, name, &path);
	made = change(context, buf_text(&path), without_quotes(value));
	if (!made) {
		buf_add_span(out, line);
		return 0;
	}
	buf_add(out, line.p, (size_t)(value.p - line.p));
	if (value.n && value.p[0] == '"')
		buf_addf(out, "\"%s\"", made);
	else
		buf_add_text(out, made);
	return 1;
}

size_t dovecot_settings_rewrite(struct span text, dovecot_change_fn *change, void *context,
                                struct buf *out)
{
	AUTO_WALK struct walk w = { 0 };
	struct span line, name = { "", 0 }, value = { "", 0 };
	size_t changed = 0;

	while (span_next_line(&text, &line)) {
		enum line kind = read_line(line, &name, &value);

		if (kind == LINE_OPEN)
			enter(&w, name);
		if (kind == LINE_CLOSE)
			leave(&w);
		if (kind == LINE_SETTING && !w.too_deep)
			changed += rewrite_line(&w, line, name, value, change, context, out);
		else
			buf_add_span(out, line);
		buf_add(out, line.p + line.n, (size_t)(text.p - (line.p + line.n)));
	}
	return changed;
}

void dovecot_settings_plain(struct span text, struct buf *out)
{
	struct span line;

	while (span_next_line(&text, &line)) {
		struct span trimmed = span_trim(line);

		if (!trimmed.n || trimmed.p[0] == '#')
			continue;
		buf_add_span(out, trimmed);
		buf_add_char(out, '\n');
	}
}
