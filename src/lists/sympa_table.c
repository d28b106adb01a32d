/* SPDX-License-Identifier: BSD-2-Clause */

/* sympa_table -- what becomes of each attribute of Mailman 2.1 in Sympa, a row each. */

#include "lists/sympa_inside.h"

#include "base/cleanup.h"
#include "lists/end_files.h"
#include "lists/member.h"

#include <string.h>

/* A parameter of config, which add_config() makes. */
static void take_setting(struct end_making *m)
{
	end_fate(m, LISTS_FATE_SET, m->rule->to);
}

/* A file of text of the list's; rule->to. Where Sympa would find a template in it, it stays. */
static void take_text(struct end_making *m)
{
	AUTO_BUF struct buf made = { 0 };

	end_spell_out(m, &made);
	if (span_find_text(buf_span(&made), "[%") >= 0) {
		end_file(m->out->work, m->rule->to, NULL);
		end_left(m, "has what Sympa takes for a template");
		return;
	}
	if (made.n && made.p[made.n - 1] != '\n')
		buf_add_char(&made, '\n');
	end_file(m->out->work, m->rule->to, span_trim(buf_span(&made)).n ? &made : NULL);
	end_carried(m, m->rule->to);
}

/* "[Talk %d] " becomes "Talk [%list.sequence%]": Sympa puts the brackets. */
void sympa_add_prefix(struct end_making *m, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };
	struct span s;

	(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, "subject_prefix"),
	                         &text);
	s = span_trim(buf_span(&text));
	if (s.n > 1 && *s.p == '[' && s.p[s.n - 1] == ']')
		s = (struct span){ s.p + 1, s.n - 2 };
	if (!s.n || span_find_text(s, "[%") >= 0)
		return;
	buf_add_text(out, "custom_subject ");
	for (size_t i = 0; i < s.n; i++) {
		size_t d = i + 1;

		while (s.p[i] == '%' && d < s.n && s.p[d] >= '0' && s.p[d] <= '9')
			d++;
		if (s.p[i] == '%' && d < s.n && s.p[d] == 'd') {
			buf_add_text(out, "[%list.sequence%]");
			i = d;
		} else if ((unsigned char)s.p[i] >= ' ') {
			buf_add_char(out, s.p[i]);
		}
	}
	buf_add_text(out, "\n\n");
}

static void take_prefix(struct end_making *m)
{
	AUTO_BUF struct buf made = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct span s;

	end_decode(m, m->v, &text);
	sympa_add_prefix(m, &made);
	s = span_trim(buf_span(&text));
	if (s.n && !made.n) {
		end_left(m, "has what Sympa takes for a template");
		return;
	}
	end_fate(m, LISTS_FATE_SET, "custom_subject");
	if (s.n && (*s.p != '[' || s.p[s.n - 1] != ']'))
		end_tell(m, "Sympa puts brackets around it");
}

static bool all_moderated(const struct end_making *m)
{
	const struct lists_members *all = &m->l->members;

	for (size_t i = 0; i < all->n; i++)
		if (!(lists_member_options(&all->rows[i]) & LISTS_OPTION_MOD))
			return false;
	return all->n != 0;
}

/* Who may post: a scenario. */
const char *sympa_send_of(const struct end_making *m)
{
	int64_t others = end_int(m, "generic_nonmember_action", 1);

	if (end_int(m, "emergency", 0))
		return "editorkey";
	if (all_moderated(m))
		return others >= 2 ? "privateandeditorkey" : "editorkey";
	return others == 0   ? "public"
	       : others == 2 ? "private"
	       : others == 3 ? "confidential"
	                     : "privateoreditorkey";
}

static void take_options(struct end_making *m)
{
	size_t moderated = 0, more = 0;

	for (size_t i = 0; i < m->l->members.n; i++) {
		uint64_t bits = lists_member_options(&m->l->members.rows[i]);

		moderated += !!(bits & LISTS_OPTION_MOD);
		more += !!(bits &
		           ~(uint64_t)(LISTS_OPTION_NOMAIL | LISTS_OPTION_NOTMETOO |
		                       LISTS_OPTION_PLAIN | LISTS_OPTION_HIDE | LISTS_OPTION_MOD));
	}
	end_carried(m, "member.dump: reception, visibility");
	if (moderated && !all_moderated(m))
		end_tell(m, "mod (%zu members): Sympa moderates no single member", moderated);
	if (more)
		end_tell(m,
		         "ack, noremind, nmtopics or nodupes (%zu members): Sympa has no such "
		         "options",
		         more);
}

#define NO_REPLIES "Sympa answers no posts by itself"
#define NO_FILTER "Sympa takes no parts out of posts"
#define NO_BOUNCES                                                                                 \
	"Sympa scores bounces by its own rules (bounce, bouncers_level1, bouncers_level2)"
#define NO_NEWS "Sympa knows no news"
#define TOPICS "Sympa's topics (msg_topic) are tags of posts, which are chosen by hand or by words"
#define OWN_ACCOUNTS "who uses Sympa's pages has an account of its own there"
#define SIBLINGS "Sympa has lists that include others (member_include): a look of their own"
#define ENTRIES                                                                                    \
	"Sympa says that by a scenario of its own (scenari/send.LIST), which nobody has written"
#define DMARC "Sympa's dmarc_protection says for all lists, or each, when From is changed"
#define PAGES "is of the pages of 2.1: those of Sympa have no such setting"
#define TEMPLATE "a template of Sympa's (mail_tt2) has other words, and is written by hand"
#define RUNS "is of 2.1's own working"

/* clang-format off */

/* Sorted by name, a row for each of lists/attributes.h. */
static const struct end_rule rules[] = {
	{ "accept_these_nonmembers", end_left_if_on, ENTRIES, NULL },
	{ "acceptable_aliases", end_left_if_on, "Sympa does not ask whether a post names the list", NULL },
	{ "admin_immed_notify", end_stays, "Sympa tells editors of each post at once, always", NULL },
	{ "admin_member_chunksize", end_unused, PAGES, NULL },
	{ "admin_notify_mchanges", take_setting, "subscribe, unsubscribe: their scenarios that notify", NULL },
	{ "admin_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "administrivia", end_stays, "Sympa looks for misdirected commands in posts by its own setting (misaddressed_commands)", NULL },
	{ "advertised", take_setting, "visibility", NULL },
	{ "anonymous_list", take_setting, "anonymous_sender", NULL },
	{ "archive", take_setting, "process_archive", NULL },
	{ "archive_private", take_setting, "archive: web_access, mail_access", NULL },
	{ "archive_volume_frequency", end_unused, "archives of Sympa are by month, always", NULL },
	{ "autorespond_admin", end_left_if_on, NO_REPLIES, NULL },
	{ "autorespond_postings", end_left_if_on, NO_REPLIES, NULL },
	{ "autorespond_requests", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_admin_text", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_graceperiod", end_unused, NO_REPLIES, NULL },
	{ "autoresponse_postings_text", end_left_if_on, NO_REPLIES, NULL },
	{ "autoresponse_request_text", end_left_if_on, NO_REPLIES, NULL },
	{ "available_languages", end_stays, "Sympa offers every language that the site has", NULL },
	{ "ban_list", end_left_if_on, "Sympa's blocklist.txt keeps posts out, too, where 2.1 keeps members out", NULL },
	{ "bounce_info", end_left_if_on, NO_BOUNCES, NULL },
	{ "bounce_info_stale_after", end_stays, NO_BOUNCES, NULL },
	{ "bounce_matching_headers", end_unused, "2.1 has not used it since 2.0", NULL },
	{ "bounce_notify_owner_on_bounce_increment", end_left_if_on, NO_BOUNCES, NULL },
	{ "bounce_notify_owner_on_disable", end_stays, NO_BOUNCES, NULL },
	{ "bounce_notify_owner_on_removal", end_stays, NO_BOUNCES, NULL },
	{ "bounce_processing", end_stays, NO_BOUNCES, NULL },
	{ "bounce_score_threshold", end_stays, NO_BOUNCES, NULL },
	{ "bounce_unrecognized_goes_to_list_owner", end_stays, NO_BOUNCES, NULL },
	{ "bounce_you_are_disabled_warnings", end_stays, NO_BOUNCES, NULL },
	{ "bounce_you_are_disabled_warnings_interval", end_stays, NO_BOUNCES, NULL },
	{ "collapse_alternatives", end_unused, NO_FILTER, NULL },
	{ "convert_html_to_plaintext", end_unused, NO_FILTER, NULL },
	{ "created_at", take_setting, "creation: date_epoch", NULL },
	{ "data_version", end_unused, "is the version of the file", NULL },
	{ "default_member_moderation", end_left_if_on, "Sympa moderates no single member, so none that is new", NULL },
	{ "delivery_status", end_goes, "member.dump: reception nomail, without why and since when", NULL },
	{ "description", take_setting, "subject", NULL },
	{ "digest_footer", end_left_if_on, TEMPLATE, NULL },
	{ "digest_header", end_left_if_on, TEMPLATE, NULL },
	{ "digest_is_default", take_setting, "default_user_options: reception", NULL },
	{ "digest_last_sent_at", end_unused, "Sympa sends digests at the hour of the list", NULL },
	{ "digest_members", end_goes, "member.dump: reception digest", NULL },
	{ "digest_send_periodic", take_setting, "digest: each day at noon, as cron does by 2.1's table", NULL },
	{ "digest_size_threshhold", end_stays, "Sympa counts posts of a digest (digest_max_size), not octets", NULL },
	{ "digest_volume_frequency", end_unused, "Sympa numbers no digests", NULL },
	{ "digestable", take_setting, "digest", NULL },
	{ "discard_these_nonmembers", end_left_if_on, ENTRIES, NULL },
	{ "dmarc_moderation_action", end_left_if_on, DMARC, NULL },
	{ "dmarc_moderation_addresses", end_left_if_on, DMARC, NULL },
	{ "dmarc_moderation_notice", end_left_if_on, DMARC, NULL },
	{ "dmarc_none_moderation_action", end_left_if_on, DMARC, NULL },
	{ "dmarc_quarantine_moderation_action", end_unused, DMARC, NULL },
	{ "dmarc_wrapped_message_text", end_left_if_on, DMARC, NULL },
	{ "drop_cc", end_left_if_on, "Sympa leaves Cc as it is", NULL },
	{ "emergency", take_setting, "send editorkey", NULL },
	{ "encode_ascii_prefixes", end_unused, "a prefix is encoded where it must be", NULL },
	{ "equivalent_domains", end_left_if_on, "Sympa compares whole addresses", NULL },
	{ "filter_action", end_unused, NO_FILTER, NULL },
	{ "filter_content", end_left_if_on, NO_FILTER, NULL },
	{ "filter_filename_extensions", end_unused, NO_FILTER, NULL },
	{ "filter_mime_types", end_unused, NO_FILTER, NULL },
	{ "first_strip_reply_to", take_setting, "reply_to_header: apply", NULL },
	{ "forward_auto_discards", end_stays, "Sympa discards without a copy to the owners", NULL },
	{ "from_is_list", end_left_if_on, DMARC, NULL },
	{ "gateway_to_mail", end_left_if_on, NO_NEWS, NULL },
	{ "gateway_to_news", end_left_if_on, NO_NEWS, NULL },
	{ "generic_nonmember_action", take_setting, "send", NULL },
	{ "goodbye_msg", end_left_if_on, TEMPLATE, NULL },
	{ "header_filter_rules", end_left_if_on, ENTRIES, NULL },
	{ "hold_and_cmd_autoresponses", end_unused, "counts of one day: who had an answer today may have one more", NULL },
	{ "hold_these_nonmembers", end_left_if_on, ENTRIES, NULL },
	{ "host_name", end_goes, "the folder of its domain", NULL },
	{ "include_list_post_header", end_stays, "rfc2369_header_fields is the site's", NULL },
	{ "include_rfc2369_headers", end_stays, "rfc2369_header_fields is the site's", NULL },
	{ "include_sender_header", end_unused, "Sympa says Sender by itself", NULL },
	{ "info", take_text, "info", NULL },
	{ "language", end_left_if_on, "a member's language is that of its account there", NULL },
	{ "last_post_time", end_unused, "Sympa finds it in its archive", NULL },
	{ "linked_newsgroup", end_left_if_on, NO_NEWS, NULL },
	{ "max_days_to_hold", end_stays, "clean_delay_queuemod is the site's", NULL },
	{ "max_message_size", take_setting, "max_size", NULL },
	{ "max_num_recipients", end_left_if_on, "Sympa counts no recipients", NULL },
	{ "member_moderation_action", end_goes, "send, where all members are moderated", NULL },
	{ "member_moderation_notice", end_left_if_on, TEMPLATE, NULL },
	{ "member_verbosity_interval", end_unused, "Sympa does not stop a member who posts much", NULL },
	{ "member_verbosity_threshold", end_left_if_on, "Sympa does not stop a member who posts much", NULL },
	{ "members", end_goes, "member.dump", NULL },
	{ "mime_is_default_digest", end_unused, "who wants digests says which kind", NULL },
	{ "mod_password", end_left_if_on, OWN_ACCOUNTS, NULL },
	{ "moderator", end_goes, "editor.dump", NULL },
	{ "msg_footer", take_text, "message_footer", NULL },
	{ "msg_header", take_text, "message_header", NULL },
	{ "new_member_options", take_setting, "default_user_options", NULL },
	{ "news_moderation", end_unused, NO_NEWS, NULL },
	{ "news_prefix_subject_too", end_unused, NO_NEWS, NULL },
	{ "next_digest_number", end_unused, "Sympa numbers no digests", NULL },
	{ "next_post_number", end_unused, RUNS, NULL },
	{ "next_request_id", end_unused, RUNS, NULL },
	{ "nntp_host", end_unused, NO_NEWS, NULL },
	{ "nondigestable", end_unused, "a list of Sympa can't be without single posts", NULL },
	{ "nonmember_rejection_notice", end_left_if_on, TEMPLATE, NULL },
	{ "obscure_addresses", end_stays, "spam_protection is the site's", NULL },
	{ "one_last_digest", end_left_if_on, "Sympa sends digests to those who have them", NULL },
	{ "owner", end_goes, "owner.dump", NULL },
	{ "pass_filename_extensions", end_unused, NO_FILTER, NULL },
	{ "pass_mime_types", end_unused, NO_FILTER, NULL },
	{ "password", end_unused, OWN_ACCOUNTS, NULL },
	{ "passwords", end_unused, OWN_ACCOUNTS, NULL },
	{ "personalize", end_left_if_on, "personalization_feature is of texts that Sympa's own words stand in", NULL },
	{ "pipeline", end_stays, "its handlers are 2.1's: Sympa has others", NULL },
	{ "post_id", end_stays, "Sympa keeps its count in its database, and begins with 1", NULL },
	{ "post_password", end_left_if_on, OWN_ACCOUNTS, NULL },
	{ "postings_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "preferred_language", take_setting, "lang", NULL },
	{ "private_roster", take_setting, "review", NULL },
	{ "real_name", end_goes, "texts, where they name the list", NULL },
	{ "regular_exclude_ignore", end_unused, SIBLINGS, NULL },
	{ "regular_exclude_lists", end_left_if_on, SIBLINGS, NULL },
	{ "regular_include_lists", end_left_if_on, SIBLINGS, NULL },
	{ "reject_these_nonmembers", end_left_if_on, ENTRIES, NULL },
	{ "reply_goes_to_list", take_setting, "reply_to_header", NULL },
	{ "reply_to_address", take_setting, "reply_to_header: other_email", NULL },
	{ "request_responses", end_left_if_on, NO_REPLIES, NULL },
	{ "require_explicit_destination", end_left_if_on, "Sympa does not ask whether a post names the list", NULL },
	{ "respond_to_post_requests", end_stays, "Sympa tells who posted by its scenario", NULL },
	{ "scrub_nondigest", end_left_if_on, NO_FILTER, NULL },
	{ "send_goodbye_msg", end_stays, "Sympa says goodbye to who asked to leave", NULL },
	{ "send_reminders", end_unused, "remind_task reminds of the list, of no password", NULL },
	{ "send_welcome_msg", end_stays, "Sympa welcomes who asked to join", NULL },
	{ "subject_prefix", take_prefix, NULL, NULL },
	{ "subscribe_auto_approval", end_left_if_on, ENTRIES, NULL },
	{ "subscribe_policy", take_setting, "subscribe", NULL },
	{ "topics", end_left_if_on, TOPICS, NULL },
	{ "topics_bodylines_limit", end_unused, TOPICS, NULL },
	{ "topics_enabled", end_left_if_on, TOPICS, NULL },
	{ "topics_userinterest", end_left_if_on, TOPICS, NULL },
	{ "umbrella_list", end_left_if_on, SIBLINGS, NULL },
	{ "umbrella_member_suffix", end_unused, SIBLINGS, NULL },
	{ "unsubscribe_policy", take_setting, "unsubscribe", NULL },
	{ "use_dollar_strings", end_goes, "texts: how their placeholders are read", NULL },
	{ "usenet_watermark", end_unused, NO_NEWS, NULL },
	{ "user_options", take_options, NULL, NULL },
	{ "usernames", end_goes, "member.dump: gecos", NULL },
	{ "useropts_version", end_unused, "is the version of the file", NULL },
	{ "volume", end_unused, "Sympa numbers no digests", NULL },
	{ "web_page_url", end_goes, "texts, where they name the list's page", NULL },
	{ "welcome_msg", end_left_if_on, TEMPLATE, NULL },
};
/* clang-format on */

const struct end_rule *sympa_rules(size_t *n)
{
	*n = ROWS(rules);
	return rules;
}
