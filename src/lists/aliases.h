/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * aliases -- by which addresses mail gets into Mailman: what an MTA has to be told, for all lists
 * of an installation, and whether a host's tables say it.
 *
 * Ten addresses a list lead to the wrapper; "mailman-loop" to a file; the site list is a list as
 * the others. Postfix's virtual domains get a second table that leads to the first.
 */

#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>

enum lists_mta {
	LISTS_MTA_POSTFIX = 1,
	LISTS_MTA_EXIM,
	LISTS_MTA_SENDMAIL, /* also all others that read an aliases(5) file */
	LISTS_MTA_QMAIL,
};
/* "postfix", "exim", "sendmail", "qmail"; false: none of these. */
bool lists_mta_named(const char *name, enum lists_mta *out);
const char *lists_mta_name(enum lists_mta mta);
/* The one that a host has, by its files. */
int lists_mta_of(struct host *h, const struct lists_installation *m, enum lists_mta *out,
                 struct error *err) MUST_CHECK;

/* What the generated words are made from. */
struct lists_alias_list {
	char *name;
	char *domain; /* its host_name, when that is one of `domains`; else NULL */
	/* cPanel's form, by which two domains have lists of one name: NAME_HOST, to which mail comes as
	 * NAME@HOST. NAME and HOST; else NULL. */
	char *local, *host;
};
struct lists_alias_plan {
	char *wrapper; /* path of the program */
	char *loop;    /* file that "mailman-loop" leads to */
	char *table;   /* Mailman's own alias file, and the virtual one */
	char *virtual_table;
	char *lists_dir;
	char *maildir; /* with USE_MAILDIR: mail goes here instead; else NULL */
	char *site_list, *user, *group;
	char *local_domain;             /* VIRTUAL_MAILMAN_LOCAL_DOMAIN, or NULL */
	struct strings domains;         /* POSTFIX_STYLE_VIRTUAL_DOMAINS */
	struct lists_alias_list *lists; /* owned; by name */
	size_t n, room;
	size_t hosted;           /* of them have cPanel's form */
	struct strings troubles; /* "config.pck of LIST: why": its domain is not known */
};
#define AUTO_LISTS_ALIAS_PLAN __attribute__((cleanup(lists_alias_plan_fini)))
void lists_alias_plan_fini(struct lists_alias_plan *p);

/* Errors: the host can't be reached; a path that is needed is not known (WRAPPER_DIR). */
int lists_alias_plan_read(struct host *h, const struct lists_installation *m,
                          struct lists_alias_plan *out, struct error *err) MUST_CHECK;

/* A list's host_name, the caller's. 1: it is known; 0: it is not, and told in p->troubles; -1. */
int lists_alias_domain(struct host *h, struct lists_alias_plan *p, const char *name, char **domain,
                       struct error *err) MUST_CHECK;

/* The ten: what follows the list's name, and the wrapper's word for it. */
#define LISTS_ADDRESSES 10
extern const struct lists_address {
	const char *suffix, *command;
} lists_addresses[LISTS_ADDRESSES];

/* Text that belongs into one file of the host. */
struct lists_alias_file {
	char *path;
	char *text;
	bool is_part; /* the file holds other things too */
};
struct lists_alias_files {
	struct lists_alias_file *rows; /* owned */
	size_t n, room;
};
#define AUTO_LISTS_ALIAS_FILES __attribute__((cleanup(lists_alias_files_fini)))
void lists_alias_files_fini(struct lists_alias_files *files);
/* Pure. */
void lists_aliases_make(const struct lists_alias_plan *p, enum lists_mta mta,
                        struct lists_alias_files *out);

/* The file in which qmail looks for an address; owned by the caller. */
char *lists_alias_qmail_path(const char *address);
/* The table in which Sendmail looks for addresses of domains. */
#define LISTS_VIRTUSERTABLE "/etc/mail/virtusertable"

/* ── what is there ───────────────────────────────────────────────────────────────────────────── */

enum lists_alias_fault {
	LISTS_ALIAS_MISSING = 1, /* mail to it bounces */
	LISTS_ALIAS_SURPLUS,     /* leads to a list that is not there, or is none of the ten */
	LISTS_ALIAS_WRONG,       /* leads elsewhere */
	LISTS_ALIAS_IDLE,        /* a table that the MTA does not ask */
};
const char *lists_alias_fault_name(enum lists_alias_fault fault); /* "missing", ... */

struct lists_alias_finding {
	enum lists_alias_fault fault;
	char *address; /* "announce-owner"; of an idle table its path */
	char *file;    /* where it stands; "" for what is missing */
	char *words;   /* "leads to X, and should to Y" */
};
struct lists_alias_check {
	struct lists_alias_finding *rows; /* owned; by fault, then as found */
	size_t n, room;
	size_t good;             /* addresses that are right */
	struct strings tables;   /* that were read */
	struct strings troubles; /* what could not be read */
};
#define AUTO_LISTS_ALIAS_CHECK __attribute__((cleanup(lists_alias_check_fini)))
void lists_alias_check_fini(struct lists_alias_check *c);

/* Holds the host's tables against the plan. Another path to the same wrapper is right. */
int lists_aliases_check(struct host *h, const struct lists_alias_plan *p, enum lists_mta mta,
                        struct lists_alias_check *out, struct error *err) MUST_CHECK;
