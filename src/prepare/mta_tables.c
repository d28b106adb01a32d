/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "mta/postfix.h"
#include "prepare/translate.h"

#include <string.h>

/* What postmap puts behind the name, by type. */
static const struct {
	const char *type, *ending;
} endings[] = {
	{ "hash", ".db" }, { "btree", ".db" }, { "lmdb", ".lmdb" },
	{ "cdb", ".cdb" }, { "dbm", ".pag" },  { "sdbm", ".pag" },
};

/* Missing, or older than its text. */
static int is_stale(struct prepare *p, const char *type, const char *path, bool *out,
                    struct error *err)
{
	struct host_entry text, made;
	int found = survey_stat(&p->to, path, &text, err);

	*out = false;
	if (found < 0)
		return -1;
	if (!found)
		return 0;
	for (size_t i = 0; i < ROWS(endings); i++) {
		AUTO_FREE char *compiled = xasprintf("%s%s", path, endings[i].ending);

		if (strcmp(type, endings[i].type) != 0)
			continue;
		found = survey_stat(&p->to, compiled, &made, err);
		if (found < 0)
			return -1;
		*out = !found || made.mtime_ns < text.mtime_ns;
	}
	return 0;
}

static int build(struct prepare *p, const struct mta_file *f, struct error *err)
{
	AUTO_FREE char *type = prepare_table_type(p, span_of(f->type));
	AUTO_FREE char *table = xasprintf("%s:%s", type, f->path);
	const char *const arguments[] = { table, NULL };
	struct error why = { 0 };
	bool stale = false;

	if (!postfix_type_is_compiled(span_of(type)))
		return 0;
	if (is_stale(p, type, f->path, &stale, err) < 0)
		return -1;
	if (!stale && !prepare_touched(p, f->path)) {
		prepare_same(p, "%s", table);
		return 0;
	}
	prepare_changed(p, "%s compiled", table);
	if (p->dry_run)
		return 0;
	if (host_do(p->new_host,
	            f->kind == MTA_FILE_ALIASES ? "postfix-alias-build" : "postfix-map-build",
	            arguments, SPAN(""), NULL, &why) == 0)
		return 0;
	if (why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	prepare_failed(p, "%s: %s", table, why.text);
	return 0;
}

int prepare_mta_tables(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.mta.files_n; i++) {
		const struct mta_file *f = &p->from.mta.files[i];

		if ((f->kind == MTA_FILE_MAP || f->kind == MTA_FILE_ALIASES ||
		     f->kind == MTA_FILE_SASL) &&
		    f->type && build(p, f, err) < 0)
			return error_context(err, "%s", f->path);
	}
	return 0;
}
