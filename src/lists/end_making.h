/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* end_making -- what the ends of lists/end.h share while they make a plan. */

#include "lists/attributes.h"
#include "lists/end.h"

#include <jansson.h>

/* One list on its way. */
struct end_making {
	const struct lists_list *l;
	const struct lists_site *site;
	struct lists_end_plan *out;
	/* the attribute that is looked at */
	struct lists_end_row *row;
	const struct end_rule *rule;
	struct value v;
	void *own; /* the end's */
};

/* What becomes of an attribute. */
struct end_rule {
	const char *name;
	/* Sets row->fate and what belongs to it. The value is of a type that the attribute may have. */
	void (*take)(struct end_making *m);
	const char *to;    /* where to, or why it stays; see the functions */
	const char *words; /* of the numbers 0, 1, 2 ..., "|" between them: the other side's */
};

/* NULL: there is none. */
const struct end_rule *end_rule_of(const struct end_rule *rules, size_t n, struct span name);

/* Address and members of *m->out, which is empty. */
void end_begin(struct end_making *m);
/* A row for each attribute of the list, by its rule; what no rule knows is left. */
void end_attributes(struct end_making *m, const struct end_rule *rules, size_t rules_n);
/* Tokens that people have in a mail, which no end takes. */
void end_refuse_tokens(struct end_making *m, const char *manager);
/* The digest in progress, for an end that does not take it. */
void end_refuse_digest(struct end_making *m);

/* ── for the functions of rules ──────────────────────────────────────────────────────────────── */

void end_fate(struct end_making *m, enum lists_fate fate, const char *to);
void end_carried(struct end_making *m, const char *to);
void end_left(struct end_making *m, const char *why);
/* One more sentence of why. */
void end_tell(struct end_making *m, const char *format, ...) PRINTF_LIKE(2, 3);
/* While an attribute is looked at, its row tells it, too. */
void end_refuse(struct end_making *m, const char *what, struct span who, const char *why);
/* A string decoded, appended; octets that are no text are told of. */
void end_decode(struct end_making *m, struct value v, struct buf *out);
/* UTF-8 as JSON; never NULL. */
json_t *end_json(struct span text);
json_t *end_string(struct end_making *m, struct value v);
/* Octets as a text of a character each. */
json_t *end_octets(struct span octets);
/* An address that can be one there: ASCII, one '@'. Appended as typed; false: refused as `what`. */
bool end_address(struct end_making *m, const char *what, struct value v, struct buf *out);
/* A member's, as typed. */
struct value end_member_address(const struct lists_member *member);
/* An array of the addresses and patterns of m->v; "@LIST" becomes the members that LIST has. */
json_t *end_entries(struct end_making *m, const char *what);
/* Each pattern of header_filter_rules, which m->v is, with what 2.1 does by it (mm_cfg's numbers; -1: none). */
void end_header_rules(struct end_making *m,
                      void (*take)(struct end_making *m, struct span pattern, int64_t action));
double end_number(struct value v);
/* Neither zero, nor empty, nor None. */
bool end_is_on(struct value v);
int64_t end_int(const struct end_making *m, const char *attribute, int64_t otherwise);

/* What stands for a placeholder of 2.1's texts; "" nothing does, "=" the value that it has in 2.1, "@NAME" that of
 * an attribute, "@" the list's name. */
struct end_word {
	const char *old, *new;
};
struct end_words {
	const struct end_word *rows;
	size_t n;
	char escape; /* stands twice for itself there; '\0': nothing does */
};
/*
 * A text with 2.1's placeholders becomes one with the other side's, appended.
 *
 *   dollar  they are $name or ${name} (use_dollar_strings), else %(name)s
 *   told    names that have none there, and what stands in their place; may be told twice
 */
void end_words_convert(const struct end_making *m, const struct end_words *w, struct span text,
                       bool dollar, struct buf *out, struct strings *told);
/* m->v for a manager that knows no placeholders: what they have stood for, appended, and what stands for nothing told. */
void end_spell_out(struct end_making *m, struct buf *out);

/* ── rules of any end ────────────────────────────────────────────────────────────────────────── */

void end_stays(struct end_making *m); /* rule->to says why */
/* The same, where it is on at all; else nothing is lost. */
void end_left_if_on(struct end_making *m);
void end_unused(struct end_making *m); /* the same */
void end_goes(struct end_making *m);   /* carried, elsewhere than by this rule: rule->to */
