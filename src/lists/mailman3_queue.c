/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_queue.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/end_making.h"
#include "lists/list.h"
#include "lists/message.h"

#include <jansson.h>
#include <string.h>

#define ENTRY_MAX (64u << 20) /* octets of a file */

/* The last one where what it archives has a place. */
static const enum lists_path taken[] = { LISTS_INQUEUE_DIR,     LISTS_OUTQUEUE_DIR,
	                                 LISTS_CMDQUEUE_DIR,    LISTS_BOUNCEQUEUE_DIR,
	                                 LISTS_VIRGINQUEUE_DIR, LISTS_ARCHQUEUE_DIR };

bool lists_mailman3_takes_queue(enum lists_path queue)
{
	return queue != LISTS_ARCHQUEUE_DIR && lists_mailman3_takes_queue_archiving(queue);
}

bool lists_mailman3_takes_queue_archiving(enum lists_path queue)
{
	for (size_t i = 0; i < ROWS(taken); i++)
		if (taken[i] == queue)
			return true;
	return false;
}

/* ── one entry ───────────────────────────────────────────────────────────────────────────────── */

struct addresses {
	struct strings names, addresses; /* of lists that were asked for; "": it has none */
};

/* NAME@HOST of a list; NULL: it can't be read. Borrowed from *known. */
static const char *address_of(struct addresses *known, struct lists_site *site, const char *name)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	AUTO_LISTS_LIST struct lists_list l = { 0 };
	AUTO_BUF struct buf address = { 0 };
	struct error ignored = { 0 };
	const char *found;

	for (size_t i = 0; i < known->names.n; i++)
		if (!strcmp(known->names.rows[i], name))
			return *known->addresses.rows[i] ? known->addresses.rows[i] : NULL;
	if (strings_has(&site->names, name) &&
	    lists_list_read(&l, site, name, &reading, &ignored) == 0 && !value_is_absent(l.config))
		lists_list_address(&l, &address);
	for (size_t i = 0; i < address.n; i++)
		address.p[i] = ascii_lower(address.p[i]);
	strings_add(&known->names, name);
	strings_add(&known->addresses, buf_text(&address));
	found = known->addresses.rows[known->addresses.n - 1];
	return *found ? found : NULL;
}

/* What 2.1 knows of whom it is for, in the words of Mailman 3; "" of a post. */
static const char *subaddress(struct value metadata)
{
	static const struct {
		const char *key, *word;
	} rows[] = { { "toowner", "owner" },
		     { "torequest", "request" },
		     { "tojoin", "join" },
		     { "toleave", "leave" },
		     { "toconfirm", "confirm" } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t is = 0;
		bool yes = false;
		struct value v = value_dict_find(metadata, span_of(rows[i].key));

		(void)value_get_int(v, &is);
		(void)value_get_bool(v, &yes);
		if (is || yes)
			return rows[i].word;
	}
	return "";
}

static json_t *recipients(struct value metadata)
{
	struct value list = value_dict_find(metadata, SPAN("recips"));
	json_t *all = json_array();

	for (size_t i = 0; i < value_count(list); i++) {
		AUTO_BUF struct buf text = { 0 };
		struct span word;

		if (!value_get_chars(value_item(list, i), &word) || !word.n)
			continue;
		buf_add_printable(&text, word);
		json_array_append_new(all, end_json(buf_span(&text)));
	}
	return all;
}

static const char *path_of(const struct lists_site *site, const char *entry, enum lists_path *queue)
{
	const char *slash = strchr(entry, '/');

	for (size_t i = 0; slash && i < ROWS(taken); i++) {
		*queue = taken[i];
		if (span_is((struct span){ entry, (size_t)(slash - entry) },
		            lists_path_kinds[taken[i]].below))
			return site->paths->value[taken[i]];
	}
	return NULL;
}

/* The question for one; NULL, and a word in `told`: it can't be brought. */
static json_t *ask_of(struct addresses *known, struct lists_site *site, const char *entry,
                      struct strings *told, struct error *err)
{
	enum lists_path queue = LISTS_QUEUE_DIR;
	const char *dir = path_of(site, entry, &queue), *address, *to;
	AUTO_FREE char *path = xasprintf("%s/%s", dir ? dir : "", strchr(entry, '/') + 1);
	AUTO_FREE char *list = NULL;
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 }, text = { 0 }, sender = { 0 };
	struct error why = { 0 };
	struct span name = SPAN(""), unix_from, word;
	struct value metadata;

	if (host_read(site->h, path, ENTRY_MAX, &octets, &why) < 0) {
		if (lists_is_unreached(&why)) {
			*err = why;
			return NULL;
		}
		strings_addf(told, "%s: %s", entry, why.text);
		return NULL;
	}
	if (lists_file_parse(&octets, &f, &why) < 0 || f.n != 2) {
		strings_addf(told, "%s: %s", entry, *why.text ? why.text : "is no entry of 2.1");
		return NULL;
	}
	metadata = f.rows[1];
	to = subaddress(metadata);
	/* it would say nothing to whoever confirms */
	if (!strcmp(to, "confirm")) {
		strings_addf(
			told,
			"%s: confirms what 2.1 has asked for, by a word that nothing else knows",
			entry);
		return NULL;
	}
	(void)value_get_chars(value_dict_find(metadata, SPAN("listname")), &name);
	list = name.n ? span_dup(name) : xstrdup("mailman");
	address = address_of(known, site, list);
	if (!address || lists_message_text(f.rows[0], &text) == LISTS_MESSAGE_NONE) {
		strings_addf(told, "%s: %s", entry,
		             address ? "its message can't be read" : "its list is not there");
		return NULL;
	}
	unix_from = lists_message_unix_from(f.rows[0]);
	if (span_next_word(&unix_from, &word) && span_is(word, "From") &&
	    span_next_word(&unix_from, &word))
		buf_add_printable(&sender, word);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "do", "give", "entry", entry,
	                 "list", address, "to", to, "recipients", recipients(metadata), "message",
	                 end_octets(buf_span(&text)), "sender", buf_text(&sender));
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────── */

static int ask_all(const struct lists_mailman3_core *core, json_t **asks, size_t n,
                   struct strings *given, struct strings *told, struct error *err)
{
	AUTO_FREE json_t **answers = xcalloc(n + 1, sizeof *answers);

	if (!n)
		return 0;
	if (lists_mailman3_ask(core, asks, n, answers, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *entry = json_string_value(json_object_get(asks[i], "entry"));
		const char *error = json_string_value(json_object_get(answers[i], "error"));

		if (error && told)
			strings_addf(told, "%s: %s", entry, error);
		else if (given)
			strings_add(given, entry);
		json_decref(answers[i]);
	}
	return 0;
}

static void drop(json_t **asks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(asks[i]);
	free(asks);
}

int lists_mailman3_give_entries(const struct lists_mailman3_core *core, struct lists_site *site,
                                struct strings *entries, struct strings *told, struct error *err)
{
	json_t **asks = xcalloc(entries->n + 1, sizeof *asks);
	AUTO_STRINGS struct strings given = { 0 };
	struct addresses known = { 0 };
	struct error why = { 0 };
	size_t n = 0;
	int result = 0;

	for (size_t i = 0; i < entries->n && result == 0; i++) {
		json_t *ask = ask_of(&known, site, entries->rows[i], told, &why);

		if (ask)
			asks[n++] = ask;
		else if (*why.text)
			result = -1;
	}
	if (result < 0)
		*err = why;
	else
		result = ask_all(core, asks, n, &given, told, err);
	drop(asks, n);
	strings_fini(&known.names);
	strings_fini(&known.addresses);
	if (result < 0)
		return -1;
	strings_fini(entries);
	*entries = given;
	given = (struct strings){ 0 };
	return 0;
}

int lists_mailman3_drop_entries(const struct lists_mailman3_core *core,
                                const struct strings *entries, struct error *err)
{
	json_t **asks = xcalloc(entries->n + 1, sizeof *asks);
	AUTO_STRINGS struct strings told = { 0 };
	int result;

	for (size_t i = 0; i < entries->n; i++)
		asks[i] = json_pack("{s:s, s:s, s:s}", "do", "drop", "list", "", "entry",
		                    entries->rows[i]);
	result = ask_all(core, asks, entries->n, NULL, &told, err);
	drop(asks, entries->n);
	if (result == 0 && told.n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "Mailman 3 keeps entries of its queues: %s", told.rows[0]);
	return result;
}

int lists_mailman3_settle(const struct lists_mailman3_core *core, int64_t wait_ms, uint64_t *left,
                          struct error *err)
{
	json_t *ask = json_pack("{s:s, s:f}", "do", "settle", "wait", (double)wait_ms / 1000);
	json_t *answer = NULL;
	int result = lists_mailman3_ask(core, &ask, 1, &answer, NULL, err);
	json_int_t n = json_integer_value(json_object_get(answer, "left"));

	*left = n > 0 ? (uint64_t)n : 0;
	json_decref(ask);
	json_decref(answer);
	return result;
}

int lists_mailman3_unshunt(const struct lists_mailman3_core *core, int64_t since_ms,
                           struct strings *given, struct error *err)
{
	json_t *ask = json_pack("{s:s, s:f}", "do", "unshunt", "since", (double)since_ms / 1000);
	json_t *answer = NULL, *row;
	const char *error;
	size_t i;
	int result = lists_mailman3_ask(core, &ask, 1, &answer, NULL, err);

	json_array_foreach (json_object_get(answer, "given"), i, row) {
		AUTO_BUF struct buf shown = { 0 };

		buf_add_printable(&shown, span_of(json_string_value(row)));
		strings_add(given, buf_text(&shown));
	}
	error = json_string_value(json_object_get(answer, "error"));
	if (result == 0 && error)
		result = error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                   "the shunt queue of Mailman 3: %s", error);
	json_decref(ask);
	json_decref(answer);
	return result;
}
