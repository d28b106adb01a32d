/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_volume.h"

#include "base/memory.h"
#include "lists/charset.h"
#include "pickle/write.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARTICLES_MAX 2000000u

const char *archive_file_name(unsigned file)
{
	return file == ARCHIVE_ARTICLE ? "article" : archive_kind_name(file);
}

static void article_fini(struct archive_article *a)
{
	buf_fini(&a->subject);
	buf_fini(&a->author);
}

static void drop_rows(struct archive_volume *v)
{
	for (size_t i = 0; i < v->n; i++)
		article_fini(&v->rows[i]);
	free(v->rows);
	free(v->by_id);
	v->rows = NULL;
	v->by_id = NULL;
	v->n = v->room = 0;
}

void archive_volume_fini(struct archive_volume *v)
{
	drop_rows(v);
	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		value_file_fini(&v->files[i]);
	free(v->name);
	*v = (struct archive_volume){ 0 };
}

static struct value dict_of(const struct archive_volume *v, unsigned file)
{
	return v->files[file].rows[0];
}

static int bad(const struct archive_volume *v, unsigned file, const char *words, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "database/%s-%s: %s",
	                 v->name, archive_file_name(file), words);
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static void add_text(struct value v, struct buf *out)
{
	AUTO_LISTS_CHARSET struct lists_charset *utf8 = lists_charset_new("utf-8");

	(void)lists_decode_value(utf8, v, out);
}

/* A text that was decoded; else the raw header. */
static void add_field(struct value article, const char *name, struct buf *out)
{
	struct value decoded = value_attribute(article, SPAN("decoded"));
	struct value text = value_dict_find(decoded, span_of(name));

	if (value_is_absent(text))
		text = value_attribute(article, span_of(name));
	add_text(text, out);
}

static int by_number(const void *a, const void *b)
{
	const struct archive_article *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_spans(struct span a, struct span b)
{
	int order = memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n < b.n ? a.n : b.n);

	return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static int by_id(const void *a, const void *b)
{
	const struct archive_article *const *x = a, *const *y = b;

	return compare_spans((*x)->id, (*y)->id);
}

static int read_article(struct archive_volume *v, const struct value_pair *pair, struct error *err)
{
	struct archive_article a = { .number = -1 };
	struct value article;
	struct span octets;
	size_t at = 0;

	if (value_kind(pair->key) == VALUE_TEXT)
		return bad(v, ARCHIVE_ARTICLE, "was written by a port of Mailman to Python 3", err);
	if (!value_get_str(pair->key, &a.id) || !value_get_str(pair->value, &octets))
		return bad(v, ARCHIVE_ARTICLE, "a row is no message", err);
	if (pickle_read(v->files[ARCHIVE_ARTICLE].arena, octets, &at, &(struct read_limits){ 0 },
	                &article, err) < 0)
		return error_context(err, "database/%s-article", v->name);
	(void)value_get_int(value_attribute(article, SPAN("sequence")), &a.number);
	(void)value_get_chars(value_attribute(article, SPAN("threadKey")), &a.thread_key);
	(void)value_get_chars(value_attribute(article, SPAN("date")), &a.date);
	add_field(article, "subject", &a.subject);
	add_field(article, "author", &a.author);
	ARRAY_GROW(v->rows, v->n, v->room);
	v->rows[v->n++] = a;
	return 0;
}

static int read_rows(struct archive_volume *v, struct error *err)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(dict_of(v, ARCHIVE_ARTICLE), &pairs);

	drop_rows(v);
	if (n > ARTICLES_MAX)
		return bad(v, ARCHIVE_ARTICLE, "too many messages", err);
	for (size_t i = 0; i < n; i++)
		if (read_article(v, &pairs[i], err) < 0)
			return -1;
	v->by_id = xcalloc(v->n + 1, sizeof(struct archive_article *));
	if (v->n)
		qsort(v->rows, v->n, sizeof *v->rows, by_number);
	for (size_t i = 0; i < v->n; i++)
		v->by_id[i] = &v->rows[i];
	if (v->n)
		qsort(v->by_id, v->n, sizeof *v->by_id, by_id);
	return 0;
}

static void make_empty(struct value_file *f)
{
	value_file_fini(f);
	f->arena = value_arena_new();
	f->rows = xcalloc(1, sizeof *f->rows);
	f->rows[0] = value_new_dict(f->arena);
	f->n = f->room = 1;
}

int archive_volume_parse(struct archive_volume *v, const char *name,
                         struct buf octets[ARCHIVE_FILES], struct error *err)
{
	bool none = true;

	v->name = xstrdup(name);
	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		none = none && !octets[i].n;
	for (unsigned i = 0; i < ARCHIVE_FILES; i++) {
		if (none)
			make_empty(&v->files[i]);
		else if (value_file_read(&v->files[i], &octets[i], &(struct read_limits){ 0 },
		                         err) < 0)
			return error_context(err, "database/%s-%s", name, archive_file_name(i));
		if (!v->files[i].n || value_kind(dict_of(v, i)) != VALUE_DICT)
			return bad(v, i, "is no index", err);
		value_dict_settle(dict_of(v, i));
	}
	if (read_rows(v, err) < 0)
		return -1;
	v->is_new = v->n == 0;
	return 0;
}

int archive_volume_check(const struct archive_volume *v, struct error *err)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(dict_of(v, ARCHIVE_ARTICLE), &pairs);

	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		if (value_dict_pairs(dict_of(v, i), &pairs) != n)
			return bad(v, i,
			           "has not as many messages as the others: it was cut off, or the "
			           "last post was not archived to its end",
			           err);
	return 0;
}

const struct archive_article *archive_volume_find(const struct archive_volume *v, struct span id)
{
	const struct archive_article key = { .id = id }, *wanted = &key;
	const struct archive_article **found = v->n ? bsearch(&wanted, v->by_id, v->n,
	                                                      sizeof *v->by_id, by_id)
	                                            : NULL;

	return found ? *found : NULL;
}

/* ── changing ────────────────────────────────────────────────────────────────────────────────── */

bool archive_volume_drop(struct archive_volume *v, struct span id)
{
	struct error ignored = { 0 };
	AUTO_FREE char *own = span_dup(id);
	bool any = false;

	for (unsigned file = 0; file < ARCHIVE_FILES; file++) {
		struct value dict = dict_of(v, file);
		const struct value_pair *pairs;
		size_t n = value_dict_pairs(dict, &pairs);
		struct span row;

		for (size_t i = n; i--;) {
			struct value key = pairs[i].key;
			struct value last = file == ARCHIVE_ARTICLE
			                            ? key
			                            : value_item(key,
			                                         value_count(key) -
			                                                 (value_count(key) > 0));

			if (!value_get_chars(last, &row) || !span_is(row, own))
				continue;
			any |= value_dict_remove(dict, key);
			n = value_dict_pairs(dict, &pairs);
			if (i > n)
				i = n;
		}
	}
	v->changed = v->changed || any;
	return any && read_rows(v, &ignored) == 0;
}

/* The message that this one answers, as far as the volume has it; NULL. */
static const struct archive_article *parent_of(const struct archive_volume *v,
                                               const struct archive_letter *l)
{
	const struct archive_article *a = l->in_reply_to.n ? archive_volume_find(
								     v, buf_span(&l->in_reply_to))
	                                                   : NULL;

	for (size_t i = l->references.n; !a && i--;)
		a = archive_volume_find(v, span_of(l->references.rows[i]));
	return a;
}

struct making {
	struct value_arena *arena;
	struct value state;
};

static void set(struct making *m, const char *name, struct value v)
{
	value_dict_set(m->arena, m->state, value_str(m->arena, span_of(name)), v);
}

static void set_str(struct making *m, const char *name, struct span text)
{
	set(m, name, value_str(m->arena, text));
}

static struct value decoded_of(struct making *m, const struct archive_letter *l, struct span sorted)
{
	struct making d = { m->arena, value_new_dict(m->arena) };

	set(&d, "subject", value_text(m->arena, buf_span(&l->subject)));
	set(&d, "author", value_text(m->arena, buf_span(&l->author)));
	set(&d, "email", value_text(m->arena, buf_span(&l->email)));
	set(&d, "stripped", value_text(m->arena, sorted));
	return d.state;
}

static void set_places(struct making *m, const struct archive_letter *l,
                       const struct archive_article *parent)
{
	struct value references = value_new_items(m->arena, VALUE_LIST);
	AUTO_BUF struct buf raw = { 0 };

	for (size_t i = 0; i < l->references.n; i++)
		value_add_item(m->arena, references,
		               value_str(m->arena, span_of(l->references.rows[i])));
	set(m, "references", references);
	set_str(m, "in_reply_to", buf_span(&l->in_reply_to));
	set(m, "_references", value_none());
	if (l->in_reply_to.n)
		buf_addf(&raw, "<%s>", buf_text(&l->in_reply_to));
	set(m, "_in_reply_to", raw.n ? value_str(m->arena, buf_span(&raw)) : value_none());
	buf_reset(&raw);
	buf_addf(&raw, "<%s>", buf_text(&l->id));
	set_str(m, "_message_id", buf_span(&raw));
	set(m, "parentID", parent ? value_str(m->arena, parent->id) : value_none());
}

static void set_times(struct making *m, const struct archive_letter *l)
{
	time_t seconds = (time_t)l->date;
	char words[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(words, sizeof words, "%a %b %e %H:%M:%S %Y", &tm);
	set_str(m, "fromdate", span_of(words));
	set_str(m, "datestr", buf_span(&l->date_text));
	set(m, "_last_article_time", value_int(m->arena, l->date));
}

/* The state of a Mailman.Archiver.HyperArch.Article. */
static int article_pickle(struct value_arena *arena, const struct archive_new *a,
                          const struct archive_article *parent, struct span date, struct span key,
                          struct span sorted, struct buf *out, struct error *err)
{
	const struct archive_letter *l = a->letter;
	struct making m = { arena, value_new_dict(arena) };
	struct value_object object = { .made = VALUE_MADE_PLAIN };
	AUTO_FREE char *file = xasprintf("%06lld.html", (long long)a->number);

	set(&m, "sequence", value_int(arena, a->number));
	set_str(&m, "msgid", buf_span(&l->id));
	set_str(&m, "subject", buf_span(&l->subject));
	set_str(&m, "author", buf_span(&l->author));
	set_str(&m, "email", buf_span(&l->email));
	set_str(&m, "date", date);
	set_str(&m, "filename", span_of(file));
	set_str(&m, "threadKey", key);
	set(&m, "headers", value_new_dict(arena));
	set(&m, "body", value_new_items(arena, VALUE_LIST));
	set_str(&m, "ctype", SPAN("text/plain"));
	set_str(&m, "cenc", SPAN(""));
	set(&m, "decoded", decoded_of(&m, l, sorted));
	set_str(&m, "_lang", span_of(a->language));
	set_str(&m, "__listname", span_of(a->list));
	set_places(&m, l, parent);
	set_times(&m, l);
	object.class = value_global(arena, SPAN("Mailman.Archiver.HyperArch"), SPAN("Article"));
	object.state = m.state;
	return pickle_write(value_new_object(arena, VALUE_INSTANCE, &object), 0, out, err);
}

/* "Jane van Dyke": "Dyke, Jane van". */
static void add_author_key(struct span author, struct buf *out)
{
	struct span all = span_trim(author);
	size_t at = all.n;

	while (at && all.p[at - 1] != ' ')
		at--;
	buf_add_span(out, span_from(all, at));
	if (!at)
		return;
	buf_add_text(out, ", ");
	buf_add_span(out, span_trim((struct span){ all.p, at }));
}

static void add_row(struct archive_volume *v, unsigned file, const struct span *keys, size_t n,
                    unsigned texts)
{
	struct value_arena *arena = v->files[file].arena;
	struct value key = value_new_items(arena, VALUE_TUPLE);

	for (size_t i = 0; i < n; i++)
		value_add_item(arena, key,
		               i < texts ? value_text(arena, keys[i]) : value_str(arena, keys[i]));
	value_dict_set(arena, dict_of(v, file), key, value_str(arena, keys[n - 1]));
}

int archive_volume_add(struct archive_volume *v, const struct archive_new *a, struct error *err)
{
	const struct archive_letter *l = a->letter;
	const struct archive_article *parent;
	struct value_arena *arena = v->files[ARCHIVE_ARTICLE].arena;
	AUTO_FREE char *date = xasprintf("%011lld", (long long)l->date);
	AUTO_BUF struct buf key = { 0 }, sorted = { 0 }, author = { 0 }, pickle = { 0 };
	struct span id = value_arena_keep(arena, buf_span(&l->id));

	/* rows without a message, which a call that was killed has left */
	(void)!archive_volume_drop(v, id);
	parent = parent_of(v, l);
	if (parent)
		buf_add_span(&key, parent->thread_key);
	buf_addf(&key, "%s.%lld-", date, (long long)a->number);
	archive_letter_sorted(buf_span(&l->subject), a->prefix, &sorted);
	add_author_key(buf_span(&l->author), &author);
	if (article_pickle(arena, a, parent, span_of(date), buf_span(&key), buf_span(&sorted),
	                   &pickle, err) < 0)
		return -1;
	add_row(v, ARCHIVE_THREAD, (struct span[]){ buf_span(&key), id }, 2, 0);
	add_row(v, ARCHIVE_DATE, (struct span[]){ span_of(date), id }, 2, 0);
	add_row(v, ARCHIVE_SUBJECT, (struct span[]){ buf_span(&sorted), span_of(date), id }, 3, 1);
	add_row(v, ARCHIVE_AUTHOR, (struct span[]){ buf_span(&author), span_of(date), id }, 3, 1);
	value_dict_set(arena, dict_of(v, ARCHIVE_ARTICLE), value_str(arena, id),
	               value_str(arena, buf_span(&pickle)));
	v->changed = true;
	return read_rows(v, err);
}

/* ── order ───────────────────────────────────────────────────────────────────────────────────── */

struct placed {
	struct value key;
	const struct archive_article *article;
};

/* As Python compares tuples of strings; UTF-8 sorts as its characters do. */
static int compare_keys(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	for (size_t i = 0; i < value_count(x->key) && i < value_count(y->key); i++) {
		struct span s = { "", 0 }, t = { "", 0 };
		int order;

		(void)value_get_chars(value_item(x->key, i), &s);
		(void)value_get_chars(value_item(y->key, i), &t);
		order = compare_spans(s, t);
		if (order)
			return order;
	}
	return 0;
}

size_t archive_volume_order(const struct archive_volume *v, enum archive_kind kind,
                            struct archive_row **rows)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(dict_of(v, kind), &pairs), found = 0;
	AUTO_FREE struct placed *placed = xcalloc(n + 1, sizeof *placed);

	for (size_t i = 0; i < n; i++) {
		struct span id;
		const struct archive_article *a = value_get_chars(pairs[i].value, &id)
		                                          ? archive_volume_find(v, id)
		                                          : NULL;

		if (a)
			placed[found++] = (struct placed){ pairs[i].key, a };
	}
	if (found)
		qsort(placed, found, sizeof *placed, compare_keys);
	*rows = xcalloc(found + 1, sizeof **rows);
	for (size_t i = 0; i < found; i++)
		(*rows)[i] = (struct archive_row){ placed[i].article->number,
			                           placed[i].article->thread_key,
			                           buf_span(&placed[i].article->subject),
			                           buf_span(&placed[i].article->author) };
	return found;
}

int archive_volume_file(const struct archive_volume *v, unsigned file, struct buf *out,
                        struct error *err)
{
	struct value_arena *arena = v->files[file].arena;
	struct value again;
	size_t at = 0;

	if (marshal_write(dict_of(v, file), out, err) < 0 ||
	    marshal_read(arena, value_arena_keep(arena, buf_span(out)), &at,
	                 &(struct read_limits){ 0 }, &again, err) < 0)
		return error_context(err, "database/%s-%s", v->name, archive_file_name(file));
	return value_equal(dict_of(v, file), again)
	               ? 0
	               : bad(v, file, "what was written is not what it had to be", err);
}

static const char *const months[] = { "January",   "February", "March",    "April",
	                              "May",       "June",     "July",     "August",
	                              "September", "October",  "November", "December" };

bool archive_volume_is_foreign_month(const char *name)
{
	for (size_t i = 0; i < 4; i++)
		if (name[i] < '0' || name[i] > '9')
			return false;
	if (name[4] != '-' || !name[5])
		return false;
	for (size_t i = 0; i < ROWS(months); i++)
		if (!strcmp(name + 5, months[i]))
			return false;
	return true;
}

void archive_volume_of(int64_t date, int64_t frequency, struct buf *out)
{
	time_t seconds = (time_t)date;
	struct tm tm = { 0 };

	if (frequency == 3) {
		(void)gmtime_r(&seconds, &tm);
		seconds -= (time_t)((tm.tm_wday + 6) % 7) * 86400;
	}
	if (!gmtime_r(&seconds, &tm))
		return;
	if (frequency == 0)
		buf_addf(out, "%04d", tm.tm_year + 1900);
	else if (frequency == 2)
		buf_addf(out, "%04dq%d", tm.tm_year + 1900, tm.tm_mon / 3 + 1);
	else if (frequency == 3)
		buf_addf(out, "Week-of-Mon-%04d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		         tm.tm_mday);
	else if (frequency == 4)
		buf_addf(out, "%04d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	else
		buf_addf(out, "%04d-%s", tm.tm_year + 1900, months[tm.tm_mon]);
}
