/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/list.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/list_inside.h"
#include "lists/local_part.h"
#include "lists/mbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT_MAX (64ull << 20)
#define PARTS_AHEAD 4u

struct value lists_list_attribute(const struct lists_list *l, const char *name)
{
	return value_dict_find(l->config, span_of(name));
}

void lists_list_address(const struct lists_list *l, struct buf *out)
{
	struct span host = { "", 0 };

	if (!value_get_chars(lists_list_attribute(l, "host_name"), &host) || !host.n)
		return;
	buf_add_span(out, lists_local_part(span_of(l->name), host));
	buf_add_char(out, '@');
	buf_add_printable(out, host);
}

bool lists_has_file(const struct lists_list *l, const struct lists_reading *r, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", l->name, file);

	return lists_entry(&r->site->lists, path) != NULL;
}

/* ── mboxes ──────────────────────────────────────────────────────────────────────────────────── */

/* Answers that nobody wants any more still come. */
static void throw_away(struct host *h, uint64_t parts)
{
	AUTO_BUF struct buf part = { 0 };
	struct error ignored = { 0 };
	uint64_t now;

	for (; parts; parts--)
		(void)!host_read_part_collect(h, LISTS_MBOX_PART, &part, &now, &ignored);
}

/* Each part is asked for while those before it travel. 1; 0: it was cut meanwhile, or can't be read. */
static int count(struct lists_mbox *counting, const struct lists_reading *r, const char *path,
                 uint64_t size, struct error *err)
{
	uint64_t parts = (size + LISTS_MBOX_PART - 1) / LISTS_MBOX_PART, asked = 1, now;
	struct host *h = r->site->h;
	AUTO_BUF struct buf part = { 0 };
	int result = lists_ahead_part(r->site->ahead, h, path, 0, LISTS_MBOX_PART, &part, &now,
	                              err);

	for (uint64_t at = 1; result == 0; at++) {
		lists_mbox_feed(counting, buf_span(&part));
		if (at < parts && part.n < LISTS_MBOX_PART) {
			throw_away(h, asked - at);
			return 0;
		}
		for (; asked < parts && asked - at < PARTS_AHEAD; asked++)
			if (host_read_part_send(h, path, asked * LISTS_MBOX_PART, LISTS_MBOX_PART,
			                        err) < 0)
				return -1;
		if (at == parts)
			return 1;
		result = host_read_part_collect(h, LISTS_MBOX_PART, &part, &now, err);
		if (result < 0 && !lists_is_unreached(err))
			throw_away(h, asked - at - 1);
	}
	return lists_is_unreached(err) ? -1 : 0;
}

int lists_read_mbox(struct lists_mbox_file *m, const struct lists_reading *r, const char *path,
                    struct error *err)
{
	AUTO_LISTS_MBOX struct lists_mbox counting = { 0 };
	AUTO_LISTING struct host_listing there = { 0 };
	uint64_t most = r->options && r->options->count_max ? r->options->count_max : COUNT_MAX;
	int counted;

	m->path = path ? xstrdup(path) : NULL;
	if (!path)
		return 0;
	if (lists_site_listing(r->site, path, 0, &there, err) < 0)
		return lists_is_unreached(err) ? -1 : 0;
	if (there.n != 1 || !S_ISREG(there.rows[0].mode))
		return 0;
	m->is_there = true;
	m->size = there.rows[0].size;
	if (m->size > most)
		return 0;
	counted = m->size ? count(&counting, r, path, m->size, err) : 1;
	if (counted <= 0)
		return counted;
	lists_mbox_end(&counting);
	m->messages = counting.messages;
	m->separators = counting.separators;
	m->is_counted = true;
	return 0;
}

/* ── the rest of its directory ───────────────────────────────────────────────────────────────── */

/* What Mailman 2.1 has there; "*": any ending. */
static const char *const known_files[] = {
	"config.pck",  "config.pck.last", "config.db",   "config.db.last",
	"request.pck", "request.db",      "pending.pck", "digest.mbox",
};

static bool is_known(const char *file)
{
	for (size_t i = 0; i < ROWS(known_files); i++)
		if (strcmp(file, known_files[i]) == 0)
			return true;
	return false;
}

static void look_at_file(struct lists_list *l, const struct host_entry *e, const char *file)
{
	struct span name = span_of(file);

	if (S_ISDIR(e->mode))
		return;
	if (span_find(name, '/') >= 0) {
		strings_add(&l->templates, file);
		return;
	}
	if (is_known(file))
		return;
	strings_add(&l->others, file);
	if (span_is(name, "extend.py"))
		lists_findings_add(
			&l->findings, file, NULL,
			"is code that Mailman runs for this list; read it before it moves");
	else if (span_find_text(name, ".corrupt") >= 0 || span_find_text(name, ".safety") >= 0)
		lists_findings_add(&l->findings, file, NULL,
		                   "is left of a time when Mailman repaired the list by itself");
	else if (span_find_text(name, ".tmp") >= 0)
		lists_findings_add(&l->findings, file, NULL,
		                   "is of a change that was not finished, or is under way");
}

static void look_at_files(struct lists_list *l, const struct lists_reading *r)
{
	AUTO_FREE char *prefix = xasprintf("%s/", l->name);

	for (size_t i = lists_entry_at(&r->site->lists, prefix); i < r->site->lists.n; i++) {
		const struct host_entry *e = &r->site->lists.rows[i];

		if (!span_starts(span_of(e->path), prefix))
			return;
		look_at_file(l, e, e->path + strlen(prefix));
	}
}

static int read_digest(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/digest.mbox", r->dir);

	if (lists_read_mbox(&l->digest, r, path, err) < 0)
		return -1;
	if (l->digest.is_counted && l->digest.messages != l->digest.separators)
		lists_findings_add(&l->findings, "digest.mbox", NULL,
		                   "has %llu lines that begin with \"From \", %llu of them begin a "
		                   "message",
		                   (unsigned long long)l->digest.messages,
		                   (unsigned long long)l->digest.separators);
	return 0;
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static void find_charset(struct lists_list *l, const struct lists_site *site)
{
	struct span language = SPAN("");

	(void)value_get_chars(lists_list_attribute(l, "preferred_language"), &language);
	l->charset = lists_charset_new(lists_site_charset(site, language, l->data_version));
	if (!lists_charset_is_known(l->charset))
		lists_findings_add(&l->findings, "preferred_language", NULL,
		                   "this machine does not know the charset %s",
		                   lists_charset_name(l->charset));
}

int lists_list_read(struct lists_list *out, const struct lists_site *site, const char *name,
                    const struct lists_list_options *options, struct error *err)
{
	AUTO_FREE char *dir = lists_paths_join(site->paths, LISTS_LIST_DATA_DIR, name);
	struct lists_reading r = { .site = site, .options = options, .dir = dir };

	*out = (struct lists_list){ .name = xstrdup(name),
		                    .archive.sequence = -1,
		                    .archive.highest = -1 };
	if (lists_read_config(out, &r, err) < 0)
		return -1;
	find_charset(out, site);
	lists_check_config(out);
	lists_members_read(&out->members, out->config);
	lists_members_check(&out->members, out->config, &out->findings);
	if (lists_read_requests(out, &r, err) < 0 || lists_read_pending(out, &r, err) < 0 ||
	    read_digest(out, &r, err) < 0 || lists_read_archive(out, &r, err) < 0)
		return -1;
	look_at_files(out, &r);
	return 0;
}

void lists_list_fini(struct lists_list *l)
{
	lists_members_fini(&l->members);
	lists_charset_free(l->charset);
	free(l->requests);
	free(l->pending);
	strings_fini(&l->orphans);
	strings_fini(&l->templates);
	strings_fini(&l->others);
	free(l->digest.path);
	free(l->archive.mbox.path);
	free(l->archive.public_target);
	lists_findings_fini(&l->findings);
	value_file_fini(&l->config_data);
	value_file_fini(&l->request_data);
	value_file_fini(&l->pending_data);
	free(l->name);
	free(l->config_file);
	*l = (struct lists_list){ 0 };
}
