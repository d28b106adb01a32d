/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

#define LINES_MOST 10000u
#define VALUE_MOST 16384u

void unit_fini(struct unit *u)
{
	strings_fini(&u->before);
	strings_fini(&u->start);
	strings_fini(&u->environment);
	strings_fini(&u->environment_files);
	strings_fini(&u->runtime_directories);
	strings_fini(&u->state_directories);
	strings_fini(&u->after);
	free(u->user);
	free(u->group);
	free(u->directory);
	*u = (struct unit){ 0 };
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static void take_type(struct unit *u, struct span value)
{
	static const struct {
		const char *word;
		enum unit_type type;
	} rows[] = {
		{ "simple", UNIT_SIMPLE },   { "exec", UNIT_SIMPLE },
		{ "idle", UNIT_SIMPLE },     { "dbus", UNIT_SIMPLE },
		{ "notify", UNIT_NOTIFY },   { "notify-reload", UNIT_NOTIFY },
		{ "oneshot", UNIT_ONESHOT }, { "forking", UNIT_FORKING },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (span_is(value, rows[i].word))
			u->type = rows[i].type;
}

/* A list that an empty value empties. */
static void take_line(struct strings *list, struct span value)
{
	if (value.n) {
		strings_add_span(list, value);
		return;
	}
	strings_fini(list);
	*list = (struct strings){ 0 };
}

static void take_words(struct strings *list, struct span value)
{
	struct span word;

	if (!value.n)
		take_line(list, value);
	while (span_next_word(&value, &word))
		strings_add_span(list, word);
}

static void take_text(char **text, struct span value)
{
	free(*text);
	*text = value.n ? span_dup(value) : NULL;
}

static void take(struct unit *u, struct span section, struct span key, struct span value)
{
	if (span_is(section, "[Unit]") && span_is(key, "After"))
		take_words(&u->after, value);
	if (!span_is(section, "[Service]"))
		return;
	if (span_is(key, "Type"))
		take_type(u, value);
	else if (span_is(key, "ExecStartPre"))
		take_line(&u->before, value);
	else if (span_is(key, "ExecStart"))
		take_line(&u->start, value);
	else if (span_is(key, "Environment"))
		take_line(&u->environment, value);
	else if (span_is(key, "EnvironmentFile"))
		take_line(&u->environment_files, value);
	else if (span_is(key, "RuntimeDirectory"))
		take_words(&u->runtime_directories, value);
	else if (span_is(key, "StateDirectory"))
		take_words(&u->state_directories, value);
	else if (span_is(key, "User"))
		take_text(&u->user, value);
	else if (span_is(key, "Group"))
		take_text(&u->group, value);
	else if (span_is(key, "WorkingDirectory"))
		take_text(&u->directory, value);
}

/* A line that ends with a backslash goes on, over comments, with the next (systemd.syntax(7)). */
static bool next_whole_line(struct span *rest, struct buf *out)
{
	struct span line;
	bool any = false;

	buf_reset(out);
	while (span_next_line(rest, &line)) {
		struct span words = span_trim(line);
		bool goes_on = span_ends(words, "\\");

		any = true;
		if (words.n && (words.p[0] == '#' || words.p[0] == ';'))
			goes_on = out->n > 0;
		else if (out->n + words.n < VALUE_MOST)
			buf_add_span(out, (struct span){ words.p, words.n - goes_on });
		if (!goes_on)
			break;
		buf_add_char(out, ' ');
	}
	return any;
}

void unit_read(struct unit *u, struct span text)
{
	AUTO_BUF struct buf line = { 0 };
	AUTO_FREE char *section = xstrdup("");

	for (size_t n = 0; n < LINES_MOST && next_whole_line(&text, &line); n++) {
		struct span words = span_trim(buf_span(&line));
		ssize_t equals = span_find(words, '=');

		if (words.n && words.p[0] == '[') {
			free(section);
			section = span_dup(words);
		} else if (equals > 0) {
			take(u, span_of(section),
			     span_trim((struct span){ words.p, (size_t)equals }),
			     span_trim(span_from(words, (size_t)equals + 1)));
		}
	}
}

bool unit_is_empty(const struct unit *u)
{
	return u->type == UNIT_ONESHOT && !u->before.n && u->start.n == 1 &&
	       (strcmp(u->start.rows[0], "/bin/true") == 0 ||
	        strcmp(u->start.rows[0], "/usr/bin/true") == 0);
}

/* ── the script ──────────────────────────────────────────────────────────────────────────────── */

/* %n and its like, systemd.unit(5). */
static void add_specifier(struct buf *out, char c, const char *name)
{
	const char *at = strchr(name, '@');
	size_t prefix = at ? (size_t)(at - name) : strlen(name);

	switch (c) {
	case 'n':
		buf_addf(out, "%s.service", name);
		break;
	case 'N':
		buf_add_text(out, name);
		break;
	case 'p':
	case 'P':
		buf_add(out, name, prefix);
		break;
	case 'i':
	case 'I':
		buf_add_text(out, at ? at + 1 : "");
		break;
	case 't':
		buf_add_text(out, "/run");
		break;
	case 'S':
		buf_add_text(out, "/var/lib");
		break;
	case 'C':
		buf_add_text(out, "/var/cache");
		break;
	case 'L':
		buf_add_text(out, "/var/log");
		break;
	case 'H':
		buf_add_text(out, "$(hostname)");
		break;
	default:
		buf_add_char(out, c);
	}
}

/* systemd's quotes and $VARIABLES are those of a shell; what else means something to one does not to
 * systemd. */
static void add_command(struct buf *out, struct span line, const char *name)
{
	char quote = 0;

	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (c == '%' && i + 1 < line.n) {
			add_specifier(out, line.p[++i], name);
			continue;
		}
		if (c == '\\' && i + 1 < line.n) {
			buf_add_char(out, c);
			buf_add_char(out, line.p[++i]);
			continue;
		}
		if ((c == '"' || c == '\'') && (!quote || quote == c))
			quote = quote ? 0 : c;
		else if (strchr("|&;<>()*?[]#~`!", c) && quote != '\'' && (!quote || c == '`'))
			buf_add_char(out, '\\');
		buf_add_char(out, c);
	}
}

/* Cuts "-", "@", "+", "!" and ":" off; true: a failure is none. */
static bool take_prefixes(struct span *line)
{
	bool may_fail = false;

	while (line->n && strchr("-@+!:", line->p[0])) {
		may_fail |= line->p[0] == '-';
		*line = span_from(*line, 1);
	}
	return may_fail;
}

static void add_directories(struct buf *out, const struct unit *u, const struct strings *list,
                            const char *root)
{
	for (size_t i = 0; i < list->n; i++) {
		buf_add_text(out, "install -d");
		if (u->user)
			buf_addf(out, " -o %s", u->user);
		if (u->group)
			buf_addf(out, " -g %s", u->group);
		buf_addf(out, " %s/", root);
		/* "name:link" and "a/b" */
		buf_add_span(out, (struct span){ list->rows[i], strcspn(list->rows[i], ":") });
		buf_add_char(out, '\n');
	}
}

static void add_environment(struct buf *out, const struct unit *u, const char *name)
{
	for (size_t i = 0; i < u->environment.n; i++) {
		buf_add_text(out, "export ");
		add_command(out, span_of(u->environment.rows[i]), name);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < u->environment_files.n; i++) {
		struct span path = span_of(u->environment_files.rows[i]);

		take_prefixes(&path);
		buf_addf(out, "set -a; [ ! -r %.*s ] || . %.*s; set +a\n", (int)path.n, path.p,
		         (int)path.n, path.p);
	}
}

static void add_who(struct buf *out, const struct unit *u)
{
	if (!u->user || strcmp(u->user, "root") == 0)
		return;
	buf_addf(out, "setpriv --reuid %s --init-groups --regid ", u->user);
	if (u->group)
		buf_addf(out, "%s ", u->group);
	else
		buf_addf(out, "$(id -g %s) ", u->user);
}

void unit_add_script(struct buf *out, const struct unit *u, const char *name, const char *notify)
{
	bool stays = u->type == UNIT_SIMPLE || u->type == UNIT_NOTIFY;

	add_directories(out, u, &u->runtime_directories, "/run");
	add_directories(out, u, &u->state_directories, "/var/lib");
	if (u->directory)
		buf_addf(out, "cd %s%s\n", u->directory[0] == '-' ? "" : u->directory,
		         u->directory[0] == '-' ? u->directory + 1 : "");
	add_environment(out, u, name);
	for (size_t i = 0; i < u->before.n; i++) {
		struct span line = span_of(u->before.rows[i]);
		bool may_fail = take_prefixes(&line);

		add_command(out, line, name);
		buf_add_text(out, may_fail ? " || :\n" : "\n");
	}
	if (notify)
		buf_addf(out, "export NOTIFY_SOCKET=%s\n", notify);
	for (size_t i = 0; i < u->start.n; i++) {
		struct span line = span_of(u->start.rows[i]);
		bool may_fail = take_prefixes(&line);

		if (stays)
			buf_add_text(out, "setsid ");
		add_who(out, u);
		add_command(out, line, name);
		buf_addf(out, " </dev/null >>/var/log/rehearse-%s.log 2>&1", name);
		if (stays)
			buf_addf(out, " & echo $! >/run/rehearse-%s.pid", name);
		buf_add_text(out, may_fail && !stays ? " || :\n" : "\n");
	}
}
