/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "mta/postfix.h"
#include "prepare/places.h"

#include <string.h>
#include <sys/stat.h>

#define PROGRAM_MAX (1u << 20)

/* What is done with a file of each kind. To add a kind, add a row. */
static const struct {
	enum mta_file_kind kind;
	const char *what; /* NULL: nothing is carried */
} kinds[] = {
	{ MTA_FILE_SETTINGS, NULL },
	{ MTA_FILE_MAP, "table" },
	{ MTA_FILE_ALIASES, "aliases" },
	{ MTA_FILE_INCLUDE, "list of addresses" },
	{ MTA_FILE_PROGRAM, "program" },
	{ MTA_FILE_DESTINATION, NULL },
	{ MTA_FILE_CERTIFICATE, "certificate" },
	{ MTA_FILE_KEY, "key" },
	{ MTA_FILE_DKIM_KEY, "DKIM key" },
	{ MTA_FILE_DKIM_SETTINGS, "DKIM settings" },
	{ MTA_FILE_SASL, "credentials" },
	{ MTA_FILE_OTHER, "file named by a setting" },
};

static const char *what_of(enum mta_file_kind kind)
{
	for (size_t i = 0; i < ROWS(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].what;
	return NULL;
}

/* ── programs ────────────────────────────────────────────────────────────────────────────────── */

/* Folders that a script names in full, and that are there on old, are made: a script that keeps mail
 * in a folder would fail without it. What lies in them is data, for a person to judge. */
static int make_folders_of(struct prepare *p, const char *program, struct span text,
                           struct error *err)
{
	static const char ends[] = " \t\n'\"=:;|&<>(){}$`,\\*?[]";

	for (size_t i = 0; i + 1 < text.n; i++) {
		struct host_entry entry;
		size_t n = 0;
		int found;

		if (text.p[i] != '/' || (i && !memchr(ends, text.p[i - 1], sizeof ends)))
			continue;
		while (i + n < text.n && !memchr(ends, text.p[i + n], sizeof ends))
			n++;
		AUTO_FREE char *path = xstrndup(text.p + i, n);
		/* "FOLDER/$name": the folder counts */
		while (n > 1 && path[n - 1] == '/')
			path[--n] = 0;
		i += n;
		if (!place_is_for_mail(path) || host_has(p->new_host, path))
			continue;
		found = survey_stat(&p->from, path, &entry, err);
		if (found < 0)
			return -1;
		if (!found || !S_ISDIR(entry.mode))
			continue;
		if (prepare_folder(p, path, err) < 0)
			return -1;
		prepare_leave(p,
		              "%s, which %s uses: the folder is made, what lies in it on the old "
		              "host is not carried",
		              path, program);
	}
	return 0;
}

/* A script is carried; a compiled program has to be installed. */
static int carry_program(struct prepare *p, const char *path, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct span rest, line = { "", 0 }, word = { "", 0 };

	if (!host_has(p->old_host, path))
		return 0;
	if (host_read(p->old_host, path, PROGRAM_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		text.n = 0;
	}
	if (!span_starts(buf_span(&text), "#!")) {
		if (!host_has(p->new_host, path))
			prepare_failed(
				p, "program %s gets mail and is not on the new host: install it",
				path);
		return 0;
	}
	rest = buf_span(&text);
	(void)span_next_line(&rest, &line);
	line = span_from(line, 2);
	if (span_next_word(&line, &word)) {
		AUTO_FREE char *interpreter = span_dup(word);

		if (!host_has(p->new_host, interpreter))
			prepare_failed(p, "program %s needs %s, which is not on the new host", path,
			               interpreter);
	}
	if (prepare_carry(p, path, "program", err) < 0)
		return -1;
	prepare_leave(p,
	              "%s gets mail from anybody, and came from the old host: look "
	              "at it, and at "
	              "what it writes to",
	              path);
	return make_folders_of(p, path, buf_span(&text), err);
}

/* ── tables ──────────────────────────────────────────────────────────────────────────────────── */

/* A table whose text is gone is listed from its compiled form, where the old host runs. */
static int carry_table(struct prepare *p, const struct mta_file *f, const char *what,
                       struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (!f->type || !postfix_type_is_compiled(span_of(f->type)) ||
	    host_has(p->old_host, f->path))
		return prepare_carry(p, f->path, what, err);
	if (postfix_read_table(p->old_host, span_of(f->type), f->path, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	if (place_of_file(f->path) != PLACE_REPLACE)
		return 0;
	prepare_leave(p,
	              "%s: its text is gone on the old host, and was made from the "
	              "compiled table",
	              f->path);
	return prepare_put(p, f->path, buf_span(&text), 0640, 0, 0, err);
}

static int carry_file(struct prepare *p, const struct mta_file *f, struct error *err)
{
	const char *what = what_of(f->kind);

	if (f->kind == MTA_FILE_DESTINATION) {
		if (place_is_for_mail(f->path)) {
			AUTO_FREE char *folder = xstrdup(f->path);

			*strrchr(folder, '/') = 0;
			if (place_is_for_mail(folder) && prepare_folder(p, folder, err) < 0)
				return -1;
		}
		prepare_leave(p, "%s gets mail by %s: what lies in it is not carried", f->path,
		              f->source);
		return 0;
	}
	if (!what)
		return 0;
	if (f->kind == MTA_FILE_PROGRAM)
		return carry_program(p, f->path, err);
	return carry_table(p, f, what, err);
}

int prepare_mta_files(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.mta.files_n; i++)
		if (carry_file(p, &p->from.mta.files[i], err) < 0)
			return error_context(err, "%s", p->from.mta.files[i].path);
	return 0;
}
