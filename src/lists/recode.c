/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/recode.h"

#include <string.h>
#include <strings.h>

#define VALUES_MAX 50000000u

void lists_recode_places_fini(struct lists_recode_places *p)
{
	strings_fini(&p->needed);
	strings_fini(&p->unsure);
	strings_fini(&p->neither);
}

enum lists_recode_fit lists_recode_fit(struct lists_charset *from, struct lists_charset *to,
                                       struct span octets)
{
	AUTO_BUF struct buf before = { 0 }, after = { 0 };
	bool was = lists_decode_strictly(from, octets, &before);
	bool is = lists_decode_strictly(to, octets, &after);

	if (!is)
		return was ? LISTS_RECODE_NEEDED : LISTS_RECODE_NEITHER;
	/* what is UTF-8 by chance is rare, and what is text in a charset of one octet is anything */
	if (!was)
		return !strcasecmp(lists_charset_name(to), "utf-8") ? LISTS_RECODE_FITS
		                                                    : LISTS_RECODE_UNSURE;
	return span_equal(buf_span(&before), buf_span(&after)) ? LISTS_RECODE_FITS
	                                                       : LISTS_RECODE_UNSURE;
}

struct looking {
	struct lists_charset *from, *to;
	struct value_walk walk;
	size_t found[LISTS_RECODE_NEITHER + 1]; /* in one attribute */
};

static void look(struct looking *l, struct value v)
{
	const struct value_pair *rows;
	struct span octets;

	if (value_get_str(v, &octets)) {
		l->found[lists_recode_fit(l->from, l->to, octets)]++;
		return;
	}
	if (value_enter(&l->walk, v) != VALUE_STEP_IN)
		return;
	for (size_t i = 0; i < value_count(v); i++)
		look(l, value_item(v, i));
	for (size_t i = 0, n = value_dict_pairs(v, &rows); i < n; i++) {
		look(l, rows[i].key);
		look(l, rows[i].value);
	}
	value_leave(&l->walk, v);
}

static size_t misfits(struct lists_charset *c, struct value_walk *walk, struct value v)
{
	const struct value_object *o;
	const struct value_pair *rows;
	struct span octets;
	size_t found = 0;

	if (value_get_str(v, &octets)) {
		AUTO_BUF struct buf text = { 0 };

		return !lists_decode_strictly(c, octets, &text);
	}
	if (value_enter(walk, v) != VALUE_STEP_IN)
		return 0;
	o = value_object(v);
	if (o)
		found += misfits(c, walk, o->state);
	for (size_t i = 0; i < value_count(v); i++)
		found += misfits(c, walk, value_item(v, i));
	for (size_t i = 0, n = value_dict_pairs(v, &rows); i < n; i++)
		found += misfits(c, walk, rows[i].key) + misfits(c, walk, rows[i].value);
	value_leave(walk, v);
	return found;
}

size_t lists_recode_misfits(struct lists_charset *c, struct value v)
{
	struct value_walk walk = { .left = VALUES_MAX };

	return misfits(c, &walk, v);
}

static void tell(struct strings *to, struct span name, size_t n, bool many)
{
	AUTO_BUF struct buf words = { 0 };

	if (!n)
		return;
	buf_add_printable(&words, name);
	if (many)
		buf_addf(&words, " (%zu)", n);
	strings_add(to, buf_text(&words));
}

void lists_recode_look(struct lists_charset *from, struct lists_charset *to, struct value config,
                       struct lists_recode_places *out)
{
	const struct value_pair *rows;
	size_t n = value_dict_pairs(config, &rows);

	for (size_t i = 0; i < n; i++) {
		struct looking l = { from, to, { .left = VALUES_MAX }, { 0 } };
		bool many = value_kind(rows[i].value) == VALUE_DICT;
		struct span name;

		if (!value_get_chars(rows[i].key, &name))
			continue;
		look(&l, rows[i].value);
		tell(&out->needed, name, l.found[LISTS_RECODE_NEEDED], many);
		tell(&out->unsure, name, l.found[LISTS_RECODE_UNSURE], many);
		tell(&out->neither, name, l.found[LISTS_RECODE_NEITHER], many);
	}
	strings_sort(&out->needed);
	strings_sort(&out->unsure);
	strings_sort(&out->neither);
}
