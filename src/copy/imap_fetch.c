/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/imap_fetch.h"

#include "base/memory.h"
#include "copy/imap_pass.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 3u
#define CONNECTIONS_MAX 16u
#define AHEAD 3u /* commands under way on one connection */
/* What one command asks for. */
#define ASK_MESSAGES 250u
#define ASK_OCTETS (2u << 20)
#define SET_MAX 800u /* octets of its set */
#define TRIES_MAX 2u

enum request_kind { REQUEST_EXAMINE, REQUEST_FETCH, REQUEST_IS_THERE };

struct request {
	enum request_kind kind;
	unsigned number;      /* of the command */
	size_t first, end;    /* wants; those of them that are asked by this connection */
	uint32_t uidvalidity; /* EXAMINE: what the server said */
};

struct line {
	struct imap_session *session; /* owned; NULL: to be opened */
	struct request requests[AHEAD + 1];
	size_t n;
	const char *asked_folder; /* that the last EXAMINE sent was for */
	bool selected; /* the last EXAMINE that ended did so well, for this UIDVALIDITY */
	bool progress; /* a message has come since it was opened */
};

struct run {
	struct imap_fetch *f;
	struct line lines[CONNECTIONS_MAX];
	size_t lines_n;
	size_t cursor; /* no want before it is to be asked */
	size_t left;   /* wants that are not done */
	struct imap_patience patience;
};

/* ── wants ───────────────────────────────────────────────────────────────────────────────────── */

static void end_want(struct run *r, size_t index)
{
	r->f->wants[index].state = IMAP_WANT_DONE;
	r->left--;
}

/* What has failed among others stays alone, so that it costs nothing but itself. */
static void put_back(struct run *r, size_t index)
{
	r->f->wants[index].state = r->f->wants[index].tries ? IMAP_WANT_ALONE : IMAP_WANT_TODO;
	if (index < r->cursor)
		r->cursor = index;
}

static void give_up(struct run *r, size_t index, const char *why)
{
	end_want(r, index);
	r->f->missing(r->f->context, index, why);
}

static bool is_asked(const struct run *r, size_t line, size_t index)
{
	return r->f->wants[index].state == IMAP_WANT_ASKED && r->f->wants[index].line == line;
}

static ssize_t find_want(const struct run *r, const struct request *q, uint32_t uid)
{
	size_t low = q->first, high = q->end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->f->wants[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < q->end && r->f->wants[low].uid == uid ? (ssize_t)low : -1;
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static size_t next_todo(struct run *r)
{
	while (r->cursor < r->f->n && r->f->wants[r->cursor].state != IMAP_WANT_TODO &&
	       r->f->wants[r->cursor].state != IMAP_WANT_ALONE)
		r->cursor++;
	return r->cursor;
}

/* Takes wants from `first` on, all of one folder; their set "5:9,12". */
static void take_wants(struct run *r, size_t line, size_t first, struct request *q, struct buf *set)
{
	struct imap_want *wants = r->f->wants;
	bool alone = wants[first].state == IMAP_WANT_ALONE;
	uint64_t octets = 0;
	uint32_t from = 0, to = 0;
	size_t n = 0, at = first;

	for (; at < r->f->n && wants[at].folder == wants[first].folder; at++) {
		if (at > first && (alone || n == ASK_MESSAGES || octets >= ASK_OCTETS ||
		                   set->n > SET_MAX || wants[at].state == IMAP_WANT_ALONE))
			break;
		if (at > first && wants[at].state != IMAP_WANT_TODO)
			continue;
		wants[at].state = IMAP_WANT_ASKED;
		wants[at].line = (unsigned)line;
		octets += wants[at].size;
		n++;
		if (to && wants[at].uid == to + 1) {
			to++;
			continue;
		}
		if (from)
			buf_addf(set, to > from ? "%u:%u," : "%u,", from, to);
		from = to = wants[at].uid;
	}
	buf_addf(set, to > from ? "%u:%u" : "%u", from, to);
	*q = (struct request){ .kind = REQUEST_FETCH, .first = first, .end = at };
}

static int examine(struct run *r, struct line *l, size_t first, struct error *err)
{
	const char *folder = r->f->wants[first].folder;
	struct request *q = &l->requests[l->n];
	AUTO_BUF struct buf name = { 0 };

	*q = (struct request){ .kind = REQUEST_EXAMINE, .first = first, .end = first };
	(void)imap_quote(span_of(folder), &name);
	if (imap_session_send(l->session, &q->number, err, "EXAMINE %s", buf_text(&name)) < 0)
		return -1;
	l->asked_folder = folder;
	l->n++;
	return 0;
}

/* Keeps AHEAD commands under way. Answers come in their order, so an EXAMINE between them is no
 * reason to wait (RFC 3501 section 5.5). */
static int ask(struct run *r, size_t line, struct error *err)
{
	struct line *l = &r->lines[line];
	size_t first;

	while (l->n < AHEAD && (first = next_todo(r)) < r->f->n) {
		const struct imap_want *w = &r->f->wants[first];
		struct request *q;
		AUTO_BUF struct buf set = { 0 };

		if (l->asked_folder != w->folder) {
			/* what is under way is for the folder before */
			if (l->n || examine(r, l, first, err) < 0)
				return l->n ? 0 : -1;
		}
		q = &l->requests[l->n];
		take_wants(r, line, first, q, &set);
		l->n++;
		if (imap_session_send(l->session, &q->number, err, "UID FETCH %s (UID BODY.PEEK[])",
		                      buf_text(&set)) < 0)
			return -1;
	}
	return 0;
}

static int ask_if_there(struct run *r, struct line *l, size_t index, struct error *err)
{
	struct request *q = &l->requests[l->n++];

	*q = (struct request){ .kind = REQUEST_IS_THERE, .first = index, .end = index + 1 };
	return imap_session_send(l->session, &q->number, err, "UID FETCH %u (UID FLAGS)",
	                         r->f->wants[index].uid);
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

static int take_text(struct run *r, size_t index, const struct imap_response *p, struct error *err)
{
	struct imap_body body;
	int result;

	imap_body_init(&body);
	result = imap_body_add(&body, buf_span(&p->text), err);
	if (result == 0)
		result = r->f->message(r->f->context, index, p, &body, err);
	imap_body_fini(&body);
	return result;
}

static int take_message(struct run *r, struct line *l, size_t index, const struct imap_response *p,
                        struct error *err)
{
	const struct imap_body *body = imap_session_body(l->session);
	uint64_t size = p->content == IMAP_CONTENT_TEXT ? p->text.n : body->size;

	if (p->content == IMAP_CONTENT_NONE)
		return 0; /* flags that somebody has just changed */
	if (p->content == IMAP_CONTENT_NIL || (!size && r->f->wants[index].size)) {
		if (!r->f->wants[index].tries)
			return 0; /* asked for once more, alone */
		give_up(r, index, "the server lists this message and gives no content of it");
		return 0;
	}
	l->progress = true;
	r->patience.tries = 0;
	end_want(r, index);
	if (p->content == IMAP_CONTENT_TEXT)
		return take_text(r, index, p, err);
	return r->f->message(r->f->context, index, p, body, err);
}

static int take_fetched(struct run *r, size_t line, const struct imap_response *p,
                        struct error *err)
{
	struct line *l = &r->lines[line];

	if (!l->selected || !p->uid)
		return 0;
	for (size_t k = 0; k < l->n; k++) {
		const struct request *q = &l->requests[k];
		ssize_t index = q->kind == REQUEST_EXAMINE ? -1 : find_want(r, q, p->uid);

		if (index < 0 || !is_asked(r, line, (size_t)index))
			continue;
		if (q->kind == REQUEST_FETCH)
			return take_message(r, l, (size_t)index, p, err);
		give_up(r, (size_t)index,
		        "the server lists this message, and answers nothing when "
		        "it is asked for");
		return 0;
	}
	return 0;
}

static void refused_folder(struct run *r, const char *folder, const char *why)
{
	for (size_t k = 0; k < r->f->n; k++)
		if (r->f->wants[k].state != IMAP_WANT_DONE && r->f->wants[k].folder == folder)
			give_up(r, k, why);
}

static void end_examine(struct run *r, struct line *l, const struct request *q,
                        const struct imap_response *p)
{
	const char *folder = l->asked_folder;

	l->selected = p->status == IMAP_OK && q->uidvalidity == r->f->wants[q->first].uidvalidity;
	if (l->selected)
		return;
	/* the FETCH behind it means messages of no folder, or of another */
	if (p->status == IMAP_OK)
		refused_folder(r, folder,
		               "the folder's UIDVALIDITY has changed meanwhile: the next "
		               "pass takes it anew");
	else if (!imap_response_is_for_now(p))
		refused_folder(r, folder, "the server does not open the folder any more");
	l->asked_folder = NULL;
}

static char *words_of(const struct imap_response *p)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_text(&words, "the server refuses: ");
	buf_add_printable(&words, p->words);
	return buf_take(&words);
}

/* What was asked for and did not come. */
static int end_fetch(struct run *r, size_t line, const struct request *q,
                     const struct imap_response *p, struct error *err)
{
	struct line *l = &r->lines[line];
	AUTO_FREE char *why = words_of(p);

	for (size_t k = q->first; k < q->end; k++) {
		struct imap_want *w = &r->f->wants[k];

		if (!is_asked(r, line, k))
			continue;
		if (imap_response_is_for_now(p) || !l->selected) {
			put_back(r, k);
		} else if (q->kind == REQUEST_IS_THERE) {
			give_up(r, k, NULL);
		} else if (!w->tries++) {
			put_back(r, k);
		} else if (p->status != IMAP_OK) {
			give_up(r, k, why);
		} else if (ask_if_there(r, l, k, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static int wait_a_while(struct run *r, const struct line *l, const struct imap_response *p,
                        struct error *err)
{
	struct error why = { 0 };

	(void)imap_session_refused(l->session, p, "FETCH", &why);
	why.retry = ERROR_RETRY_LATER;
	if (imap_pass_waits(r->f->source, &r->patience, &why))
		return 0;
	*err = why;
	return -1;
}

static int take_end(struct run *r, size_t line, const struct imap_response *p, struct error *err)
{
	struct line *l = &r->lines[line];
	unsigned number = imap_response_number(p);
	struct request q;
	size_t k = 0;

	while (k < l->n && l->requests[k].number != number)
		k++;
	if (k == l->n)
		return 0;
	q = l->requests[k];
	memmove(l->requests + k, l->requests + k + 1, (--l->n - k) * sizeof q);
	if (q.kind == REQUEST_EXAMINE)
		end_examine(r, l, &q, p);
	else if (end_fetch(r, line, &q, p, err) < 0)
		return -1;
	return imap_response_is_for_now(p) ? wait_a_while(r, l, p, err) : 0;
}

static int take_response(struct run *r, size_t line, const struct imap_response *p,
                         struct error *err)
{
	struct line *l = &r->lines[line];

	switch ((unsigned)p->kind) {
	case IMAP_FETCH:
		return take_fetched(r, line, p, err);
	case IMAP_TAGGED:
		return take_end(r, line, p, err);
	case IMAP_WORDS:
		for (size_t k = 0; k < l->n && p->numbers.uidvalidity; k++)
			if (l->requests[k].kind == REQUEST_EXAMINE) {
				l->requests[k].uidvalidity = p->numbers.uidvalidity;
				break;
			}
		return 0;
	default:
		return 0;
	}
}

/* ── connections ─────────────────────────────────────────────────────────────────────────────── */

/* The message that was to come next may be what breaks it: it is asked for alone, and a third time
 * not at all. */
static void lost(struct run *r, size_t line)
{
	struct line *l = &r->lines[line];
	bool suspect = !l->progress;

	++*r->f->breaks;
	imap_session_close(TAKE(l->session));
	for (size_t q = 0; q < l->n; q++) {
		for (size_t k = l->requests[q].first; k < l->requests[q].end; k++) {
			struct imap_want *w = &r->f->wants[k];

			if (!is_asked(r, line, k))
				continue;
			if (!suspect)
				put_back(r, k);
			else if (w->tries++ < TRIES_MAX)
				put_back(r, k);
			else
				give_up(r, k, "the connection breaks whenever it is asked for");
			suspect = false;
		}
	}
	*l = (struct line){ 0 };
}

/* One of many that is lost may stay so. When all are, the server was away: all are opened again. */
static int reopen(struct run *r, struct error *err)
{
	struct error ignored = { 0 };

	while (imap_session_open(&r->lines[0].session, &r->f->source->server, &r->f->source->login,
	                         err) < 0)
		if (!imap_pass_waits(r->f->source, &r->patience, err))
			return -1;
	for (size_t k = 1; k < r->lines_n; k++)
		if (imap_session_open(&r->lines[k].session, &r->f->source->server,
		                      &r->f->source->login, &ignored) < 0)
			break;
	return 0;
}

/* Reads all that is there; -1: the connection broke (*mine false), or we did. */
static int read_line(struct run *r, size_t line, bool *mine, struct error *err)
{
	struct line *l = &r->lines[line];
	const struct imap_response *p;
	int found;

	*mine = false;
	while ((found = imap_session_try(l->session, &p, err)) > 0) {
		size_t before = l->n;

		if (take_response(r, line, p, err) < 0) {
			*mine = true;
			return -1;
		}
		/* before more is read, the server gets more to do */
		if (l->n != before && ask(r, line, err) < 0)
			return -1;
		if (!r->left)
			return 0;
	}
	return found;
}

static size_t open_lines(const struct run *r)
{
	size_t open = 0;

	for (size_t k = 0; k < r->lines_n; k++)
		open += r->lines[k].session != NULL;
	return open;
}

static int wait_for(struct run *r, size_t *line, struct error *err)
{
	struct imap_session *sessions[CONNECTIONS_MAX];
	size_t at[CONNECTIONS_MAX], n = 0, which;

	for (size_t k = 0; k < r->lines_n; k++) {
		if (!r->lines[k].session || !r->lines[k].n)
			continue;
		at[n] = k;
		sessions[n++] = r->lines[k].session;
	}
	if (imap_session_wait(sessions, n, &which, err) < 0)
		which = 0; /* it is broken now, which the next reading tells */
	*line = at[which];
	return 0;
}

static int ask_all(struct run *r, struct error *err)
{
	if (!open_lines(r) && reopen(r, err) < 0)
		return -1;
	for (size_t k = 0; k < r->lines_n && next_todo(r) < r->f->n; k++)
		if (r->lines[k].session && ask(r, k, err) < 0)
			lost(r, k);
	return 0;
}

static bool is_idle(const struct run *r)
{
	for (size_t k = 0; k < r->lines_n; k++)
		if (r->lines[k].session && r->lines[k].n)
			return false;
	return true;
}

static int work(struct run *r, struct error *err)
{
	while (r->left) {
		size_t line;
		bool mine;

		if (ask_all(r, err) < 0)
			return -1;
		if (is_idle(r) && next_todo(r) == r->f->n)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
			                 "%zu messages are left that nobody asks for", r->left);
		if (is_idle(r))
			continue;
		if (wait_for(r, &line, err) < 0)
			return -1;
		if (read_line(r, line, &mine, err) == 0)
			continue;
		if (mine)
			return -1;
		lost(r, line);
		if (err->retry != ERROR_RETRY_REACH && err->retry != ERROR_RETRY_LATER)
			err->retry =
				ERROR_RETRY_REACH; /* what is no IMAP may be better next time */
		if (!open_lines(r) && !imap_pass_waits(r->f->source, &r->patience, err))
			return -1;
	}
	return 0;
}

/* More connections where there is work for them. The server may allow fewer. */
static void open_more(struct run *r)
{
	unsigned most = r->f->source->connections ? r->f->source->connections : CONNECTIONS;
	size_t useful = 1 + r->f->n / (ASK_MESSAGES / 4);
	struct error ignored = { 0 };

	most = most < CONNECTIONS_MAX ? most : CONNECTIONS_MAX;
	most = most < useful ? most : (unsigned)useful;
	/* without a first one, reopen() opens all */
	for (r->lines_n = r->lines[0].session ? 1 : most; r->lines_n < most; r->lines_n++)
		if (imap_session_open(&r->lines[r->lines_n].session, &r->f->source->server,
		                      &r->f->source->login, &ignored) < 0)
			break;
}

int imap_fetch_run(struct imap_fetch *f, struct imap_session *first, struct error *err)
{
	struct run r = { .f = f, .left = f->n };
	int result;

	r.lines[0].session = first;
	if (f->n)
		open_more(&r);
	result = work(&r, err);
	for (size_t k = 0; k < CONNECTIONS_MAX; k++)
		imap_session_close(r.lines[k].session);
	return result;
}
