/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/plain.h"
#include "lists/show.h"

#include <stdlib.h>
#include <string.h>

const char *lists_mailman3_fate_name(enum lists_mailman3_fate fate)
{
	static const char *const names[] = {
		[LISTS_MAILMAN3_SET] = "set",
		[LISTS_MAILMAN3_CARRIED] = "carried",
		[LISTS_MAILMAN3_LEFT] = "left",
		[LISTS_MAILMAN3_UNUSED] = "not needed",
	};

	return names[fate];
}

void lists_mailman3_plan_fini(struct lists_mailman3_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].name);
		free(p->rows[i].to);
		free(p->rows[i].why);
		json_decref(p->rows[i].value);
	}
	for (size_t i = 0; i < p->refused_n; i++) {
		free(p->refused[i].who);
		free(p->refused[i].why);
	}
	free(p->rows);
	free(p->refused);
	free(p->address);
	json_decref(p->work);
	*p = (struct lists_mailman3_plan){ 0 };
}

/* ── attributes ──────────────────────────────────────────────────────────────────────────────── */

static json_t *shown(const struct mailman3 *m, const struct lists_attribute *a)
{
	if (a && a->marks & LISTS_SECRET && !(a->marks & LISTS_PER_MEMBER))
		return json_null();
	if (value_kind(m->v) == VALUE_DICT && a) {
		const struct value_pair *pairs;

		return json_integer((json_int_t)value_dict_pairs(m->v, &pairs));
	}
	return lists_plain_json(m->l->charset, m->v);
}

/* An attribute of the wrong type, as broken hands leave it. */
static void take_misfit(struct mailman3 *m, const struct lists_attribute *a)
{
	AUTO_BUF struct buf words = { 0 };

	buf_addf(&words, "is %s, and has to be ", value_kind_name(value_kind(m->v)));
	lists_attribute_expects(a, &words);
	m->row->fate = LISTS_MAILMAN3_LEFT;
	mailman3_refuse(m, "attribute", span_of(a->name), buf_text(&words));
}

static void take_attribute(struct mailman3 *m, const struct value_pair *pair)
{
	struct lists_mailman3_plan *p = m->out;
	AUTO_BUF struct buf name = { 0 };
	const struct lists_attribute *a = NULL;
	struct span key = SPAN("");

	ARRAY_GROW(p->rows, p->n, p->room);
	m->row = &p->rows[p->n++];
	*m->row = (struct lists_mailman3_row){ 0 };
	m->v = pair->value;
	m->rule = NULL;
	if (value_get_chars(pair->key, &key)) {
		a = lists_attribute_named(key);
		m->rule = mailman3_rule(key);
		buf_add_printable(&name, key);
	} else {
		lists_plain_line(m->l->charset, pair->key, &name);
	}
	m->row->name = xstrdup(buf_text(&name));
	m->row->value = shown(m, a);
	if (!a || !m->rule)
		mailman3_left(m, "is none of Mailman 2.1's own: a patch's, or a site's");
	/* who is a member is known, whatever else there is of the wrong type */
	else if (lists_attribute_fits(a, m->v) || a->marks & LISTS_PER_MEMBER)
		m->rule->take(m);
	else
		take_misfit(m, a);
	m->row = NULL;
}

/* ── what waits ──────────────────────────────────────────────────────────────────────────────── */

/* Octets as characters: no other form of JSON keeps what is no text. */
static json_t *octets_json(struct span octets)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];

		if (c < 0x80) {
			buf_add_char(&text, (char)c);
		} else {
			buf_add_char(&text, (char)(0xc0 | c >> 6));
			buf_add_char(&text, (char)(0x80 | (c & 0x3f)));
		}
	}
	return json_stringn(buf_text(&text), text.n);
}

static void take_held(struct mailman3 *m, const struct lists_request *q, json_t *held)
{
	AUTO_BUF struct buf unix_from = { 0 }, text = { 0 };
	AUTO_FREE char *id = xasprintf("request %lld", (long long)q->id);

	if (!m->site)
		return;
	if (lists_request_text(m->site, q, &unix_from, &text) == LISTS_MESSAGE_NONE) {
		mailman3_refuse(m, "held post", span_of(id),
		                q->is_lost ? "its message is lost" : "its message can't be read");
		return;
	}
	json_array_append_new(held, json_pack("{s:I, s:f, s:o, s:o, s:o}", "id", (json_int_t)q->id,
	                                      "at", q->at, "reason", mailman3_string(m, q->reason),
	                                      "sender", mailman3_string(m, q->address), "message",
	                                      octets_json(buf_span(&text))));
}

static void take_joining(struct mailman3 *m, const struct lists_request *q, json_t *joining)
{
	AUTO_BUF struct buf address = { 0 };
	struct span code = SPAN("");
	int64_t digest = 0;
	const char *language;

	if (!mailman3_address(m, "joining", q->address, &address))
		return;
	(void)value_get_int(q->digest, &digest);
	(void)value_get_chars(q->language, &code);
	language = mailman3_language(code);
	json_array_append_new(joining, json_pack("{s:o, s:o, s:s, s:s?, s:f}", "address",
	                                         mailman3_text(buf_span(&address)), "name",
	                                         mailman3_string(m, q->name), "mode",
	                                         digest ? "mime_digests" : "regular", "language",
	                                         language, "at", q->at));
}

static void take_tokens(struct mailman3 *m)
{
	for (size_t i = 0; i < m->l->pending_n; i++) {
		const struct lists_pending *p = &m->l->pending[i];

		AUTO_BUF struct buf who = { 0 };

		/* one of a held post goes with the post, which gets another there */
		if (p->op == 'H')
			continue;
		buf_addf(&who, "%s: ", lists_pending_name(p->op));
		lists_pending_about(m->l, p, &who);
		mailman3_refuse(m, "token", buf_span(&who),
		                "who has it in a mail has to begin anew: Mailman 3 does not know "
		                "it");
	}
}

void mailman3_take_waiting(struct mailman3 *m)
{
	json_t *held = json_object_get(m->out->work, "held");
	json_t *joining = json_object_get(m->out->work, "joining");
	json_t *leaving = json_object_get(m->out->work, "leaving");

	for (size_t i = 0; i < m->l->requests_n; i++) {
		const struct lists_request *q = &m->l->requests[i];
		AUTO_BUF struct buf address = { 0 };

		if (q->kind == LISTS_REQUEST_POST)
			take_held(m, q, held);
		else if (q->kind == LISTS_REQUEST_JOINING)
			take_joining(m, q, joining);
		else if (q->kind == LISTS_REQUEST_LEAVING &&
		         mailman3_address(m, "leaving", q->address, &address))
			json_array_append_new(leaving, mailman3_text(buf_span(&address)));
	}
	take_tokens(m);
	if (m->l->digest.is_there && m->l->digest.size)
		mailman3_refuse(m, "digest", span_of("digest.mbox"),
		                "the digest in progress: have 2.1 send it before the list moves");
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static json_t *new_work(const char *address)
{
	static const char *const arrays[] = { "members", "owners",         "moderators",
		                              "bans",    "header_matches", "responses",
		                              "held",    "joining",        "leaving" };
	static const char *const objects[] = { "config", "opening", "core", "templates" };
	json_t *work = json_object();

	json_object_set_new(work, "list", mailman3_text(span_of(address)));
	for (size_t i = 0; i < ROWS(arrays); i++)
		json_object_set_new(work, arrays[i], json_array());
	for (size_t i = 0; i < ROWS(objects); i++)
		json_object_set_new(work, objects[i], json_object());
	return work;
}

void lists_mailman3_plan(struct lists_mailman3_plan *out, const struct lists_list *l,
                         const struct lists_site *site)
{
	struct mailman3 m = { .l = l, .site = site, .out = out };
	AUTO_BUF struct buf address = { 0 };
	struct value_pair *pairs;
	size_t n;

	*out = (struct lists_mailman3_plan){ 0 };
	lists_list_address(l, &address);
	for (size_t i = 0; i < address.n; i++)
		address.p[i] = ascii_lower(address.p[i]);
	out->address = xstrdup(buf_text(&address));
	out->work = new_work(out->address);
	m.config = json_object_get(out->work, "config");
	m.opening = json_object_get(out->work, "opening");
	m.core = json_object_get(out->work, "core");
	m.templates = json_object_get(out->work, "templates");
	pairs = lists_plain_pairs(l->config, &n);
	for (size_t i = 0; i < n; i++)
		take_attribute(&m, &pairs[i]);
	free(pairs);
	mailman3_take_waiting(&m);
}

json_t *lists_mailman3_plan_json(const struct lists_mailman3_plan *p)
{
	json_t *rows = json_array(), *refused = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s?, s:O, s:s?}", "attribute",
		                                      p->rows[i].name, "fate",
		                                      lists_mailman3_fate_name(p->rows[i].fate),
		                                      "to", p->rows[i].to, "value",
		                                      p->rows[i].value, "why", p->rows[i].why));
	for (size_t i = 0; i < p->refused_n; i++)
		json_array_append_new(
			refused, json_pack("{s:s, s:s, s:s}", "what", p->refused[i].what, "who",
		                           p->refused[i].who, "why", p->refused[i].why));
	return json_pack("{s:s, s:o, s:o, s:I}", "list", p->address, "attributes", rows, "refused",
	                 refused, "members", (json_int_t)p->members);
}
