/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/wave_order.h"

#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/settings.h"
#include "lists/standing.h"
#include "pickle/read.h"

#include <stdlib.h>
#include <string.h>

#define WEEK_S (7.0 * 86400)

void lists_wave_order_fini(struct lists_wave_order *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->rows[i].name);
	free(o->rows);
	*o = (struct lists_wave_order){ 0 };
}

static double load_of(const struct lists_wave_row *r)
{
	return r->posts_per_week > 0 ? r->posts_per_week * (double)r->members : 0;
}

static int by_load(const void *a, const void *b)
{
	const struct lists_wave_row *x = a, *y = b;

	if (x->is_site_list != y->is_site_list)
		return x->is_site_list ? 1 : -1;
	if (x->known != y->known)
		return x->known ? -1 : 1;
	if (load_of(x) < load_of(y) || load_of(x) > load_of(y))
		return load_of(x) < load_of(y) ? -1 : 1;
	if (x->members != y->members)
		return x->members < y->members ? -1 : 1;
	return strcmp(x->name, y->name);
}

void lists_wave_order_sort(struct lists_wave_order *o)
{
	if (o->n)
		qsort(o->rows, o->n, sizeof *o->rows, by_load);
}

/* ── what is known of each ───────────────────────────────────────────────────────────────────── */

struct reading {
	struct lists_wave_order *out;
	double now; /* seconds since 1970 UTC */
};

static uint64_t count(struct value config, const char *name)
{
	const struct value v = value_dict_find(config, span_of(name));
	const struct value_pair *rows;

	/* in Mailman 2.0 they were lists */
	return value_dict_pairs(v, &rows) + value_count(v);
}

static int take_config(void *context, size_t index, struct buf *content, const struct error *why,
                       struct error *err)
{
	struct reading *r = context;
	struct lists_wave_row *row = &r->out->rows[index];
	AUTO_VALUE_FILE struct value_file file = { 0 };
	double posts = 0, made = 0;
	struct error bad = { 0 };

	if (!content || value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) < 0 ||
	    !file.n || value_kind(file.rows[0]) != VALUE_DICT)
		return 0;
	row->known = true;
	row->members = count(file.rows[0], "members") + count(file.rows[0], "digest_members");
	if (row->posts_per_week >= 0)
		return 0;
	row->posts_per_week = 0;
	/* post_id is the number of the next post */
	if (value_get_number(value_dict_find(file.rows[0], SPAN("post_id")), &posts) &&
	    value_get_number(value_dict_find(file.rows[0], SPAN("created_at")), &made) &&
	    posts > 1 && made > 0 && r->now > made)
		row->posts_per_week = (posts - 1) /
		                      (r->now - made < WEEK_S ? 1 : (r->now - made) / WEEK_S);
	return 0;
}

int lists_wave_order_read(struct host *h, const struct lists_installation *m,
                          struct lists_wave_order *out, struct error *err)
{
	const char *site_list = lists_setting_text(m->settings, "MAILMAN_SITE_LIST");
	AUTO_LISTS_STANDING struct lists_standing standing = { 0 };
	AUTO_LISTS_WAVE_ORDER struct lists_wave_order made = { 0 };
	struct reading reading = { &made, (double)host_hello(h)->now_ms / 1000 };
	AUTO_STRINGS struct strings paths = { 0 };

	if (lists_standing_read(h, &m->paths, &standing, err) < 0)
		return -1;
	for (size_t i = 0; i < standing.n; i++) {
		const struct lists_standing_list *l = &standing.lists[i];

		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct lists_wave_row){
			.name = xstrdup(l->name),
			.posts_per_week = l->posts_per_week,
			.is_site_list = !strcmp(l->name, site_list ? site_list : "mailman"),
		};
		strings_addf(&paths, "%s/config.pck", l->name);
	}
	if (carry_fetch(h, m->paths.value[LISTS_LIST_DATA_DIR], (const char *const *)paths.rows,
	                paths.n, take_config, &reading, err) < 0)
		return -1;
	lists_wave_order_sort(&made);
	*out = made;
	made = (struct lists_wave_order){ 0 };
	return 0;
}

void lists_wave_assign(const struct lists_wave_order *o, uint64_t waves,
                       struct mailing_lists *known)
{
	for (size_t i = 0; i < o->n; i++) {
		struct mailing_list *l = mailing_list_make(known, o->rows[i].name);

		if (!l->wave || l->phase == MAILING_LIST_KNOWN)
			l->wave = 1 + (uint64_t)i * waves / o->n;
	}
}

int lists_wave_names(struct state *s, uint64_t wave, struct strings *out, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(s, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (known.rows[i].wave == wave)
			strings_add(out, known.rows[i].name);
	if (out->n)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "no list is in wave %llu",
	          (unsigned long long)wave);
	return error_hint(err, "`mailhaul lists waves --waves N` gives each list its wave");
}
