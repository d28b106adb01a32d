/* SPDX-License-Identifier: BSD-2-Clause */

/* archive_rebuild -- what is to be done: which messages leave and which come, and where. */

#include "lists/archive_rebuild_inside.h"

#include "base/memory.h"
#include "lists/archive_rewrite.h"
#include "lists/archive_split.h"
#include "lists/carry_inside.h"

#include <stdlib.h>
#include <string.h>

void archive_rebuild_fini(struct archive_rebuild *r)
{
	strings_fini(&r->done);
	strings_fini(&r->failed);
	strings_fini(&r->notes);
	archive_check_fini(&r->after);
	*r = (struct archive_rebuild){ 0 };
}

static void run_fini(struct archive_run *r)
{
	for (size_t i = 0; i < r->touched_n; i++) {
		archive_volume_fini(&r->touched[i].volume);
		strings_fini(&r->touched[i].dropped);
	}
	for (size_t i = 0; i < r->incoming_n; i++)
		archive_letter_fini(&r->incoming[i].letter);
	for (size_t i = 0; i < r->leaving_n; i++)
		free(r->leaving[i].id);
	free(r->touched);
	free(r->incoming);
	free(r->leaving);
	archive_state_fini(&r->state);
}

/* ── volumes ─────────────────────────────────────────────────────────────────────────────────── */

static void note_ends(struct archive_touched *t)
{
	struct archive_row *rows = NULL;
	size_t n = archive_volume_order(&t->volume, ARCHIVE_DATE, &rows);

	t->first = n ? rows[0].number : -1;
	t->last = n ? rows[n - 1].number : -1;
	free(rows);
}

/* Its place in r->touched; -1. */
static ssize_t touch(struct archive_run *r, const char *name, struct error *err)
{
	struct archive_touched t = { 0 };

	for (size_t i = 0; i < r->touched_n; i++)
		if (!strcmp(r->touched[i].volume.name, name))
			return (ssize_t)i;
	if (archive_state_volume(&r->state, name, &t.volume, err) < 0) {
		archive_volume_fini(&t.volume);
		return -1;
	}
	note_ends(&t);
	ARRAY_GROW(r->touched, r->touched_n, r->touched_room);
	r->touched[r->touched_n++] = t;
	return (ssize_t)r->touched_n - 1;
}

/* ── those that leave ────────────────────────────────────────────────────────────────────────── */

static void tell(struct archive_run *r, const char *volume, int64_t number, const char *what,
                 struct span subject)
{
	AUTO_BUF struct buf words = { 0 };

	buf_addf(&words, "%s/%06lld.html: %s: ", volume, (long long)number, what);
	buf_add_printable(&words, subject);
	strings_add(&r->out->done, buf_text(&words));
}

static int leave(struct archive_run *r, const char *id, struct error *err)
{
	AUTO_FREE char *bare = xstrndup(id + (*id == '<'), strcspn(id + (*id == '<'), ">"));
	AUTO_FREE char *full = xasprintf("<%s>", bare);
	const struct archive_known *known = archive_state_find(&r->state, bare);
	const struct archive_article *article;
	struct archive_leaving l = { .number = -1 };
	ssize_t at;

	if (!known && !archive_ids_have(&r->state.mbox_ids, full)) {
		carry_tell(&r->out->failed, full, "is not in the archive");
		return 0;
	}
	if (known) {
		at = touch(r, r->state.volumes.rows[known->volume], err);
		if (at < 0)
			return -1;
		l.touched = (size_t)at;
		article = archive_volume_find(&r->touched[at].volume, span_of(known->key));
		if (!article) /* named twice */
			return 0;
		l.number = article->number;
		tell(r, r->touched[at].volume.name, l.number, "withdrawn",
		     buf_span(&article->subject));
		(void)archive_volume_drop(&r->touched[at].volume, span_of(known->key));
		strings_add(&r->touched[at].dropped, full);
	}
	r->out->withdrawn++;
	l.id = TAKE(full);
	ARRAY_GROW(r->leaving, r->leaving_n, r->leaving_room);
	r->leaving[r->leaving_n++] = l;
	return 0;
}

/* ── those that come ─────────────────────────────────────────────────────────────────────────── */

struct splitting {
	const char **starts;
	size_t n, room;
	const char *at; /* the begin of the next octets */
};

static int take_line(void *context, enum archive_line kind, uint64_t line, struct span octets,
                     struct error *err)
{
	struct splitting *s = context;

	if (kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE) {
		ARRAY_GROW(s->starts, s->n, s->room);
		s->starts[s->n++] = s->at;
	}
	s->at += octets.n;
	return 0;
}

static bool is_leaving(const struct archive_run *r, const char *id)
{
	for (size_t i = 0; i < r->leaving_n; i++)
		if (!strcmp(r->leaving[i].id, id))
			return true;
	return false;
}

static bool is_there(const struct archive_run *r, const struct buf *id)
{
	for (size_t i = 0; i < r->incoming_n; i++)
		if (span_equal(buf_span(&r->incoming[i].letter.id), buf_span(id)))
			return true;
	return archive_state_find(&r->state, buf_text(id)) != NULL;
}

static int place(struct archive_run *r, struct archive_incoming *in, struct error *err)
{
	const struct archive_letter *l = &in->letter;
	AUTO_BUF struct buf name = { 0 };
	struct archive_new new = { .letter = l,
		                   .prefix = span_of(r->state.prefix),
		                   .list = r->state.list,
		                   .language = r->state.language };
	ssize_t at;

	archive_state_volume_of(&r->state, l->date, &name);
	at = touch(r, buf_text(&name), err);
	if (at < 0)
		return -1;
	in->touched = (size_t)at;
	in->number = new.number = r->next++;
	tell(r, buf_text(&name), in->number, "added", buf_span(&l->subject));
	return archive_volume_add(&r->touched[at].volume, &new, err);
}

static int come(struct archive_run *r, struct span message, struct error *err)
{
	struct archive_incoming in = { .octets = message };
	AUTO_BUF struct buf full = { 0 };
	int result = 0;

	(void)span_next_line(&in.octets, &in.from_line);
	archive_letter_read(&in.letter, message, r->state.obscure);
	buf_addf(&full, "<%s>", buf_text(&in.letter.id));
	if (!in.letter.id.n)
		carry_tell(&r->out->failed, "a message without a Message-ID", "%s, %s",
		           buf_text(&in.letter.date_text), buf_text(&in.letter.subject));
	else if (!in.letter.dated || in.letter.date < 0 || in.letter.date > 99999999999)
		carry_tell(&r->out->failed, buf_text(&full), "has no date");
	else if (is_leaving(r, buf_text(&full)))
		carry_tell(&r->out->failed, buf_text(&full), "is to be withdrawn, too");
	else if (is_there(r, &in.letter.id))
		r->out->there_already++;
	else {
		result = place(r, &in, err);
		r->out->added += result == 0;
		ARRAY_GROW(r->incoming, r->incoming_n, r->incoming_room);
		r->incoming[r->incoming_n++] = in;
		return result;
	}
	archive_letter_fini(&in.letter);
	return 0;
}

static int come_all(struct archive_run *r, struct error *err)
{
	struct splitting s = { .at = r->o->add.p };
	AUTO_ARCHIVE_SPLIT struct archive_split split = { .take = take_line, .context = &s };
	const char *end = r->o->add.p + r->o->add.n;
	int result = archive_split_feed(&split, r->o->add, err);

	if (result == 0)
		result = archive_split_end(&split, err);
	if (result == 0 && r->o->add.n && !s.n)
		result = error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                   "what is to be added has no message: it has to be an mbox");
	for (size_t i = 0; result == 0 && i < s.n; i++) {
		const char *next = i + 1 < s.n ? s.starts[i + 1] : end;

		result = come(r, (struct span){ s.starts[i], (size_t)(next - s.starts[i]) }, err);
	}
	free(s.starts);
	return result;
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

static int look_again(struct archive_run *r, struct error *err)
{
	AUTO_ARCHIVE_STATE struct archive_state now = { 0 };
	struct archive_check *after = &r->out->after;

	if (archive_state_read(&now, r->o->h, r->o->site, r->o->list, err) < 0 ||
	    archive_check(&now, after, err) < 0)
		return error_context(err, "looking at what was written");
	for (size_t i = 0; i < r->incoming_n; i++) {
		const struct archive_incoming *in = &r->incoming[i];
		AUTO_FREE char *path = xasprintf("%s/%06lld.html",
		                                 r->touched[in->touched].volume.name,
		                                 (long long)in->number);
		bool found = false;

		for (size_t at = 0; at < after->n && !r->o->dry_run; at++) {
			if (strcmp(after->urls[at].path, path) != 0)
				continue;
			found = after->urls[at].state == ARCHIVE_PAGE_KEPT;
			after->urls[at].state = ARCHIVE_PAGE_NEW;
		}
		if (!found && !r->o->dry_run)
			carry_tell(&r->out->failed, path, "is not there as it has to be");
	}
	return 0;
}

static int rebuild(struct archive_run *r, struct error *err)
{
	const struct archive_rebuild_options *o = r->o;

	if (!o->dry_run && archive_check_stopped(o->h, &o->site->paths, o->list, err) < 0)
		return -1;
	if (archive_state_read(&r->state, o->h, o->site, o->list, err) < 0)
		return -1;
	r->next = r->state.sequence;
	for (size_t i = 0; i < r->state.files.n; i++) {
		struct span volume;
		int64_t number;

		/* a number that a page has already is none that is free */
		if (archive_page_of(r->state.files.rows[i].path, &volume, &number) &&
		    number >= r->next)
			r->next = number + 1;
	}
	for (size_t i = 0; o->drop && i < o->drop->n; i++)
		if (leave(r, o->drop->rows[i], err) < 0)
			return -1;
	if (come_all(r, err) < 0)
		return -1;
	/* what a call that was killed has left half done is whole again by now; other damage is not */
	for (size_t i = 0; i < r->touched_n; i++)
		if (archive_volume_check(&r->touched[i].volume, err) < 0)
			return -1;
	if (!o->dry_run && (r->incoming_n || r->leaving_n) && archive_rebuild_write(r, err) < 0)
		return -1;
	return look_again(r, err);
}

int archive_rebuild(const struct archive_rebuild_options *o, struct archive_rebuild *out,
                    struct error *err)
{
	struct archive_run r = { .o = o, .out = out };
	int result = rebuild(&r, err);

	run_fini(&r);
	return result;
}
