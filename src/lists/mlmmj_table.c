/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_table -- what becomes of each attribute of Mailman 2.1 in mlmmj, a row each. */

#include "lists/mlmmj_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/header.h"

#include <stdint.h>
#include <string.h>

#define HEADERS "control/customheaders"
#define ACCESS "control/access"
#define DAY 86400.0
#define EVER "3153600000" /* seconds: a hundred years */

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

/* A file that is there says yes. */
static void flag(struct end_making *m, const char *path, bool on)
{
	static const struct buf nothing = { 0 };

	end_file(m->out->work, path, on ? &nothing : NULL);
	end_fate(m, LISTS_FATE_SET, path);
}

static void take_flag(struct end_making *m)
{
	flag(m, m->rule->to, end_number(m->v) != 0);
}

static void take_flag_turned(struct end_making *m)
{
	flag(m, m->rule->to, end_number(m->v) == 0);
}

static void set_number(struct end_making *m, double number)
{
	AUTO_BUF struct buf text = { 0 };

	buf_addf(&text, "%.0f\n", number);
	end_file(m->out->work, m->rule->to, &text);
	end_fate(m, LISTS_FATE_SET, m->rule->to);
}

static void take_max_size(struct end_making *m)
{
	double kilobytes = end_number(m->v);

	if (kilobytes > 0 && kilobytes < 2e6)
		set_number(m, kilobytes * 1024);
	else
		flag(m, m->rule->to, false);
	end_tell(m, "mlmmj counts the headers, too, and refuses what is larger: 2.1 holds it");
}

static void take_hold_days(struct end_making *m)
{
	double days = end_number(m->v);

	if (days > 0 && days < 36500) {
		set_number(m, days * DAY);
		return;
	}
	AUTO_BUF struct buf text = { 0 };

	buf_add_text(&text, EVER "\n");
	end_file(m->out->work, m->rule->to, &text);
	end_fate(m, LISTS_FATE_SET, m->rule->to);
}

/* 2.1 sends one a day, or else only when it is large enough. */
static void take_periodic(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_text(&text, end_number(m->v) != 0 ? "86400\n" : EVER "\n");
	end_file(m->out->work, m->rule->to, &text);
	end_fate(m, LISTS_FATE_SET, m->rule->to);
}

/* Who is let in: by nobody's word, their own, an owner's, both. */
static void take_subscribe_policy(struct end_making *m)
{
	int64_t policy = end_int(m, "subscribe_policy", 1);

	flag(m, "control/nosubconfirm", policy == 0 || policy == 2);
	end_file(m->out->work, "control/submod", policy >= 2 ? &mlmmj_own(m)->people : NULL);
	end_fate(m, LISTS_FATE_SET, "control/submod, control/nosubconfirm");
}

static void take_unsubscribe_policy(struct end_making *m)
{
	if (end_number(m->v) == 0) {
		end_fate(m, LISTS_FATE_UNUSED, NULL);
		end_tell(m, "who wants to leave leaves, as there");
		return;
	}
	end_left(m, "who wants to leave mlmmj leaves");
}

/* Without it, who is no member may post. */
static void take_generic_nonmember(struct end_making *m)
{
	int64_t action = end_int(m, "generic_nonmember_action", 1);

	if (action < 0 || action > 3)
		action = 1;
	flag(m, "control/modnonsubposts", action == 1);
	flag(m, "control/subonlypost", action >= 2);
	flag(m, "control/nosubonlydenymails", action == 3);
	end_fate(m, LISTS_FATE_SET,
	         "control/modnonsubposts, control/subonlypost, control/nosubonlydenymails");
}

/* mlmmj makes digests of its archive alone. */
static void take_archive(struct end_making *m)
{
	bool on = end_int(m, "archive", 1), digests = end_int(m, "digestable", 1);

	flag(m, "control/noarchive", !on && !digests);
	flag(m, "control/noget", !on);
	end_fate(m, LISTS_FATE_SET, "control/noarchive, control/noget");
	if (!on && digests)
		end_tell(
			m,
			"digests are made of what it keeps: so it keeps posts, and gives none out");
}

/* Who may ask for old posts. */
static void take_archive_private(struct end_making *m)
{
	flag(m, m->rule->to, end_number(m->v) != 0);
}

/* ── who, and what, may be posted ────────────────────────────────────────────────────────────── */

static bool is_member(const struct end_making *m, struct span address)
{
	AUTO_BUF struct buf key = { 0 };

	for (size_t i = 0; i < address.n; i++)
		buf_add_char(&key, ascii_lower(address.p[i]));
	return json_object_get(mlmmj_own(m)->keys, buf_text(&key)) != NULL;
}

static void take_nonmembers(struct end_making *m)
{
	/* mlmmj asks for members behind these rules, and refuses others where they may not post at all */
	bool is_late = end_int(m, "generic_nonmember_action", 1) >= 2 &&
	               !strcmp(m->rule->to, "moderate");
	/* of an emergency, too, each post is held */
	bool is_held = end_int(m, "emergency", 0) && !strcmp(m->rule->to, "send");
	enum mlmmj_access kind = !strcmp(m->rule->to, "send")       ? MLMMJ_ACCEPTED
	                         : !strcmp(m->rule->to, "moderate") ? MLMMJ_HELD
	                         : !strcmp(m->rule->to, "deny")     ? MLMMJ_REJECTED
	                                                            : MLMMJ_DISCARDED;
	json_t *all = end_entries(m, "nonmember"), *one;
	size_t i;

	json_array_foreach (all, i, one) {
		struct span entry = span_of(json_string_value(one));

		if (is_late)
			end_refuse(m, "nonmember", entry,
			           "mlmmj refuses, or discards, who is no member, and holds none "
			           "of them");
		else if (*entry.p != '^' && is_member(m, entry))
			end_tell(m, "%s is a member: 2.1 does not look here then", entry.p);
		else if (!mlmmj_access_from(is_held ? "moderate" : m->rule->to, entry,
		                            &mlmmj_own(m)->access[kind]))
			end_refuse(m, "nonmember", entry,
			           "is a pattern that means another thing there, or nothing");
	}
	if (json_array_size(all))
		end_tell(m, "mlmmj looks at From, of members, too, and at no other header");
	json_decref(all);
	end_fate(m, LISTS_FATE_SET, ACCESS);
}

static void take_rule(struct end_making *m, struct span line, int64_t action)
{
	/* defer, approve, reject, discard, subscribe, unsubscribe, accept, hold */
	static const char *const words[] = {
		NULL, NULL, "deny", "discard", NULL, NULL, "allow", "moderate",
	};
	const char *word = action >= 0 && action < (int64_t)ROWS(words) ? words[action] : NULL;

	if (!action)
		end_tell(m, "%.*s: its action is none", (int)line.n, line.p);
	else if (!word)
		end_refuse(m, "header rule", line, "its action has no counterpart there");
	else if (!mlmmj_access_header(word, line, &mlmmj_own(m)->access[MLMMJ_OF_HEADERS]))
		end_refuse(m, "header rule", line,
		           "is a pattern that means another thing there, or nothing");
}

static void take_header_rules(struct end_making *m)
{
	end_header_rules(m, take_rule);
	end_fate(m, LISTS_FATE_SET, ACCESS);
}

/* Addresses of the list by which 2.1 lets a post in; mlmmj knows whole ones alone. */
static void take_aliases(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line;

	end_decode(m, m->v, &text);
	for (rest = buf_span(&text); span_next_line(&rest, &line);) {
		AUTO_BUF struct buf plain = { 0 };
		bool is_pattern = false;

		line = span_trim(line);
		for (size_t i = 0; i < line.n; i++) {
			if (line.p[i] == '\\' && i + 1 < line.n)
				i++;
			else if (strchr("^$*+?()[]{}|", line.p[i]))
				is_pattern = is_pattern || (i && i + 1 < line.n);
			if (!strchr("^$\\", line.p[i]))
				buf_add_char(&plain, line.p[i]);
		}
		if (!line.n)
			continue;
		if (is_pattern || span_find(buf_span(&plain), '@') <= 0)
			end_refuse(m, "alias", line,
			           "is a pattern: mlmmj compares whole addresses");
		else
			buf_addf(&mlmmj_own(m)->addresses, "%s\n", buf_text(&plain));
	}
	end_fate(m, LISTS_FATE_SET, "control/listaddress");
}

static void take_options(struct end_making *m)
{
	end_carried(m, "digesters.d, nomailsubs.d, " ACCESS);
	end_tell(m, "bits nomail, mod: kept; notmetoo, ack, plain, hide, noremind, nmtopics, "
	            "nodupes of a "
	            "member: mlmmj has them for none");
}

static void take_delivery(struct end_making *m)
{
	end_carried(m, "nomailsubs.d");
	if (end_is_on(m->v))
		end_tell(m, "why and since when is not kept, nor that one had digests");
}

static void take_people(struct end_making *m)
{
	end_fate(m, LISTS_FATE_SET,
	         !strcmp(m->rule->to, "owner") ? "control/owner, control/moderators"
	                                       : "control/moderators");
}

/* ── the table ───────────────────────────────────────────────────────────────────────────────── */

#define NO_REPLIES "mlmmj answers no posts by itself"
#define NO_FILTER                                                                                  \
	"mlmmj takes nothing out of posts: a filter has to stand before it (README.footers)"
#define NO_BOUNCES "mlmmj counts days, and not bounces: who bounces for bouncelife is taken off"
#define NO_DMARC                                                                                   \
	"mlmmj leaves From as it is, whatever the sender's domain says: such posts can be "        \
	"refused by receivers"
#define NO_NEWS "mlmmj knows no news"
#define NO_TOPICS "mlmmj has no topics: every member gets every post"
#define NO_PAGES "mlmmj has no pages"
#define NO_PASSWORDS "nobody has a password there: commands are confirmed by mail"
#define SIBLINGS "mlmmj has no sibling lists: their members get nothing by this list"
#define UMBRELLA                                                                                   \
	"mlmmj has no umbrella lists: its members are lists, which need a look of their own"
#define ONE_LANGUAGE "a list of mlmmj has one language"
#define RUNS "is of 2.1's own working"
#define NO_NUMBER "mlmmj has no such number"

/* clang-format off */

/* Sorted by name, a row for each of lists/attributes.h. */
static const struct end_rule rules[] = {
	{ "accept_these_nonmembers", take_nonmembers, "send", NULL },
	{ "acceptable_aliases", take_aliases, NULL, NULL },
	{ "admin_immed_notify", end_stays, "mlmmj tells moderators of each post at once, always", NULL },
	{ "admin_member_chunksize", end_unused, NO_PAGES, NULL },
	{ "admin_notify_mchanges", take_flag, "control/notifysub", NULL },
	{ "admin_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "administrivia", end_left_if_on, "mlmmj looks for no commands in posts", NULL },
	{ "advertised", end_unused, NO_PAGES, NULL },
	{ "anonymous_list", mlmmj_take_anonymous, NULL, NULL },
	{ "archive", take_archive, NULL, NULL },
	{ "archive_private", take_archive_private, "control/subonlyget", NULL },
	{ "archive_volume_frequency", end_unused, "mlmmj numbers posts, and makes no volumes", NULL },
	{ "autorespond_admin", end_left_if_on, NO_REPLIES, NULL },
	{ "autorespond_postings", end_left_if_on, NO_REPLIES, NULL },
	{ "autorespond_requests", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_admin_text", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_graceperiod", end_unused, NO_REPLIES, NULL },
	{ "autoresponse_postings_text", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_request_text", end_left_if_on, NO_REPLIES, NULL },
	{ "available_languages", end_stays, ONE_LANGUAGE, NULL },
	{ "ban_list", end_left_if_on, "mlmmj keeps nobody from asking for membership; control/submod lets an owner decide", NULL },
	{ "bounce_info", end_left_if_on, NO_BOUNCES, NULL },
	{ "bounce_info_stale_after", end_unused, NO_BOUNCES, NULL },
	{ "bounce_matching_headers", end_unused, "2.1 has not used it since 2.0", NULL },
	{ "bounce_notify_owner_on_bounce_increment", end_left_if_on, NO_BOUNCES, NULL },
	{ "bounce_notify_owner_on_disable", end_stays, NO_BOUNCES, NULL },
	{ "bounce_notify_owner_on_removal", end_stays, "control/notifysub is for all that come and go", NULL },
	{ "bounce_processing", end_stays, NO_BOUNCES, NULL },
	{ "bounce_score_threshold", end_stays, NO_BOUNCES, NULL },
	{ "bounce_unrecognized_goes_to_list_owner", end_stays, "mlmmj keeps such a bounce to itself", NULL },
	{ "bounce_you_are_disabled_warnings", end_stays, NO_BOUNCES, NULL },
	{ "bounce_you_are_disabled_warnings_interval", end_stays, NO_BOUNCES, NULL },
	{ "collapse_alternatives", end_unused, NO_FILTER, NULL },
	{ "convert_html_to_plaintext", end_unused, NO_FILTER, NULL },
	{ "created_at", end_stays, "mlmmj knows no such day", NULL },
	{ "data_version", end_unused, "is the version of the file", NULL },
	{ "default_member_moderation", end_left_if_on, "new members are moderated by none: mlmmj moderates all, or by rules of " ACCESS, NULL },
	{ "delivery_status", take_delivery, NULL, NULL },
	{ "description", end_goes, HEADERS ": List-Id", NULL },
	{ "digest_footer", end_left_if_on, "mlmmj's digests have the words of text/digest alone", NULL },
	{ "digest_header", end_left_if_on, "mlmmj's digests have the words of text/digest alone", NULL },
	{ "digest_is_default", end_left_if_on, "who wants digests says so", NULL },
	{ "digest_last_sent_at", end_goes, "lastdigest", NULL },
	{ "digest_members", end_goes, "digesters.d", NULL },
	{ "digest_send_periodic", take_periodic, "control/digestinterval", NULL },
	{ "digest_size_threshhold", end_stays, "mlmmj counts posts of a digest (control/digestmaxmails), not octets", NULL },
	{ "digest_volume_frequency", end_unused, "mlmmj numbers digests, and makes no volumes", NULL },
	{ "digestable", take_flag_turned, "control/nodigestsub", NULL },
	{ "discard_these_nonmembers", take_nonmembers, "discard", NULL },
	{ "dmarc_moderation_action", end_left_if_on, NO_DMARC, NULL },
	{ "dmarc_moderation_addresses", end_left_if_on, NO_DMARC, NULL },
	{ "dmarc_moderation_notice", end_left_if_on, NO_DMARC, NULL },
	{ "dmarc_none_moderation_action", end_left_if_on, NO_DMARC, NULL },
	{ "dmarc_quarantine_moderation_action", end_unused, NO_DMARC, NULL },
	{ "dmarc_wrapped_message_text", end_left_if_on, NO_DMARC, NULL },
	{ "drop_cc", end_left_if_on, "mlmmj leaves Cc as it is", NULL },
	{ "emergency", take_flag, "control/moderated", NULL },
	{ "encode_ascii_prefixes", end_unused, "a prefix is encoded where it must be", NULL },
	{ "equivalent_domains", end_left_if_on, "mlmmj compares whole addresses", NULL },
	{ "filter_action", end_unused, NO_FILTER, NULL },
	{ "filter_content", end_left_if_on, NO_FILTER, NULL },
	{ "filter_filename_extensions", end_unused, NO_FILTER, NULL },
	{ "filter_mime_types", end_unused, NO_FILTER, NULL },
	{ "first_strip_reply_to", mlmmj_take_strip_reply_to, NULL, NULL },
	{ "forward_auto_discards", end_stays, "mlmmj discards without a copy to the owners", NULL },
	{ "from_is_list", end_left_if_on, NO_DMARC, NULL },
	{ "gateway_to_mail", end_left_if_on, NO_NEWS, NULL },
	{ "gateway_to_news", end_left_if_on, NO_NEWS, NULL },
	{ "generic_nonmember_action", take_generic_nonmember, NULL, NULL },
	{ "goodbye_msg", mlmmj_take_mail, "goodbye", "finish-unsub|Goodbye from $list$@$domain$|" },
	{ "header_filter_rules", take_header_rules, NULL, NULL },
	{ "hold_and_cmd_autoresponses", end_unused, "counts of one day: who had an answer today may have one more", NULL },
	{ "hold_these_nonmembers", take_nonmembers, "moderate", NULL },
	{ "host_name", end_goes, "control/listaddress", NULL },
	{ "include_list_post_header", mlmmj_take_post_header, NULL, NULL },
	{ "include_rfc2369_headers", mlmmj_take_list_headers, NULL, NULL },
	{ "include_sender_header", end_unused, "mlmmj leaves Sender as it is", NULL },
	{ "info", end_left_if_on, "mlmmj has no page that would show it", NULL },
	{ "language", end_left_if_on, ONE_LANGUAGE, NULL },
	{ "last_post_time", end_unused, "mlmmj knows no such time", NULL },
	{ "linked_newsgroup", end_left_if_on, NO_NEWS, NULL },
	{ "max_days_to_hold", take_hold_days, "control/modreqlife", NULL },
	{ "max_message_size", take_max_size, "control/maxmailsize", NULL },
	{ "max_num_recipients", end_left_if_on, "mlmmj counts no recipients", NULL },
	{ "member_moderation_action", end_goes, ACCESS ", for members who are moderated", NULL },
	{ "member_moderation_notice", end_left_if_on, "mlmmj says the words of text/deny-post", NULL },
	{ "member_verbosity_interval", end_unused, "mlmmj does not count a member's posts", NULL },
	{ "member_verbosity_threshold", end_left_if_on, "mlmmj does not count a member's posts", NULL },
	{ "members", end_goes, "subscribers.d, nomailsubs.d", NULL },
	{ "mime_is_default_digest", end_unused, "its digests are MIME", NULL },
	{ "mod_password", end_left_if_on, NO_PASSWORDS, NULL },
	{ "moderator", take_people, "moderator", NULL },
	{ "msg_footer", mlmmj_take_footer, "control/footer", NULL },
	{ "msg_header", end_left_if_on, "mlmmj puts nothing before a post", NULL },
	{ "new_member_options", end_left_if_on, "mlmmj has no such options", NULL },
	{ "news_moderation", end_unused, NO_NEWS, NULL },
	{ "news_prefix_subject_too", end_unused, NO_NEWS, NULL },
	{ "next_digest_number", end_goes, "lastdigest", NULL },
	{ "next_post_number", end_unused, RUNS, NULL },
	{ "next_request_id", end_unused, RUNS, NULL },
	{ "nntp_host", end_unused, NO_NEWS, NULL },
	{ "nondigestable", end_unused, "a list of mlmmj can't be without single posts", NULL },
	{ "nonmember_rejection_notice", mlmmj_take_mail, "nonmember_rejection_notice", "deny-post-subonlypost|Post to $list$@$domain$ denied: $subject$|" },
	{ "obscure_addresses", end_unused, NO_PAGES, NULL },
	{ "one_last_digest", end_left_if_on, "mlmmj sends digests to those who have them", NULL },
	{ "owner", take_people, "owner", NULL },
	{ "pass_filename_extensions", end_unused, NO_FILTER, NULL },
	{ "pass_mime_types", end_unused, NO_FILTER, NULL },
	{ "password", end_unused, NO_PASSWORDS, NULL },
	{ "passwords", end_unused, NO_PASSWORDS, NULL },
	{ "personalize", end_left_if_on, "mlmmj sends each member the same words", NULL },
	{ "pipeline", end_stays, "its handlers are 2.1's: mlmmj has none", NULL },
	{ "post_id", end_goes, "index: the number of the last post", NULL },
	{ "post_password", end_left_if_on, NO_PASSWORDS, NULL },
	{ "postings_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "preferred_language", end_goes, "text/: its words, where mlmmj has that language", NULL },
	{ "private_roster", end_unused, "the members are sent to owners alone", NULL },
	{ "real_name", end_goes, "texts, where they name the list", NULL },
	{ "regular_exclude_ignore", end_unused, SIBLINGS, NULL },
	{ "regular_exclude_lists", end_left_if_on, SIBLINGS, NULL },
	{ "regular_include_lists", end_left_if_on, SIBLINGS, NULL },
	{ "reject_these_nonmembers", take_nonmembers, "deny", NULL },
	{ "reply_goes_to_list", mlmmj_take_reply_to, NULL, NULL },
	{ "reply_to_address", end_goes, HEADERS ": Reply-To, where it is to be it", NULL },
	{ "request_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "require_explicit_destination", take_flag_turned, "control/tocc", NULL },
	{ "respond_to_post_requests", take_flag, "control/notifymod", NULL },
	{ "scrub_nondigest", end_left_if_on, NO_FILTER, NULL },
	{ "send_goodbye_msg", end_stays, "mlmmj says goodbye to who asked to leave", NULL },
	{ "send_reminders", end_unused, NO_PASSWORDS, NULL },
	{ "send_welcome_msg", end_stays, "mlmmj welcomes who asked to join", NULL },
	{ "subject_prefix", mlmmj_take_prefix, "control/prefix", NULL },
	{ "subscribe_auto_approval", end_left_if_on, "mlmmj approves nobody by address", NULL },
	{ "subscribe_policy", take_subscribe_policy, NULL, NULL },
	{ "topics", end_left_if_on, NO_TOPICS, NULL },
	{ "topics_bodylines_limit", end_unused, NO_TOPICS, NULL },
	{ "topics_enabled", end_left_if_on, NO_TOPICS, NULL },
	{ "topics_userinterest", end_left_if_on, NO_TOPICS, NULL },
	{ "umbrella_list", end_left_if_on, UMBRELLA, NULL },
	{ "umbrella_member_suffix", end_unused, UMBRELLA, NULL },
	{ "unsubscribe_policy", take_unsubscribe_policy, NULL, NULL },
	{ "use_dollar_strings", end_goes, "texts: how their placeholders are read", NULL },
	{ "usenet_watermark", end_unused, NO_NEWS, NULL },
	{ "user_options", take_options, NULL, NULL },
	{ "usernames", end_left_if_on, "mlmmj knows addresses alone", NULL },
	{ "useropts_version", end_unused, "is the version of the file", NULL },
	{ "volume", end_unused, NO_NUMBER, NULL },
	{ "web_page_url", end_goes, "texts, where they name the list's page", NULL },
	{ "welcome_msg", mlmmj_take_mail, "welcome", "finish-sub|Welcome to $list$@$domain$|\n"
	  "The email address you are subscribed with is <$subaddr$>.\n\n"
	  "To leave the list, write to <$list+$unsubscribe@$domain$>;\n"
	  "for help, to <$list+$help@$domain$>.\n" },
};
/* clang-format on */

const struct end_rule *mlmmj_rules(size_t *n)
{
	*n = ROWS(rules);
	return rules;
}
