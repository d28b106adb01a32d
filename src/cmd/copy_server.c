/* SPDX-License-Identifier: BSD-2-Clause */

/* copy_server -- `mailhaul copy imap://...`: mailboxes of which nothing can be had but IMAP. */

#include "cmd/copy.h"

#include "base/memory.h"
#include "cmd/copy_users.h"
#include "copy/imap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX 16u

struct servers {
	struct copy *c;
	const struct copy_server_wishes *wishes;
	struct copy_url url;
	struct copy_users users;
	struct copy_imap source;
	struct pace pace;
	uint64_t octets; /* that came from the server */
	uint32_t uid, gid;
	bool has_owner;
	struct copy_options options;
	struct copy_result result;
	struct copy_imap_told told;
	struct copy_progress finished; /* of the accounts before the one that is under way */
	size_t failed;                 /* accounts that could not be opened at all */
};

bool copy_is_server(const char *place)
{
	return span_starts_nocase(span_of(place), "imap://") ||
	       span_starts_nocase(span_of(place), "imaps://");
}

/* ── wishes ──────────────────────────────────────────────────────────────────────────────────── */

static int wrong(struct error *err, const char *what, const char *word)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "%s: \"%s\"", what, word);
}

static int choose_tls(struct servers *s, struct error *err)
{
	static const struct {
		const char *name;
		enum imap_tls tls;
	} rows[] = {
		{ "starttls", IMAP_TLS_STARTTLS },
		{ "implicit", IMAP_TLS_IMPLICIT },
		{ "none", IMAP_TLS_NONE },
	};
	struct imap_server *server = &s->source.server;
	const char *word = s->wishes->tls;
	bool found = !word;

	server->tls = s->url.implicit_tls ? IMAP_TLS_IMPLICIT : IMAP_TLS_STARTTLS;
	for (size_t i = 0; word && i < ROWS(rows); i++)
		if (!strcmp(word, rows[i].name)) {
			server->tls = rows[i].tls;
			found = true;
		}
	if (!found)
		return wrong(err, "--tls is starttls, implicit or none", word);
	server->port = s->url.port ? s->url.port : server->tls == IMAP_TLS_IMPLICIT ? 993 : 143;
	if (s->wishes->tls_pin && strlen(s->wishes->tls_pin) != 64)
		return wrong(err, "--tls-pin is a SHA-256 in 64 hexadecimal digits",
		             s->wishes->tls_pin);
	server->host = s->url.host;
	server->ca_file = s->wishes->ca_file;
	server->pin = s->wishes->tls_pin;
	server->octets = &s->octets;
	pace_begin(&s->pace, s->wishes->rate);
	server->pace = s->wishes->rate ? &s->pace : NULL;
	return 0;
}

static int choose_layout(struct servers *s, struct error *err)
{
	static const struct {
		const char *name;
		enum imap_layout layout;
	} rows[] = {
		{ "maildir++", IMAP_LAYOUT_MAILDIRPP },
		{ "listescape", IMAP_LAYOUT_ESCAPED },
		{ "fs", IMAP_LAYOUT_FS },
	};
	const char *word = s->wishes->layout;
	uint64_t n = 0;

	if (s->wishes->connections &&
	    (!text_parse_u64(s->wishes->connections, &n) || !n || n > CONNECTIONS_MAX))
		return wrong(err, "--connections is a number from 1 to 16", s->wishes->connections);
	s->source.connections = (unsigned)n;
	for (size_t i = 0; word && i < ROWS(rows); i++)
		if (!strcmp(word, rows[i].name)) {
			s->source.layout = rows[i].layout;
			return 0;
		}
	return word ? wrong(err, "--layout is maildir++, listescape or fs", word) : 0;
}

static int choose_owner(struct servers *s, struct error *err)
{
	struct span rest = span_of(s->wishes->owner ? s->wishes->owner : ""), part;
	uint64_t uid, gid;

	if (!rest.n)
		return 0;
	if (!span_next_part(&rest, ':', &part) || !span_parse_u64(part, &uid) ||
	    !span_next_part(&rest, ':', &part) || !span_parse_u64(part, &gid) || rest.p ||
	    uid > UINT32_MAX || gid > UINT32_MAX)
		return wrong(err, "--owner is UID:GID, two numbers", s->wishes->owner);
	s->uid = (uint32_t)uid;
	s->gid = (uint32_t)gid;
	s->has_owner = true;
	return 0;
}

static int choose_users(struct servers *s, struct error *err)
{
	const struct copy_server_wishes *w = s->wishes;

	if (!s->url.user == !w->users)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "whose mailbox? imap://USER@HOST/, or --users FILE (not both)");
	if (w->password_file && copy_users_read_password(&s->users, w->password_file, err) < 0)
		return -1;
	if (w->users) {
		if (copy_users_read(&s->users, w->users, err) < 0)
			return -1;
	} else {
		ARRAY_GROW(s->users.rows, s->users.n, s->users.room);
		s->users.rows[s->users.n++] = (struct copy_user){ .name = xstrdup(s->url.user) };
	}
	for (size_t i = 0; i < s->users.n; i++)
		if (!s->users.password && (w->master_user || !s->users.rows[i].password))
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "no password for %s: --password-file FILE names the file "
			                 "that holds it",
			                 w->master_user ? w->master_user : s->users.rows[i].name);
	return 0;
}

/* ── one account ─────────────────────────────────────────────────────────────────────────────── */

static int entry_of(struct servers *s, const char *path, struct host_listing *out,
                    struct error *err)
{
	return host_list(s->c->to_host, path, 0, out, err) < 0 || !out->n ? -1 : 0;
}

/* As the nearest directory that is there already is owned. */
static void find_owner(struct servers *s, const char *root, uint32_t *uid, uint32_t *gid)
{
	AUTO_FREE char *path = xstrdup(root);

	*uid = s->uid;
	*gid = s->gid;
	while (!s->has_owner && *path) {
		AUTO_LISTING struct host_listing found = { 0 };
		struct error ignored = { 0 };
		char *slash;

		if (entry_of(s, path, &found, &ignored) == 0) {
			*uid = found.rows[0].uid;
			*gid = found.rows[0].gid;
			return;
		}
		slash = strrchr(path, '/');
		*(slash && slash > path ? slash : path) = 0;
	}
}

static int make_root(struct servers *s, const struct mailbox_account *to, struct error *err)
{
	struct host *h = s->c->to_host;

	if (s->c->run->dry_run || host_has(h, to->root))
		return 0;
	return host_mkdir(h, to->root, 0700, to->uid, to->gid, err);
}

static void log_in_as(struct servers *s, const struct copy_user *user, struct buf *name)
{
	const struct copy_server_wishes *w = s->wishes;
	struct imap_login *login = &s->source.login;

	*login = (struct imap_login){ .user = user->name,
		                      .password = user->password ? user->password
		                                                 : s->users.password };
	if (!w->master_user)
		return;
	login->password = s->users.password;
	if (w->master_separator) {
		buf_addf(name, "%s%s%s", user->name, w->master_separator, w->master_user);
		login->user = buf_text(name);
		return;
	}
	login->user = w->master_user;
	login->authzid = user->name;
}

static void show(void *context, const struct copy_progress *p)
{
	struct servers *s = context;

	progress_at(s->c->progress, p->messages + s->finished.messages,
	            p->total_messages + s->finished.messages, p->octets + s->finished.octets,
	            p->account);
}

static int copy_one(struct servers *s, const struct copy_user *user, char *root, struct error *err)
{
	struct mailbox_account from = { .user = user->name }, to = { .user = user->name };
	const struct copy_account account = { &from, &to, NULL };
	AUTO_COPY_RESULT struct copy_result one = { 0 };
	AUTO_BUF struct buf name = { 0 };
	int result;

	to.root = root;
	to.layout = s->source.layout == IMAP_LAYOUT_FS ? MAILBOX_LAYOUT_FS
	                                               : MAILBOX_LAYOUT_MAILDIRPP;
	find_owner(s, root, &to.uid, &to.gid);
	log_in_as(s, user, &name);
	if (make_root(s, &to, err) < 0)
		return -1;
	result = copy_imap_pass(&s->source, s->c->to_host, &account, s->c->state, &s->options, &one,
	                        &s->told, err);
	s->finished.messages += one.copied;
	s->finished.octets += one.copied_octets;
	copy_result_add(&s->result, &one);
	return result;
}

/* One mailbox that can't be copied keeps no other from it. */
static int leave_out(struct servers *s, struct error *err)
{
	if (s->users.n == 1 ||
	    (err->scope != ERROR_SCOPE_MAILBOX && err->scope != ERROR_SCOPE_MESSAGE))
		return -1;
	strings_add(&s->result.skipped, err->text);
	s->failed++;
	return 0;
}

static int copy_all(struct servers *s, struct error *err)
{
	s->options = (struct copy_options){
		.dry_run = s->c->run->dry_run,
		.delete_extra = s->c->delete_extra,
		.look_everywhere = s->c->look_everywhere,
		.progress = show,
		.context = s,
	};
	for (size_t i = 0; i < s->users.n; i++) {
		const struct copy_user *user = &s->users.rows[i];
		AUTO_FREE char *root = s->wishes->users ? copy_users_place(s->c->to, user->name)
		                                        : xstrdup(s->c->to);
		int result;

		result = root ? copy_one(s, user, root, err)
		              : error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                          "%s: no name for a directory", user->name);
		if (result < 0 && leave_out(s, err) < 0)
			return -1;
	}
	return 0;
}

/* ── telling ─────────────────────────────────────────────────────────────────────────────────── */

static void tell_json(const struct servers *s)
{
	const struct copy_result *r = &s->result;
	json_t *document = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, "
		"s:o, s:o, s:o}",
		"mailboxes", (json_int_t)s->users.n, "folders", (json_int_t)s->told.folders,
		"folders_asked", (json_int_t)s->told.folders_asked, "files", (json_int_t)r->files,
		"messages", (json_int_t)r->old_messages, "bytes_read", (json_int_t)s->octets,
		"bytes_sent", (json_int_t)host_octets_sent(s->c->to_host), "renamed",
		(json_int_t)r->renamed, "created", (json_int_t)r->copied, "removed",
		(json_int_t)r->removed, "unchanged", (json_int_t)r->unchanged, "vanished",
		(json_int_t)r->vanished, "breaks", (json_int_t)s->told.breaks, "unequal_sizes",
		(json_int_t)s->told.unequal_sizes, "failed", (json_int_t)r->skipped.n, "seconds",
		copy_seconds(s->c), "skipped", copy_words_json(&r->skipped), "extra",
		copy_words_json(&r->extra), "notes", copy_words_json(&r->notes));

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void tell(const struct servers *s)
{
	const struct copy_result *r = &s->result;
	char octets[16];

	if (s->c->run->json) {
		tell_json(s);
		return;
	}
	if (!s->c->run->quiet)
		printf("%zu mailboxes, %llu folders: %llu messages%s (%s), %llu renamed, %llu "
		       "removed, %llu unchanged\n",
		       s->users.n, (unsigned long long)s->told.folders,
		       (unsigned long long)r->copied,
		       s->c->run->dry_run ? " would be copied" : " copied",
		       text_size(octets, r->copied_octets), (unsigned long long)r->renamed,
		       (unsigned long long)r->removed, (unsigned long long)r->unchanged);
	copy_print_words(s->c, "could not be copied", &r->skipped);
	copy_print_words(s->c, "at the destination only, left alone", &r->extra);
	copy_print_words(s->c, "notes", &r->notes);
	if (!s->c->run->quiet && (r->copied || s->c->run->verbose))
		puts("UIDVALIDITY and UIDs are kept in dovecot-uidlist: where Dovecot reads it, no "
		     "client fetches\nanything again; any other server numbers anew, and phones "
		     "download everything again.\nIMAP tells nothing of passwords, Sieve scripts, "
		     "ACLs and POP3 UIDLs: see mailhaul-copy(1).");
}

int copy_a_server(struct copy *c, const char *place, const struct copy_server_wishes *wishes,
                  struct error *err)
{
	struct servers s = { .c = c, .wishes = wishes };
	int result = -1;

	if (!copy_url_parse(place, &s.url))
		wrong(err, "a place is imap://USER@HOST[:PORT]/, without a password", place);
	else if (choose_tls(&s, err) == 0 && choose_layout(&s, err) == 0 &&
	         choose_owner(&s, err) == 0 && choose_users(&s, err) == 0)
		result = copy_all(&s, err);
	if (result == 0) {
		tell(&s);
		result = s.result.skipped.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
	}
	copy_url_fini(&s.url);
	copy_users_fini(&s.users);
	copy_result_fini(&s.result);
	return result;
}
