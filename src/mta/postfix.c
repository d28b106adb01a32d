/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/memory.h"
#include "mta/postfix_log.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>

#define CONFIG_DIR "/etc/postfix"

const struct mta_ops mta_postfix = {
	.name = "postfix",
	.summary = "Postfix",
	.found = postfix_found,
	.facts = postfix_facts,
	.queue = postfix_queue,
	.counts = postfix_counts,
	.stop_accepting = postfix_stop_accepting,
	.resume_accepting = postfix_resume_accepting,
	.flush = postfix_flush,
	.stop = postfix_stop,
	.start = postfix_start,
	.is_running = postfix_is_running,
	.hold_all = postfix_hold_all,
	.release_held = postfix_release_held,
	.carry_queue = postfix_carry_queue,
	.set_aside = postfix_set_aside,
	.reception = postfix_reception,
	.trust = postfix_trust,
	.find_untrusted = postfix_find_untrusted,
	.pass_on = postfix_pass_on,
	.log_line = postfix_log_line,
};

int postfix_found(struct host *h, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(h, CONFIG_DIR "/main.cf", 0, &l, &why) == 0)
		return 1;
	if (why.sys_errno == ENOENT || why.sys_errno == ENOTDIR)
		return 0;
	*err = why;
	return -1;
}

static const struct {
	const char *name;
	bool compiled;
} text_types[] = {
	{ "hash", true }, { "btree", true }, { "lmdb", true },      { "dbm", true },
	{ "cdb", true },  { "sdbm", true },  { "texthash", false },
};

bool postfix_type_is_text(struct span type)
{
	for (size_t i = 0; i < ROWS(text_types); i++)
		if (span_is(type, text_types[i].name))
			return true;
	return false;
}

bool postfix_type_is_compiled(struct span type)
{
	for (size_t i = 0; i < ROWS(text_types); i++)
		if (span_is(type, text_types[i].name))
			return text_types[i].compiled;
	return false;
}

int postfix_read_table(struct host *h, struct span type, const char *path, struct buf *out,
                       struct error *err)
{
	AUTO_FREE char *table = xasprintf("%.*s:%s", (int)type.n, type.p, path);
	const char *const arguments[] = { table, NULL };
	struct error why = { 0 };

	if (host_read(h, path, POSTFIX_FILE_MAX, out, &why) == 0)
		return 0;
	if (why.sys_errno == ENOENT && host_reach(h) != HOST_FOLDER &&
	    postfix_type_is_compiled(type) &&
	    host_do(h, "postfix-map-list", arguments, SPAN(""), out, err) == 0)
		return 0;
	*err = why;
	return -1;
}

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void postfix_add_file(struct mta_facts *f, const struct postfix_file *file)
{
	for (size_t i = 0; i < f->files_n; i++)
		if (f->files[i].kind == file->kind && !strcmp(f->files[i].path, file->path))
			return;
	if (f->files_n >= POSTFIX_ROWS_MAX)
		return;
	ARRAY_GROW(f->files, f->files_n, f->files_room);
	f->files[f->files_n++] = (struct mta_file){
		.kind = file->kind,
		.path = xstrdup(file->path),
		.type = dup_or_null(file->type),
		.source = xstrdup(file->source),
		.words = xstrdup(file->words ? file->words : file->path),
	};
}

static void set(struct mta_facts *f, const char *name, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s = %s\n", name, value);

	for (size_t i = 0; i < f->settings_n; i++) {
		if (strcmp(f->settings[i].name, name) != 0)
			continue;
		free(f->settings[i].value);
		f->settings[i].value = xstrdup(value);
		f->settings[i].given = false;
		return;
	}
	postfix_settings_parse(f, span_of(line), false);
}

static bool is_given(const struct mta_facts *f, const char *name)
{
	for (size_t i = 0; i < f->settings_n; i++)
		if (!strcmp(f->settings[i].name, name))
			return f->settings[i].given;
	return false;
}

/* This machine's postconf answered for a folder: what it took from this machine is put right. */
static void correct_for_folder(struct host *h, struct mta_facts *f)
{
	AUTO_BUF struct buf name = { 0 };
	struct error ignored;

	set(f, "config_directory", CONFIG_DIR);
	if (is_given(f, "myhostname"))
		return;
	if (host_read(h, "/etc/hostname", 1024, &name, &ignored) == 0) {
		AUTO_FREE char *text = span_dup(span_trim(buf_span(&name)));

		set(f, "myhostname", text);
		if (!is_given(f, "mydomain") && strchr(text, '.'))
			set(f, "mydomain", strchr(text, '.') + 1);
	}
	strings_add(&f->for_person,
	            "myhostname is not set in main.cf: it was the old machine's own "
	            "name, as /etc/hostname has it");
}

int postfix_settings(struct host *h, struct mta_facts *out, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { .kind = "postfix" };
	AUTO_BUF struct buf text = { 0 };

	if (host_do(h, "postfix-settings", NULL, SPAN(""), &text, err) < 0)
		return -1;
	postfix_settings_parse(&f, buf_span(&text), false);
	if (host_do(h, "postfix-settings-set", NULL, SPAN(""), &text, err) < 0)
		return -1;
	postfix_settings_parse(&f, buf_span(&text), true);
	if (host_reach(h) == HOST_FOLDER)
		correct_for_folder(h, &f);
	if (host_do(h, "postfix-master", NULL, SPAN(""), &text, err) < 0)
		return -1;
	postfix_services_parse(&f, buf_span(&text));
	postfix_hide_passing(&f);

	AUTO_FREE char *off = mta_setting_expanded(&f, "master_service_disable");
	for (size_t i = 0; i < f.services_n; i++)
		f.services[i].disabled = postfix_service_is_disabled(
			span_of(off), f.services[i].name, f.services[i].type);
	f.config_dir = mta_setting_expanded(&f, "config_directory");
	f.queue_dir = mta_setting_expanded(&f, "queue_directory");
	/* a folder does not run: its version is in the package database, not in postconf's answer */
	f.version = xstrdup(host_reach(h) == HOST_FOLDER || !mta_setting(&f, "mail_version")
	                            ? ""
	                            : mta_setting(&f, "mail_version"));
	*out = f;
	f = (struct mta_facts){ 0 };
	return 0;
}

static void find_instances(struct mta_facts *f)
{
	AUTO_FREE char *directories = mta_setting_expanded(f, "multi_instance_directories");
	struct span rest = span_of(directories), element;

	while (postfix_list_next(&rest, &element))
		if (f->instances.n < 1000)
			strings_add_span(&f->instances, element);
	for (size_t i = 0; i < f->instances.n; i++)
		strings_addf(&f->for_person,
		             "%s holds a Postfix instance of its own: not carried, and has to be "
		             "stopped apart",
		             f->instances.rows[i]);
}

int postfix_facts(struct host *h, struct mta_facts *out, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };

	if (postfix_settings(h, &f, err) < 0)
		return error_context(err, "settings of Postfix");
	find_instances(&f);
	postfix_find_files(&f);
	if (postfix_find_domains(h, &f, err) < 0 || postfix_find_aliases(h, &f, err) < 0 ||
	    postfix_find_dkim(h, &f, err) < 0 || postfix_find_logs(h, &f, err) < 0)
		return -1;
	*out = f;
	f = (struct mta_facts){ 0 };
	return 0;
}
