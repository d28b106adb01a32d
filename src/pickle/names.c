/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * names -- which classes and functions Mailman 2.1 writes, on Python 2 and in its ports to Python 3.
 *
 * Any other name in a file says that somebody meant Python to import something else.
 */

#include "pickle/reader.h"

static const struct row {
	const char *module, *name;
	enum name_use use;
} rows[] = {
	{ "__builtin__", "object", NAME_CLASS },
	{ "__builtin__", "list", NAME_CLASS },
	{ "__builtin__", "dict", NAME_CLASS },
	{ "__builtin__", "str", NAME_CLASS },
	{ "__builtin__", "unicode", NAME_CLASS },
	{ "__builtin__", "tuple", NAME_CLASS },
	{ "__builtin__", "int", NAME_CLASS },
	{ "__builtin__", "set", NAME_FUNCTION },
	{ "__builtin__", "frozenset", NAME_FUNCTION },
	{ "__builtin__", "bytes", NAME_FUNCTION },
	{ "__builtin__", "bytearray", NAME_FUNCTION },
	{ "_codecs", "encode", NAME_FUNCTION },
	{ "copy_reg", "_reconstructor", NAME_FUNCTION },
	{ "copy_reg", "__newobj__", NAME_FUNCTION },
	{ "collections", "OrderedDict", NAME_FUNCTION },
	{ "collections", "defaultdict", NAME_FUNCTION },
	{ "datetime", "datetime", NAME_FUNCTION },
	{ "datetime", "date", NAME_FUNCTION },
	{ "datetime", "timedelta", NAME_FUNCTION },
};

/* Python 3's names of the same two modules. */
static struct span old_module(struct span module)
{
	if (span_is(module, "builtins"))
		return SPAN("__builtin__");
	if (span_is(module, "copyreg"))
		return SPAN("copy_reg");
	return module;
}

/* A plain name: of nothing inside something else, such as "Utils.os.system". */
static bool is_plain(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = ascii_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && c != '_' && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return name.n > 0;
}

enum name_use name_use(struct span module, struct span name)
{
	module = old_module(module);
	for (size_t i = 0; i < ROWS(rows); i++)
		if (span_is(module, rows[i].module) && span_is(name, rows[i].name))
			return rows[i].use;
	/* messages and their parts, members' records, articles, and classes of a site's own
	 * handlers: they may have instances, but can't be called */
	if ((span_starts(module, "Mailman.") || span_starts(module, "email.")) && is_plain(name))
		return NAME_CLASS;
	return NAME_FOREIGN;
}

/* ── calls that are plain values ─────────────────────────────────────────────────────────────── */

/* Text of latin-1 alone as octets. */
static bool text_to_octets(struct reader *r, struct value text, struct value *octets)
{
	struct span s;
	char *out, *begin;
	size_t n = 0;

	if (!value_get_text(text, &s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] > 0xc3)
			return false;
		n += (s.p[i] & 0xc0) != 0x80;
	}
	begin = out = value_string_room(r->arena, TAG_STR4, n, octets);
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] & 0xc0) == 0x80)
			out[-1] = (char)((out[-1] & 3) << 6 | (s.p[i] & 0x3f));
		else
			*out++ = s.p[i];
	return (size_t)(out - begin) == n;
}

static bool fold_octets(struct reader *r, struct value args, struct value *v)
{
	struct span charset;

	return value_count(args) == 2 && value_get_chars(value_item(args, 1), &charset) &&
	       (span_is_nocase(charset, "latin1") || span_is_nocase(charset, "latin-1") ||
	        span_is_nocase(charset, "iso-8859-1")) &&
	       text_to_octets(r, value_item(args, 0), v);
}

static bool fold_set(struct reader *r, enum tag tag, struct value args, struct value *v)
{
	struct value items = value_item(args, 0);

	if (value_count(args) > 1 || (value_count(args) && value_tag(items) != TAG_LIST))
		return false;
	*v = value_of(tag, value_count(args) ? value_inside(items) : rows_new(r->arena));
	return true;
}

bool name_fold(struct reader *r, const struct named *g, struct value args, struct value *v)
{
	if (span_is(g->module, "_codecs"))
		return fold_octets(r, args, v);
	if (!span_is(old_module(g->module), "__builtin__"))
		return false;
	if (span_is(g->name, "bytes") && !value_count(args)) {
		*v = value_str(r->arena, (struct span){ 0 });
		return true;
	}
	if (span_is(g->name, "set"))
		return fold_set(r, TAG_SET, args, v);
	if (span_is(g->name, "frozenset"))
		return fold_set(r, TAG_FROZENSET, args, v);
	return false;
}
