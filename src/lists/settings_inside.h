/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* settings_inside -- for the files that read settings; for each other's use only. */

#include "lists/python_expression.h"
#include "lists/python_token.h"
#include "lists/settings.h"

/* NULL: there is none of that name. One that was deleted is there, with `gone`. */
struct lists_setting *lists_settings_row(struct lists_settings *s, struct span name);
/* Sets a name; `value` is taken, NULL: unknown. NULL: there are too many names. */
struct lists_setting *lists_settings_put(struct lists_settings *s, struct span name,
                                         struct python_value *value, const char *file,
                                         unsigned line);
void lists_settings_report(struct lists_settings *s, const char *file, unsigned line,
                           struct span name, const char *why);

/* A module while it is read, and after. */
struct lists_module {
	char *name, *file;
	bool is_defaults; /* Defaults.py: its own functions are known */
	bool under_way;
	struct lists_settings settings;
};

/* All modules of one installation. */
struct lists_reading {
	const struct lists_modules *source;
	struct lists_module *modules[LISTS_MODULES_MAX]; /* owned */
	size_t n;
	uint64_t work;  /* as in struct python_names */
	unsigned stars; /* imports of everything that were made */
	struct error *err;
	bool failed; /* the host can't be reached: *err says so */
};

/* The module, read now if it was not yet; NULL: it is not there, is being read, or the host is gone
 * (reading->failed). */
struct lists_module *lists_reading_module(struct lists_reading *reading, struct span name);

/* Takes the logical lines of one module. */
struct lists_statements {
	struct lists_reading *reading;
	struct lists_module *module;
	bool in_function; /* the lines behind `function_indent` are a def's or class's own */
	unsigned function_indent;
	struct span block;    /* first word of the block that indented lines are in: "if" */
	bool taken, passed;   /* it is known that the block is done, or that it is not */
	struct strings fixed; /* names that a function may set at any time */
};

/* settings_statement.c */
void lists_statements_line(struct lists_statements *s, const struct python_line *line);
/* NULL: it has no value that is known; `why` then holds words. The caller lets go of it. */
struct python_value *lists_statements_evaluate(struct lists_statements *s,
                                               const struct python_token *tokens, size_t n,
                                               struct buf *why);
/* Makes a name unknown, and reports why; NULL: quietly. */
void lists_statements_unknown(struct lists_statements *s, const struct python_token *name,
                              const char *why);
/* Tokens before the next `what` outside of brackets. */
size_t lists_statements_up_to(const struct python_token *tokens, size_t n, const char *what);
/* Is `what` among them, wherever? */
bool lists_statements_has(const struct python_token *tokens, size_t n, const char *what);
/* "=", "+=" and the like. */
bool lists_statements_assigns(const struct python_token *t);

/* settings_call.c: a statement that calls something. */
void lists_statements_call(struct lists_statements *s, const struct python_token *tokens, size_t n);

/* settings_import.c: "from M import ...", "import M". */
void lists_statements_from(struct lists_statements *s, const struct python_token *tokens, size_t n);
void lists_statements_import(struct lists_statements *s, const struct python_token *tokens,
                             size_t n);

/* settings_block.c: what the statements may set becomes unknown. */
void lists_statements_touch(struct lists_statements *s, const struct python_token *tokens,
                            size_t n);
/* A word that may set any name: exec. */
bool lists_statements_is_boundless(const struct python_token *t);
bool lists_statements_begins_function(const struct python_token *t);
bool lists_statements_begins_block(const struct python_token *t);
void lists_statements_function(struct lists_statements *s, const struct python_line *line);
void lists_statements_function_line(struct lists_statements *s, const struct python_token *tokens,
                                    size_t n);
void lists_statements_block(struct lists_statements *s, const struct python_line *line);
