/* SPDX-License-Identifier: BSD-2-Clause */
#include "pickle/out.h"

#include "base/memory.h"

#include <stdlib.h>

struct out *out_new(const struct show_sink *sink, uint64_t file_octets)
{
	struct out *o = xmalloc(sizeof *o);

	o->sink = sink;
	o->n = 0;
	o->written = 0;
	o->written_max = SHOW_OCTETS_TIMES * file_octets;
	if (o->written_max < SHOW_OCTETS_LEAST)
		o->written_max = SHOW_OCTETS_LEAST;
	return o;
}

void out_free(struct out *o)
{
	out_flush(o);
	free(o);
}

void out_flush(struct out *o)
{
	o->written += o->n;
	if (o->n)
		o->sink->write(o->sink->context, (struct span){ o->octets, o->n });
	o->n = 0;
}

void out_add_long(struct out *o, struct span s)
{
	out_flush(o);
	o->written += s.n;
	o->sink->write(o->sink->context, s);
}

int show_result(bool cut, bool deep, struct error *err)
{
	if (cut)
		return error_set(
			err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
			"what the file shares with itself expands to too much; it was cut");
	if (deep)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "more than %u things are inside one another; it was cut",
		                 VALUE_DEPTH_MAX);
	return 0;
}

bool show_wants_args(struct value object)
{
	const struct value_object *o = value_object(object);
	struct span module, name;

	if (o->made != VALUE_MADE_RECONSTRUCTED)
		return o->made == VALUE_MADE_CALLED || value_count(o->args);
	/* (class, object, None) is what all of them have that are no str, list ... besides */
	return value_count(o->args) != 3 || value_kind(value_item(o->args, 2)) != VALUE_NONE ||
	       !value_get_class(value_item(o->args, 1), &module, &name) || !span_is(name, "object");
}
