/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mailman3_inside -- what the files of lists/mailman3_plan.h share. */

#include "lists/end_making.h"
#include "lists/mailman3_plan.h"

/* A part of m->out->work, borrowed: "config", "opening", "core", "templates". */
json_t *mailman3_part(const struct end_making *m, const char *name);
const struct end_rule *mailman3_rules(size_t *n);

/* An attribute of the list there; `value` is taken. */
void mailman3_set(struct end_making *m, const char *name, json_t *value);
/* What REST does not set, by a name of core's table; `value` is taken. */
void mailman3_set_core(struct end_making *m, const char *name, json_t *value);
/* What it lacks by what it says of itself: lists_mailman3_about_ask(). Pure. */
void mailman3_judge(json_t *told, const struct strings *names, bool bulk, struct strings *missing,
                    struct strings *advice);
/* What it calls a language; NULL: it has none such. */
const char *mailman3_language(struct span code);

/* ── rules by what they are about ────────────────────────────────────────────────────────────── */

void mailman3_take_flag(struct end_making *m);
void mailman3_take_count(struct end_making *m);
void mailman3_take_real(struct end_making *m);
void mailman3_take_days(struct end_making *m);
void mailman3_take_seconds(struct end_making *m);
void mailman3_take_word(struct end_making *m);
void mailman3_take_text(struct end_making *m);
void mailman3_take_line(struct end_making *m);
void mailman3_take_texts(struct end_making *m);
void mailman3_take_language(struct end_making *m);
void mailman3_take_prefix(struct end_making *m);
void mailman3_take_archive(struct end_making *m);
void mailman3_take_dmarc(struct end_making *m);
void mailman3_take_member_action(struct end_making *m);
void mailman3_take_reply(struct end_making *m);
void mailman3_take_until_opened(struct end_making *m);
void mailman3_take_core_int(struct end_making *m);
void mailman3_take_core_time(struct end_making *m);
void mailman3_take_core_text(struct end_making *m);
void mailman3_take_password(struct end_making *m);

void mailman3_take_template(struct end_making *m);
void mailman3_take_reply_text(struct end_making *m);
void mailman3_take_nonmembers(struct end_making *m);
void mailman3_take_aliases(struct end_making *m);
void mailman3_take_bans(struct end_making *m);
void mailman3_take_header_rules(struct end_making *m);
void mailman3_take_people(struct end_making *m);
void mailman3_take_responses(struct end_making *m);

/* Members, and how many bits of theirs have no place there. */
void mailman3_take_members(struct end_making *m);
void mailman3_take_options(struct end_making *m);
/* What waits. */
void mailman3_take_waiting(struct end_making *m);
void mailman3_take_digest(struct end_making *m);

/*
 * A text with 2.1's placeholders becomes one with Mailman 3's, appended.
 *
 *   dollar  they are $name or ${name} (use_dollar_strings), else %(name)s
 *   told    names that have none there, and what stands in their place; may be told twice
 */
void mailman3_text_convert(const struct end_making *m, struct span text, bool dollar,
                           struct buf *out, struct strings *told);
