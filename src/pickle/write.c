/* SPDX-License-Identifier: BSD-2-Clause */

#include "pickle/write.h"

#include "base/memory.h"
#include "pickle/repr.h"
#include "pickle/represent.h"
#include "pickle/show.h"
#include "pickle/writer.h"

#include <stdlib.h>

#define BATCH 1000u /* rows of one SETITEMS or APPENDS, as Python has it */

static int save(struct writer *w, struct value v);

static int fail(struct writer *w, const char *words)
{
	return error_set(w->err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "can't be written as a pickle of protocol %u: %s", w->protocol, words);
}

static void add_u32(struct buf *out, uint32_t n)
{
	for (unsigned i = 0; i < 4; i++)
		buf_add_char(out, (char)(unsigned char)(n >> (8 * i)));
}

/* ── memo ────────────────────────────────────────────────────────────────────────────────────── */

/* Behind a thing that comes again, the first time. */
static void put(struct writer *w, struct value v)
{
	struct seen *seen = seen_find(&w->seen, v);

	/* a tuple in a loop is met again before it can be put: then all that leads there must be */
	if (!seen || (seen->times < 2 && !w->seen.has_loop))
		return;
	seen->memo = ++w->memo;
	if (!w->protocol) {
		buf_addf(w->out, "p%u\n", seen->memo);
	} else if (seen->memo < 256) {
		buf_add_char(w->out, 'q');
		buf_add_char(w->out, (char)(unsigned char)seen->memo);
	} else {
		buf_add_char(w->out, 'r');
		add_u32(w->out, seen->memo);
	}
}

/* False: it has not been put yet. */
static bool get(struct writer *w, struct value v)
{
	const struct seen *seen = seen_find(&w->seen, v);

	if (!seen || !seen->memo)
		return false;
	if (!w->protocol) {
		buf_addf(w->out, "g%u\n", seen->memo);
	} else if (seen->memo < 256) {
		buf_add_char(w->out, 'h');
		buf_add_char(w->out, (char)(unsigned char)seen->memo);
	} else {
		buf_add_char(w->out, 'j');
		add_u32(w->out, seen->memo);
	}
	return true;
}

/* ── plain values ────────────────────────────────────────────────────────────────────────────── */

static void save_bool(struct writer *w, bool b)
{
	if (w->protocol < 2)
		buf_add_text(w->out, b ? "I01\n" : "I00\n");
	else
		buf_add_char(w->out, (char)(b ? 0x88 : 0x89));
}

static void save_int(struct writer *w, int64_t i)
{
	if (!w->protocol || i < INT32_MIN || i > INT32_MAX) {
		buf_addf(w->out, "I%lld\n", (long long)i);
	} else if (i >= 0 && i < 256) {
		buf_add_char(w->out, 'K');
		buf_add_char(w->out, (char)(unsigned char)i);
	} else if (i >= 0 && i < 65536) {
		buf_add_char(w->out, 'M');
		buf_add_char(w->out, (char)(unsigned char)i);
		buf_add_char(w->out, (char)(unsigned char)(i >> 8));
	} else {
		buf_add_char(w->out, 'J');
		add_u32(w->out, (uint32_t)i);
	}
}

static void save_float(struct writer *w, double f)
{
	char text[32];
	uint64_t bits;

	if (!w->protocol) {
		buf_addf(w->out, "F%s\n", show_float(text, f));
		return;
	}
	memcpy(&bits, &f, sizeof bits);
	buf_add_char(w->out, 'G');
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_char(w->out, (char)(unsigned char)(bits >> shift));
}

static void save_str(struct writer *w, struct span s)
{
	if (!w->protocol) {
		buf_add_char(w->out, 'S');
		repr_chars(w->out, s, false, SIZE_MAX);
		buf_add_char(w->out, '\n');
		return;
	}
	if (s.n < 256) {
		buf_add_char(w->out, 'U');
		buf_add_char(w->out, (char)(unsigned char)s.n);
	} else {
		buf_add_char(w->out, 'T');
		add_u32(w->out, (uint32_t)s.n);
	}
	buf_add_span(w->out, s);
}

static void save_text(struct writer *w, struct span s)
{
	if (!w->protocol) {
		buf_add_char(w->out, 'V');
		repr_raw_unicode(w->out, s);
		buf_add_char(w->out, '\n');
		return;
	}
	buf_add_char(w->out, 'X');
	add_u32(w->out, (uint32_t)s.n);
	buf_add_span(w->out, s);
}

/* ── containers ──────────────────────────────────────────────────────────────────────────────── */

static int save_rows(struct writer *w, struct value v)
{
	for (size_t i = 0; i < value_count(v); i++)
		if (save(w, value_item(v, i)) < 0)
			return -1;
	return 0;
}

/* One that holds itself has been put below while its items were written: then that one counts, and
 * the items are taken back. */
static int save_tuple(struct writer *w, struct value v)
{
	size_t n = value_count(v);
	bool short_form = w->protocol == 2 && n >= 1 && n <= 3;

	if (!n) {
		buf_add_text(w->out, w->protocol ? ")" : "(t");
		return 0;
	}
	if (!short_form)
		buf_add_char(w->out, '(');
	if (save_rows(w, v) < 0)
		return -1;
	if (seen_is_put(&w->seen, v)) {
		for (size_t i = 0; i < n; i++)
			buf_add_char(w->out, '0');
		if (!short_form) /* the mark */
			buf_add_char(w->out, '0');
		get(w, v);
		return 0;
	}
	buf_add_char(w->out, (char)(short_form ? 0x84 + n : 't'));
	put(w, v);
	return 0;
}

static int append_rows(struct writer *w, struct value v)
{
	size_t n = value_count(v);

	for (size_t i = 0; i < n; i++) {
		bool batch = w->protocol && (n - i > 1 || i % BATCH);

		if (batch && i % BATCH == 0)
			buf_add_char(w->out, '(');
		if (save(w, value_item(v, i)) < 0)
			return -1;
		if (!batch)
			buf_add_char(w->out, 'a');
		else if (i % BATCH == BATCH - 1 || i + 1 == n)
			buf_add_char(w->out, 'e');
	}
	return 0;
}

static int set_pairs(struct writer *w, struct value v)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(v, &pairs);

	for (size_t i = 0; i < n; i++) {
		bool batch = w->protocol && (n - i > 1 || i % BATCH);

		if (batch && i % BATCH == 0)
			buf_add_char(w->out, '(');
		if (save(w, pairs[i].key) < 0 || save(w, pairs[i].value) < 0)
			return -1;
		if (!batch)
			buf_add_char(w->out, 's');
		else if (i % BATCH == BATCH - 1 || i + 1 == n)
			buf_add_char(w->out, 'u');
	}
	return 0;
}

static int save_list(struct writer *w, struct value v)
{
	buf_add_text(w->out, w->protocol ? "]" : "(l");
	put(w, v);
	return append_rows(w, v);
}

static int save_dict(struct writer *w, struct value v)
{
	buf_add_text(w->out, w->protocol ? "}" : "(d");
	put(w, v);
	return set_pairs(w, v);
}

/* Python 2 has no opcode for them: set([...]). */
static int save_set(struct writer *w, struct value v)
{
	bool frozen = value_kind(v) == VALUE_FROZENSET;

	buf_add_text(w->out, frozen ? "c__builtin__\nfrozenset\n(" : "c__builtin__\nset\n(");
	buf_add_text(w->out, w->protocol ? "]" : "(l");
	if (append_rows(w, v) < 0)
		return -1;
	if (seen_is_put(&w->seen, v))
		return fail(w, "a set holds itself");
	buf_add_text(w->out, "tR");
	put(w, v);
	return 0;
}

/* ── objects ─────────────────────────────────────────────────────────────────────────────────── */

static struct span old_module(struct span module)
{
	if (span_is(module, "builtins"))
		return SPAN("__builtin__");
	if (span_is(module, "copyreg"))
		return SPAN("copy_reg");
	return module;
}

static int save_name(struct writer *w, char opcode, struct value class)
{
	struct span module, name;

	if (!value_get_class(class, &module, &name) || span_find(module, '\n') >= 0 ||
	    span_find(name, '\n') >= 0)
		return fail(w, "no name of a class");
	buf_add_char(w->out, opcode);
	buf_add_span(w->out, old_module(module));
	buf_add_char(w->out, '\n');
	buf_add_span(w->out, name);
	buf_add_char(w->out, '\n');
	return 0;
}

static int save_global(struct writer *w, struct value v)
{
	if (save_name(w, 'c', v) < 0)
		return -1;
	put(w, v);
	return 0;
}

static int save_plain(struct writer *w, const struct value_object *o)
{
	buf_add_char(w->out, '(');
	if (w->protocol && save(w, o->class) < 0)
		return -1;
	if (save_rows(w, o->args) < 0)
		return -1;
	if (!w->protocol)
		return save_name(w, 'i', o->class);
	buf_add_char(w->out, 'o');
	return 0;
}

static int save_new(struct writer *w, const struct value_object *o)
{
	const struct value_pair *pairs;

	if (value_dict_pairs(o->keywords, &pairs))
		return fail(w, "an object that was made with keywords");
	if (w->protocol == 2) {
		if (save(w, o->class) < 0 || save(w, o->args) < 0)
			return -1;
		buf_add_char(w->out, (char)0x81);
		return 0;
	}
	/* what NEWOBJ does, as a function that Python 2.3 and later have */
	buf_add_text(w->out, "ccopy_reg\n__newobj__\n(");
	if (save(w, o->class) < 0 || save_rows(w, o->args) < 0)
		return -1;
	buf_add_text(w->out, "tR");
	return 0;
}

static int save_call(struct writer *w, const struct value_object *o)
{
	if (o->made == VALUE_MADE_RECONSTRUCTED)
		buf_add_text(w->out, "ccopy_reg\n_reconstructor\n");
	else if (save(w, o->class) < 0)
		return -1;
	if (save(w, o->args) < 0)
		return -1;
	buf_add_char(w->out, 'R');
	return 0;
}

static int save_made(struct writer *w, const struct value_object *o)
{
	switch (o->made) {
	case VALUE_MADE_PLAIN:
		return save_plain(w, o);
	case VALUE_MADE_NEW:
	case VALUE_MADE_NEW_EX:
		return save_new(w, o);
	case VALUE_MADE_RECONSTRUCTED:
	case VALUE_MADE_CALLED:
		break;
	}
	return save_call(w, o);
}

static int save_object(struct writer *w, struct value v)
{
	const struct value_object *o = value_object(v);

	if (save_made(w, o) < 0)
		return -1;
	if (seen_is_put(&w->seen, v))
		return fail(w, "an object is an argument of itself");
	put(w, v);
	if (append_rows(w, o->items) < 0 || set_pairs(w, o->pairs) < 0)
		return -1;
	if (value_is_absent(o->state))
		return 0;
	if (save(w, o->state) < 0)
		return -1;
	buf_add_char(w->out, 'b');
	return 0;
}

/* ── all kinds ───────────────────────────────────────────────────────────────────────────────── */

static int save_inside(struct writer *w, struct value v)
{
	struct span s = { 0 };
	int64_t i = 0;

	switch (value_kind(v)) {
	case VALUE_ABSENT:
	case VALUE_NONE:
		buf_add_char(w->out, 'N');
		return 0;
	case VALUE_BOOL:
		save_bool(w, value_small(v) != 0);
		return 0;
	case VALUE_INT:
		value_get_int(v, &i);
		save_int(w, i);
		return 0;
	case VALUE_LONG:
		value_get_digits(v, &s);
		buf_addf(w->out, "L%.*sL\n", (int)s.n, s.p);
		return 0;
	case VALUE_FLOAT:
		save_float(w, value_double(v));
		return 0;
	case VALUE_STR:
		value_get_str(v, &s);
		save_str(w, s);
		put(w, v);
		return 0;
	case VALUE_TEXT:
		value_get_text(v, &s);
		save_text(w, s);
		put(w, v);
		return 0;
	case VALUE_TUPLE:
		return save_tuple(w, v);
	case VALUE_LIST:
		return save_list(w, v);
	case VALUE_SET:
	case VALUE_FROZENSET:
		return save_set(w, v);
	case VALUE_DICT:
		return save_dict(w, v);
	case VALUE_GLOBAL:
		return save_global(w, v);
	case VALUE_INSTANCE:
	case VALUE_CALL:
		break;
	}
	return save_object(w, v);
}

static int save(struct writer *w, struct value v)
{
	int result;

	if (get(w, v))
		return 0;
	if (w->depth == 2 * VALUE_DEPTH_MAX)
		return fail(w, "more things are inside one another than it can hold");
	w->depth++;
	result = save_inside(w, v);
	w->depth--;
	return result;
}

int pickle_write(struct value v, unsigned protocol, struct buf *out, struct error *err)
{
	struct writer w = { .protocol = protocol, .out = out, .err = err };
	size_t before = out->n;
	int result;

	if (protocol > PICKLE_PROTOCOL_MAX)
		return fail(&w, "Python 2 has none higher than 2");
	result = seen_count(&w.seen, v, err);
	if (result == 0) {
		if (protocol == 2)
			buf_add(out, "\x80\x02", 2);
		result = save(&w, v);
		buf_add_char(out, '.');
	}
	seen_fini(&w.seen);
	if (result < 0)
		out->n = before;
	return result;
}
