/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * imapd -- the mailbox server of a host (Dovecot) as a service: settings in force, users, where
 * each mailbox lies, how it is stopped and started. Each operation may be repeated.
 */

#include "accounts/passwd.h"
#include "base/error.h"
#include "base/text.h"
#include "mail/mailbox.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of the settings in force. */
struct imapd_setting {
	char *path; /* blocks outermost first, "/" between: "protocol lmtp/mail_plugins" */
	char *value;
	unsigned block; /* number of the innermost block: tells one passdb{} from the next */
};

/* A passdb{} or userdb{}. */
struct imapd_database {
	bool users;   /* userdb, else passdb */
	char *driver; /* "passwd-file", "pam", "passwd", "sql" ... */
	char *args;   /* or "" */
	char *file;   /* of passwd-file and other file drivers; NULL when there is none */
	char *scheme; /* passwd-file: what a hash without {SCHEME} is; "CRYPT" */
	char *username_format;
	bool goes_on; /* result_success = continue...: later ones add to what it said */
};

struct imapd_namespace {
	char *name, *prefix, *separator, *location, *type;
	bool inbox;
};

struct imapd_facts {
	char *version;
	struct imapd_setting *settings; /* those that differ from the program's defaults */
	size_t settings_n, settings_room;
	struct imapd_setting *defaults; /* all, as `doveconf -a` has them */
	size_t defaults_n, defaults_room;
	struct imapd_database *databases;
	size_t databases_n, databases_room;
	struct imapd_namespace *namespaces;
	size_t namespaces_n, namespaces_room;
	struct strings protocols;
	struct strings plugins;    /* of all protocols, once each */
	struct strings files;      /* TLS certificates and keys, configuration files of databases */
	struct strings for_person; /* what can't be read here and has to be looked at */
};
#define AUTO_IMAPD_FACTS __attribute__((cleanup(imapd_facts_fini)))
void imapd_facts_fini(struct imapd_facts *f);

/* Value of a setting in force by its path ("mail_location", "plugin/sieve"), NULL when there is none;
 * borrowed. */
const char *imapd_setting(const struct imapd_facts *f, const char *path);

/* Is one installed and configured here? 1, 0, -1. */
int imapd_found(struct host *h, struct error *err) MUST_CHECK;
int imapd_facts(struct host *h, struct imapd_facts *out, struct error *err) MUST_CHECK;

/* One user's mailbox. */
struct imapd_account {
	struct mailbox_account mailbox;
	char *control, *index; /* directories of CONTROL= and INDEX=, or NULL */
	char *source;          /* "passwd", "/etc/dovecot/users" */
};
struct imapd_accounts {
	struct imapd_account *rows; /* owned; sorted by user */
	size_t n, room;
	struct strings for_person; /* users whose mail is not where or what can be carried */
};
#define AUTO_IMAPD_ACCOUNTS __attribute__((cleanup(imapd_accounts_fini)))
void imapd_accounts_fini(struct imapd_accounts *a);

/*
 * Every user's mailbox. A running Dovecot is asked (doveadm user); else, and in a folder, the
 * userdbs are read in their order as it does.
 *
 *   users   borrowed; the host's system users
 */
int imapd_accounts(struct host *h, const struct imapd_facts *f, const struct system_users *users,
                   struct imapd_accounts *out, struct error *err) MUST_CHECK;

/* Control. Stops it and waits until no process of it is left ("doveadm stop" comes back while lmtp
 * still delivers); ERROR_RETRY_LATER after 60 s. */
int imapd_stop(struct host *h, struct error *err) MUST_CHECK;
/* Control. Returns when it runs. The MTA should run before: LMTP sockets lie in its queue folder. */
int imapd_start(struct host *h, struct error *err) MUST_CHECK;
int imapd_is_running(struct host *h, bool *running, struct error *err) MUST_CHECK;
