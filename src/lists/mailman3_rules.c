/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_rules -- attributes that become one value. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/plain.h"

#include <stdint.h>
#include <string.h>

#define DAY 86400.0

/* ── what every rule says ────────────────────────────────────────────────────────────────────── */

json_t *mailman3_part(const struct end_making *m, const char *name)
{
	return json_object_get(m->out->work, name);
}

void mailman3_set(struct end_making *m, const char *name, json_t *value)
{
	end_fate(m, LISTS_FATE_SET, name);
	json_object_set_new(mailman3_part(m, "config"), name, value);
}

void mailman3_set_core(struct end_making *m, const char *name, json_t *value)
{
	end_fate(m, LISTS_FATE_SET, name);
	json_object_set_new(mailman3_part(m, "core"), name, value);
}

/* ── texts ───────────────────────────────────────────────────────────────────────────────────── */

void mailman3_take_text(struct end_making *m)
{
	mailman3_set(m, m->rule->to, end_string(m, m->v));
}

/* REST refuses a line feed. */
void mailman3_take_line(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 };
	bool cut = false;

	end_decode(m, m->v, &text);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '\n' && text.p[i] != '\r')
			continue;
		text.p[i] = ' ';
		cut = true;
	}
	mailman3_set(m, m->rule->to, end_json(buf_span(&text)));
	if (cut)
		end_tell(m, "is one line there: blanks stand where lines ended");
}

void mailman3_take_texts(struct end_making *m)
{
	json_t *all = json_array();

	for (size_t i = 0; i < value_count(m->v); i++)
		json_array_append_new(all, end_string(m, value_item(m->v, i)));
	mailman3_set(m, m->rule->to, all);
}

/* 2.1 puts one blank behind it, whatever is there; Mailman 3 takes it as it is. */
void mailman3_take_prefix(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 }, made = { 0 };
	struct span prefix;

	end_decode(m, m->v, &text);
	prefix = span_trim(buf_span(&text));
	buf_add_span(&made, prefix);
	if (prefix.n)
		buf_add_char(&made, ' ');
	mailman3_set(m, m->rule->to, end_json(buf_span(&made)));
}

void mailman3_take_language(struct end_making *m)
{
	AUTO_BUF struct buf code = { 0 };
	const char *known;

	end_decode(m, m->v, &code);
	known = mailman3_language(buf_span(&code));
	mailman3_set(m, m->rule->to, json_string(known ? known : "en"));
	if (!known)
		end_tell(m, "Mailman 3 has no such language: English stands in for it");
}

void mailman3_take_core_text(struct end_making *m)
{
	mailman3_set_core(m, m->rule->to, end_string(m, m->v));
}

/* ── numbers ─────────────────────────────────────────────────────────────────────────────────── */

/* Rounded up, and within what a column there holds. */
static json_int_t whole(double number)
{
	json_int_t cut;

	if (number <= 0)
		return 0;
	if (number >= INT32_MAX)
		return INT32_MAX;
	cut = (json_int_t)number;
	return cut + ((double)cut < number);
}

void mailman3_take_flag(struct end_making *m)
{
	mailman3_set(m, m->rule->to, json_boolean(end_number(m->v) != 0));
}

void mailman3_take_count(struct end_making *m)
{
	double number = end_number(m->v);

	mailman3_set(m, m->rule->to, json_integer(whole(number)));
	if ((double)whole(number) != number)
		end_tell(m, "is a whole number there, and not below 0");
}

void mailman3_take_real(struct end_making *m)
{
	double number = end_number(m->v);

	mailman3_set(m, m->rule->to, json_real(number < 0 ? 0 : number > 1e9 ? 1e9 : number));
}

/* As REST writes it: "7d", "1d43200.0s". */
static void set_delta(struct end_making *m, double seconds)
{
	double kept = seconds < 0 ? 0 : seconds > 1e6 * DAY ? 1e6 * DAY : seconds;
	int days = (int)(kept / DAY);
	double rest = kept - days * DAY;
	AUTO_BUF struct buf text = { 0 };

	buf_addf(&text, "%dd", days);
	if (rest > 0)
		buf_addf(&text, "%.1fs", rest);
	mailman3_set(m, m->rule->to, json_string(buf_text(&text)));
}

void mailman3_take_days(struct end_making *m)
{
	set_delta(m, end_number(m->v) * DAY);
}

void mailman3_take_seconds(struct end_making *m)
{
	set_delta(m, end_number(m->v));
}

/* Of the rule's words; NULL: it has none for that number. Owned by the caller. */
static char *word_of(const struct end_rule *rule, double number)
{
	struct span rest = span_of(rule->words), part;

	for (double at = 0; span_next_part(&rest, '|', &part); at++)
		if (at == number)
			return span_dup(part);
	return NULL;
}

void mailman3_take_word(struct end_making *m)
{
	AUTO_FREE char *word = word_of(m->rule, end_number(m->v));

	if (word)
		mailman3_set(m, m->rule->to, json_string(word));
	else
		end_left(m, "is a number that means nothing to 2.1: what a new list has stays");
}

void mailman3_take_core_int(struct end_making *m)
{
	/* None: a newsgroup that was never read */
	if (value_kind(m->v) == VALUE_NONE)
		mailman3_set_core(m, m->rule->to, json_null());
	else
		mailman3_set_core(m, m->rule->to, json_integer(whole(end_number(m->v))));
}

/* Zero is "never". */
void mailman3_take_core_time(struct end_making *m)
{
	double at = end_number(m->v);

	mailman3_set_core(m, m->rule->to, at > 0 ? json_real(at) : json_null());
}

/* ── more than one attribute in a value ──────────────────────────────────────────────────────── */

/* Nobody finds an archive open that was closed: who does not say that it is public has a private one. */
void mailman3_take_archive(struct end_making *m)
{
	const char *word = !end_int(m, "archive", 1)          ? "never"
	                   : end_int(m, "archive_private", 1) ? "private"
	                                                      : "public";

	mailman3_set(m, m->rule->to, json_string(word));
}

void mailman3_take_member_action(struct end_making *m)
{
	static const char *const words[] = { "hold", "reject", "discard" };
	int64_t action = end_int(m, "member_moderation_action", 0);
	bool moderated = end_int(m, "default_member_moderation", 0);

	if (action < 0 || action >= (int64_t)ROWS(words))
		action = 0;
	mailman3_set(m, m->rule->to, json_string(moderated ? words[action] : "defer"));
	if (m->rule->words)
		end_tell(m, "members who are moderated have it as their own: %s", words[action]);
}

/* 2.1 has one action for every post, and another for posts of domains that say reject; Mailman 3 one for
 * both, and a flag. */
void mailman3_take_dmarc(struct end_making *m)
{
	static const char *const words[] = { "no_mitigation", "munge_from", "wrap_message",
		                             "reject", "discard" };
	int64_t all = end_int(m, "from_is_list", 0);
	int64_t some = end_int(m, "dmarc_moderation_action", 0);

	if (all < 0 || all > 2)
		all = 0;
	if (some < 0 || some >= (int64_t)ROWS(words))
		some = 0;
	json_object_set_new(mailman3_part(m, "config"), "dmarc_mitigate_action",
	                    json_string(words[all ? all : some]));
	json_object_set_new(mailman3_part(m, "config"), "dmarc_mitigate_unconditionally",
	                    json_boolean(all != 0));
	end_fate(m, LISTS_FATE_SET, m->rule->to);
	if (all && some && all != some && m->rule->words)
		end_tell(m,
		         "Mailman 3 has one action for every post and for those of domains "
		         "that say reject: from_is_list has it (%s), %s is lost",
		         words[all], words[some]);
}

/* Until 2.1.12 a string could be left of older lists. */
void mailman3_take_reply(struct end_making *m)
{
	mailman3_take_word(m);
}

/* What sends mail, or fetches news, by itself: off until the list lives here. */
void mailman3_take_until_opened(struct end_making *m)
{
	bool on = end_number(m->v) != 0;

	mailman3_set(m, m->rule->to, json_false());
	if (!on)
		return;
	json_object_set_new(mailman3_part(m, "opening"), m->rule->to, json_true());
	end_tell(m, "is off until the list is opened here, for it sends by itself");
}

/* SHA-1, which Mailman 3 takes where its passlib.cfg has hex_sha1. */
void mailman3_take_password(struct end_making *m)
{
	struct span hash = SPAN("");

	(void)value_get_chars(m->v, &hash);
	if (!hash.n) {
		end_carried(m, "moderator_password: none");
		return;
	}
	mailman3_set_core(m, m->rule->to, end_string(m, m->v));
	end_tell(m, "is kept where Mailman 3's passlib.cfg has hex_sha1 among its schemes");
}
