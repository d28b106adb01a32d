/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

/* ── what waits ──────────────────────────────────────────────────────────────────────────────── */

static void take_held(struct end_making *m, const struct lists_request *q, json_t *held)
{
	AUTO_BUF struct buf unix_from = { 0 }, text = { 0 };
	AUTO_FREE char *id = xasprintf("request %lld", (long long)q->id);

	if (!m->site)
		return;
	if (lists_request_text(m->site, q, &unix_from, &text) == LISTS_MESSAGE_NONE) {
		end_refuse(m, "held post", span_of(id),
		           q->is_lost ? "its message is lost" : "its message can't be read");
		return;
	}
	json_array_append_new(held, json_pack("{s:I, s:f, s:o, s:o, s:o}", "id", (json_int_t)q->id,
	                                      "at", q->at, "reason", end_string(m, q->reason),
	                                      "sender", end_string(m, q->address), "message",
	                                      end_octets(buf_span(&text))));
}

static void take_joining(struct end_making *m, const struct lists_request *q, json_t *joining)
{
	AUTO_BUF struct buf address = { 0 };
	struct span code = SPAN("");
	int64_t digest = 0;
	const char *language;

	if (!end_address(m, "joining", q->address, &address))
		return;
	(void)value_get_int(q->digest, &digest);
	(void)value_get_chars(q->language, &code);
	language = mailman3_language(code);
	json_array_append_new(joining, json_pack("{s:o, s:o, s:s, s:s?, s:f}", "address",
	                                         end_json(buf_span(&address)), "name",
	                                         end_string(m, q->name), "mode",
	                                         digest ? "mime_digests" : "regular", "language",
	                                         language, "at", q->at));
}

void mailman3_take_waiting(struct end_making *m)
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
		         end_address(m, "leaving", q->address, &address))
			json_array_append_new(leaving, end_json(buf_span(&address)));
	}
	end_refuse_tokens(m, "Mailman 3");
	mailman3_take_digest(m);
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static json_t *new_work(const char *address)
{
	static const char *const arrays[] = { "members", "owners",         "moderators",
		                              "bans",    "header_matches", "responses",
		                              "held",    "joining",        "leaving",
		                              "digest" };
	static const char *const objects[] = { "config", "opening", "core", "templates" };
	json_t *work = json_object();

	json_object_set_new(work, "list", end_json(span_of(address)));
	for (size_t i = 0; i < ROWS(arrays); i++)
		json_object_set_new(work, arrays[i], json_array());
	for (size_t i = 0; i < ROWS(objects); i++)
		json_object_set_new(work, objects[i], json_object());
	return work;
}

void lists_mailman3_plan(struct lists_end_plan *out, const struct lists_list *l,
                         const struct lists_site *site)
{
	struct end_making m = { .l = l, .site = site, .out = out };
	size_t n;
	const struct end_rule *rules = mailman3_rules(&n);

	end_begin(&m);
	out->work = new_work(out->address);
	end_attributes(&m, rules, n);
	mailman3_take_waiting(&m);
}
