/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_end -- mlmmj as an end: a directory a list, below a folder of this machine. */

#include "lists/mlmmj_inside.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/end_files.h"
#include "lists/mlmmj_rosters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS "/usr/share/mlmmj/text.skel"
#define TEXT_MAX (1u << 20)

static const char *const dirs[] = {
	"incoming", "queue",         "queue/discarded", "archive",      "text",
	"subconf",  "unsubconf",     "bounce",          "control",      "moderation",
	"requeue",  "subscribers.d", "digesters.d",     "nomailsubs.d",
};

/* ── for the rules ───────────────────────────────────────────────────────────────────────────── */

void mlmmj_address(const struct mlmmj *o, const char *word, struct buf *out)
{
	buf_add(out, o->local, o->local_n);
	if (word)
		buf_addf(out, "%c%s", o->delimiter, word);
	buf_addf(out, "@%s", o->host);
}

bool mlmmj_person(struct end_making *m, const char *what, struct value v, struct buf *out)
{
	AUTO_BUF struct buf address = { 0 };

	if (!end_address(m, what, v, &address))
		return false;
	for (size_t i = 0; i < address.n; i++)
		if (strchr(" \"<>(),;:\\[]", address.p[i]) || address.p[i] == 0x7f ||
		    (!i && strchr("./", address.p[i]))) {
			end_refuse(m, what, buf_span(&address),
			           "has a sign that mlmmj's files and commands can't take");
			return false;
		}
	buf_add_span(out, buf_span(&address));
	return true;
}

/* ── people ──────────────────────────────────────────────────────────────────────────────────── */

/* Each once, on a line. */
static void add_people(struct end_making *m, const char *attribute, struct buf *out)
{
	struct value all = lists_list_attribute(m->l, attribute);

	for (size_t i = 0; i < value_count(all); i++) {
		AUTO_BUF struct buf address = { 0 };
		struct span rest = buf_span(out), line;
		bool is_there = false;

		if (value_kind(all) != VALUE_LIST ||
		    !mlmmj_person(m, attribute, value_item(all, i), &address))
			continue;
		while (span_next_line(&rest, &line))
			is_there = is_there || span_is(line, buf_text(&address));
		if (!is_there)
			buf_addf(out, "%s\n", buf_text(&address));
	}
}

static void take_people(struct end_making *m, struct mlmmj *o)
{
	AUTO_BUF struct buf owners = { 0 };
	size_t refused;

	add_people(m, "owner", &owners);
	end_file(m->out->work, "control/owner", &owners);
	add_people(m, "moderator", &o->people);
	refused = m->out->refused_n;
	add_people(m, "owner", &o->people);
	/* an owner is refused once */
	while (m->out->refused_n > refused) {
		m->out->refused_n--;
		free(m->out->refused[m->out->refused_n].who);
		free(m->out->refused[m->out->refused_n].why);
	}
	/* without that file mlmmj gives a post up that is to wait */
	end_file(m->out->work, "control/moderators", &o->people);
}

static const char *kind_of(const struct lists_member *member)
{
	double since;

	if (lists_member_disabled(member, &since) != LISTS_ENABLED ||
	    lists_member_options(member) & LISTS_OPTION_NOMAIL)
		return "nomailsubs.d";
	return value_is_absent(member->regular) ? "digesters.d" : "subscribers.d";
}

static void take_members(struct end_making *m, struct mlmmj *o)
{
	static const char *const words[] = { "moderate", "deny", "discard" };
	json_t *members = json_object_get(m->out->work, "members");
	int64_t action = end_int(m, "member_moderation_action", 0);

	if (action < 0 || action >= (int64_t)ROWS(words))
		action = 0;
	for (size_t i = 0; i < m->l->members.n; i++) {
		const struct lists_member *member = &m->l->members.rows[i];
		AUTO_BUF struct buf address = { 0 };

		if (!mlmmj_person(m, "member", end_member_address(member), &address))
			continue;
		if (span_is_nocase(buf_span(&address), m->out->address)) {
			end_refuse(m, "member", buf_span(&address), "is the list's own address");
			continue;
		}
		json_array_append_new(members, json_pack("{s:o, s:s}", "address",
		                                         end_json(buf_span(&address)), "kind",
		                                         kind_of(member)));
		if (lists_member_options(member) & LISTS_OPTION_MOD)
			(void)mlmmj_access_from(words[action], buf_span(&address),
			                        &o->access[MLMMJ_MODERATED]);
	}
}

static void take_keys(const struct end_making *m, struct mlmmj *o)
{
	o->keys = json_object();
	for (size_t i = 0; i < m->l->members.n; i++) {
		AUTO_FREE char *key = span_dup(lists_member_address(&m->l->members.rows[i]));

		json_object_set_new(o->keys, key, json_true());
	}
}

/* ── what waits, and what was counted ────────────────────────────────────────────────────────── */

static void add_once(struct end_making *m, const char *thing, const char *path, struct span octets,
                     double at, const char *told)
{
	json_array_append_new(json_object_get(m->out->work, "once"),
	                      json_pack("{s:s, s:s, s:o, s:f, s:s?}", "thing", thing, "path", path,
	                                "octets", end_octets(octets), "at", at, "told", told));
}

static void take_post(struct end_making *m, const struct mlmmj *o, const struct lists_request *q)
{
	AUTO_FREE char *thing = xasprintf("held post %lld", (long long)q->id);
	AUTO_FREE char *id = xasprintf("request %lld", (long long)q->id);
	AUTO_BUF struct buf unix_from = { 0 }, text = { 0 }, made = { 0 }, told = { 0 };

	if (!m->site)
		return;
	if (lists_request_text(m->site, q, &unix_from, &text) == LISTS_MESSAGE_NONE) {
		end_refuse(m, "held post", span_of(id),
		           q->is_lost ? "its message is lost" : "its message can't be read");
		return;
	}
	mlmmj_post(o, buf_span(&text), &made);
	buf_addf(&told, "%s waits: a mail to ", thing);
	mlmmj_address(o, "release-%s", &told);
	buf_add_text(&told, " lets it out, one to ");
	mlmmj_address(o, "reject-%s", &told);
	buf_add_text(&told, " throws it away");
	add_once(m, thing, "moderation/%s", buf_span(&made), q->at, buf_text(&told));
}

static void take_joining(struct end_making *m, const struct mlmmj *o, const struct lists_request *q)
{
	AUTO_BUF struct buf address = { 0 }, text = { 0 }, told = { 0 }, thing = { 0 };
	int64_t digest = 0;

	if (!mlmmj_person(m, "joining", q->address, &address))
		return;
	(void)value_get_int(q->digest, &digest);
	buf_addf(&thing, "joining %s", buf_text(&address));
	buf_addf(&text, "%s\n%s\n", buf_text(&address), digest ? "SUB_DIGEST" : "SUB_NORMAL");
	buf_addf(&told, "%s waits to join: a mail to ", buf_text(&address));
	mlmmj_address(o, "permit-%s", &told);
	buf_add_text(&told, " lets in");
	add_once(m, buf_text(&thing), "moderation/subscribe%s", buf_span(&text), q->at,
	         buf_text(&told));
}

/* mlmmj goes on where 2.1 has ended. */
static void take_numbers(struct end_making *m)
{
	AUTO_BUF struct buf index = { 0 }, digest = { 0 };
	double post = end_number(lists_list_attribute(m->l, "post_id"));
	double number = end_number(lists_list_attribute(m->l, "next_digest_number"));
	double at = end_number(lists_list_attribute(m->l, "digest_last_sent_at"));

	post = post >= 1 && post < 1e9 ? post - 1 : 0;
	number = number >= 1 && number < 1e9 ? number - 1 : 0;
	at = at >= 0 && at < 1e11 ? at : 0;
	buf_addf(&index, "%.0f\n", post);
	buf_addf(&digest, "%.0f:%.0f:%.0f\n", post, at, number);
	add_once(m, "numbers of posts", "index", buf_span(&index), 0, NULL);
	add_once(m, "numbers of digests", "lastdigest", buf_span(&digest), 0, NULL);
}

static void take_waiting(struct end_making *m, const struct mlmmj *o)
{
	for (size_t i = 0; i < m->l->requests_n; i++) {
		const struct lists_request *q = &m->l->requests[i];
		AUTO_BUF struct buf who = { 0 };

		if (q->kind == LISTS_REQUEST_POST)
			take_post(m, o, q);
		else if (q->kind == LISTS_REQUEST_JOINING)
			take_joining(m, o, q);
		else if (q->kind == LISTS_REQUEST_LEAVING &&
		         end_address(m, "leaving", q->address, &who))
			end_refuse(m, "leaving", buf_span(&who),
			           "wants to leave, which mlmmj asks nobody about: take it off");
	}
	end_refuse_tokens(m, "mlmmj");
	end_refuse_digest(m);
}

/* ── the plan ────────────────────────────────────────────────────────────────────────────────── */

static void put_access(struct end_making *m, struct mlmmj *o)
{
	AUTO_BUF struct buf all = { 0 };

	for (size_t i = 0; i < MLMMJ_ACCESS_N; i++)
		buf_add_span(&all, buf_span(&o->access[i]));
	/* what no rule is about would be refused */
	if (all.n)
		buf_add_text(&all, "allow\n");
	end_file(m->out->work, "control/access", all.n ? &all : NULL);
}

static void put_addresses(struct end_making *m, struct mlmmj *o)
{
	AUTO_BUF struct buf all = { 0 }, delimiter = { 0 };

	buf_addf(&all, "%s\n", m->out->address);
	buf_add_span(&all, buf_span(&o->addresses));
	end_file(m->out->work, "control/listaddress", &all);
	buf_addf(&delimiter, "%c\n", o->delimiter);
	end_file(m->out->work, "control/delimiter", o->delimiter == '+' ? NULL : &delimiter);
}

static void fini(struct mlmmj *o)
{
	for (size_t i = 0; i < MLMMJ_ACCESS_N; i++)
		buf_fini(&o->access[i]);
	buf_fini(&o->custom);
	buf_fini(&o->deleted);
	buf_fini(&o->addresses);
	buf_fini(&o->people);
	buf_fini(&o->prefix);
	buf_fini(&o->footer);
	json_decref(o->keys);
}

/* Its name must not have the sign by which mlmmj tells a command from a list. */
static char delimiter_of(const struct mlmmj *o)
{
	struct span local = { o->local, o->local_n };

	for (const char *c = "+=_-"; *c; c++)
		if (span_find(local, *c) < 0)
			return *c;
	return '+';
}

static void plan(struct lists_end_plan *out, const struct lists_list *l,
                 const struct lists_site *site)
{
	struct mlmmj o = { 0 };
	struct end_making m = { .l = l, .site = site, .out = out, .own = &o };
	AUTO_BUF struct buf language = { 0 };
	const char *at;
	size_t n;
	const struct end_rule *rules = mlmmj_rules(&n);

	end_begin(&m);
	at = strchr(out->address, '@');
	o.local = out->address;
	o.local_n = at ? (size_t)(at - out->address) : strlen(out->address);
	o.host = at ? at + 1 : "localhost";
	o.delimiter = delimiter_of(&o);
	(void)lists_decode_value(l->charset, lists_list_attribute(l, "preferred_language"),
	                         &language);
	out->work = json_pack("{s:o, s:[], s:{}, s:[], s:[], s:[], s:o}", "folder",
	                      end_json(span_of(l->name)), "dirs", "files", "absent", "once",
	                      "members", "language", end_json(buf_span(&language)));
	for (size_t i = 0; i < ROWS(dirs); i++)
		json_array_append_new(json_object_get(out->work, "dirs"), json_string(dirs[i]));
	take_keys(&m, &o);
	take_people(&m, &o);
	end_attributes(&m, rules, n);
	/* 2.1 says of each post that it came by a list */
	buf_add_text(&o.custom, "Precedence: list\n");
	buf_add_text(&o.deleted, "Precedence:\n");
	end_file(m.out->work, "control/customheaders", &o.custom);
	end_file(m.out->work, "control/delheaders", &o.deleted);
	take_members(&m, &o);
	put_access(&m, &o);
	put_addresses(&m, &o);
	take_waiting(&m, &o);
	take_numbers(&m);
	fini(&o);
}

/* ── giving it ───────────────────────────────────────────────────────────────────────────────── */

/* What mlmmj calls a language. */
static const char *language_of(const char *code)
{
	static const char *const other[][2] = {
		{ "el", "gr" },
		{ "zh_CN", "zh-cn" },
		{ "pt_BR", "pt" },
	};

	for (size_t i = 0; i < ROWS(other); i++)
		if (!strcmp(code, other[i][0]))
			return other[i][1];
	return code;
}

/* The texts that a new list gets of its package, those of ours stay. A list keeps what its owner made of them. */
static int give_texts(int fd, enum lists_end_do what, const struct lists_end_run *r,
                      const struct lists_end_plan *p, json_t *answer, struct error *err)
{
	const char *code = json_string_value(json_object_get(p->work, "language"));
	const char *texts = r->place->texts ? r->place->texts : TEXTS;
	AUTO_FREE char *folder = xasprintf("%s/%s", texts, code ? language_of(code) : "en");
	DIR *dir = code && !strchr(code, '/') && *code != '.' ? opendir(folder) : NULL;
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		end_answer_add(answer, "told",
		               "%s is not there: mlmmj writes to people in its own words", folder);
		return 0;
	}
	while (result == 0 && (entry = readdir(dir))) {
		AUTO_FREE char *path = xasprintf("text/%s", entry->d_name);
		AUTO_FREE char *from = xasprintf("%s/%s", folder, entry->d_name);
		AUTO_BUF struct buf text = { 0 };
		AUTO_CLOSE int there = -1;

		if (*entry->d_name == '.')
			continue;
		there = file_open_below(fd, path, O_PATH | O_CLOEXEC, 0);
		if (there >= 0 || json_object_get(json_object_get(p->work, "files"), path))
			continue;
		result = file_read(from, TEXT_MAX, &text, err);
		if (result == 0)
			result = end_files_put(fd, what, path, buf_span(&text), answer, err);
	}
	(void)closedir(dir);
	return result;
}

static int give_list(const struct end_folder *f, enum lists_end_do what,
                     const struct lists_end_run *r, const struct lists_end_plan *p, json_t *answer,
                     struct error *err)
{
	AUTO_CLOSE int fd = end_files_open(f, what, p, answer, err);

	if (fd < 0)
		return fd == -2 ? 0 : -1;
	if (end_files_give(fd, what, p, answer, err) < 0 ||
	    give_texts(fd, what, r, p, answer, err) < 0)
		return -1;
	if (mlmmj_rosters_give(fd, what, p, answer, err) < 0)
		return -1;
	return what == LISTS_END_LOOK ? 0 : end_files_sync(fd, err);
}

static int give(struct lists_end_run *r, enum lists_end_do what, const struct lists_end_plan *plans,
                size_t n, json_t **answers, struct error *err)
{
	AUTO_END_FOLDER struct end_folder f = { .fd = -1 };

	if (end_folder_open(&f, r->place, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct error own = { 0 };

		answers[i] = end_answer(&plans[i]);
		if (give_list(&f, what, r, &plans[i], answers[i], &own) < 0)
			end_answer_failed(answers[i], &own);
	}
	if (what == LISTS_END_LOOK)
		return 0;
	return mlmmj_tables_write(&f, err) < 0 ? -1 : end_files_sync(f.fd, err);
}

const struct lists_end lists_end_mlmmj = {
	.name = "mlmmj",
	.takes = LISTS_END_FOLDER | LISTS_END_USER | LISTS_END_TEXTS,
	.plan = plan,
	.give = give,
};
