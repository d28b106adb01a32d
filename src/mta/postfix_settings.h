/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * postfix_settings -- what postconf(1) prints becomes settings, services, and names of tables.
 * Pure; fuzzed.
 */

#include "base/text.h"
#include "mta/mta.h"

#define POSTFIX_SETTINGS_MAX 20000u
#define POSTFIX_SERVICES_MAX 5000u
#define POSTFIX_VALUE_MAX (1u << 20) /* octets of one value, also when expanded */

/* Adds the lines "name = value" of `text` to f->settings (`given`: as the output of `postconf -n`:
 * marks those that are there already, adds the rest). */
void postfix_settings_parse(struct mta_facts *f, struct span text, bool given);

/* Adds the lines of `postconf -M`. Ports by name from a small table of well-known ones. */
void postfix_services_parse(struct mta_facts *f, struct span text);

/* Is the service switched off by master_service_disable ("smtp.inet inet !foo.unix")? */
bool postfix_service_is_disabled(struct span pattern, const char *name, const char *type);

/* Port of the name part of an inet service ("smtp", "127.0.0.1:10025", "[::1]:submission"); 0 when
 * it is not known. */
unsigned postfix_service_port(const char *name);
/* The address part, or "" for every address. The caller owns it. */
char *postfix_service_address(const char *name);

/*
 * Fills in $name, ${name}, $(name), ${name?text}, ${name:text}, ${name?{text}:{text}} and the
 * comparisons ${{a}==?{b}?{text}:{text}} (postconf(5)). What is not known is empty, as in Postfix.
 * Nesting and length have limits; past them the text stays as it is.
 *
 *   out  appended to
 */
void postfix_expand(const struct mta_facts *f, struct span value, struct buf *out);

/* Cuts the next element off a list of settings: blanks and commas separate, {...} holds together. */
bool postfix_list_next(struct span *rest, struct span *element);

/* Is it a table, "type:name"? Gives the innermost ("proxy:hash:/x" is hash and /x). */
bool postfix_table_of(struct span element, struct span *type, struct span *name);
