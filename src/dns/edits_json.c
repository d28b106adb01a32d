/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/edits.h"

#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *set_json(const struct dns_set *s)
{
	json_t *data = json_array();

	for (size_t i = 0; i < s->data.n; i++)
		json_array_append_new(data, json_string(s->data.rows[i]));
	return json_pack("{s:I, s:o}", "ttl", (json_int_t)s->ttl, "data", data);
}

void dns_edits_add_json(struct buf *out, const struct dns_edits *e)
{
	json_t *rows = json_array(), *all;
	char type[16];
	char *text;

	for (size_t i = 0; i < e->n; i++) {
		const struct dns_edit *edit = &e->rows[i];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:o, s:o}", "zone",
		                                      edit->zone, "name", edit->before.name, "type",
		                                      dns_type_text(type, edit->before.type),
		                                      "before", set_json(&edit->before), "after",
		                                      set_json(&edit->after)));
	}
	all = json_pack("{s:o}", "edits", rows);
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	if (!text)
		abort();
	buf_add_text(out, text);
	free(text);
	json_decref(all);
}

static int read_set(json_t *from, const char *name, const char *type, struct dns_set *out)
{
	json_t *data = json_object_get(from, "data"), *one;
	size_t i;

	*out = (struct dns_set){ .name = xstrdup(name),
		                 .type = dns_type_number(type),
		                 .ttl = (uint32_t)json_integer_value(
					 json_object_get(from, "ttl")) };
	json_array_foreach (data, i, one)
		if (json_string_value(one))
			strings_add(&out->data, json_string_value(one));
	return out->type ? 0 : -1;
}

int dns_edits_read_json(const char *text, struct dns_edits *out, struct error *err)
{
	AUTO_EDITS struct dns_edits made = { 0 };
	json_t *all = json_loads(text, 0, NULL), *row;
	bool good = json_is_array(json_object_get(all, "edits"));
	size_t i;

	json_array_foreach (json_object_get(all, "edits"), i, row) {
		const char *zone, *name, *type;
		json_t *before, *after;

		if (json_unpack(row, "{s:s, s:s, s:s, s:o, s:o}", "zone", &zone, "name", &name,
		                "type", &type, "before", &before, "after", &after) < 0) {
			good = false;
			break;
		}
		ARRAY_GROW(made.rows, made.n, made.room);
		struct dns_edit *e = &made.rows[made.n++];
		*e = (struct dns_edit){ .zone = xstrdup(zone) };
		good &= read_set(before, name, type, &e->before) == 0;
		good &= read_set(after, name, type, &e->after) == 0;
	}
	json_decref(all);
	if (!good)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "what the state keeps of a zone's change can't be read");
	dns_edits_fini(out);
	*out = made;
	made = (struct dns_edits){ 0 };
	return 0;
}
