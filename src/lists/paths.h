/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * paths -- where a Mailman 2.1 installation keeps its things: each path variable of its settings,
 * what a mover has to do about it, and the installations of a host.
 *
 * Source of the rules: Mailman/Defaults.py.in of 2.1.39 and the packagings of Debian and Fedora.
 */

#include "base/error.h"
#include "remote/host.h"
#include "state/items.h"

#include <stdbool.h>
#include <stddef.h>

/* The names are Mailman's own. To add one: here, and a row in lists/path_kinds.c. */
enum lists_path {
	LISTS_PREFIX,
	LISTS_EXEC_PREFIX,
	LISTS_VAR_PREFIX,
	LISTS_LIST_DATA_DIR,
	LISTS_DATA_DIR,
	LISTS_QUEUE_DIR,
	LISTS_INQUEUE_DIR,
	LISTS_OUTQUEUE_DIR,
	LISTS_CMDQUEUE_DIR,
	LISTS_BOUNCEQUEUE_DIR,
	LISTS_NEWSQUEUE_DIR,
	LISTS_ARCHQUEUE_DIR,
	LISTS_SHUNTQUEUE_DIR,
	LISTS_VIRGINQUEUE_DIR,
	LISTS_BADQUEUE_DIR,
	LISTS_RETRYQUEUE_DIR,
	LISTS_MAILDIR_DIR,
	LISTS_PUBLIC_ARCHIVE_FILE_DIR,
	LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	LISTS_SPAM_DIR,
	LISTS_LOCK_DIR,
	LISTS_LOG_DIR,
	LISTS_CONFIG_DIR, /* only in Red Hat's builds */
	LISTS_PID_DIR,    /* only in Red Hat's builds */
	LISTS_PIDFILE,
	LISTS_SITE_PW_FILE,
	LISTS_LISTCREATOR_PW_FILE,
	LISTS_TEMPLATE_DIR,
	LISTS_MESSAGES_DIR,
	LISTS_BIN_DIR,
	LISTS_SCRIPTS_DIR,
	LISTS_WRAPPER_DIR,
	LISTS_PATHS, /* how many there are */
};

/* Whether hosts that share one Mailman (web server here, MTA there) have to share it. */
enum lists_share {
	LISTS_SHARE_MUST = 1, /* one directory for all of them, or mail is lost without a word */
	LISTS_SHARE_MAY,      /* works either way */
	LISTS_SHARE_SAME,     /* equal copies, or one */
	LISTS_SHARE_LOCAL,    /* each host has its own */
};
const char *lists_share_name(enum lists_share share); /* "must", "may", "same", "local" */

/* What is known of a path variable, wherever Mailman stands. Indexed by enum lists_path. */
struct lists_path_kind {
	const char *name;       /* "INQUEUE_DIR" */
	enum lists_path parent; /* its default lies below this one; itself: has no parent */
	const char *below;      /* "in"; NULL with a parent: it is not there by default */
	enum item_class class;  /* what a mover has to do with what is in it */
	enum lists_share share; /* in a split set-up */
	bool is_file;           /* names a file, not a directory */
	const char *holds;      /* what is in it, and what a mover does */
	const char *written_by; /* which programs */
};
extern const struct lists_path_kind lists_path_kinds[LISTS_PATHS];

/*
 * The value of every path variable: an absolute path of the host, without a slash at its end.
 * NULL: this installation has none (CONFIG_DIR outside of Red Hat), or its settings say it in a way
 * that is not understood; lists_settings.reports tells which.
 */
struct lists_paths {
	char *value[LISTS_PATHS]; /* owned */
};
#define AUTO_LISTS_PATHS __attribute__((cleanup(lists_paths_fini)))
void lists_paths_fini(struct lists_paths *p);

/* The paths of an installation from source: PREFIX with all defaults below it. `var` NULL: the
 * same. "/" as `var` for a folder that has lists/, data/, qfiles/ right in it. */
void lists_paths_default(struct lists_paths *out, const char *prefix, const char *var);
/* Those that are not set yet, in the same way. */
void lists_paths_fill(struct lists_paths *p, const char *prefix, const char *var);
/* The number of a variable's name ("DATA_DIR"); -1 for none. */
int lists_path_named(const char *name);
/* Sets one, by a copy without slashes at its end; `path` NULL: it is not known. */
void lists_paths_set(struct lists_paths *p, enum lists_path which, const char *path);
/* "PATH/name", owned by the caller; NULL when that path is not known. */
char *lists_paths_join(const struct lists_paths *p, enum lists_path which, const char *name);

/* ── installations ───────────────────────────────────────────────────────────────────────────── */

struct lists_layout;   /* lists/layouts.h */
struct lists_settings; /* lists/settings.h */

/* One Mailman of a host. */
struct lists_installation {
	const struct lists_layout *layout; /* the known one that it is most like; never NULL */
	char *code;          /* directory with Mailman/ in it; NULL: only the data is there */
	char *settings_file; /* mm_cfg.py, as it was read; NULL: none could be read */
	struct lists_paths paths;
	struct lists_settings *settings; /* never NULL; empty where nothing could be read */
	char *version;      /* "2.1.39"; NULL: Mailman/Version.py was not found or understood */
	char *user, *group; /* MAILMAN_USER and MAILMAN_GROUP; the layout's when not set */
	struct strings
		mixed; /* "QUEUE_DIR is /x, source has /y": where it differs from the layout */
};
struct lists_installations {
	struct lists_installation *rows; /* owned */
	size_t n, room;
};
#define AUTO_LISTS_INSTALLATIONS __attribute__((cleanup(lists_installations_fini)))
void lists_installations_fini(struct lists_installations *all);

/*
 * Finds the installations of a host, by the files in force: where Mailman/Defaults.py or
 * Mailman/mm_cfg.py stands in one of the places that are known (lists/layouts.c), its paths are
 * what these files say; where only the data is left (LIST_DATA_DIR with lists in it), they are the
 * layout's. Nothing is run. One that is reached by two names is told once.
 *
 *   prefix   looked at first and alone: a directory with Mailman/ in it, or with lists/; NULL: all
 *            known places, and "/" of a folder
 *   returns  0 with any number of rows, also none; -1: the host can't be reached, or `prefix` holds
 *            no Mailman
 */
int lists_paths_find(struct host *h, const char *prefix, struct lists_installations *out,
                     struct error *err) MUST_CHECK;
