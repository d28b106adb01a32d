/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_people -- members with all that 2.1 knows of them, owners and moderators. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

static void set(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static const char *status_of(const struct lists_member *member)
{
	static const char *const names[] = {
		[LISTS_ENABLED] = "enabled",
		[LISTS_DISABLED_UNKNOWN] = "unknown",
		[LISTS_DISABLED_USER] = "by_user",
		[LISTS_DISABLED_ADMIN] = "by_moderator",
		[LISTS_DISABLED_BOUNCES] = "by_bounces",
	};
	double since;
	enum lists_disabled why = lists_member_disabled(member, &since);

	if (why == LISTS_ENABLED && lists_member_options(member) & LISTS_OPTION_NOMAIL)
		why = LISTS_DISABLED_USER;
	return names[why];
}

static const char *mode_of(const struct lists_member *member)
{
	if (!value_is_absent(member->regular))
		return "regular";
	return lists_member_options(member) & LISTS_OPTION_PLAIN ? "plaintext_digests"
	                                                         : "mime_digests";
}

/* What a runner there goes on with: without it, it would begin anew with everybody who is disabled. */
static void add_bounces(const struct end_making *m, const struct lists_member *member,
                        json_t *object)
{
	int64_t warnings = end_int(m, "bounce_you_are_disabled_warnings", 3), sent = 0;
	struct lists_bounces b;

	if (!lists_member_bounces(member, &b))
		return;
	if (!value_is_absent(member->status))
		sent = warnings > b.notices_left ? warnings - b.notices_left : 0;
	set(object, "bounces",
	    json_pack("{s:f, s:s, s:I, s:s}", "score", b.score, "date", b.date, "warnings_sent",
	              (json_int_t)sent, "last_warning", b.last_notice));
}

/* NULL: the list's. Borrowed. */
static const char *language_of(struct end_making *m, const struct lists_member *member)
{
	struct span code;

	if (!value_get_chars(member->language, &code))
		return NULL;
	return mailman3_language(code);
}

/* Octets that are no text of the list's charset are tried as the member's own language. */
static json_t *name_of(struct end_making *m, const struct lists_member *member)
{
	AUTO_LISTS_CHARSET struct lists_charset *own = NULL;
	AUTO_BUF struct buf name = { 0 };
	struct span octets, code;

	if (lists_decode_value(m->l->charset, member->name, &name) != LISTS_DECODED_OCTETS)
		return end_json(buf_span(&name));
	if (value_get_str(member->name, &octets) && value_get_chars(member->language, &code)) {
		AUTO_BUF struct buf text = { 0 };

		own = lists_charset_new(m->site ? lists_site_charset(m->site, code, 0)
		                                : lists_language_charset(code));
		if (lists_decode_strictly(own, octets, &text))
			return end_json(buf_span(&text));
	}
	return end_string(m, member->name);
}

static void add_member(struct end_making *m, const struct lists_member *member,
                       const char *moderated, json_t *all)
{
	uint64_t bits = lists_member_options(member);
	const char *language = language_of(m, member);
	AUTO_BUF struct buf address = { 0 };
	json_t *object;

	if (!end_address(m, "member", end_member_address(member), &address))
		return;
	object = json_pack("{s:o, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:b}", "address",
	                   end_json(buf_span(&address)), "mode", mode_of(member), "status",
	                   status_of(member), "hide", !!(bits & LISTS_OPTION_HIDE), "ack",
	                   !!(bits & LISTS_OPTION_ACK), "own", !(bits & LISTS_OPTION_NOTMETOO),
	                   "copy", !(bits & LISTS_OPTION_NODUPES), "action",
	                   bits & LISTS_OPTION_MOD ? moderated : "defer", "last_digest",
	                   !value_is_absent(member->one_last_digest));
	set(object, "name", name_of(m, member));
	set(object, "language", language ? json_string(language) : json_null());
	add_bounces(m, member, object);
	json_array_append_new(all, object);
}

void mailman3_take_members(struct end_making *m)
{
	static const char *const actions[] = { "hold", "reject", "discard" };
	const struct lists_members *members = &m->l->members;
	int64_t action = end_int(m, "member_moderation_action", 0);
	json_t *all = json_object_get(m->out->work, "members");

	if (action < 0 || action >= (int64_t)ROWS(actions))
		action = 0;
	for (size_t i = 0; i < members->n; i++)
		add_member(m, &members->rows[i], actions[action], all);
	m->out->members = members->n;
	end_goes(m);
}

void mailman3_take_options(struct end_making *m)
{
	const struct lists_members *members = &m->l->members;
	size_t reminders = 0, topics = 0, others = 0, plain = 0;

	for (size_t i = 0; i < members->n; i++) {
		uint64_t bits = lists_member_options(&members->rows[i]);

		reminders += !!(bits & LISTS_OPTION_NOREMIND);
		topics += !!(bits & LISTS_OPTION_NMTOPICS);
		others += !!(bits >> 9);
		plain += bits & LISTS_OPTION_PLAIN && !value_is_absent(members->rows[i].regular);
	}
	end_goes(m);
	if (reminders)
		end_tell(m, "no reminders (bit 32, %zu members): nobody gets one there", reminders);
	if (topics)
		end_tell(m, "posts of no topic (bit 64, %zu members): there are no topics", topics);
	if (plain)
		end_tell(m,
		         "plain digests (bit 8, %zu members): are said of those alone who "
		         "have digests",
		         plain);
	if (others)
		end_tell(m, "bits that 2.1 does not know: %zu members", others);
}

void mailman3_take_people(struct end_making *m)
{
	json_t *all = json_object_get(m->out->work, m->rule->to);
	const char *what = span_is(span_of(m->rule->name), "owner") ? "owner" : "moderator";

	for (size_t i = 0; i < value_count(m->v); i++) {
		AUTO_BUF struct buf address = { 0 };

		if (end_address(m, what, value_item(m->v, i), &address))
			json_array_append_new(all, end_json(buf_span(&address)));
	}
	end_goes(m);
}
