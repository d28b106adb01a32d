/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_about.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/mailman3_inside.h"
#include "mta/mta.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FACT "mailman3.about" /* in the state */
#define TABLE_MAX (64u << 20)
/* The first whose REST and schema ours was written for. */
#define OLDEST_MAJOR 3
#define OLDEST_MINOR 3

void lists_mailman3_about_fini(struct lists_mailman3_about *a)
{
	free(a->version);
	free(a->incoming);
	free(a->data);
	free(a->queues);
	free(a->archiver);
	free(a->text);
	*a = (struct lists_mailman3_about){ 0 };
}

static const char *text_of(json_t *told, const char *name)
{
	const char *text = json_string_value(json_object_get(told, name));

	return text ? text : "";
}

static int take(json_t *told, struct lists_mailman3_about *out, struct error *err)
{
	json_int_t port = json_integer_value(json_object_get(told, "lmtp_port"));

	if (!*text_of(told, "version") || text_of(told, "data")[0] != '/' ||
	    text_of(told, "queues")[0] != '/' || port < 1 || port > UINT16_MAX)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "Mailman 3 does not say what it is");
	*out = (struct lists_mailman3_about){
		.version = xstrdup(text_of(told, "version")),
		.incoming = xstrdup(text_of(told, "incoming")),
		.data = xstrdup(text_of(told, "data")),
		.queues = xstrdup(text_of(told, "queues")),
		.lmtp_port = (unsigned)port,
		.sqlite = json_is_true(json_object_get(told, "sqlite")),
		.archiver = *text_of(told, "archiver") ? xstrdup(text_of(told, "archiver")) : NULL,
		.text = json_dumps(told, JSON_COMPACT | JSON_ENSURE_ASCII),
	};
	return 0;
}

int lists_mailman3_about_keep(struct state *s, const struct lists_mailman3_about *a,
                              struct error *err)
{
	return state_put(s, FACT, a->text, err);
}

int lists_mailman3_about_kept(struct state *s, struct lists_mailman3_about *out, struct error *err)
{
	AUTO_FREE char *text = NULL;
	json_t *told;
	int result;

	if (state_get(s, FACT, &text, err) < 0)
		return -1;
	if (!text) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the Mailman 3 of the new host was not asked yet what it is");
		return error_hint(err, "`mailhaul prepare` asks it");
	}
	told = json_loads(text, 0, NULL);
	result = take(told, out, err);
	json_decref(told);
	return result;
}

struct lists_mailman3_core lists_mailman3_core_of(const struct config *c, struct host *new)
{
	return (struct lists_mailman3_core){
		.h = new,
		.program = c->lists.mailman ? c->lists.mailman : LISTS_MAILMAN3_PROGRAM,
		.user = c->lists.user ? c->lists.user : LISTS_MAILMAN3_USER,
		.bulk = c->lists.bulk,
	};
}

/* ── what it lacks ───────────────────────────────────────────────────────────────────────────── */

static bool is_older(const char *version)
{
	char *end;
	unsigned long major = strtoul(version, &end, 10), minor = 0;

	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	return major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR);
}

/* A class of characters as Python has it, "[-_.0-9a-z]": whether it has this one. */
static bool has_char(const char *class, char c)
{
	for (const char *p = class; *p; p++) {
		if (*p == '[' || *p == ']')
			continue;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			if (c >= *p && c <= p[2])
				return true;
			p += 2;
		} else if (*p == c) {
			return true;
		}
	}
	return false;
}

static void judge_names(json_t *told, const struct strings *names, struct strings *missing)
{
	const char *class = text_of(told, "name_chars");
	AUTO_BUF struct buf refused = { 0 };

	for (size_t i = 0; i < names->n; i++)
		for (const char *p = names->rows[i]; *p; p++)
			if (!has_char(class, ascii_lower(*p))) {
				buf_addf(&refused, "%s%s", refused.n ? ", " : "", names->rows[i]);
				break;
			}
	if (refused.n)
		strings_addf(missing,
		             "mailman.cfg: listname_chars is %s, and refuses the names of %s: make "
		             "it [-_.+=0-9a-z]",
		             class, buf_text(&refused));
}

/* Its LMTP takes a name up to that sign for the list's: "c++-users" for "c". */
static void judge_delimiter(json_t *told, const struct strings *names, struct strings *missing)
{
	const char *delimiter = text_of(told, "verp_delimiter");
	AUTO_BUF struct buf cut = { 0 };

	for (size_t i = 0; *delimiter && i < names->n; i++)
		if (strstr(names->rows[i], delimiter))
			buf_addf(&cut, "%s%s", cut.n ? ", " : "", names->rows[i]);
	if (cut.n)
		strings_addf(
			missing,
			"mailman.cfg: [mta] verp_delimiter is %s, at which the names of %s are "
			"cut off: posts to them bounce. Rename them (`mailhaul lists rename`), or "
			"have another sign there and in verp_format, verp_regexp, "
			"verp_confirm_format and verp_confirm_regexp",
			delimiter, buf_text(&cut));
}

void mailman3_judge(json_t *told, const struct strings *names, bool bulk, struct strings *missing,
                    struct strings *advice)
{
	const char *version = text_of(told, "version"), *incoming = text_of(told, "incoming");
	const char *rest = json_string_value(json_object_get(told, "rest"));

	if (is_older(version))
		strings_addf(missing, "it is version %s, older than %d.%d", version, OLDEST_MAJOR,
		             OLDEST_MINOR);
	if (rest)
		strings_addf(missing,
		             "REST does not answer, by which all is read back: %s: start it", rest);
	if (!json_is_true(json_object_get(told, "style")))
		strings_add(missing, "it has no style legacy-default");
	if (bulk && *text_of(told, "no_bulk"))
		strings_addf(missing, "lists.bulk: %s", text_of(told, "no_bulk"));
	judge_names(told, names, missing);
	judge_delimiter(told, names, missing);
	if (strstr(incoming, "NullMTA"))
		strings_add(missing, "mailman.cfg: [mta] incoming is NullMTA: no MTA learns of a "
		                     "list's addresses");
	if (!json_is_true(json_object_get(told, "old_hashes")))
		strings_add(advice, "passlib.cfg has no hex_sha1 in its schemes: owners and "
		                    "moderators have to set their passwords anew");
	if (strncmp(text_of(told, "domains_by"), "file:", 5) != 0)
		strings_addf(advice,
		             "mailman.cfg: [dmarc] org_domain_data_url is fetched from %s: where "
		             "that can't be reached, posts of lists with DMARC mitigation are "
		             "shunted",
		             text_of(told, "domains_by"));
	strings_add(advice,
	            "LIST-admin, at which lists of 2.1 take mail, is no address of its lists: lead "
	            "each to LIST-owner, by virtual_alias_maps of Postfix (`mailhaul check "
	            "lists.taken` asks for it)");
	strings_add(
		advice,
		"its lists take mail at their own domain alone, those of 2.1 at every local one: "
		"where people use another, lead that there, too, and name it in "
		"acceptable_aliases of the list");
	if (json_is_true(json_object_get(told, "sqlite")))
		strings_add(advice, "it keeps its data in SQLite: lists come to it while the MTA "
		                    "there does not run, so that no post meets a locked database");
}

int lists_mailman3_about_ask(const struct lists_mailman3_core *core, const struct strings *names,
                             struct lists_mailman3_about *out, struct strings *missing,
                             struct strings *advice, struct error *err)
{
	json_t *ask = json_pack("{s:s}", "do", "about"), *told = NULL;
	int result = lists_mailman3_ask(core, &ask, 1, &told, advice, err);

	if (result == 0)
		result = take(told, out, err);
	if (result == 0)
		mailman3_judge(told, names, core->bulk, missing, advice);
	json_decref(ask);
	json_decref(told);
	return result;
}

/* ── its host's MTA ──────────────────────────────────────────────────────────────────────────── */

/* "NAME = VALUE" of postconf(1), into *out. */
static int get_setting(struct host *h, const char *name, struct buf *out, struct error *err)
{
	const char *const arguments[] = { "-h", name, NULL };

	buf_reset(out);
	return host_do(h, "postfix-settings", arguments, SPAN(""), out, err);
}

/* Each address of 2.1 that it has a table for is in the file that it writes. */
static int judge_table(struct host *h, const char *path, const struct strings *addresses,
                       struct strings *bad, struct error *err)
{
	AUTO_BUF struct buf table = { 0 };
	AUTO_STRINGS struct strings known = { 0 };
	struct span rest, line, word;
	struct error why = { 0 };

	if (host_read(h, path, TABLE_MAX, &table, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		strings_addf(bad, "%s can't be read: %s", path, why.text);
		return 0;
	}
	rest = buf_span(&table);
	while (span_next_line(&rest, &line))
		if (!span_starts(line, "#") && span_next_word(&line, &word))
			strings_add_span(&known, word);
	strings_sort(&known);
	for (size_t i = 0; i < addresses->n; i++)
		if (!strings_has(&known, addresses->rows[i]))
			strings_addf(bad, "%s is not in %s", addresses->rows[i], path);
	return 0;
}

/* Aliases of 2.1 that came along with the MTA's tables: mail is taken, and its program is not there. Of the list's
 * own domain these are what Mailman 3 has no address for (LIST-admin), of other local ones all. */
static int judge_wrappers(struct host *h, struct strings *bad, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	const struct mta_ops *kind = NULL;
	const struct mta_alias *first = NULL;
	size_t n = 0;

	if (mta_find(h, &kind, err) < 0 || (kind && kind->facts(h, &facts, err) < 0))
		return -1;
	for (size_t i = 0; i < facts.aliases_n; i++) {
		const struct mta_alias *a = &facts.aliases[i];

		if (a->kind != MTA_ALIAS_PIPE || !strstr(a->target, "/mail/mailman "))
			continue;
		first = first ? first : a;
		n++;
	}
	if (first)
		strings_addf(bad,
		             "%zu aliases lead to the program of a Mailman 2.1, the first: %s in "
		             "%s: take "
		             "them out of alias_maps, and lead LIST-admin to LIST-owner by "
		             "virtual_alias_maps",
		             n, first->name, first->source);
	return 0;
}

int lists_mailman3_about_mta(struct host *h, const struct lists_mailman3_about *a,
                             const struct strings *addresses, struct strings *bad,
                             struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/postfix_lmtp", a->data);
	AUTO_BUF struct buf value = { 0 };

	if (!strstr(a->incoming, ".postfix."))
		return 0;
	if (get_setting(h, "transport_maps", &value, err) < 0)
		return -1;
	if (span_find_text(buf_span(&value), path) < 0)
		strings_addf(bad, "transport_maps of Postfix does not name hash:%s", path);
	if (get_setting(h, "recipient_delimiter", &value, err) < 0)
		return -1;
	if (span_find(buf_span(&value), '+') < 0)
		strings_add(bad, "recipient_delimiter of Postfix has no +: confirmations and "
		                 "bounces of a member don't come to the list");
	if (get_setting(h, "owner_request_special", &value, err) < 0)
		return -1;
	if (!span_is(span_trim(buf_span(&value)), "no"))
		strings_add(bad, "owner_request_special of Postfix is not \"no\": LIST-owner and "
		                 "LIST-request are not the list's");
	return judge_table(h, path, addresses, bad, err) < 0 ? -1 : judge_wrappers(h, bad, err);
}
