/* SPDX-License-Identifier: BSD-2-Clause */

/* dict -- pairs in the order of the file, and an index that is made when one is looked for. */

#include "pickle/value.h"

#include "pickle/arena.h"
#include "pickle/represent.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define PROBES_MAX 200u    /* in an index that is half full, ten are many */
#define KEY_ITEMS_MAX 100u /* of a key of tuples in tuples that are looked at */

struct pairs *pairs_new(struct value_arena *arena)
{
	struct pairs *d = arena_take(arena, sizeof *d);

	*d = (struct pairs){ .inside.height = 1, .arena = arena };
	return d;
}

static struct pairs *get_pairs(struct value v)
{
	return value_tag(v) == TAG_DICT ? value_inside(v) : NULL;
}

struct value value_new_dict(struct value_arena *arena)
{
	return value_of(TAG_DICT, pairs_new(arena));
}

size_t value_dict_pairs(struct value dict, const struct value_pair **pairs)
{
	const struct pairs *d = get_pairs(dict);

	*pairs = d ? d->rows : NULL;
	return d ? d->n : 0;
}

void pairs_add(struct value_arena *arena, struct pairs *d, struct value key, struct value value)
{
	if (d->n == d->room)
		d->rows = arena_grow_rows(arena, d->rows, d->n, &d->room, (size_t)d->n + 1,
		                          sizeof *d->rows);
	d->rows[d->n++] = (struct value_pair){ key, value };
}

/* ── keys ────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9E3779B97F4A7C15u;
	return h ^ h >> 29;
}

static uint64_t hash_octets(uint64_t h, struct span s)
{
	uint64_t word;

	for (; s.n >= 8; s = span_from(s, 8)) {
		memcpy(&word, s.p, 8);
		h = mix(h, word);
	}
	word = s.n;
	if (s.n)
		memcpy(&word, s.p, s.n);
	return mix(h, word);
}

/* A long that 64 bits hold is that number, as in Python. */
static bool get_whole(struct value v, int64_t *i)
{
	struct span digits;
	char text[24];
	char *end;

	if (!value_get_digits(v, &digits))
		return value_get_int(v, i);
	if (digits.n >= sizeof text)
		return false;
	memcpy(text, digits.p, digits.n);
	text[digits.n] = 0;
	errno = 0;
	*i = strtoll(text, &end, 10);
	return !errno && !*end;
}

static uint64_t hash_number(uint64_t h, struct value key)
{
	struct span digits;
	int64_t i;
	double f;

	if (value_get_digits(key, &digits) && !get_whole(key, &i))
		return hash_octets(h, digits);
	if (get_whole(key, &i))
		f = (double)i;
	else
		f = value_double(key) + 0.0; /* -0.0 is 0.0 */
	if (isnan(f))
		return mix(h, key.word); /* equal to itself alone */
	return hash_octets(h, (struct span){ (const char *)&f, sizeof f });
}

static bool is_number(struct value v)
{
	return value_tag(v) >= TAG_BOOL && value_tag(v) <= TAG_FLOAT;
}

/* Equal keys (keys_equal()) have equal hashes; keys that can't be hashed in Python have one too. */
static uint64_t hash_key(uint64_t h, struct value key, unsigned *left)
{
	struct span s;

	if (value_get_chars(key, &s))
		return hash_octets(h, s);
	if (is_number(key))
		return hash_number(h, key);
	if (!tag_is_items(value_tag(key)))
		return mix(h, key.word);
	for (size_t i = 0; *left && i < value_count(key); i++) {
		--*left;
		h = hash_key(mix(h, 1), value_item(key, i), left);
	}
	return h;
}

static bool numbers_equal(struct value a, struct value b)
{
	struct span x, y;
	int64_t i, j;
	double f, g;

	if (get_whole(a, &i) && get_whole(b, &j))
		return i == j;
	if (value_get_digits(a, &x) && value_get_digits(b, &y))
		return span_equal(x, y);
	return value_get_number(a, &f) && value_get_number(b, &g) && f == g;
}

static bool keys_equal(struct value a, struct value b, unsigned *left)
{
	struct span x, y;

	if (value_same(a, b))
		return true;
	if (value_get_chars(a, &x))
		return value_get_chars(b, &y) && span_equal(x, y);
	if (is_number(a))
		return is_number(b) && numbers_equal(a, b);
	if (!tag_is_items(value_tag(a)) || value_tag(a) != value_tag(b) ||
	    value_count(a) != value_count(b))
		return false;
	for (size_t i = 0; i < value_count(a); i++)
		if (!*left || !(--*left, keys_equal(value_item(a, i), value_item(b, i), left)))
			return false;
	return true;
}

/* ── index ───────────────────────────────────────────────────────────────────────────────────── */

/* The slot of the key, or the free one where it belongs. NULL: a hostile file has so many keys with
 * one hash (tuples that differ far behind) that it is not looked for any longer. */
static uint32_t *find_slot(const struct pairs *d, struct value key)
{
	unsigned left = KEY_ITEMS_MAX;
	uint32_t at = (uint32_t)hash_key(d->arena->seed, key, &left);

	for (unsigned probe = 0; probe < PROBES_MAX; probe++, at++) {
		uint32_t *slot = &d->index[at & (d->slots - 1)];

		left = KEY_ITEMS_MAX;
		if (!*slot || keys_equal(d->rows[*slot - 1].key, key, &left))
			return slot;
	}
	return NULL;
}

static void index_rows(struct pairs *d)
{
	if (2 * (uint64_t)d->n >= d->slots) {
		uint32_t slots = 16;

		while (slots < 4 * (uint64_t)d->n)
			slots *= 2;
		/* with room 0 the old one is left to the arena */
		d->slots = 0;
		d->index = arena_grow_rows(d->arena, NULL, 0, &d->slots, slots, sizeof *d->index);
		memset(d->index, 0, slots * sizeof *d->index);
		d->slots = slots;
		d->indexed = 0;
	}
	for (; d->indexed < d->n; d->indexed++) {
		uint32_t *slot = find_slot(d, d->rows[d->indexed].key);

		if (slot)
			*slot = d->indexed + 1;
	}
}

static struct value_pair *find_pair(struct pairs *d, struct value key)
{
	uint32_t *slot;

	if (!d || !d->n)
		return NULL;
	index_rows(d);
	slot = find_slot(d, key);
	return slot && *slot ? &d->rows[*slot - 1] : NULL;
}

struct value value_dict_find_key(struct value dict, struct value key)
{
	const struct value_pair *pair = find_pair(get_pairs(dict), key);

	return pair ? pair->value : (struct value){ 0 };
}

struct value value_dict_find(struct value dict, struct span key)
{
	char text[256];

	if (value_tag(dict) != TAG_DICT)
		return (struct value){ 0 };
	if (key.n > sizeof text - 4) {
		struct pairs *d = get_pairs(dict);

		return value_dict_find_key(dict, value_str(d->arena, key));
	}
	text[0] = (char)(unsigned char)key.n;
	if (key.n)
		memcpy(text + 1, key.p, key.n);
	return value_dict_find_key(dict, value_of(TAG_STR1, text));
}

size_t value_dict_settle(struct value dict)
{
	struct pairs *d = get_pairs(dict);
	uint32_t kept = 0, n;

	if (!d || !d->n)
		return 0;
	index_rows(d); /* makes room for all */
	memset(d->index, 0, d->slots * sizeof *d->index);
	n = d->n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *slot = find_slot(d, d->rows[i].key);

		/* "a" and u"a" are one key to Python 2, but two in a file of Python 3 */
		if (slot && *slot &&
		    value_kind(d->rows[*slot - 1].key) == value_kind(d->rows[i].key)) {
			d->rows[*slot - 1].value = d->rows[i].value;
			continue;
		}
		d->rows[kept++] = d->rows[i];
		if (slot)
			*slot = kept;
	}
	d->n = d->indexed = kept;
	return n - kept;
}

void value_dict_set(struct value_arena *arena, struct value dict, struct value key,
                    struct value value)
{
	struct pairs *d = get_pairs(dict);
	struct value_pair *pair = find_pair(d, key);

	if (pair)
		pair->value = value;
	else if (d)
		pairs_add(arena, d, key, value);
}

bool value_dict_remove(struct value dict, struct value key)
{
	struct pairs *d = get_pairs(dict);
	struct value_pair *pair = find_pair(d, key);
	size_t at;

	if (!pair)
		return false;
	for (; pair; pair = find_pair(d, key)) {
		at = (size_t)(pair - d->rows);
		d->n--;
		memmove(d->rows + at, d->rows + at + 1, (d->n - at) * sizeof *d->rows);
		d->slots = 0; /* rows have moved: made again at the next find */
	}
	return true;
}
