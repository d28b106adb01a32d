/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/places.h"

#include "accounts/names.h"
#include "base/attr.h"

#include <string.h>

/* The first row that fits counts; a '/' at the end means all below. */
static const struct {
	const char *path;
	enum place_rule rule;
} files[] = {
	/* settings that are carried one by one, and files that run as root */
	{ "/etc/postfix/main.cf", PLACE_NEVER },
	{ "/etc/postfix/master.cf", PLACE_NEVER },
	{ "/etc/postfix/dynamicmaps.cf", PLACE_NEVER },
	{ "/etc/postfix/dynamicmaps.cf.d/", PLACE_NEVER },
	{ "/etc/postfix/postfix-script", PLACE_NEVER },
	{ "/etc/postfix/postfix-wrapper", PLACE_NEVER },
	{ "/etc/postfix/post-install", PLACE_NEVER },
	{ "/etc/postfix/postfix-files", PLACE_NEVER },
	{ "/etc/postfix/postfix-files.d/", PLACE_NEVER },
	{ "/etc/dovecot/dovecot.conf", PLACE_NEVER },
	{ "/etc/postfix/", PLACE_REPLACE },
	{ "/etc/dovecot/", PLACE_REPLACE },
	{ "/etc/aliases", PLACE_REPLACE },
	{ "/etc/aliases.d/", PLACE_REPLACE },
	{ "/etc/mail/", PLACE_REPLACE },
	{ "/etc/mailname", PLACE_REPLACE },
	/* whom the new system trusts is its own affair */
	{ "/etc/ssl/certs/ca-certificates.crt", PLACE_NEVER },
	{ "/etc/pki/ca-trust/", PLACE_IF_ABSENT },
	{ "/etc/pki/tls/certs/ca-bundle.crt", PLACE_IF_ABSENT },
	{ "/etc/ssl/openssl.cnf", PLACE_NEVER },
	{ "/etc/ssl/", PLACE_REPLACE },
	{ "/etc/pki/", PLACE_REPLACE },
	{ "/etc/letsencrypt/live/", PLACE_REPLACE },
	{ "/etc/letsencrypt/archive/", PLACE_REPLACE },
	{ "/etc/dkimkeys/", PLACE_REPLACE },
	{ "/etc/opendkim/", PLACE_REPLACE },
	{ "/etc/opendkim.conf", PLACE_REPLACE },
	{ "/var/lib/rspamd/dkim/", PLACE_REPLACE },
	{ "/var/lib/dkim/", PLACE_REPLACE },
	{ "/var/lib/dovecot/sieve/", PLACE_REPLACE },
	{ "/var/spool/postfix/etc/", PLACE_NEVER },
	/* other people's programs and data: what is there may be in use */
	{ "/usr/local/lib/", PLACE_NEVER }, /* root's programs load from there */
	{ "/usr/local/", PLACE_IF_ABSENT },
	{ "/opt/", PLACE_IF_ABSENT },
	{ "/srv/", PLACE_IF_ABSENT },
	{ "/home/", PLACE_IF_ABSENT },
	{ "/var/mail/", PLACE_IF_ABSENT },
	{ "/var/vmail/", PLACE_IF_ABSENT },
	{ "/var/lib/mailman/", PLACE_NEVER },
};

/* Trees of the system, where neither homes nor mail belong. */
static const char *const system_trees[] = { "/bin",
	                                    "/boot",
	                                    "/dev",
	                                    "/etc",
	                                    "/lib",
	                                    "/lib32",
	                                    "/lib64",
	                                    "/libx32",
	                                    "/proc",
	                                    "/root",
	                                    "/run",
	                                    "/sbin",
	                                    "/sys",
	                                    "/tmp",
	                                    "/usr",
	                                    "/var/lib/dpkg",
	                                    "/var/log",
	                                    "/var/run",
	                                    "/var/spool/cron",
	                                    "/var/spool/postfix",
	                                    "/var/lib/mailhaul",
	                                    "/var/cache",
	                                    "/var/backups",
	                                    "/lost+found",
	                                    "/nonexistent" };

static bool fits(const char *row, const char *path)
{
	size_t n = strlen(row);

	if (row[n - 1] == '/')
		return strncmp(path, row, n) == 0;
	return strcmp(path, row) == 0;
}

enum place_rule place_of_file(const char *path)
{
	/* ".ssh", ".bashrc": obeyed without being asked */
	if (!account_path_good(path) || strstr(path, "/."))
		return PLACE_NEVER;
	for (size_t i = 0; i < ROWS(files); i++)
		if (fits(files[i].path, path))
			return files[i].rule;
	return PLACE_NEVER;
}

bool place_is_for_mail(const char *path)
{
	if (!account_path_good(path))
		return false;
	for (size_t i = 0; i < ROWS(system_trees); i++) {
		size_t n = strlen(system_trees[i]);

		if (!strncmp(path, system_trees[i], n) && (path[n] == '/' || !path[n]))
			return false;
	}
	/* "/home" itself is nobody's mailbox; two levels at least, or a tree of its own */
	return strcmp(path, "/home") != 0 && strcmp(path, "/var") != 0 &&
	       strcmp(path, "/srv") != 0 && strcmp(path, "/opt") != 0 &&
	       strcmp(path, "/var/lib") != 0 && strcmp(path, "/var/spool") != 0;
}

bool place_is_packaged(const char *path)
{
	static const char *const trees[] = {
		"/bin/",       "/lib/",         "/sbin/",     "/usr/bin/",   "/usr/lib/",
		"/usr/lib64/", "/usr/libexec/", "/usr/sbin/", "/usr/share/", "/etc/pki/ca-trust/"
	};

	for (size_t i = 0; i < ROWS(trees); i++)
		if (fits(trees[i], path))
			return true;
	return !strcmp(path, "/etc/ssl/certs/ca-certificates.crt") ||
	       !strcmp(path, "/etc/ssl/certs");
}
