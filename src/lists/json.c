/* SPDX-License-Identifier: BSD-2-Clause */

/* json -- lists as JSON: mailhaul-lists(1) says what stands where. */

#include "lists/show.h"

#include "base/memory.h"
#include "lists/plain.h"
#include "lists/queue.h"

#include <jansson.h>

static json_t *plain(const struct lists_list *l, struct value v)
{
	return lists_plain_json(l->charset, v);
}

static void set(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

json_t *lists_settings_json(const struct lists_list *l, bool secrets)
{
	json_t *object = json_object();
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(l->config, &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf shown = { 0 };
		struct span name;
		const struct lists_attribute *a;

		if (!value_get_chars(pairs[i].key, &name))
			continue;
		a = lists_attribute_named(name);
		if (a && (a->marks & LISTS_PER_MEMBER || (a->marks & LISTS_SECRET && !secrets)))
			continue;
		buf_add_printable(&shown, name);
		set(object, buf_text(&shown), plain(l, pairs[i].value));
	}
	return object;
}

/* ── members ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *options_json(uint64_t bits)
{
	json_t *array = json_array();
	AUTO_BUF struct buf word = { 0 };

	for (unsigned at = 0; at < 64; at++) {
		if (!(bits >> at & 1))
			continue;
		buf_reset(&word);
		lists_option_words(1ull << at, &word);
		json_array_append_new(array, json_string(buf_text(&word)));
	}
	return array;
}

static json_t *disabled_json(const struct lists_list *l, const struct lists_member *m)
{
	double since;
	enum lists_disabled why = lists_member_disabled(m, &since);

	if (why == LISTS_ENABLED)
		return json_null();
	return json_pack("{s:s, s:i, s:o, s:o}", "by", lists_disabled_name(why), "code", (int)why,
	                 "since", lists_plain_json_time(since), "value", plain(l, m->status));
}

static json_t *bounces_json(const struct lists_list *l, const struct lists_member *m, bool secrets)
{
	struct lists_bounces b;
	json_t *object;

	if (!lists_member_bounces(m, &b))
		return plain(l, m->bounces);
	object = json_pack("{s:f, s:s, s:I, s:s}", "score", b.score, "date", b.date, "notices_left",
	                   (json_int_t)b.notices_left, "last_notice", b.last_notice);
	if (secrets)
		set(object, "cookie", plain(l, b.cookie));
	return object;
}

static json_t *member_json(const struct lists_list *l, const struct lists_member *m, bool secrets)
{
	const char *delivery = value_is_absent(m->regular)  ? "digest"
	                       : value_is_absent(m->digest) ? "regular"
	                                                    : "both";
	uint64_t bits = lists_member_options(m);
	json_t *object = json_object();

	set(object, "address", plain(l, m->key));
	set(object, "as_typed", lists_plain_json_octets(l->charset, lists_member_as_typed(m)));
	set(object, "delivery", json_string(delivery));
	set(object, "name", plain(l, m->name));
	set(object, "language", plain(l, m->language));
	set(object, "options", options_json(bits));
	/* what is no number is given as it is */
	set(object, "option_bits",
	    bits || value_is_absent(m->options) ? json_integer((json_int_t)bits)
	                                        : plain(l, m->options));
	set(object, "disabled", disabled_json(l, m));
	set(object, "bounces", bounces_json(l, m, secrets));
	set(object, "topics", plain(l, m->topics));
	set(object, "one_last_digest", json_boolean(!value_is_absent(m->one_last_digest)));
	if (secrets)
		set(object, "password", plain(l, m->password));
	return object;
}

static json_t *members_json(const struct lists_list *l, bool secrets)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->members.n; i++)
		json_array_append_new(array, member_json(l, &l->members.rows[i], secrets));
	return array;
}

/* ── what waits ──────────────────────────────────────────────────────────────────────────────── */

static json_t *request_json(const struct lists_list *l, const struct lists_request *r, bool secrets)
{
	json_t *object = json_pack("{s:I, s:o, s:o}", "id", (json_int_t)r->id, "at",
	                           lists_plain_json_time(r->at), "address", plain(l, r->address));

	if (r->kind == LISTS_REQUEST_POST) {
		set(object, "subject", plain(l, r->subject));
		set(object, "reason", plain(l, r->reason));
		set(object, "file", plain(l, r->file));
		set(object, "lost", json_boolean(r->is_lost));
		set(object, "octets", json_integer((json_int_t)r->size));
		set(object, "metadata", plain(l, r->metadata));
	}
	if (r->kind == LISTS_REQUEST_JOINING) {
		set(object, "name", plain(l, r->name));
		set(object, "digest", plain(l, r->digest));
		set(object, "language", plain(l, r->language));
		if (secrets)
			set(object, "password", plain(l, r->password));
	}
	if (r->kind == LISTS_REQUEST_UNKNOWN && secrets)
		set(object, "record", plain(l, r->record));
	return object;
}

json_t *lists_requests_json(const struct lists_list *l, bool secrets)
{
	static const char *const words[] = {
		[LISTS_REQUEST_UNKNOWN] = "unknown",
		[LISTS_REQUEST_POST] = "held",
		[LISTS_REQUEST_JOINING] = "joining",
		[LISTS_REQUEST_LEAVING] = "leaving",
	};
	json_t *object = json_object();

	for (size_t kind = 0; kind < ROWS(words); kind++)
		set(object, words[kind], json_array());
	for (size_t i = 0; i < l->requests_n; i++)
		json_array_append_new(json_object_get(object, words[l->requests[i].kind]),
		                      request_json(l, &l->requests[i], secrets));
	return object;
}

static int compare_entries(const void *a, const void *b)
{
	const char *x = json_string_value(json_array_get(*(json_t *const *)a, 0));
	const char *y = json_string_value(json_array_get(*(json_t *const *)b, 0));

	return strcmp(x, y);
}

/* In the order of what they are about: that of the cookies would tell of them. */
json_t *lists_pending_json(const struct lists_list *l, bool secrets)
{
	AUTO_FREE json_t **rows = xcalloc(l->pending_n + 1, sizeof(json_t *));
	json_t *array = json_array();

	for (size_t i = 0; i < l->pending_n; i++) {
		const struct lists_pending *p = &l->pending[i];
		AUTO_BUF struct buf about = { 0 }, key = { 0 };
		json_t *object;

		lists_pending_about(l, p, &about);
		buf_addf(&key, "%c %s %.3f", p->op, buf_text(&about), p->until);
		object = json_pack("{s:s#, s:s, s:o, s:o}", "op", &p->op, 1, "what",
		                   lists_pending_name(p->op), "about",
		                   lists_plain_json_text(buf_text(&about)), "until",
		                   lists_plain_json_time(p->until));
		if (secrets) {
			set(object, "cookie", json_stringn(p->cookie.p, p->cookie.n));
			set(object, "entry", plain(l, p->entry));
		}
		rows[i] = json_pack("[o, o]", lists_plain_json_text(buf_text(&key)), object);
	}
	qsort(rows, l->pending_n, sizeof *rows, compare_entries);
	for (size_t i = 0; i < l->pending_n; i++) {
		json_array_append(array, json_array_get(rows[i], 1));
		json_decref(rows[i]);
	}
	return array;
}

static json_t *queued_json(const struct lists_queued *q)
{
	json_t *object = json_object();

	set(object, "queue", json_string(lists_queue_name(q->queue)));
	set(object, "name", lists_plain_json_text(q->name));
	set(object, "state", json_string(lists_queue_state_name(q->state)));
	set(object, "octets", json_integer((json_int_t)q->size));
	set(object, "at", lists_plain_json_time(q->at));
	set(object, "list", lists_plain_json_text(q->list));
	set(object, "message_id", lists_plain_json_text(q->message_id));
	set(object, "sender", lists_plain_json_text(q->sender));
	set(object, "subject", lists_plain_json_text(q->subject));
	set(object, "goes_back", lists_plain_json_text(q->goes_back));
	set(object, "recipients", json_integer((json_int_t)q->recipients));
	set(object, "is_text", json_boolean(q->is_text));
	set(object, "problem", lists_plain_json_text(q->problem));
	return object;
}

/* `l` NULL: those of lists that are not there. */
static json_t *events_json(const struct lists_site *site, const struct lists_list *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < site->events_n; i++) {
		const struct lists_event *e = &site->events[i];

		if (l ? strcmp(e->list, l->name) == 0 : !strings_has(&site->names, e->list))
			json_array_append_new(array, json_pack("{s:o, s:s, s:s, s:s}", "file",
			                                       lists_plain_json_text(e->file),
			                                       "list", e->list, "address",
			                                       e->address, "date", e->date));
	}
	return array;
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static json_t *mbox_json(const struct lists_mbox_file *m)
{
	if (!m->is_there)
		return json_null();
	return json_pack("{s:I, s:o, s:o}", "octets", (json_int_t)m->size, "messages",
	                 m->is_counted ? json_integer((json_int_t)m->messages) : json_null(),
	                 "separators",
	                 m->is_counted ? json_integer((json_int_t)m->separators) : json_null());
}

static json_t *number_or_null(int64_t n)
{
	return n < 0 ? json_null() : json_integer((json_int_t)n);
}

static json_t *archive_json(const struct lists_archive *a)
{
	return json_pack(
		"{s:b, s:o, s:b, s:b, s:o, s:I, s:I, s:o, s:s, s:s, s:o}", "private", a->is_private,
		"mbox", mbox_json(&a->mbox), "has_pages", a->has_pages, "has_state", a->has_state,
		"sequence", number_or_null(a->sequence), "volumes", (json_int_t)a->volumes, "pages",
		(json_int_t)a->pages, "highest_page", number_or_null(a->highest), "public_pages",
		lists_link_name(a->public_pages), "public_mbox", lists_link_name(a->public_mbox),
		"public_target", lists_plain_json_text(a->public_target));
}

static json_t *names_json(const struct strings *names)
{
	json_t *array = json_array();

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(array, lists_plain_json_text(names->rows[i]));
	return array;
}

static json_t *findings_json(const struct lists_findings *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(array,
		                      json_pack("{s:o, s:o, s:o}", "where",
		                                lists_plain_json_text(f->rows[i].where), "who",
		                                lists_plain_json_text(f->rows[i].who), "what",
		                                lists_plain_json_text(f->rows[i].text)));
	return array;
}

json_t *lists_list_json(const struct lists_list *l, const struct lists_site *site, bool secrets)
{
	json_t *object = lists_requests_json(l, secrets), *queue = json_array();
	AUTO_BUF struct buf address = { 0 };

	for (size_t i = 0; i < site->queue_n; i++)
		if (lists_queued_is_of(&site->queue[i], l))
			json_array_append_new(queue, queued_json(&site->queue[i]));
	set(object, "name", lists_plain_json_text(l->name));
	lists_list_address(l, &address);
	set(object, "address", address.n ? lists_plain_json_text(buf_text(&address)) : json_null());
	set(object, "config_file", lists_plain_json_text(l->config_file));
	set(object, "data_version", json_integer((json_int_t)l->data_version));
	set(object, "charset", json_string(lists_charset_name(l->charset)));
	set(object, "settings", lists_settings_json(l, secrets));
	set(object, "members", members_json(l, secrets));
	set(object, "orphans", names_json(&l->orphans));
	set(object, "pending", lists_pending_json(l, secrets));
	set(object, "queue", queue);
	set(object, "bounce_events", events_json(site, l));
	set(object, "archive", archive_json(&l->archive));
	set(object, "digest", mbox_json(&l->digest));
	set(object, "templates", names_json(&l->templates));
	set(object, "other_files", names_json(&l->others));
	set(object, "findings", findings_json(&l->findings));
	return object;
}

json_t *lists_site_json(const struct lists_site *site)
{
	json_t *queue = json_array();

	for (size_t i = 0; i < site->queue_n; i++)
		if (lists_queued_is_of_none(&site->queue[i], site))
			json_array_append_new(queue, queued_json(&site->queue[i]));
	return json_pack("{s:o, s:o, s:o}", "queue", queue, "bounce_events",
	                 events_json(site, NULL), "findings", findings_json(&site->findings));
}
