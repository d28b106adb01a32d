/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_table -- what becomes of each attribute of Mailman 2.1, a row each. */

#include "lists/mailman3_inside.h"

#include <string.h>

#define ACTIONS "hold|reject|discard"
#define RESPONDS "none|respond_and_continue"
#define OWN_PAGES "is of the pages of 2.1: those of Mailman 3 have no such setting"
#define NO_TOPICS "Mailman 3 has no topics: every member gets every post"
#define SIBLINGS "Mailman 3 has no sibling lists: their members get nothing by this list"
#define UMBRELLA                                                                                   \
	"Mailman 3 has no umbrella lists: its members are lists, which need a look of their own"
#define OF_SITE "is the site's own setting there: mailman.cfg"
#define NO_ADMIN                                                                                   \
	"who administers a Mailman 3 has an account of its own there, with a password of its own"
#define RUNS "is of 2.1's own working"

/* clang-format off */

/* name, what is done, where to (or why not), REST's words of the numbers 0, 1, 2 ...
 * Sorted by name, a row for each of lists/attributes.h. */
static const struct end_rule rules[] = {
	{ "accept_these_nonmembers", mailman3_take_nonmembers, "accept_these_nonmembers", NULL },
	{ "acceptable_aliases", mailman3_take_aliases, "acceptable_aliases", NULL },
	{ "admin_immed_notify", mailman3_take_flag, "admin_immed_notify", NULL },
	{ "admin_member_chunksize", end_stays, OWN_PAGES, NULL },
	{ "admin_notify_mchanges", mailman3_take_flag, "admin_notify_mchanges", NULL },
	{ "admin_responses", mailman3_take_responses, "owner", NULL },
	{ "administrivia", mailman3_take_flag, "administrivia", NULL },
	{ "advertised", mailman3_take_flag, "advertised", NULL },
	{ "anonymous_list", mailman3_take_flag, "anonymous_list", NULL },
	{ "archive", mailman3_take_archive, "archive_policy", NULL },
	{ "archive_private", mailman3_take_archive, "archive_policy", NULL },
	{ "archive_volume_frequency", end_stays, "archives of Mailman 3 are by month, always", NULL },
	{ "autorespond_admin", mailman3_take_word, "autorespond_owner", RESPONDS },
	{ "autorespond_postings", mailman3_take_word, "autorespond_postings", RESPONDS },
	{ "autorespond_requests", mailman3_take_word, "autorespond_requests",
	  "none|respond_and_discard|respond_and_continue" },
	{ "autoresponse_admin_text", mailman3_take_reply_text, "autoresponse_owner_text", NULL },
	{ "autoresponse_graceperiod", mailman3_take_days, "autoresponse_grace_period", NULL },
	{ "autoresponse_postings_text", mailman3_take_reply_text, "autoresponse_postings_text", NULL },
	{ "autoresponse_request_text", mailman3_take_reply_text, "autoresponse_request_text", NULL },
	{ "available_languages", end_stays, "Mailman 3 offers every language that the site has", NULL },
	{ "ban_list", mailman3_take_bans, "bans", NULL },
	{ "bounce_info", end_goes, "members: bounce score and warnings", NULL },
	{ "bounce_info_stale_after", mailman3_take_seconds, "bounce_info_stale_after", NULL },
	{ "bounce_matching_headers", mailman3_take_core_text, "bounce_matching_headers", NULL },
	{ "bounce_notify_owner_on_bounce_increment", mailman3_take_flag,
	  "bounce_notify_owner_on_bounce_increment", NULL },
	{ "bounce_notify_owner_on_disable", mailman3_take_flag, "bounce_notify_owner_on_disable", NULL },
	{ "bounce_notify_owner_on_removal", mailman3_take_flag, "bounce_notify_owner_on_removal", NULL },
	{ "bounce_processing", mailman3_take_until_opened, "process_bounces", NULL },
	{ "bounce_score_threshold", mailman3_take_count, "bounce_score_threshold", NULL },
	{ "bounce_unrecognized_goes_to_list_owner", mailman3_take_word,
	  "forward_unrecognized_bounces_to", "discard|administrators" },
	{ "bounce_you_are_disabled_warnings", mailman3_take_count, "bounce_you_are_disabled_warnings", NULL },
	{ "bounce_you_are_disabled_warnings_interval", mailman3_take_seconds,
	  "bounce_you_are_disabled_warnings_interval", NULL },
	{ "collapse_alternatives", mailman3_take_flag, "collapse_alternatives", NULL },
	{ "convert_html_to_plaintext", mailman3_take_flag, "convert_html_to_plaintext", NULL },
	{ "created_at", mailman3_take_core_time, "created_at", NULL },
	{ "data_version", end_unused, "is the version of the file", NULL },
	{ "default_member_moderation", mailman3_take_member_action, "default_member_action", NULL },
	{ "delivery_status", end_goes, "members: delivery_status", NULL },
	{ "description", mailman3_take_line, "description", NULL },
	{ "digest_footer", mailman3_take_template, "list:member:digest:footer", NULL },
	{ "digest_header", mailman3_take_template, "list:member:digest:header", NULL },
	{ "digest_is_default", end_stays, "who subscribes says there which kind of delivery it shall be", NULL },
	{ "digest_last_sent_at", mailman3_take_core_time, "digest_last_sent_at", NULL },
	{ "digest_members", end_goes, "members: delivery_mode", NULL },
	{ "digest_send_periodic", mailman3_take_flag, "digest_send_periodic", NULL },
	{ "digest_size_threshhold", mailman3_take_real, "digest_size_threshold", NULL },
	{ "digest_volume_frequency", mailman3_take_word, "digest_volume_frequency",
	  "yearly|monthly|quarterly|weekly|daily" },
	{ "digestable", mailman3_take_flag, "digests_enabled", NULL },
	{ "discard_these_nonmembers", mailman3_take_nonmembers, "discard_these_nonmembers", NULL },
	{ "dmarc_moderation_action", mailman3_take_dmarc, "dmarc_mitigate_action",
	  "no_mitigation|munge_from|wrap_message|reject|discard" },
	{ "dmarc_moderation_addresses", end_stays,
	  "Mailman 3.3 looks at the sender's policy alone, and has no such list of addresses", NULL },
	{ "dmarc_moderation_notice", mailman3_take_text, "dmarc_moderation_notice", NULL },
	{ "dmarc_none_moderation_action", end_stays,
	  "Mailman 3 does nothing for a policy of none", NULL },
	{ "dmarc_quarantine_moderation_action", end_stays,
	  "Mailman 3 treats a policy of quarantine as it does reject, always", NULL },
	{ "dmarc_wrapped_message_text", mailman3_take_text, "dmarc_wrapped_message_text", NULL },
	{ "drop_cc", end_stays, "Mailman 3 leaves Cc as it is", NULL },
	{ "emergency", mailman3_take_flag, "emergency", NULL },
	{ "encode_ascii_prefixes", end_stays, "Mailman 3 encodes a prefix where it must", NULL },
	{ "equivalent_domains", end_stays, "a member there writes by each of its own addresses alone", NULL },
	{ "filter_action", mailman3_take_word, "filter_action", "discard|reject|forward|preserve" },
	{ "filter_content", mailman3_take_flag, "filter_content", NULL },
	{ "filter_filename_extensions", mailman3_take_texts, "filter_extensions", NULL },
	{ "filter_mime_types", mailman3_take_texts, "filter_types", NULL },
	{ "first_strip_reply_to", mailman3_take_flag, "first_strip_reply_to", NULL },
	{ "forward_auto_discards", end_stays, "Mailman 3 discards without a copy to the owners", NULL },
	{ "from_is_list", mailman3_take_dmarc, "dmarc_mitigate_unconditionally", NULL },
	{ "gateway_to_mail", mailman3_take_until_opened, "gateway_to_mail", NULL },
	{ "gateway_to_news", mailman3_take_until_opened, "gateway_to_news", NULL },
	{ "generic_nonmember_action", mailman3_take_word, "default_nonmember_action",
	  "defer|" ACTIONS },
	{ "goodbye_msg", mailman3_take_template, "list:user:notice:goodbye", NULL },
	{ "header_filter_rules", mailman3_take_header_rules, "header matches", NULL },
	{ "hold_and_cmd_autoresponses", end_stays,
	  "counts of one day: who had an answer today may have one more", NULL },
	{ "hold_these_nonmembers", mailman3_take_nonmembers, "hold_these_nonmembers", NULL },
	{ "host_name", end_goes, "the list's domain", NULL },
	{ "include_list_post_header", mailman3_take_flag, "allow_list_posts", NULL },
	{ "include_rfc2369_headers", mailman3_take_flag, "include_rfc2369_headers", NULL },
	{ "include_sender_header", end_stays, "Mailman 3 leaves Sender as it is", NULL },
	{ "info", mailman3_take_text, "info", NULL },
	{ "language", end_goes, "members: preferred_language", NULL },
	{ "last_post_time", mailman3_take_core_time, "last_post_at", NULL },
	{ "linked_newsgroup", mailman3_take_text, "linked_newsgroup", NULL },
	{ "max_days_to_hold", mailman3_take_count, "max_days_to_hold", NULL },
	{ "max_message_size", mailman3_take_count, "max_message_size", NULL },
	{ "max_num_recipients", mailman3_take_count, "max_num_recipients", NULL },
	{ "member_moderation_action", mailman3_take_member_action, "default_member_action", ACTIONS },
	{ "member_moderation_notice", end_stays, "Mailman 3.3 says the reason that its rule has", NULL },
	{ "member_verbosity_interval", end_stays, "Mailman 3 does not count a member's posts", NULL },
	{ "member_verbosity_threshold", end_stays, "Mailman 3 does not count a member's posts", NULL },
	{ "members", mailman3_take_members, "members", NULL },
	{ "mime_is_default_digest", end_stays, "who subscribes says there which kind of digest it shall be", NULL },
	{ "mod_password", mailman3_take_password, "moderator_password", NULL },
	{ "moderator", mailman3_take_people, "moderators", NULL },
	{ "msg_footer", mailman3_take_template, "list:member:regular:footer", NULL },
	{ "msg_header", mailman3_take_template, "list:member:regular:header", NULL },
	{ "new_member_options", end_stays, "a new member there begins with the site's own preferences", NULL },
	{ "news_moderation", mailman3_take_word, "newsgroup_moderation", "none|open_moderated|moderated" },
	{ "news_prefix_subject_too", mailman3_take_flag, "nntp_prefix_subject_too", NULL },
	{ "next_digest_number", mailman3_take_core_int, "next_digest_number", NULL },
	{ "next_post_number", end_unused, RUNS, NULL },
	{ "next_request_id", end_unused, RUNS, NULL },
	{ "nntp_host", end_stays, OF_SITE, NULL },
	{ "nondigestable", end_stays, "a list of Mailman 3 can't be without single posts", NULL },
	{ "nonmember_rejection_notice", end_stays, "Mailman 3.3 says the reason that its rule has", NULL },
	{ "obscure_addresses", end_stays, "its archive decides how addresses are shown", NULL },
	{ "one_last_digest", end_goes, "members who get one more digest", NULL },
	{ "owner", mailman3_take_people, "owners", NULL },
	{ "pass_filename_extensions", mailman3_take_texts, "pass_extensions", NULL },
	{ "pass_mime_types", mailman3_take_texts, "pass_types", NULL },
	{ "password", end_stays, NO_ADMIN, NULL },
	{ "passwords", end_stays,
	  "members log in there by accounts of their own: who asks for a new password by mail gets in", NULL },
	{ "personalize", mailman3_take_word, "personalize", "none|individual|full" },
	{ "pipeline", end_stays, "its handlers are 2.1's: Mailman 3 has others", NULL },
	{ "post_id", mailman3_take_core_int, "post_id", NULL },
	{ "post_password", end_stays, "Approved: with the moderators' password is the way there", NULL },
	{ "postings_responses", mailman3_take_responses, "postings", NULL },
	{ "preferred_language", mailman3_take_language, "preferred_language", NULL },
	{ "private_roster", mailman3_take_word, "member_roster_visibility", "public|members|moderators" },
	{ "real_name", mailman3_take_text, "display_name", NULL },
	{ "regular_exclude_ignore", end_stays, SIBLINGS, NULL },
	{ "regular_exclude_lists", end_stays, SIBLINGS, NULL },
	{ "regular_include_lists", end_stays, SIBLINGS, NULL },
	{ "reject_these_nonmembers", mailman3_take_nonmembers, "reject_these_nonmembers", NULL },
	{ "reply_goes_to_list", mailman3_take_reply, "reply_goes_to_list",
	  "no_munging|point_to_list|explicit_header" },
	{ "reply_to_address", mailman3_take_text, "reply_to_address", NULL },
	{ "request_responses", mailman3_take_responses, "command", NULL },
	{ "require_explicit_destination", mailman3_take_flag, "require_explicit_destination", NULL },
	{ "respond_to_post_requests", mailman3_take_flag, "respond_to_post_requests", NULL },
	{ "scrub_nondigest", end_stays, "Mailman 3 scrubs what it archives and puts into digests alone", NULL },
	{ "send_goodbye_msg", mailman3_take_flag, "send_goodbye_message", NULL },
	{ "send_reminders", end_stays, "Mailman 3 sends no reminders of passwords", NULL },
	{ "send_welcome_msg", mailman3_take_flag, "send_welcome_message", NULL },
	{ "subject_prefix", mailman3_take_prefix, "subject_prefix", NULL },
	{ "subscribe_auto_approval", end_stays, "Mailman 3 approves nobody by address", NULL },
	{ "subscribe_policy", mailman3_take_word, "subscription_policy",
	  "open|confirm|moderate|confirm_then_moderate" },
	{ "topics", end_stays, NO_TOPICS, NULL },
	{ "topics_bodylines_limit", end_stays, NO_TOPICS, NULL },
	{ "topics_enabled", end_stays, NO_TOPICS, NULL },
	{ "topics_userinterest", end_stays, NO_TOPICS, NULL },
	{ "umbrella_list", end_stays, UMBRELLA, NULL },
	{ "umbrella_member_suffix", end_stays, UMBRELLA, NULL },
	{ "unsubscribe_policy", mailman3_take_word, "unsubscription_policy", "confirm|confirm_then_moderate" },
	{ "use_dollar_strings", end_goes, "texts: how their placeholders are read", NULL },
	{ "usenet_watermark", mailman3_take_core_int, "usenet_watermark", NULL },
	{ "user_options", mailman3_take_options, "members: preferences and moderation_action", NULL },
	{ "usernames", end_goes, "members: display_name", NULL },
	{ "useropts_version", end_unused, "is the version of the file", NULL },
	{ "volume", mailman3_take_core_int, "volume", NULL },
	{ "web_page_url", end_goes, "texts, where they name the list's page; its pages are the site's there", NULL },
	{ "welcome_msg", mailman3_take_template, "list:user:notice:welcome", NULL },
};
/* clang-format on */

const struct end_rule *mailman3_rules(size_t *n)
{
	*n = ROWS(rules);
	return rules;
}

const char *mailman3_language(struct span code)
{
	/* clang-format off */
	static const char *const codes[] = {
		"ar", "ast", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fi", "fr", "gl",
		"he", "hr", "hu", "ia", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt", "pt_BR", "ro", "ru",
		"sk", "sl", "sr", "sv", "tr", "uk", "vi", "zh_CN", "zh_TW",
	};
	/* clang-format on */

	for (size_t i = 0; i < ROWS(codes); i++)
		if (span_is(code, codes[i]))
			return codes[i];
	return NULL;
}
