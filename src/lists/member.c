/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/member.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct lists_option lists_options[] = {
	{ LISTS_OPTION_NOMAIL, "nomail", "of times before 2.1: gets nothing" },
	{ LISTS_OPTION_NOTMETOO, "notmetoo", "no copy of own posts" },
	{ LISTS_OPTION_ACK, "ack", "gets an acknowledgement of each post" },
	{ LISTS_OPTION_PLAIN, "plain", "plain-text digests" },
	{ LISTS_OPTION_HIDE, "hide", "not shown in the roster" },
	{ LISTS_OPTION_NOREMIND, "noremind", "no monthly reminder" },
	{ LISTS_OPTION_NMTOPICS, "nmtopics", "gets posts that match no topic" },
	{ LISTS_OPTION_MOD, "mod", "posts are moderated" },
	{ LISTS_OPTION_NODUPES, "nodupes", "no copy of what also came directly" },
};
const size_t lists_options_n = ROWS(lists_options);

void lists_option_words(uint64_t bits, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < lists_options_n; i++) {
		if (!(bits & lists_options[i].bit))
			continue;
		buf_addf(out, "%s%s", between, lists_options[i].name);
		between = " ";
	}
	for (unsigned at = 9; at < 64; at++) {
		if (!(bits >> at & 1))
			continue;
		buf_addf(out, "%sbit %llu", between, 1ull << at);
		between = " ";
	}
}

const char *lists_disabled_name(enum lists_disabled why)
{
	static const char *const names[] = {
		[LISTS_ENABLED] = "",
		[LISTS_DISABLED_UNKNOWN] = "unknown",
		[LISTS_DISABLED_USER] = "user",
		[LISTS_DISABLED_ADMIN] = "admin",
		[LISTS_DISABLED_BOUNCES] = "bounces",
	};

	return names[why];
}

/* ── one member ──────────────────────────────────────────────────────────────────────────────── */

struct span lists_member_address(const struct lists_member *m)
{
	struct span s = SPAN("");

	(void)value_get_chars(m->key, &s);
	return s;
}

struct span lists_member_as_typed(const struct lists_member *m)
{
	struct span s;

	if (value_get_chars(m->regular, &s) || value_get_chars(m->digest, &s))
		return s;
	return lists_member_address(m);
}

uint64_t lists_member_options(const struct lists_member *m)
{
	int64_t bits = 0;

	(void)value_get_int(m->options, &bits);
	return (uint64_t)bits;
}

enum lists_disabled lists_member_disabled(const struct lists_member *m, double *since)
{
	int64_t code;

	*since = 0;
	if (!value_get_int(value_item(m->status, 0), &code) || code < LISTS_ENABLED ||
	    code > LISTS_DISABLED_BOUNCES)
		return value_is_absent(m->status) ? LISTS_ENABLED : LISTS_DISABLED_UNKNOWN;
	(void)value_get_number(value_item(m->status, 1), since);
	return (enum lists_disabled)code;
}

bool lists_date(struct value v, char out[16])
{
	int64_t part[3];

	out[0] = '\0';
	for (size_t i = 0; i < 3; i++)
		if (value_count(v) != 3 || !value_get_int(value_item(v, i), &part[i]) ||
		    part[i] < 0 || part[i] > 9999)
			return false;
	(void)snprintf(out, 16, "%04d-%02d-%02d", (int)part[0], (int)part[1], (int)part[2]);
	return true;
}

bool lists_member_bounces(const struct lists_member *m, struct lists_bounces *out)
{
	*out = (struct lists_bounces){ 0 };
	if (value_kind(m->bounces) != VALUE_INSTANCE)
		return false;
	(void)value_get_number(value_attribute(m->bounces, SPAN("score")), &out->score);
	(void)value_get_int(value_attribute(m->bounces, SPAN("noticesleft")), &out->notices_left);
	(void)lists_date(value_attribute(m->bounces, SPAN("date")), out->date);
	(void)lists_date(value_attribute(m->bounces, SPAN("lastnotice")), out->last_notice);
	out->cookie = value_attribute(m->bounces, SPAN("cookie"));
	if (value_kind(out->cookie) == VALUE_NONE)
		out->cookie = (struct value){ 0 };
	return true;
}

/* ── all members ─────────────────────────────────────────────────────────────────────────────── */

/* What a list has besides the two rosters, and where it goes. */
static const struct {
	const char *name;
	size_t place;
} dictionaries[] = {
	{ "usernames", offsetof(struct lists_member, name) },
	{ "passwords", offsetof(struct lists_member, password) },
	{ "language", offsetof(struct lists_member, language) },
	{ "user_options", offsetof(struct lists_member, options) },
	{ "delivery_status", offsetof(struct lists_member, status) },
	{ "bounce_info", offsetof(struct lists_member, bounces) },
	{ "topics_userinterest", offsetof(struct lists_member, topics) },
	{ "one_last_digest", offsetof(struct lists_member, one_last_digest) },
};

static struct value *place_of(struct lists_member *m, size_t row)
{
	return (struct value *)(void *)((char *)m + dictionaries[row].place);
}

static int compare_members(const void *a, const void *b)
{
	struct span x = lists_member_address(a), y = lists_member_address(b);
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return order ? order : (x.n > y.n) - (x.n < y.n);
}

static void add_roster(struct lists_members *out, struct value roster, struct value other,
                       bool digest)
{
	const struct value_pair *pairs;
	size_t n;

	(void)value_dict_settle(roster);
	n = value_dict_pairs(roster, &pairs);
	for (size_t i = 0; i < n; i++) {
		struct lists_member m = { .key = pairs[i].key };
		struct value twice = value_dict_find_key(other, pairs[i].key);

		if (digest && !value_is_absent(twice))
			continue;
		m.regular = digest ? twice : pairs[i].value;
		m.digest = digest ? pairs[i].value : twice;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = m;
	}
}

static void add_stranger(struct lists_members *out, const struct value_pair *pair, size_t row)
{
	struct lists_member *m = NULL;

	for (size_t i = 0; i < out->strangers_n && !m; i++)
		if (value_equal(out->strangers[i].key, pair->key))
			m = &out->strangers[i];
	if (!m) {
		ARRAY_GROW(out->strangers, out->strangers_n, out->strangers_room);
		m = &out->strangers[out->strangers_n++];
		*m = (struct lists_member){ .key = pair->key };
	}
	*place_of(m, row) = pair->value;
}

/* More of them than this are told of as a number. */
#define STRANGERS_MAX 1000u

static void add_strangers(struct lists_members *out, struct value config)
{
	struct value regular = value_dict_find(config, SPAN("members"));
	struct value digest = value_dict_find(config, SPAN("digest_members"));

	for (size_t row = 0; row < ROWS(dictionaries); row++) {
		const struct value_pair *pairs;
		size_t n = value_dict_pairs(
			value_dict_find(config, span_of(dictionaries[row].name)), &pairs);

		for (size_t i = 0; i < n && out->strangers_n < STRANGERS_MAX; i++)
			if (value_is_absent(value_dict_find_key(regular, pairs[i].key)) &&
			    value_is_absent(value_dict_find_key(digest, pairs[i].key)))
				add_stranger(out, &pairs[i], row);
	}
}

void lists_members_read(struct lists_members *out, struct value config)
{
	struct value regular = value_dict_find(config, SPAN("members"));
	struct value digest = value_dict_find(config, SPAN("digest_members"));

	*out = (struct lists_members){ 0 };
	add_roster(out, regular, digest, false);
	add_roster(out, digest, regular, true);
	for (size_t row = 0; row < ROWS(dictionaries); row++) {
		struct value dict = value_dict_find(config, span_of(dictionaries[row].name));

		(void)value_dict_settle(dict);
		for (size_t i = 0; i < out->n; i++)
			*place_of(&out->rows[i], row) = value_dict_find_key(dict, out->rows[i].key);
	}
	add_strangers(out, config);
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, compare_members);
	if (out->strangers_n)
		qsort(out->strangers, out->strangers_n, sizeof *out->strangers, compare_members);
}

void lists_members_fini(struct lists_members *m)
{
	free(m->rows);
	free(m->strangers);
	*m = (struct lists_members){ 0 };
}
