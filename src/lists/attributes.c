/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/attributes.h"

#include <stdlib.h>
#include <string.h>

#define FLAG LISTS_FLAG
#define INT LISTS_INT
#define NUMBER LISTS_NUMBER
#define STRING LISTS_STRING
#define STRINGS LISTS_STRINGS
#define DICT LISTS_DICT
#define HASH (LISTS_STRING | LISTS_NONE)
#define MEMBER LISTS_PER_MEMBER
#define TIMES (LISTS_RUNNING | LISTS_MAY_HAVE_HOST)
#define RUNNING LISTS_RUNNING
#define SECRET LISTS_SECRET
#define RARE LISTS_RARE
#define HOST LISTS_HAS_HOST
#define TEXT LISTS_MAY_HAVE_HOST
#define FREQUENCY "yearly|monthly|quarterly|weekly|daily"

/* clang-format off */

/* name, types, data version that first has it, marks, words of its numbers.
 * Sorted by name. To add one: a row here, one in tests/mailman21/defaults.py. */
static const struct lists_attribute attributes[] = {
	{ "accept_these_nonmembers", STRINGS, 0, TEXT, NULL },
	{ "acceptable_aliases", STRING, 0, TEXT, NULL },
	{ "admin_immed_notify", FLAG, 0, 0, NULL },
	{ "admin_member_chunksize", INT, 0, 0, NULL },
	{ "admin_notify_mchanges", FLAG, 0, 0, NULL },
	{ "admin_responses", DICT, 0, TIMES, NULL },
	{ "administrivia", FLAG, 0, 0, NULL },
	{ "advertised", FLAG, 0, 0, NULL },
	{ "anonymous_list", FLAG, 0, 0, NULL },
	{ "archive", FLAG, 0, 0, NULL },
	{ "archive_private", INT, 0, 0, "public|private" },
	{ "archive_volume_frequency", INT, 0, 0, FREQUENCY },
	{ "autorespond_admin", FLAG, 0, 0, NULL },
	{ "autorespond_postings", FLAG, 0, 0, NULL },
	{ "autorespond_requests", INT, 0, 0, "no|and discard|and forward" },
	{ "autoresponse_admin_text", STRING, 0, TEXT, NULL },
	{ "autoresponse_graceperiod", NUMBER, 0, 0, NULL },
	{ "autoresponse_postings_text", STRING, 0, TEXT, NULL },
	{ "autoresponse_request_text", STRING, 0, TEXT, NULL },
	{ "available_languages", STRINGS, 0, 0, NULL },
	{ "ban_list", STRINGS, 0, TEXT, NULL },
	{ "bounce_info", DICT, 0, MEMBER, NULL },
	{ "bounce_info_stale_after", NUMBER, 0, 0, NULL },
	{ "bounce_matching_headers", STRING, 0, TEXT, NULL },
	{ "bounce_notify_owner_on_bounce_increment", FLAG, 108, 0, NULL },
	{ "bounce_notify_owner_on_disable", FLAG, 0, 0, NULL },
	{ "bounce_notify_owner_on_removal", FLAG, 0, 0, NULL },
	{ "bounce_processing", FLAG, 0, 0, NULL },
	{ "bounce_score_threshold", NUMBER, 0, 0, NULL },
	{ "bounce_unrecognized_goes_to_list_owner", FLAG, 0, 0, NULL },
	{ "bounce_you_are_disabled_warnings", NUMBER, 0, 0, NULL },
	{ "bounce_you_are_disabled_warnings_interval", NUMBER, 0, 0, NULL },
	{ "collapse_alternatives", FLAG, 96, 0, NULL },
	{ "convert_html_to_plaintext", FLAG, 0, 0, NULL },
	{ "created_at", NUMBER, 0, 0, NULL },
	{ "data_version", INT, 0, RUNNING, NULL },
	{ "default_member_moderation", FLAG, 0, 0, NULL },
	{ "delivery_status", DICT, 0, MEMBER, NULL },
	{ "description", STRING, 0, TEXT, NULL },
	{ "digest_footer", STRING, 0, TEXT, NULL },
	{ "digest_header", STRING, 0, TEXT, NULL },
	{ "digest_is_default", FLAG, 0, 0, NULL },
	{ "digest_last_sent_at", NUMBER, 0, RUNNING, NULL },
	{ "digest_members", DICT, 0, MEMBER, NULL },
	{ "digest_send_periodic", FLAG, 0, 0, NULL },
	{ "digest_size_threshhold", NUMBER, 0, 0, NULL },
	{ "digest_volume_frequency", INT, 0, 0, FREQUENCY },
	{ "digestable", FLAG, 0, 0, NULL },
	{ "discard_these_nonmembers", STRINGS, 0, TEXT, NULL },
	{ "dmarc_moderation_action", INT, 104, 0, "accept|munge|wrap|reject|discard" },
	{ "dmarc_moderation_addresses", STRINGS, 112, TEXT, NULL },
	{ "dmarc_moderation_notice", STRING, 104, TEXT, NULL },
	{ "dmarc_none_moderation_action", FLAG, 110, 0, NULL },
	{ "dmarc_quarantine_moderation_action", FLAG, 104, 0, NULL },
	{ "dmarc_wrapped_message_text", STRING, 108, TEXT, NULL },
	{ "drop_cc", FLAG, 112, 0, NULL },
	{ "emergency", FLAG, 0, 0, NULL },
	{ "encode_ascii_prefixes", INT, 0, 0, "never|always|as needed" },
	{ "equivalent_domains", STRING, 108, TEXT, NULL },
	{ "filter_action", INT, 0, 0, "discard|reject|forward|preserve" },
	{ "filter_content", FLAG, 0, 0, NULL },
	{ "filter_filename_extensions", STRINGS, 95, 0, NULL },
	{ "filter_mime_types", STRINGS, 0, 0, NULL },
	{ "first_strip_reply_to", FLAG, 0, 0, NULL },
	{ "forward_auto_discards", FLAG, 0, 0, NULL },
	{ "from_is_list", INT, 102, 0, "no|munge|wrap" },
	{ "gateway_to_mail", FLAG, 0, 0, NULL },
	{ "gateway_to_news", FLAG, 0, 0, NULL },
	{ "generic_nonmember_action", INT, 0, 0, "accept|hold|reject|discard" },
	{ "goodbye_msg", STRING, 0, TEXT, NULL },
	{ "header_filter_rules", LISTS_RULES, 90, TEXT, NULL },
	{ "hold_and_cmd_autoresponses", DICT, 0, TIMES, NULL },
	{ "hold_these_nonmembers", STRINGS, 0, TEXT, NULL },
	{ "host_name", STRING, 0, HOST, NULL },
	{ "include_list_post_header", FLAG, 0, 0, NULL },
	{ "include_rfc2369_headers", FLAG, 0, 0, NULL },
	{ "include_sender_header", FLAG, 98, 0, NULL },
	{ "info", STRING, 0, TEXT, NULL },
	{ "language", DICT, 0, MEMBER, NULL },
	{ "last_post_time", NUMBER, 0, RUNNING, NULL },
	{ "linked_newsgroup", STRING, 0, TEXT, NULL },
	{ "max_days_to_hold", INT, 95, 0, NULL },
	{ "max_message_size", INT, 0, 0, NULL },
	{ "max_num_recipients", INT, 0, 0, NULL },
	{ "member_moderation_action", INT, 0, 0, "hold|reject|discard" },
	{ "member_moderation_notice", STRING, 0, TEXT, NULL },
	{ "member_verbosity_interval", INT, 110, 0, NULL },
	{ "member_verbosity_threshold", INT, 110, 0, NULL },
	{ "members", DICT, 0, MEMBER, NULL },
	{ "mime_is_default_digest", FLAG, 0, 0, NULL },
	{ "mod_password", HASH, 0, SECRET, NULL },
	{ "moderator", STRINGS, 0, TEXT, NULL },
	{ "msg_footer", STRING, 0, TEXT, NULL },
	{ "msg_header", STRING, 0, TEXT, NULL },
	{ "new_member_options", INT, 0, 0, NULL },
	{ "news_moderation", INT, 0, 0, "none|open list, moderated group|moderated" },
	{ "news_prefix_subject_too", FLAG, 0, 0, NULL },
	{ "next_digest_number", INT, 0, RUNNING, NULL },
	{ "next_post_number", INT, 0, RUNNING, NULL },
	{ "next_request_id", INT, 0, RUNNING, NULL },
	{ "nntp_host", STRING, 0, TEXT, NULL },
	{ "nondigestable", FLAG, 0, 0, NULL },
	{ "nonmember_rejection_notice", STRING, 95, TEXT, NULL },
	{ "obscure_addresses", FLAG, 0, 0, NULL },
	{ "one_last_digest", DICT, 0, MEMBER, NULL },
	{ "owner", STRINGS, 0, TEXT, NULL },
	{ "pass_filename_extensions", STRINGS, 95, 0, NULL },
	{ "pass_mime_types", STRINGS, 0, 0, NULL },
	{ "password", STRING, 0, SECRET, NULL },
	{ "passwords", DICT, 0, MEMBER | SECRET, NULL },
	{ "personalize", INT, 0, 0, "no|yes|full" },
	{ "pipeline", STRINGS, 0, RARE, NULL },
	{ "post_id", NUMBER, 0, RUNNING, NULL },
	{ "post_password", HASH, 100, SECRET, NULL },
	{ "postings_responses", DICT, 0, TIMES, NULL },
	{ "preferred_language", STRING, 0, 0, NULL },
	{ "private_roster", INT, 0, 0, "anyone|members|admin" },
	{ "real_name", STRING, 0, 0, NULL },
	{ "regular_exclude_ignore", FLAG, 100, 0, NULL },
	{ "regular_exclude_lists", STRINGS, 97, TEXT, NULL },
	{ "regular_include_lists", STRINGS, 97, TEXT, NULL },
	{ "reject_these_nonmembers", STRINGS, 0, TEXT, NULL },
	/* 2.1.1 to 2.1.12 keep '' of still older lists */
	{ "reply_goes_to_list", INT | STRING, 0, 0, "poster|list|address" },
	{ "reply_to_address", STRING, 0, TEXT, NULL },
	{ "request_responses", DICT, 0, TIMES, NULL },
	{ "require_explicit_destination", FLAG, 0, 0, NULL },
	{ "respond_to_post_requests", FLAG, 0, 0, NULL },
	{ "scrub_nondigest", FLAG, 95, 0, NULL },
	{ "send_goodbye_msg", FLAG, 0, 0, NULL },
	{ "send_reminders", FLAG, 0, 0, NULL },
	{ "send_welcome_msg", FLAG, 0, 0, NULL },
	{ "subject_prefix", STRING, 0, TEXT, NULL },
	{ "subscribe_auto_approval", STRINGS, 108, TEXT, NULL },
	{ "subscribe_policy", INT, 0, 0, "open|confirm|approval|confirm and approval" },
	{ "topics", LISTS_TOPICS, 0, 0, NULL },
	{ "topics_bodylines_limit", INT, 0, 0, NULL },
	{ "topics_enabled", FLAG, 0, 0, NULL },
	{ "topics_userinterest", DICT, 0, MEMBER, NULL },
	{ "umbrella_list", FLAG, 0, 0, NULL },
	{ "umbrella_member_suffix", STRING, 0, 0, NULL },
	{ "unsubscribe_policy", FLAG, 0, 0, NULL },
	{ "use_dollar_strings", FLAG, 0, RARE, NULL },
	{ "usenet_watermark", INT | LISTS_NONE, 0, RUNNING | RARE, NULL },
	{ "user_options", DICT, 0, MEMBER, NULL },
	{ "usernames", DICT, 0, MEMBER, NULL },
	{ "useropts_version", INT, 0, RARE, NULL },
	{ "volume", INT, 0, RUNNING, NULL },
	{ "web_page_url", STRING, 0, HOST, NULL },
	{ "welcome_msg", STRING, 0, TEXT, NULL },
};
/* clang-format on */

const struct lists_attribute *lists_attributes(size_t *n)
{
	*n = ROWS(attributes);
	return attributes;
}

static int compare_name(const void *key, const void *row)
{
	const struct span *name = key;
	const char *known = ((const struct lists_attribute *)row)->name;
	size_t n = strlen(known);
	int order = memcmp(name->p, known, name->n < n ? name->n : n);

	return order ? order : (name->n > n) - (name->n < n);
}

const struct lists_attribute *lists_attribute_named(struct span name)
{
	if (!name.n)
		return NULL;
	return bsearch(&name, attributes, ROWS(attributes), sizeof attributes[0], compare_name);
}

static bool is_string(struct value v)
{
	return value_kind(v) == VALUE_STR || value_kind(v) == VALUE_TEXT;
}

static bool is_flag(struct value v)
{
	int64_t i;

	return value_get_int(v, &i) && (i == 0 || i == 1);
}

static bool is_int(struct value v)
{
	return value_kind(v) == VALUE_INT || value_kind(v) == VALUE_BOOL ||
	       value_kind(v) == VALUE_LONG;
}

static bool is_number(struct value v)
{
	return is_int(v) || value_kind(v) == VALUE_FLOAT;
}

static bool is_strings(struct value v)
{
	if (value_kind(v) != VALUE_LIST)
		return false;
	for (size_t i = 0; i < value_count(v); i++)
		if (!is_string(value_item(v, i)))
			return false;
	return true;
}

/* A list of tuples with `n` members, of which the first `strings` are strings. */
static bool is_rows(struct value v, size_t n, size_t strings)
{
	if (value_kind(v) != VALUE_LIST)
		return false;
	for (size_t i = 0; i < value_count(v); i++) {
		struct value row = value_item(v, i);

		if (value_count(row) != n)
			return false;
		for (size_t at = 0; at < n; at++)
			if (at < strings ? !is_string(value_item(row, at))
			                 : !is_int(value_item(row, at)))
				return false;
	}
	return true;
}

static bool is_none(struct value v)
{
	return value_kind(v) == VALUE_NONE;
}

static bool is_dict(struct value v)
{
	return value_kind(v) == VALUE_DICT;
}

static bool is_topics(struct value v)
{
	return is_rows(v, 4, 3);
}

static bool is_rules(struct value v)
{
	return is_rows(v, 3, 1);
}

static const struct {
	enum lists_type type;
	bool (*fits)(struct value v);
	const char *words;
} types[] = {
	{ LISTS_NONE, is_none, "None" },
	{ LISTS_FLAG, is_flag, "true or false" },
	{ LISTS_INT, is_int, "a whole number" },
	{ LISTS_NUMBER, is_number, "a number" },
	{ LISTS_STRING, is_string, "a string" },
	{ LISTS_STRINGS, is_strings, "a list of strings" },
	{ LISTS_DICT, is_dict, "a dict" },
	{ LISTS_TOPICS, is_topics, "a list of (name, pattern, description, flag)" },
	{ LISTS_RULES, is_rules, "a list of (patterns, action, flag)" },
};

bool lists_attribute_fits(const struct lists_attribute *a, struct value v)
{
	for (size_t i = 0; i < ROWS(types); i++)
		if (a->types & types[i].type && types[i].fits(v))
			return true;
	return false;
}

void lists_attribute_expects(const struct lists_attribute *a, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < ROWS(types); i++) {
		if (!(a->types & types[i].type))
			continue;
		buf_addf(out, "%s%s", between, types[i].words);
		between = ", or ";
	}
}

bool lists_attribute_word(const struct lists_attribute *a, struct value v, struct span *word)
{
	struct span rest, part;
	int64_t i;

	if (!a->words || !value_get_int(v, &i) || i < 0)
		return false;
	for (rest = span_of(a->words); span_next_part(&rest, '|', &part); i--) {
		if (i == 0) {
			*word = part;
			return true;
		}
	}
	return false;
}
