/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/locations.h"

#include "base/memory.h"
#include "imapd/mail_location.h"

#include <string.h>

/* ── text ────────────────────────────────────────────────────────────────────────────────────── */

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '"' || c == '\'';
}

/* Octets of "mail=" or "userdb_mail=" at the front of the text; 0: neither. */
static size_t field_name(struct span text)
{
	static const char *const names[] = { "mail=", "userdb_mail=" };

	for (size_t i = 0; i < ROWS(names); i++)
		if (span_starts(text, names[i]))
			return strlen(names[i]);
	return 0;
}

char *locations_change_fields(struct span text, enum config_mbox mbox_to)
{
	AUTO_BUF struct buf made = { 0 };
	bool begins = true, changed = false;

	while (text.n) {
		size_t name = begins ? field_name(text) : 0, n = name;
		AUTO_FREE char *value = NULL;

		while (name && n < text.n && !ends_word(text.p[n]))
			n++;
		if (name)
			value = mail_location_to_maildir((struct span){ text.p + name, n - name },
			                                 mbox_to == CONFIG_MBOX_TO_MAILDIR);
		if (!value)
			n = 1;
		buf_add(&made, text.p, value ? name : n);
		buf_add_text(&made, value ? value : "");
		changed = changed || value;
		/* a field of a passwd-file may stand right behind the colon of the shell */
		begins = ends_word(text.p[n - 1]) || text.p[n - 1] == ':';
		text = span_from(text, n);
	}
	return changed ? buf_take(&made) : NULL;
}

char *locations_change_setting(const char *path, struct span value, enum config_mbox mbox_to)
{
	struct span last = span_of(path), whole = last;
	bool quoted = value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"';

	if (!span_is(whole, "mail_location") &&
	    !(span_starts(whole, "namespace") && span_ends(last, "/location")))
		return NULL;
	if (quoted)
		value = (struct span){ value.p + 1, value.n - 2 };
	return mail_location_to_maildir(value, mbox_to == CONFIG_MBOX_TO_MAILDIR);
}

/* ── who delivers ────────────────────────────────────────────────────────────────────────────── */

/* Postfix's local(8) goes through these in this order (its manual, "DELIVERY METHOD"). */
static const char *const programs[] = {
	"mailbox_transport_maps",
	"mailbox_transport",
	"mailbox_command_maps",
	"mailbox_command",
};

static bool is_dovecots(const char *value)
{
	return strstr(value, "dovecot") || strstr(value, "lmtp") || strstr(value, "/deliver");
}

/* What local(8) itself writes has the old form, and on the new host nobody would look there. */
static bool is_delivered(struct prepare *p, const struct mailbox_account *from)
{
	AUTO_FREE char *below = NULL, *directory = NULL;

	if (!p->from.mta_kind || !system_user_named(&p->from.users, from->user))
		return true;
	for (size_t i = 0; i < ROWS(programs); i++) {
		AUTO_FREE char *value = mta_setting_expanded(&p->from.mta, programs[i]);

		if (!*value)
			continue;
		if (!is_dovecots(value))
			prepare_leave(p,
			              "%s = %s: look that mail for those whose mbox becomes a "
			              "Maildir goes by Dovecot (dovecot-lda, LMTP)",
			              programs[i], value);
		return true;
	}
	below = mta_setting_expanded(&p->from.mta, "home_mailbox");
	directory = xasprintf("%s/%s", from->home, below);
	while (*directory && directory[strlen(directory) - 1] == '/')
		directory[strlen(directory) - 1] = 0;
	if (*below && below[strlen(below) - 1] == '/' && !strcmp(directory, from->root))
		return true;
	prepare_failed(p,
	               "mailbox of %s: can't become a Maildir while Postfix itself writes new mail "
	               "to an mbox: have Dovecot deliver it (mailbox_command or "
	               "mailbox_transport), or set mailboxes.mbox_to: mbox",
	               from->user);
	return false;
}

/* ── the new half ────────────────────────────────────────────────────────────────────────────── */

static bool is_shared(const struct prepare *p, const struct mailbox_account *from)
{
	for (size_t i = 0; i < p->accounts.n; i++)
		if (strcmp(p->accounts.rows[i].from.user, from->user) != 0 &&
		    !strcmp(p->accounts.rows[i].from.root, from->root))
			return true;
	return false;
}

bool locations_set_new_half(struct prepare *p, struct account_pair *pair)
{
	const struct mailbox_account *from = &pair->from;
	enum config_mbox mbox_to = p->config->mbox_to;

	if (from->format != MAILBOX_MBOX || mbox_to == CONFIG_MBOX_TO_MBOX)
		return true;
	if (!strcmp(from->root, from->home) || is_shared(p, from)) {
		prepare_failed(p,
		               "mailbox of %s: can't become a Maildir in %s, which is %s; give the "
		               "folders a directory of their own",
		               from->user, from->root,
		               is_shared(p, from) ? "somebody else's too" : "the home");
		return false;
	}
	if (!is_delivered(p, from))
		return false;
	free(TAKE(pair->to.inbox));
	pair->to.format = MAILBOX_MAILDIR;
	pair->to.layout = mbox_to == CONFIG_MBOX_TO_MAILDIR ? MAILBOX_LAYOUT_FS
	                                                    : MAILBOX_LAYOUT_MAILDIRPP;
	return true;
}

/* ── what the new Dovecot says ───────────────────────────────────────────────────────────────── */

static const struct mailbox_account *find(const struct imapd_accounts *a, const char *user)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->rows[i].mailbox.user, user))
			return &a->rows[i].mailbox;
	return NULL;
}

static void compare(struct prepare *p, const struct imapd_accounts *now,
                    const struct mailbox_account *to)
{
	const struct mailbox_account *is = find(now, to->user);

	if (!is)
		prepare_leave(
			p,
			"%s: look that the new Dovecot has the mail of this user as a Maildir "
			"in %s (its user database can't be read here)",
			to->user, to->root);
	else if (is->format != to->format || is->layout != to->layout ||
	         strcmp(is->root, to->root) != 0)
		prepare_failed(
			p,
			"mailbox of %s: the new Dovecot would look for it as %s in %s, and not "
			"as maildir%s in %s: change that in its user database",
			to->user, mailbox_format_name(is->format), is->root,
			to->layout == MAILBOX_LAYOUT_FS ? " (LAYOUT=fs)" : "", to->root);
}

int locations_check(struct prepare *p, struct error *err)
{
	AUTO_IMAPD_FACTS struct imapd_facts facts = { 0 };
	AUTO_IMAPD_ACCOUNTS struct imapd_accounts now = { 0 };
	AUTO_SYSTEM_USERS struct system_users users = { 0 };
	bool wanted = false;

	for (size_t i = 0; i < p->accounts.n; i++)
		wanted = wanted || (p->accounts.rows[i].prepared &&
		                    p->accounts.rows[i].from.format == MAILBOX_MBOX &&
		                    p->accounts.rows[i].to.format == MAILBOX_MAILDIR);
	if (!wanted || p->dry_run)
		return 0;
	if (imapd_facts(p->new_host, &facts, err) < 0 ||
	    system_users_read(p->new_host, false, &users, err) < 0 ||
	    imapd_accounts(p->new_host, &facts, &users, &now, err) < 0)
		return -1;
	for (size_t i = 0; i < p->accounts.n; i++)
		if (p->accounts.rows[i].prepared &&
		    p->accounts.rows[i].from.format == MAILBOX_MBOX &&
		    p->accounts.rows[i].to.format == MAILBOX_MAILDIR)
			compare(p, &now, &p->accounts.rows[i].to);
	return 0;
}
