/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_rest.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

/* "is X, not Y" of long texts */
#define SHOWN_MAX 60

struct reading {
	const struct lists_end_plan *plan;
	json_t *refused, *rest; /* of the answer; borrowed */
	struct strings *differs;
};

static bool was_refused(const struct reading *r, const char *what, const char *who)
{
	size_t i;
	json_t *row;

	json_array_foreach (r->refused, i, row) {
		const char *kind = json_string_value(json_object_get(row, "what"));
		const char *name = json_string_value(json_object_get(row, "who"));

		if (kind && name && !strcmp(kind, what) && !strcmp(name, who))
			return true;
	}
	return false;
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

/* Every row of one is a row of the other, but for those that were refused. */
static bool are_same_rows(const struct reading *r, const char *name, json_t *is, json_t *wanted)
{
	size_t i, at, met = 0;
	json_t *row, *other;

	if (!json_is_array(is))
		return !json_array_size(wanted);
	json_array_foreach (wanted, i, row) {
		bool found = was_refused(r, name, json_string_value(row));

		json_array_foreach (is, at, other)
			if (json_equal(row, other))
				found = true;
		if (!found)
			return false;
	}
	json_array_foreach (is, i, row)
		json_array_foreach (wanted, at, other)
			if (json_equal(row, other)) {
				met++;
				break;
			}
	return met == json_array_size(is);
}

static bool are_same(const struct reading *r, const char *name, json_t *is, json_t *wanted)
{
	if (json_is_array(wanted))
		return are_same_rows(r, name, is, wanted);
	if (json_is_number(wanted))
		return json_is_number(is) && json_number_value(is) == json_number_value(wanted);
	return json_equal(is, wanted);
}

static void read_settings(const struct reading *r, json_t *there)
{
	json_t *opening = json_object_get(r->plan->work, "opening"), *wanted;
	const char *name;

	json_object_foreach (json_object_get(r->plan->work, "config"), name, wanted) {
		json_t *is = json_object_get(there, name), *opened = json_object_get(opening, name);
		AUTO_FREE char *has = NULL, *shall = NULL;

		/* whether it is opened, the answer says: this can't be known here */
		if (are_same(r, name, is, wanted) || (opened && json_equal(is, opened)))
			continue;
		has = json_dumps(is, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
		shall = json_dumps(wanted, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
		strings_addf(r->differs, "config %s is %.*s, not %.*s", name, SHOWN_MAX,
		             has ? has : "nothing", SHOWN_MAX, shall ? shall : "?");
	}
}

/* ── rosters ─────────────────────────────────────────────────────────────────────────────────── */

/* All rows of a roster, by address in lower case. */
static json_t *get_roster(const struct reading *r, const char *role)
{
	json_t *all = json_object(), *row;
	size_t i;

	json_array_foreach (json_object_get(r->rest, role), i, row) {
		const char *email = json_string_value(json_object_get(row, "email"));

		if (email)
			json_object_set(all, email, row);
	}
	return all;
}

static json_t *row_of(json_t *roster, const char *address)
{
	AUTO_BUF struct buf key = { 0 };

	for (const char *p = address; *p; p++)
		buf_add_char(&key, ascii_lower(*p));
	return json_object_get(roster, buf_text(&key));
}

static void read_member(const struct reading *r, json_t *row, json_t *wanted, const char *address)
{
	static const struct {
		const char *there, *plan;
	} fields[] = { { "delivery_mode", "mode" }, { "moderation_action", "action" } };

	for (size_t i = 0; i < ROWS(fields); i++) {
		const char *is = json_string_value(json_object_get(row, fields[i].there));
		const char *shall = json_string_value(json_object_get(wanted, fields[i].plan));

		if (shall && (!is || strcmp(is, shall) != 0))
			strings_addf(r->differs, "member %s: %s is %s, not %s", address,
			             fields[i].there, is ? is : "nothing", shall);
	}
}

static void read_roster(const struct reading *r, const char *role, const char *part)
{
	json_t *roster = get_roster(r, role), *wanted;
	size_t i;

	json_array_foreach (json_object_get(r->plan->work, part), i, wanted) {
		const char *address = json_is_string(wanted) ? json_string_value(wanted)
		                                             : json_string_value(json_object_get(
								       wanted, "address"));
		json_t *row = address ? row_of(roster, address) : NULL;

		if (row && json_is_object(wanted))
			read_member(r, row, wanted, address);
		else if (!row && address && !was_refused(r, role, address))
			strings_addf(r->differs, "%s %s is not there", role, address);
	}
	json_decref(roster);
}

void lists_mailman3_read_back(const struct lists_end_plan *plan, const struct json_t *answer,
                              struct strings *differs, const char **mute)
{
	const struct reading r = { .plan = plan,
		                   .refused = json_object_get(answer, "refused"),
		                   .rest = json_object_get(answer, "rest"),
		                   .differs = differs };

	*mute = json_is_object(r.rest) ? json_string_value(json_object_get(r.rest, "mute"))
	                               : "it was not asked";
	if (*mute)
		return;
	read_settings(&r, json_object_get(r.rest, "config"));
	read_roster(&r, "member", "members");
	read_roster(&r, "owner", "owners");
	read_roster(&r, "moderator", "moderators");
}
