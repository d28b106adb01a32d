/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "accounts/aliases.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <string.h>

#define INCLUDE_DEPTH_MAX 10

struct reading {
	struct host *h;
	struct mta_facts *f;
	int depth;
};

static int read_include(struct reading *r, const char *path, struct error *err);

static void add_alias(struct mta_facts *f, struct span name, struct span target,
                      enum mta_alias_kind kind, const char *source)
{
	if (f->aliases_n >= POSTFIX_ROWS_MAX)
		return;
	ARRAY_GROW(f->aliases, f->aliases_n, f->aliases_room);
	f->aliases[f->aliases_n++] = (struct mta_alias){
		.name = span_dup(name),
		.target = span_dup(target),
		.kind = kind,
		.source = xstrdup(source),
	};
}

static void add_file(struct mta_facts *f, enum mta_file_kind kind, struct span path,
                     const char *source, struct span name, struct span words)
{
	AUTO_FREE char *path_text = span_dup(path), *words_text = span_dup(words);
	AUTO_BUF struct buf from = { 0 };

	buf_add_text(&from, source);
	if (name.n) {
		buf_add_text(&from, ": ");
		buf_add_printable(&from, name);
	}
	postfix_add_file(f, &(struct postfix_file){ .kind = kind,
	                                            .path = path_text,
	                                            .source = buf_text(&from),
	                                            .words = words_text });
}

static int read_target(struct reading *r, struct span name, struct span target, const char *source,
                       struct error *err)
{
	struct span what, program;

	switch (alias_target_of(target, &what)) {
	case ALIAS_TARGET_ADDRESS:
		add_alias(r->f, name, what, MTA_ALIAS_ADDRESS, source);
		return 0;
	case ALIAS_TARGET_FILE:
		add_alias(r->f, name, what, MTA_ALIAS_FILE, source);
		add_file(r->f, MTA_FILE_DESTINATION, what, source, name, target);
		return 0;
	case ALIAS_TARGET_PIPE:
		add_alias(r->f, name, what, MTA_ALIAS_PIPE, source);
		program = alias_program(what);
		if (program.n)
			add_file(r->f, MTA_FILE_PROGRAM, program, source, name, target);
		else
			strings_addf(&r->f->for_person,
			             "%s: %.*s runs \"%.*s\": which program that "
			             "is can't be told",
			             source, (int)name.n, name.p, (int)what.n, what.p);
		return 0;
	case ALIAS_TARGET_INCLUDE: {
		AUTO_FREE char *path = span_dup(what);

		add_alias(r->f, name, what, MTA_ALIAS_INCLUDE, source);
		add_file(r->f, MTA_FILE_INCLUDE, what, source, name, target);
		return read_include(r, path, err);
	}
	}
	return 0;
}

static int read_rows(struct reading *r, enum alias_form form, struct span text, const char *source,
                     struct error *err)
{
	AUTO_ALIAS_READER struct alias_reader reader;
	AUTO_BUF struct buf target = { 0 };
	struct alias_row row;

	alias_reader_init(&reader, form, text);
	while (alias_next(&reader, &row)) {
		size_t n = 0;

		while (n++ < ALIAS_TARGETS_MAX && alias_next_target(&row.value, form, &target))
			if (read_target(r, row.name, buf_span(&target), source, err) < 0)
				return -1;
	}
	if (reader.bad)
		strings_addf(&r->f->for_person, "%s: %zu lines are no entries", source, reader.bad);
	return 0;
}

/* A list named by :include: may include others, and itself. */
static int read_include(struct reading *r, const char *path, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	int result;

	if (r->depth >= INCLUDE_DEPTH_MAX)
		return 0;
	if (host_read(r->h, path, POSTFIX_FILE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_addf(&r->f->for_person, ":include:%s could not be read: %s", path,
		             why.text);
		return 0;
	}
	r->depth++;
	result = read_rows(r, ALIAS_FORM_LIST, buf_span(&text), path, err);
	r->depth--;
	return result;
}

static int read_table(struct reading *r, enum alias_form form, const char *type, const char *path,
                      struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (!postfix_type_is_text(span_of(type))) {
		strings_addf(&r->f->for_person, "aliases in %s:%s can't be listed from here", type,
		             path);
		return 0;
	}
	if (postfix_read_table(r->h, span_of(type), path, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_addf(&r->f->for_person, "%s:%s could not be read: %s", type, path,
		             why.text);
		return 0;
	}
	return read_rows(r, form, buf_span(&text), path, err);
}

static bool is_virtual(const struct mta_facts *f, const char *words)
{
	AUTO_FREE char *maps = mta_setting_expanded(f, "virtual_alias_maps");
	struct span rest = span_of(maps), element;

	while (postfix_list_next(&rest, &element))
		if (span_is(element, words))
			return true;
	return false;
}

int postfix_find_aliases(struct host *h, struct mta_facts *f, struct error *err)
{
	struct reading r = { h, f, 0 };
	size_t n = f->files_n; /* reading adds files behind */

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *type = f->files[i].type ? xstrdup(f->files[i].type) : NULL;
		AUTO_FREE char *path = xstrdup(f->files[i].path);
		enum alias_form form;

		if (f->files[i].kind == MTA_FILE_ALIASES)
			form = ALIAS_FORM_ALIASES;
		else if (f->files[i].kind == MTA_FILE_MAP && is_virtual(f, f->files[i].words))
			form = ALIAS_FORM_TABLE;
		else
			continue;
		/* Debian's default names it also where it was never made */
		if (type && (host_has(h, path) || form == ALIAS_FORM_TABLE) &&
		    read_table(&r, form, type, path, err) < 0)
			return -1;
	}
	return 0;
}
