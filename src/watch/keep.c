/* SPDX-License-Identifier: BSD-2-Clause */

/* keep -- what a watch has seen so far, in a file of its own, so that one that is started again knows
 * since when, and does not ask sooner. The move's state is not used: other verbs hold its lock. */

#include "watch/watch.h"

#include "base/file.h"
#include "base/memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16u << 20)

static int64_t number(json_t *from, const char *key)
{
	return json_integer_value(json_object_get(from, key));
}

static uint64_t hash(json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));

	return text ? strtoull(text, NULL, 16) : 0;
}

/* What is watched; another move, or the way back, begins anew. */
static char *plan_words(const struct watch_plan *plan)
{
	AUTO_BUF struct buf out = { 0 };
	const struct strings *all[] = { &plan->domains, &plan->hosts, &plan->old_addresses,
		                        &plan->new_addresses, &plan->closed_addresses };

	for (size_t i = 0; i < ROWS(all); i++)
		for (size_t k = 0; k < all[i]->n; k++)
			buf_addf(&out, "%s%s", k ? " " : i ? " / " : "", all[i]->rows[k]);
	return xstrdup(buf_text(&out));
}

static void read_column(struct watch_past_column *c, json_t *from)
{
	c->address_until = number(from, "address_until");
	c->mail_until = number(from, "mail_until");
	c->said_until = number(from, "said_until");
	c->last_old_ms = number(from, "last_old_ms");
	c->address_ttl = (uint32_t)number(from, "address_ttl");
	c->mail_ttl = (uint32_t)number(from, "mail_ttl");
	c->old_hosts = hash(from, "old_hosts");
	c->new_hosts = hash(from, "new_hosts");
	c->closed_until = number(from, "closed_until");
	c->closed_ttl = (uint32_t)number(from, "closed_ttl");
	c->new_ms = number(from, "new_ms");
}

static enum watch_look read_look(const char *name)
{
	for (int look = 0; name && look < WATCH_LOOKS; look++)
		if (!strcmp(watch_look_name((enum watch_look)look), name))
			return (enum watch_look)look;
	return WATCH_UNASKED;
}

static void read_all(struct watch_past *past, int64_t switched_ms, json_t *all)
{
	json_t *one;
	size_t i;

	past->begun_ms = number(all, "begun_ms");
	past->looked_ms = number(all, "looked_ms");
	past->looking = json_is_true(json_object_get(all, "looking"));
	json_array_foreach (json_object_get(all, "columns"), i, one)
		if (i < past->n)
			read_column(&past->columns[i], one);
	json_array_foreach (json_object_get(all, "sights"), i, one) {
		const char *server = json_string_value(json_object_get(one, "server"));

		if (!server)
			continue;
		struct watch_since *s = watch_since_put(past, server, (uint16_t)number(one, "port"),
		                                        (size_t)number(one, "column"));
		s->look = read_look(json_string_value(json_object_get(one, "look")));
		s->gave_closed = json_is_true(json_object_get(one, "gave_closed"));
		s->gave_old = json_is_true(json_object_get(one, "gave_old"));
		s->since_ms = number(one, "since_ms");
		s->stretched_ms = number(one, "stretched_ms");
	}
	if (number(all, "switched_ms") == switched_ms) /* before, nobody was one */
		watch_stragglers_read_json(&past->stragglers, json_object_get(all, "stragglers"));
}

void watch_keep_load(const char *path, const struct watch_plan *plan, struct watch_past *past)
{
	AUTO_FREE char *words = plan_words(plan);
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	json_t *all;

	/* none, or half of one by somebody's hand: it begins anew, which is safe */
	if (!path || file_read(path, FILE_MAX, &text, &ignored) < 0)
		return;
	all = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
	const char *of = json_string_value(json_object_get(all, "plan"));
	if (of && !strcmp(of, words))
		read_all(past, plan->switched_ms, all);
	json_decref(all);
}

static json_t *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIx64, value);
	return json_string(text);
}

static json_t *column_json(const struct watch_past_column *c)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "address_until", c->address_until },
		{ "mail_until", c->mail_until },
		{ "said_until", c->said_until },
		{ "last_old_ms", c->last_old_ms },
		{ "address_ttl", c->address_ttl },
		{ "mail_ttl", c->mail_ttl },
		{ "closed_until", c->closed_until },
		{ "closed_ttl", c->closed_ttl },
		{ "new_ms", c->new_ms },
	};
	json_t *one = json_object();

	for (size_t i = 0; i < ROWS(numbers); i++)
		json_object_set_new(one, numbers[i].key, json_integer(numbers[i].value));
	json_object_set_new(one, "old_hosts", hex(c->old_hosts));
	json_object_set_new(one, "new_hosts", hex(c->new_hosts));
	return one;
}

static json_t *since_json(const struct watch_since *s)
{
	return json_pack("{s:s, s:i, s:I, s:s, s:b, s:b, s:I, s:I}", "server", s->server, "port",
	                 (int)s->port, "column", (json_int_t)s->column, "look",
	                 watch_look_name(s->look), "gave_old", (int)s->gave_old, "gave_closed",
	                 (int)s->gave_closed, "since_ms", (json_int_t)s->since_ms, "stretched_ms",
	                 (json_int_t)s->stretched_ms);
}

int watch_keep_save(const char *path, const struct watch_plan *plan, const struct watch_past *past,
                    struct error *err)
{
	AUTO_FREE char *words = plan_words(plan), *text = NULL;
	json_t *columns, *sights, *all;

	if (!path)
		return 0;
	columns = json_array();
	sights = json_array();
	for (size_t i = 0; i < past->n; i++)
		json_array_append_new(columns, column_json(&past->columns[i]));
	for (size_t i = 0; i < past->since_n; i++)
		json_array_append_new(sights, since_json(&past->since[i]));
	all = json_pack("{s:s, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "plan", words, "looking",
	                (int)past->looking, "switched_ms", (json_int_t)plan->switched_ms,
	                "begun_ms", (json_int_t)past->begun_ms, "looked_ms",
	                (json_int_t)past->looked_ms, "columns", columns, "sights", sights,
	                "stragglers", watch_stragglers_json(&past->stragglers));
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	if (!text)
		abort();
	json_decref(all);
	return file_write_path_durable(path, 0644, span_of(text), err);
}
