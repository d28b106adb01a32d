/* SPDX-License-Identifier: BSD-2-Clause */

/* member_check -- what cannot be so: of one member, in one dictionary; a row a rule. */

#include "lists/member.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct looking {
	const struct lists_member *m;
	struct value config;
	struct span who;
};

static bool is_string(struct value v)
{
	return value_kind(v) == VALUE_STR || value_kind(v) == VALUE_TEXT;
}

/* Lower case as Python 2's str.lower() in the C locale. */
static bool is_lower_of(struct span typed, struct span key)
{
	if (typed.n != key.n)
		return false;
	for (size_t i = 0; i < key.n; i++)
		if (ascii_lower(typed.p[i]) != key.p[i])
			return false;
	return true;
}

static const char *roster_of(const struct lists_member *m)
{
	return value_is_absent(m->regular) ? "digest_members" : "members";
}

static const char *key_is_no_string(const struct looking *l)
{
	return is_string(l->m->key) ? NULL : "the address is no string";
}

static const char *key_is_not_ascii(const struct looking *l)
{
	for (size_t i = 0; i < l->who.n; i++)
		if ((unsigned char)l->who.p[i] > 0x7f)
			return "the address has octets that are not ASCII";
	return NULL;
}

static const char *key_has_capitals(const struct looking *l)
{
	return is_lower_of(l->who, l->who) ? NULL
	                                   : "the key is not in lower case: Mailman does not "
	                                     "find this member";
}

static const char *key_has_no_domain(const struct looking *l)
{
	return is_string(l->m->key) && span_find(l->who, '@') < 0 ? "the address has no domain"
	                                                          : NULL;
}

static const char *typed_is_another(const struct looking *l)
{
	const struct value rosters[] = { l->m->regular, l->m->digest };

	for (size_t i = 0; i < ROWS(rosters); i++) {
		struct span typed;

		if (value_get_chars(rosters[i], &typed) && !is_lower_of(typed, l->who))
			return "the address as it was typed is another one";
	}
	return NULL;
}

static const char *is_in_both(const struct looking *l)
{
	return !value_is_absent(l->m->regular) && !value_is_absent(l->m->digest)
	               ? "is a regular and a digest member"
	               : NULL;
}

static const char *options_are_odd(const struct looking *l)
{
	int64_t bits;

	if (value_is_absent(l->m->options))
		return NULL;
	if (!value_get_int(l->m->options, &bits))
		return "the options are no number: Mailman takes none";
	return bits < 0 || bits > 511 ? "option bits that Mailman does not know" : NULL;
}

static const char *name_is_odd(const struct looking *l)
{
	struct value v = l->m->name;

	return value_is_absent(v) || is_string(v) || value_kind(v) == VALUE_NONE
	               ? NULL
	               : "the name is no string";
}

static const char *password_is_odd(const struct looking *l)
{
	return value_is_absent(l->m->password) || is_string(l->m->password)
	               ? NULL
	               : "the password is no string";
}

static const char *language_is_odd(const struct looking *l)
{
	return value_is_absent(l->m->language) || is_string(l->m->language)
	               ? NULL
	               : "the language is no string";
}

static const char *status_is_odd(const struct looking *l)
{
	struct value v = l->m->status;
	int64_t code;
	double since;

	if (value_is_absent(v))
		return NULL;
	if (value_count(v) != 2 || !value_get_int(value_item(v, 0), &code) ||
	    !value_get_number(value_item(v, 1), &since))
		return "is no (code, time)";
	return code < LISTS_ENABLED || code > LISTS_DISABLED_BOUNCES ? "an unknown code" : NULL;
}

static const char *status_without_bounces(const struct looking *l)
{
	double since;

	return lists_member_disabled(l->m, &since) == LISTS_DISABLED_BOUNCES &&
	                       value_is_absent(l->m->bounces)
	               ? "disabled by bounces, and there is nothing in bounce_info"
	               : NULL;
}

static const char *bounces_are_odd(const struct looking *l)
{
	struct lists_bounces b;
	double score;

	if (value_is_absent(l->m->bounces))
		return NULL;
	if (!value_is_instance(l->m->bounces, "_BounceInfo"))
		return "is no _BounceInfo: Mailman drops it";
	if (!lists_member_bounces(l->m, &b) || !b.date[0] || !b.last_notice[0] ||
	    !value_get_number(value_attribute(l->m->bounces, SPAN("score")), &score))
		return "score or dates are not what they should be";
	return NULL;
}

static const char *bounces_of_another(const struct looking *l)
{
	struct span member;

	return value_get_chars(value_attribute(l->m->bounces, SPAN("member")), &member) &&
	                       !is_lower_of(member, l->who)
	               ? "is of another member, as it says itself"
	               : NULL;
}

static bool is_topic(struct value topics, struct value name)
{
	for (size_t i = 0; i < value_count(topics); i++)
		if (value_equal(value_item(value_item(topics, i), 0), name))
			return true;
	return false;
}

static const char *topics_are_odd(const struct looking *l)
{
	struct value v = l->m->topics;
	struct value known = value_dict_find(l->config, SPAN("topics"));

	if (value_is_absent(v))
		return NULL;
	if (value_kind(v) != VALUE_LIST)
		return "is no list of topics";
	for (size_t i = 0; i < value_count(v); i++)
		if (!is_topic(known, value_item(v, i)))
			return "names a topic that the list does not have";
	return NULL;
}

/* Each is told once of a member; `where` NULL: the roster that it is in. */
static const struct {
	const char *where;
	const char *(*is_odd)(const struct looking *l);
} rules[] = {
	{ NULL, key_is_no_string },
	{ NULL, key_is_not_ascii },
	{ NULL, key_has_capitals },
	{ NULL, key_has_no_domain },
	{ NULL, typed_is_another },
	{ "digest_members", is_in_both },
	{ "user_options", options_are_odd },
	{ "usernames", name_is_odd },
	{ "passwords", password_is_odd },
	{ "language", language_is_odd },
	{ "delivery_status", status_is_odd },
	{ "delivery_status", status_without_bounces },
	{ "bounce_info", bounces_are_odd },
	{ "bounce_info", bounces_of_another },
	{ "topics_userinterest", topics_are_odd },
};

static void check_one(const struct lists_member *m, struct value config,
                      struct lists_findings *findings)
{
	char number[32];
	int64_t i;
	struct looking l = { .m = m, .config = config, .who = lists_member_address(m) };
	struct span shown = l.who;

	if (!is_string(m->key)) {
		shown = span_of(value_kind_name(value_kind(m->key)));
		if (value_get_int(m->key, &i)) {
			(void)snprintf(number, sizeof number, "%lld", (long long)i);
			shown = span_of(number);
		}
	}
	for (size_t row = 0; row < ROWS(rules); row++) {
		const char *what = rules[row].is_odd(&l);

		if (what)
			lists_findings_add(findings,
			                   rules[row].where ? rules[row].where : roster_of(m),
			                   &shown, "%s", what);
	}
}

/* What is left of one who is no member; "user_options, passwords". Mailman never looks at it; a
 * password or a language stays behind often, so these alone are not worth a word. */
static void check_stranger(const struct lists_member *m, struct lists_findings *findings)
{
	const struct {
		const char *where;
		struct value v;
	} left[] = {
		{ "usernames", m->name },
		{ "user_options", m->options },
		{ "delivery_status", m->status },
		{ "bounce_info", m->bounces },
		{ "topics_userinterest", m->topics },
	};
	struct span who = lists_member_address(m);

	for (size_t i = 0; i < ROWS(left); i++)
		if (!value_is_absent(left[i].v))
			lists_findings_add(findings, left[i].where, &who, "of no member");
}

void lists_members_check(const struct lists_members *m, struct value config,
                         struct lists_findings *findings)
{
	for (size_t i = 0; i < m->n; i++)
		check_one(&m->rows[i], config, findings);
	for (size_t i = 0; i < m->strangers_n; i++)
		check_stranger(&m->strangers[i], findings);
}
