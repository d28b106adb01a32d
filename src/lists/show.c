/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/show.h"

#include "base/memory.h"
#include "lists/plain.h"
#include "lists/queue.h"

#include <stdlib.h>
#include <string.h>

struct showing {
	FILE *out;
	const struct lists_list *l;
	const struct lists_site *site;
	bool secrets;
	struct buf line;
};

static void end_line(struct showing *s)
{
	fprintf(s->out, "  %s\n", buf_text(&s->line));
	buf_reset(&s->line);
}

/* ", WORD value" where there is one. */
static void add_fact(struct showing *s, const char *word, struct value v)
{
	if (value_is_absent(v))
		return;
	buf_addf(&s->line, ", %s ", word);
	lists_plain_quoted(s->l->charset, v, &s->line);
}

static void add_address(struct showing *s, struct value v)
{
	lists_plain_line(s->l->charset, v, &s->line);
}

bool lists_queued_is_of(const struct lists_queued *q, const struct lists_list *l)
{
	return q->list && strcmp(q->list, l->name) == 0;
}

bool lists_queued_is_of_none(const struct lists_queued *q, const struct lists_site *site)
{
	return !q->list || !strings_has(&site->names, q->list);
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

static void show_setting(struct showing *s, struct span name, const struct lists_attribute *a,
                         struct value v)
{
	struct span word;
	int64_t flag;

	buf_addf(&s->line, "%s ", a && a->marks & LISTS_SECRET ? "secret" : "setting");
	buf_add_printable(&s->line, name);
	buf_add_text(&s->line, ": ");
	if (a && a->types == LISTS_FLAG && value_get_int(v, &flag) && (flag == 0 || flag == 1))
		buf_add_text(&s->line, flag ? "yes" : "no");
	else
		lists_plain_line(s->l->charset, v, &s->line);
	if (a && lists_attribute_word(a, v, &word))
		buf_addf(&s->line, " (%.*s)", (int)word.n, word.p);
	end_line(s);
}

/* Who was answered by itself, and until when he is not again: a line an address. */
static void show_answered(struct showing *s, struct span name, struct value answered)
{
	size_t n;
	AUTO_FREE struct value_pair *pairs = lists_plain_pairs(answered, &n);

	for (size_t i = 0; i < n; i++) {
		double until;

		buf_addf(&s->line, "answered by itself (%.*s): ", (int)name.n, name.p);
		lists_plain_line(s->l->charset, pairs[i].key, &s->line);
		buf_add_text(&s->line, ", ");
		if (value_get_number(pairs[i].value, &until)) {
			buf_add_text(&s->line, "not again until ");
			lists_plain_time(until, &s->line);
		} else { /* a day, and how often that day; -1: the last time */
			lists_plain_line(s->l->charset, pairs[i].value, &s->line);
		}
		end_line(s);
	}
}

/* A list of three is three lines: so a diff shows the one that is new. */
static void show_attribute(struct showing *s, const struct value_pair *pair)
{
	struct span name = SPAN("");
	const struct lists_attribute *a;

	(void)value_get_chars(pair->key, &name);
	a = lists_attribute_named(name);
	if (a && (a->marks & LISTS_PER_MEMBER || (a->marks & LISTS_SECRET && !s->secrets)))
		return;
	if (a && a->marks & LISTS_RUNNING && value_kind(pair->value) == VALUE_DICT) {
		show_answered(s, name, pair->value);
		return;
	}
	if (value_kind(pair->value) != VALUE_LIST || !value_count(pair->value)) {
		show_setting(s, name, a, pair->value);
		return;
	}
	for (size_t i = 0; i < value_count(pair->value); i++)
		show_setting(s, name, a, value_item(pair->value, i));
}

static void show_settings(struct showing *s)
{
	size_t n;
	AUTO_FREE struct value_pair *pairs = lists_plain_pairs(s->l->config, &n);

	for (size_t i = 0; i < n; i++)
		show_attribute(s, &pairs[i]);
}

/* ── members ─────────────────────────────────────────────────────────────────────────────────── */

static void add_delivery(struct showing *s, const struct lists_member *m)
{
	struct lists_bounces b;
	double since;
	enum lists_disabled why = lists_member_disabled(m, &since);

	if (why != LISTS_ENABLED) {
		buf_addf(&s->line, ", disabled by %s since ", lists_disabled_name(why));
		lists_plain_time(since, &s->line);
	}
	if (lists_member_bounces(m, &b)) {
		buf_addf(&s->line, ", bounces %g, last %s, notices left %lld, last notice %s",
		         b.score, b.date[0] ? b.date : "?", (long long)b.notices_left,
		         b.last_notice[0] ? b.last_notice : "?");
		if (s->secrets)
			add_fact(s, "cookie", b.cookie);
	} else {
		add_fact(s, "bounces", m->bounces);
	}
}

static void show_member(struct showing *s, const struct lists_member *m)
{
	struct span typed = lists_member_as_typed(m);
	uint64_t bits = lists_member_options(m);

	buf_add_text(&s->line, "member ");
	add_address(s, m->key);
	buf_add_text(&s->line, value_is_absent(m->regular)  ? ": digest"
	                       : value_is_absent(m->digest) ? ": regular"
	                                                    : ": regular and digest");
	if (!span_equal(typed, lists_member_address(m))) {
		buf_add_text(&s->line, ", as ");
		buf_add_printable(&s->line, typed);
	}
	add_fact(s, "name", m->name);
	add_fact(s, "language", m->language);
	if (bits) {
		buf_add_text(&s->line, ", options ");
		lists_option_words(bits, &s->line);
	}
	add_delivery(s, m);
	add_fact(s, "topics", m->topics);
	if (!value_is_absent(m->one_last_digest))
		buf_add_text(&s->line, ", one last digest");
	if (s->secrets)
		add_fact(s, "password", m->password);
	end_line(s);
}

/* ── what waits ──────────────────────────────────────────────────────────────────────────────── */

static void show_request(struct showing *s, const struct lists_request *r)
{
	static const char *const words[] = {
		[LISTS_REQUEST_UNKNOWN] = "unknown request",
		[LISTS_REQUEST_POST] = "held",
		[LISTS_REQUEST_JOINING] = "joining",
		[LISTS_REQUEST_LEAVING] = "leaving",
	};

	buf_addf(&s->line, "%s %lld: ", words[r->kind], (long long)r->id);
	add_address(s, r->address);
	if (r->at > 0) {
		buf_add_text(&s->line, ", at ");
		lists_plain_time(r->at, &s->line);
	}
	add_fact(s, "name", r->name);
	add_fact(s, "language", r->language);
	add_fact(s, "digest", r->digest);
	if (s->secrets)
		add_fact(s, "password", r->password);
	add_fact(s, "subject", r->subject);
	add_fact(s, "reason", r->reason);
	add_fact(s, "file", r->file);
	if (r->kind == LISTS_REQUEST_POST && r->is_lost)
		buf_add_text(&s->line, ", lost");
	else if (r->kind == LISTS_REQUEST_POST)
		buf_addf(&s->line, ", %llu octets", (unsigned long long)r->size);
	end_line(s);
}

void lists_pending_about(const struct lists_list *l, const struct lists_pending *p, struct buf *out)
{
	struct value first = value_item(p->entry, p->op == 'E' ? 2 : 1);

	if (p->op == 'S')
		first = value_attribute(first, SPAN("address"));
	lists_plain_line(l->charset, first, out);
	if (p->op == 'C') {
		buf_add_text(out, " to ");
		lists_plain_line(l->charset, value_item(p->entry, 2), out);
	}
	if (p->op == 'S' &&
	    !value_is_absent(value_attribute(value_item(p->entry, 1), SPAN("invitation"))))
		buf_add_text(out, ", invited");
}

/* By what they are about, because their cookies are secret: the order would tell of them. */
static void show_pending(struct showing *s)
{
	AUTO_STRINGS struct strings lines = { 0 };

	for (size_t i = 0; i < s->l->pending_n; i++) {
		const struct lists_pending *p = &s->l->pending[i];
		AUTO_BUF struct buf line = { 0 };

		buf_addf(&line, "pending %s: ", lists_pending_name(p->op));
		lists_pending_about(s->l, p, &line);
		buf_add_text(&line, ", until ");
		lists_plain_time(p->until, &line);
		if (s->secrets)
			buf_addf(&line, ", cookie %.*s", (int)p->cookie.n, p->cookie.p);
		strings_add(&lines, buf_text(&line));
	}
	strings_sort(&lines);
	for (size_t i = 0; i < lines.n; i++) {
		buf_add_text(&s->line, lines.rows[i]);
		end_line(s);
	}
}

static void show_queued(struct showing *s, const struct lists_queued *q)
{
	buf_addf(&s->line, "queue %s/", lists_queue_name(q->queue));
	buf_add_printable(&s->line, span_of(q->name));
	buf_addf(&s->line, ": %s, %llu octets", lists_queue_state_name(q->state),
	         (unsigned long long)q->size);
	if (!s->l && q->list)
		buf_addf(&s->line, ", of list %s", q->list);
	if (q->sender)
		buf_addf(&s->line, ", from %s", q->sender);
	if (q->message_id)
		buf_addf(&s->line, ", message-id %s", q->message_id);
	if (q->recipients)
		buf_addf(&s->line, ", recipients %zu", q->recipients);
	if (q->goes_back)
		buf_addf(&s->line, ", goes back to %s", q->goes_back);
	if (q->problem)
		buf_addf(&s->line, ", problem: %s", q->problem);
	end_line(s);
}

static void show_events(struct showing *s)
{
	for (size_t i = 0; i < s->site->events_n; i++) {
		const struct lists_event *e = &s->site->events[i];

		if (s->l ? strcmp(e->list, s->l->name) != 0 : strings_has(&s->site->names, e->list))
			continue;
		buf_addf(&s->line, "bounce not yet counted: %s, on %s, in ", e->address,
		         *e->date ? e->date : "a day not known");
		buf_add_printable(&s->line, span_of(e->file));
		if (!s->l)
			buf_addf(&s->line, ", of list %s", e->list);
		end_line(s);
	}
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static void add_mbox(struct showing *s, const struct lists_mbox_file *m)
{
	if (m->is_counted)
		buf_addf(&s->line, "%llu messages, ", (unsigned long long)m->messages);
	buf_addf(&s->line, "%llu octets%s", (unsigned long long)m->size,
	         m->is_counted ? "" : ", not counted");
}

static void show_archive(struct showing *s)
{
	const struct lists_archive *a = &s->l->archive;

	buf_addf(&s->line, "archive %s", a->is_private ? "private" : "public");
	buf_addf(&s->line, ": public pages %s, public mbox %s", lists_link_name(a->public_pages),
	         lists_link_name(a->public_mbox));
	end_line(s);
	if (a->mbox.is_there) {
		buf_add_text(&s->line, "archive mbox: ");
		add_mbox(s, &a->mbox);
		end_line(s);
	}
	if (a->has_pages && a->has_state) {
		buf_addf(&s->line, "archive pages: %llu in %zu volumes, the next is number %lld",
		         (unsigned long long)a->pages, a->volumes, (long long)a->sequence);
		end_line(s);
	}
}

static void show_names(struct showing *s, const char *word, const struct strings *names)
{
	for (size_t i = 0; i < names->n; i++) {
		buf_addf(&s->line, "%s ", word);
		buf_add_printable(&s->line, span_of(names->rows[i]));
		end_line(s);
	}
}

static void show_findings(struct showing *s, const struct lists_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		buf_add_text(&s->line, "finding ");
		buf_add_printable(&s->line, span_of(f->rows[i].where));
		if (f->rows[i].who)
			buf_addf(&s->line, " %s", f->rows[i].who);
		buf_addf(&s->line, ": %s", f->rows[i].text);
		end_line(s);
	}
}

static void show_files(struct showing *s)
{
	show_archive(s);
	if (s->l->digest.is_there) {
		buf_add_text(&s->line, "digest in progress: ");
		add_mbox(s, &s->l->digest);
		end_line(s);
	}
	show_names(s, "template", &s->l->templates);
	show_names(s, "other file", &s->l->others);
}

void lists_show_list(FILE *out, const struct lists_list *l, const struct lists_site *site,
                     bool secrets)
{
	struct showing s = { .out = out, .l = l, .site = site, .secrets = secrets };
	AUTO_BUF struct buf address = { 0 };

	fprintf(out, "list %s\n", l->name);
	buf_addf(&s.line, "config %s, data version %lld, charset %s, %zu members",
	         l->config_file ? l->config_file : "none", (long long)l->data_version,
	         lists_charset_name(l->charset), l->members.n);
	end_line(&s);
	lists_list_address(l, &address);
	if (address.n) {
		buf_addf(&s.line, "address %s", buf_text(&address));
		end_line(&s);
	}
	show_settings(&s);
	for (size_t i = 0; i < l->members.n; i++)
		show_member(&s, &l->members.rows[i]);
	for (size_t i = 0; i < l->requests_n; i++)
		show_request(&s, &l->requests[i]);
	show_names(&s, "orphan", &l->orphans);
	show_pending(&s);
	for (size_t i = 0; i < site->queue_n; i++)
		if (lists_queued_is_of(&site->queue[i], l))
			show_queued(&s, &site->queue[i]);
	show_events(&s);
	show_files(&s);
	show_findings(&s, &l->findings);
	buf_fini(&s.line);
}

void lists_show_site(FILE *out, const struct lists_site *site)
{
	struct showing s = { .out = out, .site = site };
	bool any = site->findings.n > 0;

	for (size_t i = 0; i < site->queue_n && !any; i++)
		any = lists_queued_is_of_none(&site->queue[i], site);
	for (size_t i = 0; i < site->events_n && !any; i++)
		any = !strings_has(&site->names, site->events[i].list);
	if (!any)
		return;
	fprintf(out, "of no list\n");
	for (size_t i = 0; i < site->queue_n; i++)
		if (lists_queued_is_of_none(&site->queue[i], site))
			show_queued(&s, &site->queue[i]);
	show_events(&s);
	show_findings(&s, &site->findings);
	buf_fini(&s.line);
}
