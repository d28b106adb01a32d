/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_rest.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#define STATUS_GOOD 200
#define ROWS_OF_A_PAGE 1000u
/* "is X, not Y" of long texts */
#define SHOWN_MAX 60

void lists_mailman3_rest_fini(struct lists_mailman3_rest *r)
{
	free(r->url);
	free(r->user);
	free(r->password);
	*r = (struct lists_mailman3_rest){ 0 };
}

struct reading {
	struct http *web;
	const struct lists_mailman3_rest *rest;
	const struct lists_mailman3_plan *plan;
	json_t *refused; /* of the answer; borrowed */
	struct strings *differs;
	char *list; /* its part of a path */
};

/* NAME.HOST, what is not plain in it as %XX. */
static char *path_of(const char *address)
{
	AUTO_BUF struct buf path = { 0 };

	for (const char *p = address; *p; p++) {
		if (*p == '@')
			buf_add_char(&path, '.');
		else if (isalnum((unsigned char)*p) || strchr("-._", *p))
			buf_add_char(&path, *p);
		else
			buf_addf(&path, "%%%02X", (unsigned char)*p);
	}
	return buf_take(&path);
}

static json_t *get(const struct reading *r, const char *path, struct error *err)
{
	AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
	AUTO_FREE char *url = xasprintf("%slists/%s/%s", r->rest->url, r->list, path);
	const struct http_request ask = { .url = url,
		                          .user = r->rest->user,
		                          .password = r->rest->password,
		                          .time_ms = HTTP_TIME_MS_MAX,
		                          .most = HTTP_PAGE_MAX };
	json_t *value;

	if (http_ask(r->web, &ask, &answer, err) < 0)
		return NULL;
	value = answer.status == STATUS_GOOD && !answer.cut
	                ? json_loadb(answer.page.p, answer.page.n, 0, NULL)
	                : NULL;
	if (!value)
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		          "%s: it answers with %u, and no JSON", url, answer.status);
	return value;
}

static bool was_refused(const struct reading *r, const char *what, const char *who)
{
	size_t i;
	json_t *row;

	json_array_foreach(r->refused, i, row)
	{
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
	json_array_foreach(wanted, i, row)
	{
		bool found = was_refused(r, name, json_string_value(row));

		json_array_foreach(is, at, other) if (json_equal(row, other)) found = true;
		if (!found)
			return false;
	}
	json_array_foreach(is, i, row)
		json_array_foreach(wanted, at, other) if (json_equal(row, other))
	{
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

	json_object_foreach(json_object_get(r->plan->work, "config"), name, wanted)
	{
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

/* All rows of a roster, by address in lower case. NULL: failed. */
static json_t *get_roster(const struct reading *r, const char *role, struct error *err)
{
	json_t *all = json_object();

	for (unsigned page = 1;; page++) {
		AUTO_FREE char *path = xasprintf("roster/%s?count=%u&page=%u", role, ROWS_OF_A_PAGE,
		                                 page);
		json_t *part = get(r, path, err), *rows, *row;
		size_t i, n;

		if (!part) {
			json_decref(all);
			return NULL;
		}
		rows = json_object_get(part, "entries");
		n = json_array_size(rows);
		json_array_foreach(rows, i, row)
		{
			const char *email = json_string_value(json_object_get(row, "email"));

			if (email)
				json_object_set(all, email, row);
		}
		json_decref(part);
		if (n < ROWS_OF_A_PAGE)
			return all;
	}
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

static int read_roster(const struct reading *r, const char *role, const char *part,
                       struct error *err)
{
	json_t *roster = get_roster(r, role, err), *wanted;
	size_t i;

	if (!roster)
		return -1;
	json_array_foreach(json_object_get(r->plan->work, part), i, wanted)
	{
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
	return 0;
}

int lists_mailman3_read_back(struct http *web, const struct lists_mailman3_rest *rest,
                             const struct lists_mailman3_plan *plan, const struct json_t *answer,
                             struct strings *differs, struct error *err)
{
	AUTO_FREE char *list = path_of(plan->address);
	const struct reading r = { .web = web,
		                   .rest = rest,
		                   .plan = plan,
		                   .refused = json_object_get(answer, "refused"),
		                   .differs = differs,
		                   .list = list };
	json_t *there = get(&r, "config", err);

	if (!there)
		return -1;
	read_settings(&r, there);
	json_decref(there);
	if (read_roster(&r, "member", "members", err) < 0 ||
	    read_roster(&r, "owner", "owners", err) < 0)
		return -1;
	return read_roster(&r, "moderator", "moderators", err);
}
