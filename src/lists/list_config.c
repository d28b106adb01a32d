/* SPDX-License-Identifier: BSD-2-Clause */

/* list_config -- config.pck, or what Mailman itself would take instead of it. */

#include "lists/list_inside.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define TEXTS_MAX 100000u

/* As MailList.Load() tries them. */
static const char *const files[] = { "config.pck", "config.pck.last", "config.db",
	                             "config.db.last" };

/* 1: it is the list's; 0: it is not. */
static int try_file(struct lists_list *l, const struct lists_reading *r, const char *file,
                    struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", r->dir, file);

	value_file_fini(&l->config_data);
	if (lists_site_file(r->site, path, &l->config_data, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		lists_findings_add(&l->findings, file, NULL, "cannot be read: %s", err->text);
		return 0;
	}
	if (l->config_data.n != 1 || value_kind(l->config_data.rows[0]) != VALUE_DICT) {
		lists_findings_add(&l->findings, file, NULL, "is no dict: Mailman passes it by");
		return 0;
	}
	return 1;
}

int lists_read_config(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	for (size_t i = 0; i < ROWS(files); i++) {
		int is;

		if (!lists_has_file(l, r, files[i]))
			continue;
		is = try_file(l, r, files[i], err);
		if (is < 0)
			return -1;
		if (!is)
			continue;
		l->config_file = xstrdup(files[i]);
		l->config = l->config_data.rows[0];
		(void)value_get_int(lists_list_attribute(l, "data_version"), &l->data_version);
		if (strcmp(files[i], "config.pck.last") == 0 ||
		    strcmp(files[i], "config.db.last") == 0)
			lists_findings_add(&l->findings, files[i], NULL,
			                   "is what counts: what was saved last is lost");
		return 0;
	}
	lists_findings_add(&l->findings, "config.pck", NULL,
	                   "neither it nor what is kept beside it can be read");
	return 0;
}

/* ── what it says ────────────────────────────────────────────────────────────────────────────── */

struct texts {
	struct lists_charset *charset;
	struct value_walk walk;
	size_t octets, utf8; /* strings that are no text, and that are UTF-8 without right */
};

static void look_at_texts(struct texts *t, struct value v)
{
	AUTO_BUF struct buf text = { 0 };
	const struct value_pair *pairs;
	enum lists_decoded how;

	if (value_enter(&t->walk, v) != VALUE_STEP_IN)
		return;
	how = lists_decode_value(t->charset, v, &text);
	t->octets += how == LISTS_DECODED_OCTETS;
	t->utf8 += how == LISTS_DECODED_UTF8;
	for (size_t i = 0; i < value_count(v); i++)
		look_at_texts(t, value_item(v, i));
	for (size_t i = 0, n = value_dict_pairs(v, &pairs); i < n; i++) {
		look_at_texts(t, pairs[i].key);
		look_at_texts(t, pairs[i].value);
	}
	value_leave(&t->walk, v);
}

static void check_type(struct lists_list *l, const struct lists_attribute *a, struct value v)
{
	AUTO_BUF struct buf words = { 0 };

	if (lists_attribute_fits(a, v))
		return;
	lists_attribute_expects(a, &words);
	lists_findings_add(&l->findings, a->name, NULL, "is %s, and should be %s",
	                   value_kind_name(value_kind(v)), buf_text(&words));
}

/* Names of members: one finding each, because each is one person's. */
static void check_names(struct lists_list *l, size_t *utf8)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(lists_list_attribute(l, "usernames"), &pairs);
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < n; i++, buf_reset(&text)) {
		enum lists_decoded how = lists_decode_value(l->charset, pairs[i].value, &text);
		struct span who = SPAN("");

		*utf8 += how == LISTS_DECODED_UTF8;
		(void)value_get_chars(pairs[i].key, &who);
		if (how == LISTS_DECODED_OCTETS)
			lists_findings_add(&l->findings, "usernames", &who,
			                   "the name has octets that are no text in %s",
			                   lists_charset_name(l->charset));
	}
}

static void check_attribute(struct lists_list *l, struct span name, struct value v, size_t *utf8)
{
	const struct lists_attribute *a = lists_attribute_named(name);
	struct texts t = { .charset = l->charset, .walk = { .left = TEXTS_MAX } };
	AUTO_FREE char *shown = span_dup(name);

	if (a)
		check_type(l, a, v);
	else
		lists_findings_add(&l->findings, shown, NULL,
		                   "is no attribute of Mailman 2.1: a patch's, or of extend.py");
	if (a && a->marks & LISTS_PER_MEMBER)
		return;
	look_at_texts(&t, v);
	*utf8 += t.utf8;
	if (t.octets)
		lists_findings_add(&l->findings, shown, NULL, "has octets that are no text in %s",
		                   lists_charset_name(l->charset));
}

/* What a list of its data version should have. */
static void check_missing(struct lists_list *l)
{
	size_t n;
	const struct lists_attribute *all = lists_attributes(&n);

	for (size_t i = 0; i < n; i++)
		if (!(all[i].marks & LISTS_RARE) && (int64_t)all[i].since <= l->data_version &&
		    value_is_absent(lists_list_attribute(l, all[i].name)))
			lists_findings_add(&l->findings, all[i].name, NULL,
			                   "is missing: Mailman will take the site's default");
}

void lists_check_config(struct lists_list *l)
{
	const struct value_pair *pairs;
	size_t n, twice, utf8 = 0;

	if (!l->config_file)
		return;
	twice = value_dict_settle(l->config);
	if (twice)
		lists_findings_add(&l->findings, l->config_file, NULL,
		                   "says %zu attributes twice; the later one counts", twice);
	n = value_dict_pairs(l->config, &pairs);
	for (size_t i = 0; i < n; i++) {
		struct span name = SPAN("");

		if (value_get_chars(pairs[i].key, &name))
			check_attribute(l, name, pairs[i].value, &utf8);
		else
			lists_findings_add(&l->findings, l->config_file, NULL,
			                   "has an attribute whose name is %s",
			                   value_kind_name(value_kind(pairs[i].key)));
	}
	check_names(l, &utf8);
	check_missing(l);
	if (utf8)
		lists_findings_add(&l->findings, "preferred_language", NULL,
		                   "%zu texts are UTF-8, where the charset of the language is %s",
		                   utf8, lists_charset_name(l->charset));
}
