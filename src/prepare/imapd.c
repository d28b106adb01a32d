/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "accounts/passwd_file.h"
#include "base/memory.h"
#include "imapd/dovecot_settings.h"
#include "prepare/locations.h"
#include "prepare/places.h"
#include "prepare/translate.h"

#include <string.h>
#include <sys/stat.h>

#define SETTINGS "/etc/dovecot/dovecot.conf"
#define SECRETS "/etc/dovecot/mailhaul-secrets.conf.ext"
#define FILE_MAX (3u << 20)

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static bool is_user_file(const struct prepare *p, const char *path)
{
	for (size_t i = 0; i < p->from.imapd.databases_n; i++) {
		const struct imapd_database *d = &p->from.imapd.databases[i];

		if (d->file && !strcmp(d->file, path) && !strcmp(d->driver, "passwd-file"))
			return true;
	}
	return false;
}

/* Virtual users, with the numbers that the new host has for them. */
static int carry_user_file(struct prepare *p, const char *path, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, made = { 0 };
	AUTO_FREE char *located = NULL;
	struct host_entry entry;
	struct error why = { 0 };
	uint32_t uid, gid;
	int found = survey_stat(&p->from, path, &entry, err), result;

	if (found <= 0)
		return found;
	if (place_of_file(path) != PLACE_REPLACE) {
		prepare_leave(p, "%s (users of Dovecot) lies where nothing is carried to", path);
		return 0;
	}
	if (host_read(p->old_host, path, FILE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		prepare_leave(p, "%s (users of Dovecot) could not be carried: %s", path, why.text);
		return 0;
	}
	if (p->config->mbox_to != CONFIG_MBOX_TO_MBOX)
		located = locations_change_fields(buf_span(&text), p->config->mbox_to);
	passwd_file_renumber(located ? span_of(located) : buf_span(&text), p->numbers, p->numbers_n,
	                     &made);
	prepare_owner(p, entry.uid, entry.gid, &uid, &gid);
	AUTO_FREE char *folder = xstrdup(path);
	*strrchr(folder, '/') = 0;
	result = prepare_folder(p, folder, err);
	if (result == 0)
		result = prepare_put(p, path, buf_span(&made), entry.mode & 0777, uid, gid, err);
	if (text.p)
		explicit_bzero(text.p, text.room);
	if (located)
		explicit_bzero(located, strlen(located));
	if (made.p)
		explicit_bzero(made.p, made.room);
	return result;
}

/* Scripts that run for everybody. */
static int carry_global_sieve(struct prepare *p, struct error *err)
{
	size_t before = p->from.items.n;

	if (survey_sieve(&p->from, err) < 0)
		return -1;
	for (size_t i = before; i < p->from.items.n; i++) {
		const struct item *item = &p->from.items.rows[i];

		/* those of users travel with their mail */
		if (strcmp(item->kind, "sieve") != 0 || !strstr(item->detail, "\"user\":\"\""))
			continue;
		if (prepare_carry(p, item->source, "Sieve script for every user", err) < 0)
			return -1;
	}
	return 0;
}

int prepare_imapd_files(struct prepare *p, struct error *err)
{
	if (!p->from.has_imapd)
		return 0;
	for (size_t i = 0; i < p->from.imapd.files.n; i++) {
		const char *path = p->from.imapd.files.rows[i];

		if (is_user_file(p, path)
		            ? carry_user_file(p, path, err) < 0
		            : prepare_carry(p, path, "named by Dovecot's settings", err) < 0)
			return -1;
	}
	return carry_global_sieve(p, err);
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

static bool is_number_setting(const char *path, bool *group)
{
	*group = strstr(path, "gid") != NULL;
	return !strcmp(path, "mail_uid") || !strcmp(path, "mail_gid");
}

static bool is_any_address(struct span value)
{
	static const char *const any[] = { "*",         "::",  "[::]",  "0.0.0.0",
		                           "127.0.0.1", "::1", "[::1]", "localhost" };

	while (value.n) {
		struct span part = { "", 0 };
		bool found = false;

		while (value.n && (value.p[0] == ' ' || value.p[0] == ','))
			value = span_from(value, 1);
		while (part.n < value.n && value.p[part.n] != ' ' && value.p[part.n] != ',')
			part.n++;
		part.p = value.p;
		value = span_from(value, part.n);
		for (size_t i = 0; i < ROWS(any); i++)
			found = found || span_is(part, any[i]);
		if (part.n && !found)
			return false;
	}
	return true;
}

/* Places of the installation, and what would have the new Dovecot load or run
 * something else. */
static bool is_of_installation(const char *path)
{
	static const char *const names[] = {
		"base_dir",  "libexec_dir",        "mail_plugin_dir",
		"state_dir", "import_environment", "ssl_crypto_device"
	};

	for (size_t i = 0; i < ROWS(names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

/* Numbers of users that limit who may log in, or own mail. */
static bool is_limit(const char *path, bool *group)
{
	*group = strstr(path, "gid") != NULL;
	return !strcmp(path, "first_valid_uid") || !strcmp(path, "last_valid_uid") ||
	       !strcmp(path, "first_valid_gid") || !strcmp(path, "last_valid_gid");
}

/* A limit goes with the user that has this very number: "first_valid_uid =
 * 5000" for vmail. */
static char *change_limit(struct prepare *p, const char *path, uint32_t number, bool group)
{
	uint32_t to = prepare_number(p, number, group);

	if (to == number)
		return NULL;
	prepare_leave(p, "%s is %u on the old host, %u here", path, number, to);
	return xasprintf("%u", to);
}

/* The values that can't be the same on another machine. */
static char *change(void *context, const char *path, struct span value)
{
	struct prepare *p = context;
	uint64_t number;
	bool group;

	if (p->config->mbox_to != CONFIG_MBOX_TO_MBOX) {
		char *location = locations_change_setting(path, value, p->config->mbox_to);

		if (location)
			return location;
	}
	if (is_number_setting(path, &group) && span_parse_u64(value, &number))
		return xasprintf("%u", prepare_number(p, (uint32_t)number, group));
	if (is_limit(path, &group) && span_parse_u64(value, &number) && number < UINT32_MAX)
		return change_limit(p, path, (uint32_t)number, group);
	if (is_of_installation(path)) {
		const char *own = imapd_setting(&p->to.imapd, path);

		prepare_leave(p,
		              "Dovecot's %s = %.*s is not carried: it belongs to the installation",
		              path, (int)value.n, value.p);
		return xstrdup(own ? own : "");
	}
	if (strstr(path, "service ") && span_ends(span_of(path), "/executable"))
		prepare_leave(p, "Dovecot runs %.*s (%s): look at it, and that it is there",
		              (int)value.n, value.p, path);
	if (strstr(path, "inet_listener") && span_ends(span_of(path), "/address") &&
	    !is_any_address(value)) {
		prepare_leave(p, "%s was %.*s on the old host; the new one listens on all", path,
		              (int)value.n, value.p);
		return xstrdup("*, ::");
	}
	if (!strcmp(path, "listen") && !is_any_address(value)) {
		prepare_leave(
			p, "Dovecot listened on %.*s on the old host; the new one listens on all",
			(int)value.n, value.p);
		return xstrdup("*, ::");
	}
	if (span_ends(span_of(path), "args") || span_ends(span_of(path), "default_fields") ||
	    span_ends(span_of(path), "override_fields")) {
		AUTO_FREE char *located = p->config->mbox_to == CONFIG_MBOX_TO_MBOX
		                                  ? NULL
		                                  : locations_change_fields(value,
		                                                            p->config->mbox_to);
		AUTO_FREE char *made = prepare_translate_numbers(p, located ? span_of(located)
		                                                            : value);

		return span_is(value, made) ? NULL : TAKE(made);
	}
	return NULL;
}

/* first_valid_uid and its like keep users out whose number has changed. */
static void look_at_limits(struct prepare *p)
{
	const char *last = imapd_setting(&p->from.imapd, "last_valid_uid");
	const char *first = imapd_setting(&p->from.imapd, "first_valid_uid");
	uint64_t low = 0, high = 0;

	if (first)
		(void)text_parse_u64(first, &low);
	if (last)
		(void)text_parse_u64(last, &high);
	for (size_t i = 0; i < p->accounts.n; i++) {
		const struct account_pair *pair = &p->accounts.rows[i];
		uint32_t uid = prepare_number(p, pair->from.uid, false);

		if (uid < low || (high && uid > high))
			prepare_leave(
				p,
				"%s: uid %u on the new host is outside of first_valid_uid and "
				"last_valid_uid: no login until they are changed",
				pair->from.user, uid);
	}
}

/* "# hidden, use -P to show it" where the value is no file: a password of Dovecot's own. */
static bool is_secret(const struct imapd_facts *shown, const char *path, struct span value)
{
	const char *there = imapd_setting(shown, path);

	return there && !strncmp(there, "# hidden", 8) && (!value.n || value.p[0] != '<');
}

struct splitting {
	const struct imapd_facts *shown;
	struct buf secrets;
};

/* Values that only root may read leave the file that everybody's deliverer reads. */
static char *take_secret(void *context, const char *path, struct span value)
{
	struct splitting *s = context;
	struct span rest = span_of(path), part, name = rest;
	unsigned depth = 0;

	if (!is_secret(s->shown, path, value))
		return NULL;
	while (span_next_part(&rest, '/', &part)) {
		if (rest.p) {
			buf_addf(&s->secrets, "%.*s {\n", (int)part.n, part.p);
			depth++;
		}
		name = part;
	}
	buf_addf(&s->secrets, "%.*s = %.*s\n", (int)name.n, name.p, (int)value.n, value.p);
	while (depth--)
		buf_add_text(&s->secrets, "}\n");
	return xstrdup("");
}

/* Adds "name=value" without quotes and outer blanks, so that two ways of printing it are one. */
static void add_plain_line(struct span line, struct buf *out)
{
	ssize_t equals = span_find(line, '=');
	struct span value;

	if (equals <= 0) {
		buf_add_span(out, line);
		buf_add_char(out, '\n');
		return;
	}
	value = span_trim(span_from(line, (size_t)equals + 1));
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = span_trim((struct span){ value.p + 1, value.n - 2 });
	buf_add_span(out, span_trim((struct span){ line.p, (size_t)equals }));
	buf_add_char(out, '=');
	buf_add_span(out, value);
	buf_add_char(out, '\n');
}

static void add_plain(struct span text, struct buf *out)
{
	AUTO_BUF struct buf plain = { 0 };
	struct span rest, line;

	dovecot_settings_plain(text, &plain);
	buf_add_char(out, '\n');
	for (rest = buf_span(&plain); span_next_line(&rest, &line);)
		add_plain_line(line, out);
}

/* What the new Dovecot makes of the settings is asked back. One that it does not show is its own
 * default, or was lost. */
static int check_taken(struct prepare *p, struct span wanted, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, now = { 0 }, plain = { 0 };
	struct span rest, line;

	if (host_do(p->new_host, "dovecot-settings-secret", NULL, SPAN(""), &text, err) < 0) {
		if (err->retry != ERROR_RETRY_REACH)
			err->retry = ERROR_RETRY_PERSON;
		return error_context(err,
		                     "the new Dovecot does not take the settings of the old one");
	}
	add_plain(buf_span(&text), &now);
	add_plain(wanted, &plain);
	rest = buf_span(&plain);
	while (span_next_line(&rest, &line)) {
		AUTO_FREE char *whole = xasprintf("\n%.*s\n", (int)line.n, line.p);

		/* a value that was taken out is a secret, and stands in the other file */
		if (line.n && !span_ends(line, "=") && span_find_text(buf_span(&now), whole) < 0)
			prepare_leave(
				p,
				"setting of Dovecot \"%.*s\" is the new version's default, or is "
				"not taken",
				(int)line.n, line.p);
	}
	explicit_bzero(text.p, text.n);
	return 0;
}

static int write_settings(struct prepare *p, struct span text, struct span secrets,
                          struct error *err)
{
	AUTO_BUF struct buf whole = { 0 };
	struct host_entry entry;
	int found = survey_stat(&p->to, SETTINGS, &entry, err);

	if (found < 0)
		return -1;
	buf_add_text(&whole,
	             "# Settings in force on the old host, written by `mailhaul prepare`; the "
	             "package's own file\n# is beside this one as "
	             "dovecot.conf.before-mailhaul.\n\n");
	buf_add_span(&whole, text);
	if (secrets.n) {
		/* _try: a deliverer that runs as a user may not read it, and does not need it */
		buf_add_text(&whole, "!include_try " SECRETS "\n");
		if (prepare_put(p, SECRETS, secrets, 0600, 0, 0, err) < 0)
			return -1;
	}
	return prepare_put(p, SETTINGS, buf_span(&whole), found ? entry.mode & 07777 : 0644, 0, 0,
	                   err);
}

int prepare_imapd_settings(struct prepare *p, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, plain = { 0 }, changed = { 0 }, open = { 0 };
	AUTO_BUF struct buf stood = { 0 };
	struct splitting s = { .shown = &p->from.imapd };
	size_t before = p->changes.n;
	int result;

	if (!p->from.has_imapd)
		return 0;
	if (host_do(p->old_host, "dovecot-settings-secret", NULL, SPAN(""), &text, err) < 0)
		return -1;
	look_at_limits(p);
	for (struct span rest = buf_span(&text), line; span_next_line(&rest, &line);)
		if (line.n && line.p[0] != '#') {
			buf_add_span(&plain, line);
			buf_add_char(&plain, '\n');
		}
	dovecot_settings_rewrite(buf_span(&plain), change, p, &changed);
	dovecot_settings_rewrite(buf_span(&changed), take_secret, &s, &open);
	result = host_read(p->new_host, SETTINGS, FILE_MAX, &stood, err);
	if (result == 0)
		result = write_settings(p, buf_span(&open), buf_span(&s.secrets), err);
	if (result == 0 && !p->dry_run && p->changes.n > before &&
	    check_taken(p, buf_span(&open), err) < 0) {
		struct error ignored;

		(void)!prepare_take_back(p, SETTINGS, buf_span(&stood), &ignored);
		result = -1;
	}
	if (s.secrets.p)
		explicit_bzero(s.secrets.p, s.secrets.room);
	if (text.p)
		explicit_bzero(text.p, text.room);
	buf_fini(&s.secrets);
	return result;
}
