/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * sympa_end -- Sympa as an end: DIR/DOMAIN/LIST below its list_data, with the files that `sympa restore` reads.
 *
 * Source: Sympa/Config/Schema.pm, Sympa/List.pm (restore_users) and scenari/ of Sympa 6.2.70.
 */

#include "lists/sympa_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/end_files.h"

#include <string.h>
#include <unistd.h>

/* ── config ──────────────────────────────────────────────────────────────────────────────────── */

/* On one line, without blanks around; appended. */
static void add_line(struct buf *out, struct span text)
{
	text = span_trim(text);
	for (size_t i = 0; i < text.n; i++)
		buf_add_char(out, (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i]);
	buf_add_char(out, '\n');
}

static void add_attribute(const struct end_making *m, const char *attribute, struct buf *out)
{
	(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, attribute), out);
}

static const char *language_of(const struct end_making *m, struct buf *code)
{
	static const char *const known[] = { "ca", "cs", "de", "el", "es", "et", "eu",
		                             "fi", "fr", "gl", "hu", "it", "ja", "ko",
		                             "nl", "pl", "ru", "sv", "tr", "vi" };
	static const char *const other[][2] = { { "en", "en-US" },
		                                { "no", "nb" },
		                                { "pt_BR", "pt-BR" },
		                                { "zh_CN", "zh-CN" },
		                                { "zh_TW", "zh-TW" } };

	add_attribute(m, "preferred_language", code);
	for (size_t i = 0; i < ROWS(known); i++)
		if (span_is(buf_span(code), known[i]))
			return known[i];
	for (size_t i = 0; i < ROWS(other); i++)
		if (span_is(buf_span(code), other[i][0]))
			return other[i][1];
	return "en-US";
}

static void add_policies(const struct end_making *m, struct buf *out)
{
	static const char *const subscribe[] = { "open", "auth", "owner", "auth_owner" };
	static const char *const telling[] = { "open_notify", "auth_notify", "owner",
		                               "auth_owner" };
	static const char *const review[] = { "public", "private", "owner" };
	int64_t policy = end_int(m, "subscribe_policy", 1),
		roster = end_int(m, "private_roster", 1);
	bool tells = end_int(m, "admin_notify_mchanges", 0);

	if (policy < 0 || policy >= (int64_t)ROWS(subscribe))
		policy = 1;
	if (roster < 0 || roster >= (int64_t)ROWS(review))
		roster = 2;
	buf_addf(out, "visibility %s\n\n", end_int(m, "advertised", 1) ? "noconceal" : "conceal");
	buf_addf(out, "subscribe %s\n\n", (tells ? telling : subscribe)[policy]);
	buf_addf(out, "unsubscribe %s\n\n",
	         end_int(m, "unsubscribe_policy", 0) ? "owner"
	         : tells                             ? "auth_notify"
	                                             : "auth");
	buf_addf(out, "review %s\n\nsend %s\n\n", review[roster], sympa_send_of(m));
}

static void add_reply_to(struct end_making *m, struct buf *out)
{
	static const char *const words[] = { "sender", "list", "other_email" };
	int64_t to = end_int(m, "reply_goes_to_list", 0);
	AUTO_BUF struct buf address = { 0 };

	if (to < 0 || to >= (int64_t)ROWS(words))
		to = 0;
	if (to == 2 && !end_address(m, "reply_to_address",
	                            lists_list_attribute(m->l, "reply_to_address"), &address))
		to = 0;
	buf_addf(out, "reply_to_header\nvalue %s\n", words[to]);
	if (to == 2)
		buf_addf(out, "other_email %s\n", buf_text(&address));
	buf_addf(out, "apply %s\n\n", end_int(m, "first_strip_reply_to", 0) ? "forced" : "respect");
}

static void add_archive(const struct end_making *m, struct buf *out)
{
	const char *access = end_int(m, "archive_private", 1) ? "private" : "public";

	if (!end_int(m, "archive", 1)) {
		buf_add_text(out, "process_archive off\n\n");
		return;
	}
	buf_addf(out, "process_archive on\n\narchive\nweb_access %s\nmail_access %s\n\n", access,
	         access);
}

static void add_config(struct end_making *m, struct buf *out)
{
	AUTO_BUF struct buf code = { 0 }, words = { 0 };
	double kilobytes = end_number(lists_list_attribute(m->l, "max_message_size"));
	double made = end_number(lists_list_attribute(m->l, "created_at"));
	uint64_t options = (uint64_t)end_int(m, "new_member_options", 0);

	add_attribute(m, "description", &words);
	if (!span_trim(buf_span(&words)).n)
		add_attribute(m, "real_name", &words);
	buf_add_text(out, "subject ");
	add_line(out, span_trim(buf_span(&words)).n ? buf_span(&words) : span_of(m->l->name));
	buf_addf(out, "\nstatus open\n\nlang %s\n\n", language_of(m, &code));
	add_policies(m, out);
	add_reply_to(m, out);
	sympa_add_prefix(m, out);
	if (end_int(m, "anonymous_list", 0))
		buf_addf(out, "anonymous_sender %s\n\n", m->out->address);
	buf_addf(out, "max_size %.0f\n\n",
	         kilobytes > 0 && kilobytes < 97656 ? kilobytes * 1024 : 0);
	add_archive(m, out);
	if (end_int(m, "digestable", 1))
		buf_add_text(out, "digest 0,1,2,3,4,5,6 12:00\n\n");
	buf_addf(out, "default_user_options\nreception %s\nvisibility %s\n\n",
	         end_int(m, "digest_is_default", 0) ? "digest"
	         : options & LISTS_OPTION_NOTMETOO  ? "not_me"
	                                            : "mail",
	         options & LISTS_OPTION_HIDE ? "conceal" : "noconceal");
	buf_addf(out, "footer_type append\n\ncreation\nemail listmaster\ndate_epoch %.0f\n\n",
	         made > 0 && made < 9e9 ? made : 0);
}

/* ── people ──────────────────────────────────────────────────────────────────────────────────── */

static const char *reception_of(const struct lists_member *member)
{
	uint64_t bits = lists_member_options(member);
	double since;

	if (lists_member_disabled(member, &since) != LISTS_ENABLED || bits & LISTS_OPTION_NOMAIL)
		return "nomail";
	if (value_is_absent(member->regular))
		return bits & LISTS_OPTION_PLAIN ? "digestplain" : "digest";
	return bits & LISTS_OPTION_NOTMETOO ? "not_me" : "mail";
}

static bool person(struct end_making *m, const char *what, struct value v, struct buf *out)
{
	AUTO_BUF struct buf address = { 0 };

	if (!end_address(m, what, v, &address))
		return false;
	for (size_t i = 0; i < address.n; i++)
		if (strchr(" \"<>(),;:\\[]", address.p[i])) {
			end_refuse(m, what, buf_span(&address), "has a sign that Sympa refuses");
			return false;
		}
	buf_add_text(out, "email ");
	buf_add_span(out, buf_span(&address));
	buf_add_char(out, '\n');
	return true;
}

static void add_members(struct end_making *m)
{
	AUTO_BUF struct buf dump = { 0 };
	size_t refused = m->out->refused_n;

	for (size_t i = 0; i < m->l->members.n; i++) {
		const struct lists_member *member = &m->l->members.rows[i];
		AUTO_BUF struct buf name = { 0 };

		if (!person(m, "member", end_member_address(member), &dump))
			continue;
		(void)lists_decode_value(m->l->charset, member->name, &name);
		if (span_trim(buf_span(&name)).n) {
			buf_add_text(&dump, "gecos ");
			add_line(&dump, buf_span(&name));
		}
		buf_addf(&dump, "reception %s\nvisibility %s\nsubscribed 1\n\n",
		         reception_of(member),
		         lists_member_options(member) & LISTS_OPTION_HIDE ? "conceal"
		                                                          : "noconceal");
	}
	json_object_set_new(
		m->out->work, "members",
		json_integer((json_int_t)(m->l->members.n - (m->out->refused_n - refused))));
	end_file(m->out->work, "member.dump", &dump);
}

static void add_people(struct end_making *m, const char *attribute, const char *path,
                       const char *more)
{
	struct value all = lists_list_attribute(m->l, attribute);
	AUTO_BUF struct buf dump = { 0 };

	for (size_t i = 0; value_kind(all) == VALUE_LIST && i < value_count(all); i++)
		if (person(m, attribute, value_item(all, i), &dump))
			buf_addf(&dump, "%s\n", more);
	end_file(m->out->work, path, &dump);
}

static void take_waiting(struct end_making *m)
{
	for (size_t i = 0; i < m->l->requests_n; i++) {
		const struct lists_request *q = &m->l->requests[i];
		AUTO_FREE char *id = xasprintf("request %lld", (long long)q->id);

		end_refuse(m,
		           q->kind == LISTS_REQUEST_POST      ? "held post"
		           : q->kind == LISTS_REQUEST_JOINING ? "joining"
		                                              : "leaving",
		           span_of(id),
		           "Sympa keeps what waits in spools of its own: have it decided in 2.1");
	}
	end_refuse_tokens(m, "Sympa");
	end_refuse_digest(m);
}

/* ── the end ─────────────────────────────────────────────────────────────────────────────────── */

static void plan(struct lists_end_plan *out, const struct lists_list *l,
                 const struct lists_site *site)
{
	struct end_making m = { .l = l, .site = site, .out = out };
	AUTO_BUF struct buf config = { 0 };
	AUTO_FREE char *folder = NULL;
	const char *at;
	size_t n;
	const struct end_rule *rules = sympa_rules(&n);

	end_begin(&m);
	/* by the name of its address: a domain has a folder of its own */
	at = strchr(out->address, '@');
	folder = at ? xasprintf("%s/%.*s", at + 1, (int)(at - out->address), out->address)
	            : xstrdup(l->name);
	out->work = json_pack("{s:o, s:{}, s:[]}", "folder", end_json(span_of(folder)), "files",
	                      "absent");
	end_attributes(&m, rules, n);
	add_config(&m, &config);
	end_file(m.out->work, "config", &config);
	add_members(&m);
	add_people(&m, "owner", "owner.dump", "profile privileged\nreception mail\nsubscribed 1\n");
	add_people(&m, "moderator", "editor.dump", "reception mail\nsubscribed 1\n");
	take_waiting(&m);
}

static int give_list(const struct end_folder *f, enum lists_end_do what,
                     const struct lists_end_plan *p, json_t *answer, struct error *err)
{
	AUTO_CLOSE int fd = end_files_open(f, what, p, answer, err);

	if (fd < 0)
		return fd == -2 ? 0 : -1;
	if (end_files_give(fd, what, p, answer, err) < 0)
		return -1;
	json_object_set(answer, "members", json_object_get(p->work, "members"));
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
		if (give_list(&f, what, &plans[i], answers[i], &own) < 0)
			end_answer_failed(answers[i], &own);
	}
	return what == LISTS_END_LOOK ? 0 : end_files_sync(f.fd, err);
}

const struct lists_end lists_end_sympa = {
	.name = "sympa",
	.takes = LISTS_END_FOLDER | LISTS_END_USER,
	.plan = plan,
	.give = give,
};
