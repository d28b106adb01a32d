/* SPDX-License-Identifier: BSD-2-Clause */

/* opcodes_object -- what Python would import and call. Here they become nodes that say so. */

#include "pickle/reader.h"

/* ── names ───────────────────────────────────────────────────────────────────────────────────── */

static struct value new_name(struct reader *r, struct span module, struct span name)
{
	struct named *g = arena_take(r->arena, sizeof *g);

	*g = (struct named){ module, name };
	return value_of(TAG_GLOBAL, g);
}

static int check_name(struct reader *r, struct span module, struct span name)
{
	AUTO_BUF struct buf words = { 0 };

	if (r->foreign || name_use(module, name) != NAME_FOREIGN)
		return 0;
	buf_add_printable(&words, module);
	buf_add_char(&words, '.');
	buf_add_printable(&words, name);
	reader_fail(r, "%.200s is nothing that Mailman writes", buf_text(&words));
	return error_hint(r->err, "Python would import, and perhaps call, what that names: "
	                          "somebody may have planted it. Nothing was run here.");
}

static int take_name(struct reader *r, struct value *v)
{
	struct span module, name;

	if (reader_take_line(r, &module) < 0 || reader_take_line(r, &name) < 0 ||
	    check_name(r, module, name) < 0)
		return -1;
	*v = new_name(r, module, name);
	return reader_check_memory(r);
}

int act_global(struct reader *r)
{
	struct value v;

	return take_name(r, &v) < 0 ? -1 : reader_push(r, v);
}

int act_stack_global(struct reader *r)
{
	struct value module, name;
	struct span a, b;

	if (reader_pop(r, &name) < 0 || reader_pop(r, &module) < 0)
		return -1;
	if (!value_get_chars(module, &a) || !value_get_chars(name, &b))
		return reader_fail(r, "of a %s and a %s", value_kind_name(value_kind(module)),
		                   value_kind_name(value_kind(name)));
	if (check_name(r, a, b) < 0)
		return -1;
	return reader_push(r, new_name(r, a, b));
}

/* ── instances ───────────────────────────────────────────────────────────────────────────────── */

static int push_object(struct reader *r, enum tag tag, const struct value_object *is)
{
	struct object *o = object_new(r->arena);

	o->is = *is;
	if (reader_raise(r, &o->inside, is->args) < 0 ||
	    reader_raise(r, &o->inside, is->keywords) < 0 || reader_check_memory(r) < 0)
		return -1;
	return reader_push(r, value_of(tag, o));
}

static int want_class(struct reader *r, struct value class)
{
	if (value_tag(class) != TAG_GLOBAL)
		return reader_fail(r, "of a %s, which is no class",
		                   value_kind_name(value_kind(class)));
	return 0;
}

/* Python calls an old-style class that gets arguments; no class of Mailman wants any. */
static int push_old_style(struct reader *r, struct value class, const struct value *rows, size_t n)
{
	struct value_object o = { .class = class, .made = VALUE_MADE_PLAIN };

	if (n && !r->foreign)
		return reader_fail(r, "a class called with %zu arguments", n);
	if (n) {
		if (reader_push_rows(r, TAG_TUPLE, rows, n) < 0 || reader_pop(r, &o.args) < 0)
			return -1;
	}
	return push_object(r, TAG_INSTANCE, &o);
}

int act_inst(struct reader *r)
{
	struct value class, *rows;
	size_t n;

	if (take_name(r, &class) < 0 || reader_pop_mark(r, &rows, &n) < 0)
		return -1;
	return push_old_style(r, class, rows, n);
}

int act_obj(struct reader *r)
{
	struct value *rows;
	size_t n;

	if (reader_pop_mark(r, &rows, &n) < 0)
		return -1;
	if (!n)
		return reader_fail(r, "without a class");
	return want_class(r, rows[0]) < 0 ? -1 : push_old_style(r, rows[0], rows + 1, n - 1);
}

int act_newobj(struct reader *r)
{
	struct value_object o = { .made = VALUE_MADE_NEW };

	if (reader_pop(r, &o.args) < 0 || reader_pop(r, &o.class) < 0 || want_class(r, o.class) < 0)
		return -1;
	if (value_tag(o.args) != TAG_TUPLE)
		return reader_fail(r, "arguments that are no tuple");
	return push_object(r, TAG_INSTANCE, &o);
}

int act_newobj_ex(struct reader *r)
{
	struct value_object o = { .made = VALUE_MADE_NEW_EX };

	if (reader_pop(r, &o.keywords) < 0 || reader_pop(r, &o.args) < 0 ||
	    reader_pop(r, &o.class) < 0 || want_class(r, o.class) < 0)
		return -1;
	if (value_tag(o.args) != TAG_TUPLE || value_tag(o.keywords) != TAG_DICT)
		return reader_fail(r, "arguments that are no tuple and dict");
	return push_object(r, TAG_INSTANCE, &o);
}

static int push_call(struct reader *r, struct value function, struct value args)
{
	struct value_object o = { .class = function, .made = VALUE_MADE_CALLED, .args = args };
	const struct named *g = value_inside(function);
	bool reconstructs = span_is(g->name, "_reconstructor") &&
	                    (span_is(g->module, "copy_reg") || span_is(g->module, "copyreg"));
	struct value plain;

	if (reconstructs && value_tag(value_item(args, 0)) == TAG_GLOBAL) {
		o.made = VALUE_MADE_RECONSTRUCTED;
		o.class = value_item(args, 0);
		return push_object(r, TAG_INSTANCE, &o);
	}
	if (span_is(g->name, "__newobj__") && value_tag(value_item(args, 0)) == TAG_GLOBAL) {
		const struct rows *rows = value_inside(args);

		o.made = VALUE_MADE_NEW;
		o.class = value_item(args, 0);
		if (reader_push_rows(r, TAG_TUPLE, rows->rows + 1, rows->n - 1) < 0 ||
		    reader_pop(r, &o.args) < 0)
			return -1;
		return push_object(r, TAG_INSTANCE, &o);
	}
	if (!r->foreign && name_use(g->module, g->name) != NAME_FUNCTION)
		return reader_fail(r, "calls %.*s, which is no function that Mailman calls",
		                   (int)(g->name.n < 100 ? g->name.n : 100), g->name.p);
	if (name_fold(r, g, args, &plain))
		return reader_check_memory(r) < 0 ? -1 : reader_push(r, plain);
	return push_object(r, TAG_CALL, &o);
}

int act_reduce(struct reader *r)
{
	struct value function, args;

	if (reader_pop(r, &args) < 0 || reader_pop(r, &function) < 0)
		return -1;
	if (value_tag(function) != TAG_GLOBAL)
		return reader_fail(r, "calls a %s", value_kind_name(value_kind(function)));
	if (value_tag(args) != TAG_TUPLE)
		return reader_fail(r, "arguments that are no tuple");
	return push_call(r, function, args);
}

int act_build(struct reader *r)
{
	struct value state, *top;
	struct object *o;

	if (reader_pop(r, &state) < 0 || reader_top(r, &top) < 0)
		return -1;
	if (value_tag(*top) != TAG_INSTANCE && value_tag(*top) != TAG_CALL)
		return reader_fail(r, "of a %s", value_kind_name(value_kind(*top)));
	o = value_inside(*top);
	if (!value_is_absent(o->is.state))
		return reader_fail(r, "of something that has a state already");
	o->is.state = state;
	return reader_raise(r, &o->inside, state);
}

int act_bytearray8(struct reader *r)
{
	struct value octets, function;

	if (act_str8(r) < 0 || reader_pop(r, &octets) < 0 ||
	    reader_push_rows(r, TAG_TUPLE, &octets, 1) < 0 || reader_pop(r, &octets) < 0)
		return -1;
	function = new_name(r, SPAN("builtins"), SPAN("bytearray"));
	return push_call(r, function, octets);
}

/* ── what can't be read from a file alone ────────────────────────────────────────────────────── */

int act_persid(struct reader *r)
{
	return reader_fail(r, "stands for something that is not in the file");
}

int act_ext(struct reader *r)
{
	return reader_fail(r, "a number of a table that only the writer's program has");
}

int act_buffer(struct reader *r)
{
	return reader_fail(r, "stands for octets that are not in the file");
}
