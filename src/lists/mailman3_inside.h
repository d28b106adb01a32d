/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mailman3_inside -- what the files of lists/mailman3_plan.h share. */

#include "lists/attributes.h"
#include "lists/mailman3_plan.h"

#include <jansson.h>

/* One list on its way. */
struct mailman3 {
	const struct lists_list *l;
	const struct lists_site *site;
	struct lists_mailman3_plan *out;
	/* parts of out->work, borrowed */
	json_t *config, *opening, *core, *templates;
	/* the attribute that is looked at */
	struct lists_mailman3_row *row;
	const struct mailman3_rule *rule;
	struct value v;
};

/* What becomes of an attribute. */
struct mailman3_rule {
	const char *name;
	/* Sets row->fate and what belongs to it. The value is of a type that the attribute may have. */
	void (*take)(struct mailman3 *m);
	const char *to;    /* where to, or why it stays; see the functions */
	const char *words; /* of the numbers 0, 1, 2 ..., "|" between them: REST's */
};
/* NULL: it is none of 2.1's. */
const struct mailman3_rule *mailman3_rule(struct span name);

/* ── for the functions of rules ──────────────────────────────────────────────────────────────── */

/* An attribute of the list there; `value` is taken. */
void mailman3_set(struct mailman3 *m, const char *name, json_t *value);
/* What REST does not set, by a name of core's table; `value` is taken. */
void mailman3_set_core(struct mailman3 *m, const char *name, json_t *value);
void mailman3_carried(struct mailman3 *m, const char *to);
void mailman3_left(struct mailman3 *m, const char *why);
/* One more sentence of why. */
void mailman3_tell(struct mailman3 *m, const char *format, ...) PRINTF_LIKE(2, 3);
void mailman3_refuse(struct mailman3 *m, const char *what, struct span who, const char *why);
/* A string decoded, appended; octets that are no text are told of. */
void mailman3_decode(struct mailman3 *m, struct value v, struct buf *out);
/* UTF-8 as JSON; never NULL. */
json_t *mailman3_text(struct span text);
json_t *mailman3_string(struct mailman3 *m, struct value v);
/* An address that can be one there: ASCII, one '@'. Appended as typed; false: refused as `what`. */
bool mailman3_address(struct mailman3 *m, const char *what, struct value v, struct buf *out);
int64_t mailman3_int(const struct mailman3 *m, const char *attribute, int64_t otherwise);
/* What it calls a language; NULL: it has none such. */
const char *mailman3_language(struct span code);

/* ── rules by what they are about ────────────────────────────────────────────────────────────── */

void mailman3_take_flag(struct mailman3 *m);
void mailman3_take_count(struct mailman3 *m);
void mailman3_take_real(struct mailman3 *m);
void mailman3_take_days(struct mailman3 *m);
void mailman3_take_seconds(struct mailman3 *m);
void mailman3_take_word(struct mailman3 *m);
void mailman3_take_text(struct mailman3 *m);
void mailman3_take_line(struct mailman3 *m);
void mailman3_take_texts(struct mailman3 *m);
void mailman3_take_language(struct mailman3 *m);
void mailman3_take_prefix(struct mailman3 *m);
void mailman3_take_archive(struct mailman3 *m);
void mailman3_take_dmarc(struct mailman3 *m);
void mailman3_take_member_action(struct mailman3 *m);
void mailman3_take_reply(struct mailman3 *m);
void mailman3_take_until_opened(struct mailman3 *m);
void mailman3_take_core_int(struct mailman3 *m);
void mailman3_take_core_time(struct mailman3 *m);
void mailman3_take_core_text(struct mailman3 *m);
void mailman3_take_password(struct mailman3 *m);
void mailman3_stays(struct mailman3 *m);  /* rule->to says why */
void mailman3_unused(struct mailman3 *m); /* the same */
void mailman3_goes(struct mailman3 *m);   /* carried, elsewhere than by this rule: rule->to */

void mailman3_take_template(struct mailman3 *m);
void mailman3_take_reply_text(struct mailman3 *m);
void mailman3_take_nonmembers(struct mailman3 *m);
void mailman3_take_aliases(struct mailman3 *m);
void mailman3_take_bans(struct mailman3 *m);
void mailman3_take_header_rules(struct mailman3 *m);
void mailman3_take_people(struct mailman3 *m);
void mailman3_take_responses(struct mailman3 *m);

/* Members, and how many bits of theirs have no place there. */
void mailman3_take_members(struct mailman3 *m);
void mailman3_take_options(struct mailman3 *m);
/* What waits. */
void mailman3_take_waiting(struct mailman3 *m);

/*
 * A text with 2.1's placeholders becomes one with Mailman 3's, appended.
 *
 *   dollar  they are $name or ${name} (use_dollar_strings), else %(name)s
 *   told    names that have none there, and what stands in their place; may be told twice
 */
void mailman3_text_convert(const struct mailman3 *m, struct span text, bool dollar, struct buf *out,
                           struct strings *told);
