/* SPDX-License-Identifier: BSD-2-Clause */

/* list_requests -- request.pck, and the held messages in DATA_DIR that its records name. */

#include "lists/list_inside.h"

#include "base/memory.h"
#include "lists/message.h"

#include <stdlib.h>
#include <string.h>

static void add_finding(struct lists_list *l, int64_t id, const char *words)
{
	AUTO_FREE char *number = xasprintf("%lld", (long long)id);
	struct span who = span_of(number);

	lists_findings_add(&l->findings, "request.pck", &who, "%s", words);
}

static void take_post(struct lists_request *q)
{
	q->address = value_item(q->record, 1);
	q->subject = value_item(q->record, 2);
	q->reason = value_item(q->record, 3);
	q->file = value_item(q->record, 4);
	q->metadata = value_item(q->record, 5);
}

static void take_joining(struct lists_request *q)
{
	/* until 2.1 without the name, and without the language */
	size_t shift = value_count(q->record) < 5 ? 1 : 0;

	q->address = value_item(q->record, 1);
	if (!shift)
		q->name = value_item(q->record, 2);
	q->password = value_item(q->record, 3 - shift);
	q->digest = value_item(q->record, 4 - shift);
	q->language = value_item(q->record, 5 - shift);
}

/* 2.1.1 to 2.1.11 could lose the type: whether the fifth is a digest flag tells which it was. */
static enum lists_request_kind guess_kind(struct value record)
{
	int64_t flag;

	if (value_get_int(value_item(record, 4), &flag) && (flag == 0 || flag == 1))
		return LISTS_REQUEST_JOINING;
	return LISTS_REQUEST_POST;
}

static void take_record(struct lists_list *l, struct lists_request *q, struct value v)
{
	int64_t kind;
	struct span address;

	q->record = v;
	if (value_count(v) == 2 && value_get_int(value_item(v, 0), &kind)) {
		q->record = value_item(v, 1);
		q->kind = kind >= LISTS_REQUEST_POST && kind <= LISTS_REQUEST_LEAVING
		                  ? (enum lists_request_kind)kind
		                  : LISTS_REQUEST_UNKNOWN;
	} else if (value_count(v) == 6) {
		q->kind = guess_kind(v);
		add_finding(l, q->id,
		            "lost its type to an old release: which one it has is a guess");
	}
	if (q->kind == LISTS_REQUEST_LEAVING)
		q->address = q->record;
	else
		(void)value_get_number(value_item(q->record, 0), &q->at);
	if (q->kind == LISTS_REQUEST_POST)
		take_post(q);
	if (q->kind == LISTS_REQUEST_JOINING)
		take_joining(q);
	if (q->kind == LISTS_REQUEST_UNKNOWN || !value_get_chars(q->address, &address))
		add_finding(l, q->id, "is no request that Mailman 2.1 knows");
}

static void find_file(struct lists_list *l, const struct lists_reading *r, struct lists_request *q)
{
	const struct host_entry *e = NULL;
	struct span file;

	if (value_get_chars(q->file, &file)) {
		AUTO_FREE char *name = span_dup(file);

		e = lists_entry(&r->site->data, name);
	}
	q->is_lost = !e;
	q->size = e ? e->size : 0;
	if (q->is_lost)
		add_finding(l, q->id, "the message is not in DATA_DIR: Mailman will call it lost");
}

static int compare_requests(const void *a, const void *b)
{
	const struct lists_request *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void lists_take_requests(struct lists_list *l, const struct lists_reading *r, struct value dict)
{
	const struct value_pair *pairs;
	size_t n;

	(void)value_dict_settle(dict);
	n = value_dict_pairs(dict, &pairs);
	for (size_t i = 0; i < n; i++) {
		struct lists_request q = { 0 };
		struct span word;

		if (value_get_chars(pairs[i].key, &word) && span_is(word, "version"))
			continue;
		if (!value_get_int(pairs[i].key, &q.id)) {
			lists_findings_add(&l->findings, "request.pck", NULL,
			                   "has a key that is no number");
			continue;
		}
		take_record(l, &q, pairs[i].value);
		if (q.kind == LISTS_REQUEST_POST)
			find_file(l, r, &q);
		ARRAY_GROW(l->requests, l->requests_n, l->requests_room);
		l->requests[l->requests_n++] = q;
	}
	if (l->requests_n)
		qsort(l->requests, l->requests_n, sizeof *l->requests, compare_requests);
}

/* heldmsg-LIST-NUMBER.pck or .txt; LIST may have "-" in it. */
static bool is_held_name(const char *file, const char *prefix)
{
	struct span rest = span_of(file);
	uint64_t number;

	if (!span_ends(rest, ".pck") && !span_ends(rest, ".txt"))
		return false;
	rest = span_from(rest, strlen(prefix));
	return rest.n > 4 && span_parse_u64((struct span){ rest.p, rest.n - 4 }, &number);
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* The files that requests name, sorted; the caller frees it. */
static struct span *named_files(const struct lists_list *l, size_t *n)
{
	struct span *names = xcalloc(l->requests_n + 1, sizeof *names);

	*n = 0;
	for (size_t i = 0; i < l->requests_n; i++)
		*n += value_get_chars(l->requests[i].file, &names[*n]);
	qsort(names, *n, sizeof *names, compare_spans);
	return names;
}

void lists_find_orphans(struct lists_list *l, const struct lists_reading *r)
{
	const struct host_listing *data = &r->site->data;
	AUTO_FREE char *prefix = xasprintf("heldmsg-%s-", l->name);
	size_t n;
	AUTO_FREE struct span *named = named_files(l, &n);

	for (size_t i = lists_entry_at(data, prefix); i < data->n; i++) {
		const char *file = data->rows[i].path;
		struct span name = span_of(file);

		if (!span_starts(name, prefix))
			return;
		if (!is_held_name(file, prefix) ||
		    bsearch(&name, named, n, sizeof *named, compare_spans))
			continue;
		strings_add(&l->orphans, file);
		lists_findings_add(&l->findings, "DATA_DIR", &name,
		                   "a held message that no request names: no moderator sees it");
	}
}

int lists_read_requests(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	const char *file = lists_has_file(l, r, "request.pck") ? "request.pck" : "request.db";
	AUTO_FREE char *path = xasprintf("%s/%s", r->dir, file);
	int64_t next = 0;

	if (lists_has_file(l, r, file)) {
		if (lists_site_file(r->site, path, &l->request_data, err) < 0) {
			if (lists_is_unreached(err))
				return -1;
			lists_findings_add(&l->findings, file, NULL, "cannot be read: %s",
			                   err->text);
		}
		if (l->request_data.n)
			lists_take_requests(l, r, l->request_data.rows[0]);
	}
	lists_find_orphans(l, r);
	if (l->requests_n && value_get_int(lists_list_attribute(l, "next_request_id"), &next) &&
	    next <= l->requests[l->requests_n - 1].id)
		lists_findings_add(&l->findings, "next_request_id", NULL,
		                   "is %lld, and request %lld is there", (long long)next,
		                   (long long)l->requests[l->requests_n - 1].id);
	return 0;
}

enum lists_message_form lists_request_text(const struct lists_site *site,
                                           const struct lists_request *r, struct buf *unix_from,
                                           struct buf *text)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 };
	struct error err = { 0 };
	struct span file, rest, line;

	if (r->is_lost || !value_get_chars(r->file, &file))
		return LISTS_MESSAGE_NONE;

	AUTO_FREE char *name = span_dup(file);
	AUTO_FREE char *path = lists_paths_join(site->paths, LISTS_DATA_DIR, name);

	/* the ending says how it is to be read, whatever the site's setting is now */
	if (!span_ends(file, ".txt")) {
		if (lists_file_read(site->h, path, &f, &err) < 0 || f.n != 1)
			return LISTS_MESSAGE_NONE;
		buf_add_span(unix_from, lists_message_unix_from(f.rows[0]));
		return lists_message_text(f.rows[0], text);
	}
	if (host_read(site->h, path, 1ull << 30, &octets, &err) < 0)
		return LISTS_MESSAGE_NONE;
	rest = buf_span(&octets);
	if (span_starts(rest, "From ") && span_next_line(&rest, &line))
		buf_add_span(unix_from, line);
	buf_add_span(text, rest);
	return LISTS_MESSAGE_EXACT;
}
