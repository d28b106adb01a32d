/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * settings -- what Defaults.py and mm_cfg.py of a Mailman say, read as data. Nothing is run: a
 * value is known when it is a literal, or made of literals and other known values. What is cleverer
 * (if, for, def, a call, a change in place) makes the setting unknown, and a report names file,
 * line and setting. A later assignment in plain words makes it known again. Pure, but for the
 * source of modules; fuzzed.
 */

#include "base/error.h"
#include "lists/python_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTS_MODULE_MAX (1u << 20) /* octets of one file */
#define LISTS_MODULES_MAX 16u       /* files of one installation */
#define LISTS_SETTINGS_MAX 20000u   /* names of one file */
#define LISTS_REPORTS_MAX 200u      /* then one that says that there are more */

struct lists_setting {
	char *name;
	struct python_value *value; /* NULL: it is set in a way that is not understood */
	char *file;                 /* where the last word on it stands */
	unsigned line;
	bool given; /* not in Defaults.py: the site's own */
	bool gone;  /* deleted again; asking does not find it */
};

/* Something that is more than data. */
struct lists_report {
	char *file;
	unsigned line;
	char *name; /* the setting that is unknown by it; "": any may be */
	char *why;  /* "calls socket.getfqdn()" */
};

struct lists_settings {
	struct lists_setting *rows; /* owned; in the order in which they were first set */
	size_t n, room;
	struct lists_report *reports; /* owned; in the order of the files */
	size_t reports_n, reports_room;
	bool open_ended; /* something that could not be read may set any name */
	uint32_t *index; /* of rows, by name */
	size_t index_room;
};
#define AUTO_LISTS_SETTINGS __attribute__((cleanup(lists_settings_fini)))
void lists_settings_fini(struct lists_settings *s);

/* Where modules come from. */
struct lists_modules {
	void *context;
	/*
	 *   module   "mm_cfg", "Defaults", "mm_cfg_local" ...; letters, digits, '_' and '.'
	 *   text     emptied first; at most LISTS_MODULE_MAX octets
	 *   file     what it was read from, owned by the caller
	 *   returns  1 it is there; 0 it is not, or can't be read; -1 the host can't be reached
	 */
	int (*read)(void *context, const char *module, struct buf *text, char **file,
	            struct error *err);
	/* Source text that stands in for a Defaults.py that is not there; NULL: none. Borrowed. */
	const char *defaults;
};

/* Reads a module, usually "mm_cfg", and what it imports. -1: the host can't be reached. */
int lists_settings_read(struct lists_settings *out, const struct lists_modules *modules,
                        const char *module, struct error *err) MUST_CHECK;

/* NULL: nothing sets it. Borrowed. */
const struct lists_setting *lists_setting(const struct lists_settings *s, const char *name);
/* NULL: nothing sets it, or not to a text, or it is not known. Borrowed. */
const char *lists_setting_text(const struct lists_settings *s, const char *name);
/* As Python's `if` sees it; `otherwise` where it is not known. */
bool lists_setting_is_true(const struct lists_settings *s, const char *name, bool otherwise);
/* Is it set, but in a way that is not understood? */
bool lists_setting_is_unknown(const struct lists_settings *s, const char *name);
/* Texts of a list or tuple, or the keys of a dict; none when it is no such thing. */
void lists_setting_texts(const struct lists_settings *s, const char *name, struct strings *out);
