/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/carry_entry.h"

#include "base/memory.h"
#include "pickle/read.h"
#include "pickle/write.h"

#include <string.h>

/* Both pickles; on success *data_at is where the second begins, *end (if not NULL) where it ends. */
static int read_whole(struct value_arena *arena, struct span octets, struct value *message,
                      struct value *data, size_t *data_at, size_t *end, struct error *err)
{
	size_t at = 0;

	if (pickle_read(arena, octets, &at, &(struct read_limits){ 0 }, message, err) < 0)
		return error_context(err, "message");
	*data_at = at;
	if (pickle_read(arena, octets, &at, &(struct read_limits){ 0 }, data, err) < 0)
		return error_context(err, "metadata");
	if (end)
		*end = at;
	if (value_kind(*data) == VALUE_DICT)
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "the metadata is a %s, and no dict", value_kind_name(value_kind(*data)));
}

static int read_both(struct value_arena *arena, struct span octets, struct value *message,
                     struct value *data, size_t *data_at, struct error *err)
{
	return read_whole(arena, octets, message, data, data_at, NULL, err);
}

static struct span chars_of(struct value dict, struct span key)
{
	struct span found = { "", 0 };

	(void)value_get_chars(value_dict_find(dict, key), &found);
	return found;
}

int carry_entry_read(struct value_arena *arena, struct span octets, struct carry_entry_words *out,
                     struct error *err)
{
	struct value message, data;
	int64_t marked = 0;

	*out = (struct carry_entry_words){ 0 };
	if (read_both(arena, octets, &message, &data, &out->data_at, err) < 0)
		return -1;
	out->list = chars_of(data, SPAN("listname"));
	out->whichq = chars_of(data, SPAN("whichq"));
	out->is_text = value_kind(message) == VALUE_STR || value_kind(message) == VALUE_TEXT;
	(void)value_get_int(value_dict_find(data, SPAN("_parsemsg")), &marked);
	(void)value_get_number(value_dict_find(data, SPAN("deliver_until")), &out->deliver_until);
	out->is_mismarked = out->is_text != (marked != 0);
	return 0;
}

/* ── whichq ──────────────────────────────────────────────────────────────────────────────────── */

/* The octets of a string in a pickle, opcode and length included. */
struct place {
	size_t at, n;
	char opcode;
};

static uint32_t get_u32(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* SHORT_BINSTRING: 'U', one octet; BINSTRING 'T', BINUNICODE 'X': four octets. Then `text` lies in the
 * octets themselves. */
static bool find_counted(struct span octets, struct span text, struct place *out)
{
	size_t at = (size_t)(text.p - octets.p);

	if (text.p < octets.p || text.p + text.n > octets.p + octets.n || at < 2)
		return false;
	if (at >= 5 && (octets.p[at - 5] == 'T' || octets.p[at - 5] == 'X') &&
	    get_u32(octets.p + at - 4) == text.n)
		*out = (struct place){ at - 5, text.n + 5, octets.p[at - 5] };
	else if (octets.p[at - 2] == 'U' && (unsigned char)octets.p[at - 1] == text.n)
		*out = (struct place){ at - 2, text.n + 2, 'U' };
	else
		return false;
	return true;
}

/* STRING 'S': in quotes, up to the line's end; UNICODE 'V': up to the line's end. */
static bool find_line(struct span octets, size_t from, struct span text, struct place *out)
{
	static const char *const forms[] = { "S'%.*s'\n", "S\"%.*s\"\n", "V%.*s\n" };

	for (size_t i = 0; i < ROWS(forms); i++) {
		AUTO_BUF struct buf line = { 0 };
		ssize_t at;

		buf_addf(&line, forms[i], (int)text.n, text.p);
		at = span_find_text(span_from(octets, from), buf_text(&line));
		if (at < 0)
			continue;
		*out = (struct place){ from + (size_t)at, line.n, forms[i][0] };
		return true;
	}
	return false;
}

static void add_u32(struct buf *b, size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		buf_add_char(b, (char)(n >> (8 * i)));
}

/* `text` is a path: printable ASCII without quotes and backslashes, path_is_plain(). */
static void add_string(struct buf *out, char opcode, const char *text)
{
	size_t n = strlen(text);

	if (opcode == 'S') {
		buf_addf(out, "S'%s'\n", text);
	} else if (opcode == 'V') {
		buf_addf(out, "V%s\n", text);
	} else if (opcode == 'U' && n < 256) {
		buf_add_char(out, 'U');
		buf_add_char(out, (char)n);
		buf_add_text(out, text);
	} else {
		buf_add_char(out, opcode == 'U' ? 'T' : opcode);
		add_u32(out, n);
		buf_add_text(out, text);
	}
}

static bool path_is_plain(const char *path)
{
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("'\"\\", *p))
			return false;
	return *path == '/';
}

/* All keys but one have equal values, and that one is there. */
static bool differs_in_one(struct value before, struct value after, struct span one)
{
	bool was = !value_is_absent(value_dict_find(before, one));
	const struct value_pair *rows;
	size_t n = value_dict_pairs(before, &rows);

	for (size_t i = 0; i < n; i++) {
		struct span key = { "", 0 };

		(void)value_get_chars(rows[i].key, &key);
		if (!span_equal(key, one) &&
		    !value_equal(rows[i].value, value_dict_find_key(after, rows[i].key)))
			return false;
	}
	return value_dict_pairs(after, &rows) == n + !was &&
	       !value_is_absent(value_dict_find(after, one));
}

static int cannot(struct error *err, const char *why)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "whichq can't be changed: %s", why);
}

int carry_entry_set_whichq(struct buf *content, const char *queue, struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_BUF struct buf changed = { 0 };
	struct span octets = buf_span(content);
	struct value message, before, after;
	struct place place;
	struct span whichq;
	size_t data_at, again;

	if (!path_is_plain(queue))
		return cannot(err, "the new path has characters that no queue's path has");
	if (read_both(arena, octets, &message, &before, &data_at, err) < 0)
		return -1;
	whichq = chars_of(before, SPAN("whichq"));
	if (!whichq.n || ((!find_counted(octets, whichq, &place) || place.at < data_at) &&
	                  !find_line(octets, data_at, whichq, &place)))
		return cannot(err, "it does not stand in the file by itself");
	buf_add(&changed, octets.p, place.at);
	add_string(&changed, place.opcode, queue);
	buf_add_span(&changed, span_from(octets, place.at + place.n));
	if (read_both(arena, buf_span(&changed), &message, &after, &again, err) < 0)
		return -1;
	if (again != data_at || !differs_in_one(before, after, SPAN("whichq")) ||
	    !span_is(chars_of(after, SPAN("whichq")), queue))
		return cannot(err, "something else would change with it");
	buf_reset(content);
	buf_add_span(content, buf_span(&changed));
	return 0;
}

/* ── the mark ────────────────────────────────────────────────────────────────────────────────── */

/* By its first opcode: PROTO; EMPTY_DICT, which protocol 0 has not. */
static unsigned protocol_of(struct span pickle)
{
	if (pickle.n > 1 && (unsigned char)pickle.p[0] == 0x80)
		return (unsigned char)pickle.p[1];
	return pickle.n && pickle.p[0] == '}';
}

static int not_marked(struct error *err, const char *why)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "_parsemsg can't be changed: %s", why);
}

int carry_entry_set_mark(struct buf *content, struct error *err)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_BUF struct buf changed = { 0 };
	struct span octets = buf_span(content);
	struct value message, again, before, data, after;
	size_t data_at, end, at;
	struct carry_entry_words words;

	if (read_both(arena, octets, &message, &before, &data_at, err) < 0 ||
	    read_whole(arena, octets, &message, &data, &data_at, &end, err) < 0 ||
	    carry_entry_read(arena, octets, &words, err) < 0)
		return -1;
	if (protocol_of(span_from(octets, data_at)) > PICKLE_PROTOCOL_MAX)
		return not_marked(err, "no Python 2 has written the metadata");
	value_dict_set(arena, data, value_str(arena, SPAN("_parsemsg")), value_bool(words.is_text));
	buf_add(&changed, octets.p, data_at);
	if (pickle_write(data, protocol_of(span_from(octets, data_at)), &changed, err) < 0)
		return error_context(err, "_parsemsg can't be changed");
	buf_add_span(&changed, span_from(octets, end));
	if (read_both(arena, buf_span(&changed), &again, &after, &at, err) < 0)
		return -1;
	if (at != data_at || !differs_in_one(before, after, SPAN("_parsemsg")))
		return not_marked(err, "something else would change with it");
	buf_reset(content);
	buf_add_span(content, buf_span(&changed));
	return 0;
}
