/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/carry_names.h"

#include <string.h>

static struct span component(const char **path)
{
	const char *begin = *path, *slash = strchrnul(begin, '/');

	*path = *slash ? slash + 1 : slash;
	return (struct span){ begin, (size_t)(slash - begin) };
}

struct span carry_first(const char *path)
{
	return component(&path);
}

bool carry_is_lock(const char *path)
{
	while (*path) {
		struct span name = component(&path);

		if (span_ends(name, ".lock") || span_find_text(name, ".lock.") >= 0)
			return true;
	}
	return false;
}

bool carry_is_torn(const char *name)
{
	static const char *const begins[] = { "config.pck.tmp", "config.db.tmp", "pending.pck.tmp",
		                              "request.pck.tmp", "request.db.tmp" };
	struct span s = span_of(name);

	for (size_t i = 0; i < ROWS(begins); i++)
		if (span_starts(s, begins[i]))
			return true;
	return span_ends(s, ".pck.tmp");
}

static bool all_in(struct span s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(set, s.p[i]))
			return false;
	return s.n > 0;
}

#define DIGITS "0123456789"

bool carry_list_name_is_good(struct span name)
{
	return all_in(name, "abcdefghijklmnopqrstuvwxyz" DIGITS "-+_.=") && !span_is(name, ".") &&
	       !span_is(name, "..");
}

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

/* What the runner takes apart: split('+') into two, float() of the first, long(, 16) of the second. */
static bool is_time_and_hash(struct span base)
{
	ssize_t plus = span_find(base, '+');
	struct span time = { base.p, plus < 0 ? 0 : (size_t)plus };
	struct span hash = span_from(base, time.n + 1 < base.n ? time.n + 1 : base.n);
	ssize_t dot = span_find(time, '.');

	if (dot >= 0 && span_find(span_from(time, (size_t)dot + 1), '.') >= 0)
		return false;
	return all_in(time, DIGITS ".") && time.n > (dot >= 0) &&
	       all_in(hash, DIGITS "abcdefABCDEF");
}

enum carry_entry carry_entry_of(const char *name)
{
	static const struct {
		const char *end;
		enum carry_entry is;
	} rows[] = {
		{ ".pck.tmp", CARRY_ENTRY_TORN }, { ".pck", CARRY_ENTRY_WAITS },
		{ ".bak", CARRY_ENTRY_IN_WORK },  { ".psv", CARRY_ENTRY_KEPT },
		{ ".db", CARRY_ENTRY_OLD },       { ".msg", CARRY_ENTRY_OLD },
	};
	struct span s = span_of(name);

	for (size_t i = 0; i < ROWS(rows); i++) {
		if (!span_ends(s, rows[i].end))
			continue;
		s.n -= strlen(rows[i].end);
		if ((rows[i].is == CARRY_ENTRY_WAITS || rows[i].is == CARRY_ENTRY_IN_WORK) &&
		    !is_time_and_hash(s))
			return CARRY_ENTRY_ODD;
		return rows[i].is;
	}
	return CARRY_ENTRY_NONE;
}

/* ── data ────────────────────────────────────────────────────────────────────────────────────── */

/* BEGIN LIST "-" digits END; the list's name may hold '-' too. */
static struct span list_between(const char *name, const char *begin, const char *end)
{
	struct span s = span_of(name);
	size_t n;

	if (!span_starts(s, begin) || !span_ends(s, end) || s.n < strlen(begin) + strlen(end))
		return (struct span){ name, 0 };
	s = span_from(s, strlen(begin));
	s.n -= strlen(end);
	for (n = s.n; n && s.p[n - 1] != '-'; n--)
		if (!strchr(DIGITS, s.p[n - 1]))
			return (struct span){ name, 0 };
	return n < 2 || n == s.n ? (struct span){ name, 0 } : (struct span){ s.p, n - 1 };
}

struct span carry_spam_list(const char *name)
{
	return list_between(name, "spam-", ".msg");
}

enum carry_data carry_data_of(const char *name, struct span *list)
{
	static const struct {
		const char *name;
		enum carry_data is;
	} rows[] = {
		{ "adm.pw", CARRY_DATA_PASSWORD },
		{ "aliases", CARRY_DATA_GENERATED },
		{ "aliases.db", CARRY_DATA_GENERATED },
		{ "aliases.dir", CARRY_DATA_GENERATED },
		{ "aliases.pag", CARRY_DATA_GENERATED },
		{ "creator.pw", CARRY_DATA_PASSWORD },
		{ "last_mailman_version", CARRY_DATA_OF_HOST },
		{ "master-qrunner.pid", CARRY_DATA_OF_HOST },
		{ "owner-bounces.mbox", CARRY_DATA_SITE },
		{ "pending.pck", CARRY_DATA_SITE },
		{ "pending_subscriptions.db", CARRY_DATA_SITE },
		{ "sitelist.cfg", CARRY_DATA_OF_HOST },
		{ "virtual-mailman", CARRY_DATA_GENERATED },
		{ "virtual-mailman.db", CARRY_DATA_GENERATED },
	};
	struct span s = span_of(name), held;

	held = list_between(name, "heldmsg-", ".pck");
	if (!held.n)
		held = list_between(name, "heldmsg-", ".txt");
	if (list)
		*list = held;
	if (held.n)
		return CARRY_DATA_HELD;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (span_is(s, rows[i].name))
			return rows[i].is;
	if (span_starts(s, "bounce-events-") && span_ends(s, ".pck"))
		return CARRY_DATA_BOUNCES;
	return carry_is_torn(name) ? CARRY_DATA_TORN : CARRY_DATA_OTHER;
}

bool carry_is_language(const char *name)
{
	static const char *const codes[] = {
		"ar", "ast", "ca", "cs", "da",    "de",    "el", "en", "eo",    "es",   "et",
		"eu", "fa",  "fi", "fr", "gl",    "he",    "hr", "hu", "ia",    "it",   "ja",
		"ko", "lt",  "nl", "no", "pl",    "pt",    "ro", "ru", "sk",    "sl",   "sr",
		"sv", "tr",  "uk", "vi", "pt_BR", "zh_CN", "tw", "cn", "zh_TW", "big5",
	};

	for (size_t i = 0; i < ROWS(codes); i++)
		if (!strcmp(name, codes[i]))
			return true;
	return false;
}
