/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/mail_location.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

#define LOCATION_MAX 8192u /* octets of a location, and of each path made from it */

/* ── variables ───────────────────────────────────────────────────────────────────────────────── */

static struct span user_part(const char *user)
{
	const char *at = strchr(user, '@');

	return at ? (struct span){ user, (size_t)(at - user) } : span_of(user);
}

static struct span domain_part(const char *user)
{
	const char *at = strchr(user, '@');

	return span_of(at ? at + 1 : "");
}

static bool variable(struct span name, const struct mail_user *user, struct span *value)
{
	const struct {
		const char *letter, *name;
		struct span value;
	} variables[] = {
		{ "u", "user", span_of(user->user) },
		{ "n", "username", user_part(user->user) },
		{ "d", "domain", domain_part(user->user) },
		{ "h", "home", span_of(user->home) },
		{ "%", "%", SPAN("%") },
	};

	for (size_t i = 0; i < ROWS(variables); i++) {
		if (!span_is(name, variables[i].letter) && !span_is(name, variables[i].name))
			continue;
		*value = variables[i].value;
		return true;
	}
	return false;
}

static void add_in_case(struct span value, char modifier, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (modifier == 'L')
			c = ascii_lower(c);
		else if (modifier == 'U' && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		buf_add_char(out, c);
	}
}

/* What stands behind a '%' at the front of *text, which is cut off. */
static int expand_one(struct span *text, const struct mail_user *user, struct buf *out)
{
	struct span name, value;
	char modifier = 0;

	if (text->n && (text->p[0] == 'L' || text->p[0] == 'U')) {
		modifier = text->p[0];
		*text = span_from(*text, 1);
	}
	if (!text->n)
		return -1;
	if (text->p[0] == '{') {
		ssize_t end = span_find(*text, '}');

		if (end < 0)
			return -1;
		name = (struct span){ text->p + 1, (size_t)end - 1 };
		*text = span_from(*text, (size_t)end + 1);
	} else {
		name = (struct span){ text->p, 1 };
		*text = span_from(*text, 1);
	}
	if (!variable(name, user, &value))
		return -1;
	add_in_case(value, modifier, out);
	return 0;
}

int mail_location_expand(struct span text, const struct mail_user *user, struct buf *out)
{
	if (span_is(text, "~") || span_starts(text, "~/")) {
		buf_add_text(out, user->home);
		text = span_from(text, 1);
	}
	while (text.n && out->n < LOCATION_MAX) {
		char c = text.p[0];

		text = span_from(text, 1);
		if (c != '%')
			buf_add_char(out, c);
		else if (expand_one(&text, user, out) < 0)
			return -1;
	}
	return out->n < LOCATION_MAX ? 0 : -1;
}

/* ── the location ────────────────────────────────────────────────────────────────────────────── */

/* One path, absolute, without a slash at its end. */
static int take_path(struct span text, const struct mail_user *user, char **out, struct error *err)
{
	AUTO_BUF struct buf made = { 0 };

	if (mail_location_expand(text, user, &made) < 0)
		return error_set(
			err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			"%s: mail location \"%.*s\" holds a variable that is not known here",
			user->user, (int)text.n, text.p);
	while (made.n > 1 && made.p[made.n - 1] == '/')
		made.p[--made.n] = 0;
	if (!made.n || made.p[0] != '/' || strlen(made.p) != made.n)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: mail location \"%.*s\" gives no absolute path", user->user,
		                 (int)text.n, text.p);
	free(*out);
	*out = buf_take(&made);
	return 0;
}

struct location {
	struct mailbox_account account;
	char *control, *index;
};

static void location_fini(struct location *l)
{
	mailbox_account_fini(&l->account);
	free(l->control);
	free(l->index);
}
#define AUTO_LOCATION __attribute__((cleanup(location_fini)))

/* "NAME=value" behind the path; an unknown one is of no effect on where messages lie. */
static int read_option(struct span option, const struct mail_user *user, struct location *l,
                       struct error *err)
{
	const struct {
		const char *name;
		char **path;
	} paths[] = {
		{ "INBOX=", &l->account.inbox },
		{ "CONTROL=", &l->control },
		{ "INDEX=", &l->index },
	};

	if (span_is(option, "LAYOUT=fs"))
		l->account.layout = MAILBOX_LAYOUT_FS;
	else if (span_starts(option, "LAYOUT=") && !span_is(option, "LAYOUT=maildir++"))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: mailbox layout \"%.*s\" is not carried", user->user,
		                 (int)option.n, option.p);
	for (size_t i = 0; i < ROWS(paths); i++) {
		struct span value = span_from(option, strlen(paths[i].name));

		if (!span_starts(option, paths[i].name) || span_is(value, "MEMORY"))
			continue;
		if (take_path(value, user, paths[i].path, err) < 0)
			return -1;
	}
	return 0;
}

static int read_format(struct span *rest, const struct mail_user *user, struct location *l,
                       struct error *err)
{
	struct span format;

	if (!span_next_part(rest, ':', &format) || !format.n)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: no mail location is set", user->user);
	if (span_is(format, "maildir"))
		l->account.format = MAILBOX_MAILDIR;
	else if (span_is(format, "mbox"))
		l->account.format = MAILBOX_MBOX;
	else if (span_is(format, "sdbox") || span_is(format, "dbox"))
		l->account.format = MAILBOX_SDBOX;
	else if (span_is(format, "mdbox"))
		l->account.format = MAILBOX_MDBOX;
	else
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: mail in the form \"%.*s\" is not carried", user->user,
		                 (int)format.n, format.p);
	l->account.layout = l->account.format == MAILBOX_MAILDIR ? MAILBOX_LAYOUT_MAILDIRPP
	                                                         : MAILBOX_LAYOUT_FS;
	return 0;
}

int mail_location_parse(struct span location, const struct mail_user *user,
                        struct mailbox_account *out, char **control, char **index,
                        struct error *err)
{
	AUTO_LOCATION struct location l = { 0 };
	struct span rest = location, root = { "", 0 }, option;

	if (location.n > LOCATION_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: mail location of %zu octets", user->user, location.n);
	if (read_format(&rest, user, &l, err) < 0)
		return -1;
	if (!span_next_part(&rest, ':', &root) || !root.n)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "%s: mail location \"%.*s\" names no path", user->user,
		                 (int)location.n, location.p);
	if (take_path(root, user, &l.account.root, err) < 0)
		return -1;
	while (span_next_part(&rest, ':', &option)) {
		if (read_option(option, user, &l, err) < 0)
			return -1;
		/* doveadm is told the same words again; what else they say is Dovecot's own matter */
		if (mailbox_is_dovecots(l.account.format) && option.n)
			l.account.layout = MAILBOX_LAYOUT_SETTINGS;
	}
	if (mailbox_is_dovecots(l.account.format)) {
		free(TAKE(l.account.inbox));
		free(TAKE(l.control));
	}
	if (l.account.format == MAILBOX_MAILDIR && l.account.inbox) {
		if (strcmp(l.account.inbox, l.account.root) != 0)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "%s: INBOX apart from the folders (%s) is not carried",
			                 user->user, l.account.inbox);
		free(TAKE(l.account.inbox));
	}
	/* mbox without INBOX= has it as "inbox" in the folder directory */
	if (l.account.format == MAILBOX_MBOX && !l.account.inbox)
		l.account.inbox = xasprintf("%s/inbox", l.account.root);
	l.account.user = xstrdup(user->user);
	l.account.home = xstrdup(user->home);
	l.account.uid = user->uid;
	l.account.gid = user->gid;
	if (control)
		*control = TAKE(l.control);
	if (index)
		*index = TAKE(l.index);
	*out = l.account;
	l.account = (struct mailbox_account){ 0 };
	return 0;
}

char *mail_location_to_maildir(struct span location, bool fs)
{
	AUTO_BUF struct buf made = { 0 };
	struct span rest = location, part;

	if (!span_starts(location, "mbox:") || location.n > LOCATION_MAX)
		return NULL;
	(void)span_next_part(&rest, ':', &part);
	buf_add_text(&made, "maildir");
	for (bool path = true; span_next_part(&rest, ':', &part); path = false) {
		if (!path && (span_starts(part, "INBOX=") || span_starts(part, "CONTROL=") ||
		              span_starts(part, "LAYOUT=")))
			continue;
		buf_add_char(&made, ':');
		buf_add_span(&made, part);
	}
	if (fs)
		buf_add_text(&made, ":LAYOUT=fs");
	return buf_take(&made);
}
