/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/imapd.h"

#include "accounts/passwd_file.h"
#include "base/memory.h"
#include "imapd/mail_location.h"

#include <stdlib.h>
#include <string.h>

#define USERS_MAX 1000000u
#define FILE_MAX (64u << 20)

void imapd_accounts_fini(struct imapd_accounts *a)
{
	for (size_t i = 0; i < a->n; i++) {
		mailbox_account_fini(&a->rows[i].mailbox);
		free(a->rows[i].control);
		free(a->rows[i].index);
		free(a->rows[i].source);
	}
	free(a->rows);
	strings_fini(&a->for_person);
	*a = (struct imapd_accounts){ 0 };
}

/* What is known of one user so far; later databases add to it. */
struct fields {
	char *name, *home, *mail, *source;
	uint32_t uid, gid;
	bool found, has_numbers;
};

static void fields_fini(struct fields *f)
{
	free(f->name);
	free(f->home);
	free(f->mail);
	free(f->source);
}
#define AUTO_FIELDS __attribute__((cleanup(fields_fini)))

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static void replace_span(char **field, struct span value)
{
	free(*field);
	*field = span_dup(value);
}

/* The location that counts for the inbox: the namespace's own, else the user's, else mail_location. */
static struct span location_of(const struct imapd_facts *f, const struct fields *u)
{
	const char *common = imapd_setting(f, "mail_location");

	for (size_t i = 0; i < f->namespaces_n; i++)
		if (f->namespaces[i].inbox && *f->namespaces[i].location)
			return span_of(f->namespaces[i].location);
	if (u->mail && *u->mail)
		return span_of(u->mail);
	return span_of(common ? common : "");
}

/* The location stands with the user, and not in the host's settings. */
static bool is_own_location(const struct imapd_facts *f, const struct fields *u)
{
	return u->mail && *u->mail && location_of(f, u).p == u->mail;
}

static void add_account(const struct imapd_facts *f, const struct fields *u,
                        struct imapd_accounts *out)
{
	struct imapd_account account = { 0 };
	struct error err = { 0 };
	AUTO_BUF struct buf home = { 0 };
	struct mail_user user = { u->name, "", u->uid, u->gid };

	if (out->n >= USERS_MAX)
		return;
	/* mail_home may hold variables of its own */
	if (!u->has_numbers ||
	    mail_location_expand(span_of(u->home ? u->home : ""), &user, &home) < 0) {
		strings_addf(&out->for_person, "%s: no home, uid or gid that could be told",
		             u->name);
		return;
	}
	user.home = buf_text(&home);
	if (mail_location_parse(location_of(f, u), &user, &account.mailbox, &account.control,
	                        &account.index, &err) < 0) {
		strings_add(&out->for_person, err.text);
		return;
	}
	if (account.mailbox.layout == MAILBOX_LAYOUT_SETTINGS && is_own_location(f, u)) {
		strings_addf(&out->for_person,
		             "%s: mail location \"%s\" of this user alone is not carried: only its "
		             "format and path are",
		             u->name, u->mail);
		mailbox_account_fini(&account.mailbox);
		free(account.index);
		return;
	}
	account.source = xstrdup(u->source ? u->source : "");
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = account;
}

/* Defaults that hold for users whose database says nothing: mail_uid, mail_gid, mail_home. */
static void add_defaults(const struct imapd_facts *f, const struct system_users *users,
                         struct fields *u)
{
	const char *uid = imapd_setting(f, "mail_uid"), *gid = imapd_setting(f, "mail_gid");
	const char *home = imapd_setting(f, "mail_home");
	const struct system_user *user = uid ? system_user_named(users, uid) : NULL;
	const struct system_group *group = gid ? system_group_named(users, gid) : NULL;
	uint64_t number;

	if ((!u->home || !*u->home) && home)
		replace(&u->home, home);
	if (u->has_numbers)
		return;
	if (user)
		u->uid = user->uid, u->gid = user->gid, u->has_numbers = true;
	else if (uid && text_parse_u64(uid, &number))
		u->uid = (uint32_t)number, u->has_numbers = true;
	if (group)
		u->gid = group->gid;
	else if (gid && text_parse_u64(gid, &number))
		u->gid = (uint32_t)number;
}

/* ── a running Dovecot is asked ──────────────────────────────────────────────────────────────── */

/* Lines "name<TAB>value", as doveadm(1) user prints them. */
static void read_answer(struct span text, struct fields *u)
{
	struct span line, name;
	uint64_t number;

	while (span_next_line(&text, &line)) {
		if (!span_next_part(&line, '\t', &name) || !line.p)
			continue;
		name = span_trim(name);
		line = span_trim(line);
		if (span_is(name, "uid") && span_parse_u64(line, &number))
			u->uid = (uint32_t)number, u->has_numbers = true;
		else if (span_is(name, "gid") && span_parse_u64(line, &number))
			u->gid = (uint32_t)number;
		else if (span_is(name, "home"))
			replace_span(&u->home, line);
		else if (span_is(name, "mail"))
			replace_span(&u->mail, line);
	}
}

static int ask_user(struct host *h, const struct imapd_facts *f, const struct system_users *users,
                    struct span name, struct imapd_accounts *out, struct error *err)
{
	AUTO_FIELDS struct fields u = { .name = span_dup(name) };
	const char *const arguments[] = { "--", u.name, NULL };
	AUTO_RUN struct host_run run = { 0 };

	if (host_run(h, "dovecot-user", arguments, SPAN(""), &run, err) < 0)
		return -1;
	if (run.status != 0) {
		strings_addf(&out->for_person, "%s: Dovecot lists this user and does not know it",
		             u.name);
		return 0;
	}
	read_answer(buf_span(&run.out), &u);
	u.source = xstrdup(system_user_named(users, u.name) ? "passwd" : "userdb");
	add_defaults(f, users, &u);
	add_account(f, &u, out);
	return 0;
}

/* 1 asked, 0 it can't be asked. */
static int ask_all(struct host *h, const struct imapd_facts *f, const struct system_users *users,
                   struct imapd_accounts *out, struct error *err)
{
	AUTO_RUN struct host_run run = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	struct span rest, line;
	bool running;

	if (host_reach(h) == HOST_FOLDER)
		return 0;
	if (imapd_is_running(h, &running, err) < 0)
		return -1;
	if (!running)
		return 0;
	if (host_run(h, "dovecot-users", NULL, SPAN(""), &run, err) < 0)
		return -1;
	/* a database that can't list its users */
	if (run.status != 0)
		return 0;
	rest = buf_span(&run.out);
	while (span_next_line(&rest, &line))
		if (span_trim(line).n && names.n < USERS_MAX)
			strings_add_span(&names, span_trim(line));
	/* a user of two databases is listed twice */
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if ((!i || strcmp(names.rows[i], names.rows[i - 1]) != 0) &&
		    ask_user(h, f, users, span_of(names.rows[i]), out, err) < 0)
			return -1;
	return 1;
}

/* ── the databases are read ──────────────────────────────────────────────────────────────────── */

struct file_text {
	const struct imapd_database *database;
	struct buf text;
};

struct databases {
	const struct imapd_facts *f;
	const struct system_users *users;
	struct file_text *files; /* one for each userdb with a file */
	size_t n, room;
};

static void databases_fini(struct databases *d)
{
	for (size_t i = 0; i < d->n; i++)
		buf_fini(&d->files[i].text);
	free(d->files);
}
#define AUTO_DATABASES __attribute__((cleanup(databases_fini)))

static int read_files(struct host *h, struct databases *d, struct imapd_accounts *out,
                      struct error *err)
{
	for (size_t i = 0; i < d->f->databases_n; i++) {
		const struct imapd_database *database = &d->f->databases[i];
		struct error why = { 0 };

		if (strcmp(database->driver, "passwd-file") != 0 || !database->file)
			continue;
		ARRAY_GROW(d->files, d->n, d->room);
		struct file_text *file = &d->files[d->n++];
		*file = (struct file_text){ .database = database };
		if (host_read(h, database->file, FILE_MAX, &file->text, &why) == 0)
			continue;
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_addf(&out->for_person, "%s could not be read: %s", database->file,
		             why.text);
	}
	return 0;
}

static bool find_in_file(const struct file_text *file, const char *name, struct fields *u)
{
	struct span rest = buf_span(&file->text), value;
	struct passwd_file_row row;
	unsigned line = 0;

	while (passwd_file_next(&rest, &line, &row)) {
		if (!span_is(row.user, name))
			continue;
		if (row.home.n)
			replace_span(&u->home, row.home);
		if (row.has_numbers)
			u->uid = row.uid_number, u->gid = row.gid_number, u->has_numbers = true;
		if (passwd_file_extra(&row, "userdb_mail", &value))
			replace_span(&u->mail, value);
		if (passwd_file_extra(&row, "userdb_home", &value))
			replace_span(&u->home, value);
		if (!u->source)
			u->source = xstrdup(file->database->file);
		return true;
	}
	return false;
}

static bool find_in_passwd(const struct databases *d, const char *name, struct fields *u)
{
	const struct system_user *user = system_user_named(d->users, name);
	const char *first = imapd_setting(d->f, "first_valid_uid");
	uint64_t minimum = 500;

	if (first)
		(void)text_parse_u64(first, &minimum);
	if (!user || user->uid < minimum)
		return false;
	replace(&u->home, user->home);
	u->uid = user->uid;
	u->gid = user->gid;
	u->has_numbers = true;
	if (!u->source)
		u->source = xstrdup("passwd");
	return true;
}

/* "uid=5000 gid=5000 home=/srv/vmail/%d/%n" of a static userdb. */
static bool find_in_static(const struct databases *d, const struct imapd_database *database,
                           struct fields *u)
{
	struct span rest = span_of(database->args), word;

	while (span_next_word(&rest, &word)) {
		ssize_t equals = span_find(word, '=');
		struct span name, value;
		uint64_t number;

		if (equals <= 0)
			continue;
		name = (struct span){ word.p, (size_t)equals };
		value = span_from(word, (size_t)equals + 1);
		AUTO_FREE char *text = span_dup(value);
		const struct system_user *user = system_user_named(d->users, text);
		const struct system_group *group = system_group_named(d->users, text);

		if (span_is(name, "home"))
			replace_span(&u->home, value);
		else if (span_is(name, "mail"))
			replace_span(&u->mail, value);
		else if (span_is(name, "uid") && (user || span_parse_u64(value, &number)))
			u->uid = user ? user->uid : (uint32_t)number, u->has_numbers = true;
		else if (span_is(name, "gid") && (group || span_parse_u64(value, &number)))
			u->gid = group ? group->gid : (uint32_t)number;
	}
	if (!u->source)
		u->source = xstrdup("static");
	return true;
}

static bool find_in(const struct databases *d, const struct imapd_database *database,
                    struct fields *u)
{
	if (!strcmp(database->driver, "passwd"))
		return find_in_passwd(d, u->name, u);
	if (!strcmp(database->driver, "static"))
		return find_in_static(d, database, u);
	for (size_t i = 0; i < d->n; i++)
		if (d->files[i].database == database)
			return find_in_file(&d->files[i], u->name, u);
	return false;
}

/* As Dovecot's auth goes through the userdbs for one user. */
static void resolve(const struct databases *d, const char *name, struct imapd_accounts *out)
{
	AUTO_FIELDS struct fields u = { .name = xstrdup(name) };

	for (size_t i = 0; i < d->f->databases_n; i++) {
		const struct imapd_database *database = &d->f->databases[i];

		if (!database->users || !find_in(d, database, &u))
			continue;
		u.found = true;
		if (!database->goes_on)
			break;
	}
	if (!u.found)
		return;
	add_defaults(d->f, d->users, &u);
	add_account(d->f, &u, out);
}

/* Everybody that some database names. */
static void find_names(const struct databases *d, struct strings *names)
{
	bool passwd = false;

	for (size_t i = 0; i < d->f->databases_n; i++)
		passwd = passwd ||
		         (d->f->databases[i].users && !strcmp(d->f->databases[i].driver, "passwd"));
	for (size_t i = 0; passwd && i < d->users->users_n; i++)
		strings_add(names, d->users->users[i].name);
	for (size_t i = 0; i < d->n; i++) {
		struct span rest = buf_span(&d->files[i].text);
		struct passwd_file_row row;
		unsigned line = 0;

		while (passwd_file_next(&rest, &line, &row) && names->n < USERS_MAX)
			strings_add_span(names, row.user);
	}
	strings_sort(names);
}

static int read_all(struct host *h, const struct imapd_facts *f, const struct system_users *users,
                    struct imapd_accounts *out, struct error *err)
{
	AUTO_DATABASES struct databases d = { .f = f, .users = users };
	AUTO_STRINGS struct strings names = { 0 };

	if (read_files(h, &d, out, err) < 0)
		return -1;
	find_names(&d, &names);
	for (size_t i = 0; i < names.n; i++)
		if (!i || strcmp(names.rows[i], names.rows[i - 1]) != 0)
			resolve(&d, names.rows[i], out);
	return 0;
}

static int by_user(const void *a, const void *b)
{
	const struct imapd_account *x = a, *y = b;

	return strcmp(x->mailbox.user, y->mailbox.user);
}

int imapd_accounts(struct host *h, const struct imapd_facts *f, const struct system_users *users,
                   struct imapd_accounts *out, struct error *err)
{
	AUTO_IMAPD_ACCOUNTS struct imapd_accounts a = { 0 };
	int asked = ask_all(h, f, users, &a, err);

	if (asked < 0 || (!asked && read_all(h, f, users, &a, err) < 0))
		return error_context(err, "mailboxes of %s", host_name(h));
	if (a.n)
		qsort(a.rows, a.n, sizeof *a.rows, by_user);
	*out = a;
	a = (struct imapd_accounts){ 0 };
	return 0;
}
