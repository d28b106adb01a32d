/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/imapd.h"

#include "base/clock.h"
#include "base/memory.h"
#include "imapd/dovecot_settings.h"
#include "mta/family.h"

#include <errno.h>
#include <string.h>

#define SETTINGS "/etc/dovecot/dovecot.conf"
#define BASE_DIR "/run/dovecot"
#define WAIT_MS 60000
#define LOOK_MS 20

static void settings_fini(struct imapd_setting *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].path);
		free(rows[i].value);
	}
	free(rows);
}

void imapd_facts_fini(struct imapd_facts *f)
{
	free(f->version);
	settings_fini(f->settings, f->settings_n);
	settings_fini(f->defaults, f->defaults_n);
	for (size_t i = 0; i < f->databases_n; i++) {
		struct imapd_database *d = &f->databases[i];

		free(d->driver);
		free(d->args);
		free(d->file);
		free(d->scheme);
		free(d->username_format);
	}
	for (size_t i = 0; i < f->namespaces_n; i++) {
		struct imapd_namespace *n = &f->namespaces[i];

		free(n->name);
		free(n->prefix);
		free(n->separator);
		free(n->location);
		free(n->type);
	}
	free(f->databases);
	free(f->namespaces);
	strings_fini(&f->protocols);
	strings_fini(&f->plugins);
	strings_fini(&f->files);
	strings_fini(&f->for_person);
	*f = (struct imapd_facts){ 0 };
}

const char *imapd_setting(const struct imapd_facts *f, const char *path)
{
	for (size_t i = 0; i < f->settings_n; i++)
		if (!strcmp(f->settings[i].path, path))
			return f->settings[i].value;
	for (size_t i = 0; i < f->defaults_n; i++)
		if (!strcmp(f->defaults[i].path, path))
			return f->defaults[i].value;
	return NULL;
}

int imapd_found(struct host *h, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(h, SETTINGS, 0, &l, &why) == 0)
		return 1;
	if (why.sys_errno == ENOENT || why.sys_errno == ENOTDIR)
		return 0;
	*err = why;
	return -1;
}

/* Takes over the settings of another reading as the defaults. */
static int read_defaults(struct host *h, struct imapd_facts *f, struct error *err)
{
	AUTO_IMAPD_FACTS struct imapd_facts all = { 0 };
	AUTO_BUF struct buf text = { 0 };

	if (host_do(h, "dovecot-settings-all", NULL, SPAN(""), &text, err) < 0)
		return -1;
	dovecot_settings_parse(&all, buf_span(&text));
	f->defaults = all.settings;
	f->defaults_n = all.settings_n;
	f->defaults_room = all.settings_room;
	all.settings = NULL;
	all.settings_n = all.settings_room = 0;
	if (!f->protocols.n) {
		f->protocols = all.protocols;
		all.protocols = (struct strings){ 0 };
	}
	return 0;
}

/* Files behind hidden values: `doveconf -n` shows no key's name. Nothing else of this is kept. */
static int read_hidden(struct host *h, struct imapd_facts *f, struct error *err)
{
	AUTO_IMAPD_FACTS struct imapd_facts all = { 0 };
	AUTO_BUF struct buf text = { 0 };

	if (host_do(h, "dovecot-settings-secret", NULL, SPAN(""), &text, err) < 0)
		return -1;
	dovecot_settings_parse(&all, buf_span(&text));
	explicit_bzero(text.p, text.n);
	for (size_t i = 0; i < all.files.n; i++)
		if (!strings_has(&f->files, all.files.rows[i]))
			strings_add(&f->files, all.files.rows[i]);
	return 0;
}

static int read_version(struct host *h, struct imapd_facts *f, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, word = { "", 0 };

	/* a folder does not run: its version is in the package database */
	if (host_reach(h) == HOST_FOLDER) {
		f->version = xstrdup("");
		return 0;
	}
	if (host_do(h, "dovecot-version", NULL, SPAN(""), &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	(void)span_next_word(&rest, &word);
	f->version = span_dup(span_trim(word));
	return 0;
}

int imapd_facts(struct host *h, struct imapd_facts *out, struct error *err)
{
	AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };
	AUTO_BUF struct buf text = { 0 };

	if (host_do(h, "dovecot-settings", NULL, SPAN(""), &text, err) < 0)
		return error_context(err, "settings of Dovecot");
	dovecot_settings_parse(&f, buf_span(&text));
	if (read_hidden(h, &f, err) < 0 || read_defaults(h, &f, err) < 0 ||
	    read_version(h, &f, err) < 0)
		return error_context(err, "settings of Dovecot");
	*out = f;
	f = (struct imapd_facts){ 0 };
	return 0;
}

/* ── stop and start ──────────────────────────────────────────────────────────────────────────── */

static int find_base_dir(struct host *h, char **out, struct error *err)
{
	AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };

	if (read_defaults(h, &f, err) < 0)
		return -1;
	*out = xstrdup(imapd_setting(&f, "base_dir") ? imapd_setting(&f, "base_dir") : BASE_DIR);
	return 0;
}

/* Pid of the master; 0 when it does not run. */
static int find_master(struct host *h, unsigned long *out, struct error *err)
{
	AUTO_FREE char *base_dir = NULL, *pid_file = NULL;

	*out = 0;
	if (host_reach(h) == HOST_FOLDER)
		return 0;
	if (find_base_dir(h, &base_dir, err) < 0)
		return -1;
	pid_file = xasprintf("%s/master.pid", base_dir);
	return family_pid(h, pid_file, "dovecot", out, err);
}

int imapd_is_running(struct host *h, bool *running, struct error *err)
{
	unsigned long master;

	if (find_master(h, &master, err) < 0)
		return -1;
	*running = master != 0;
	return 0;
}

static bool has_systemd(struct host *h)
{
	return host_has(h, "/run/systemd/system");
}

static int systemctl(struct host *h, const char *verb, const char *unit, struct error *err)
{
	const char *const arguments[] = { verb, unit, NULL };

	return host_do(h, "systemctl", arguments, SPAN(""), NULL, err);
}

int imapd_stop(struct host *h, struct error *err)
{
	AUTO_FAMILY struct family family = { 0 };
	unsigned long master;

	if (find_master(h, &master, err) < 0)
		return -1;
	if (!master)
		return 0;
	if (family_find(h, master, &family, err) < 0)
		return -1;
	if (has_systemd(h)) {
		struct error ignored;

		/* where there is such a unit, a connection to its port would start Dovecot again */
		(void)!systemctl(h, "stop", "dovecot.socket", &ignored);
		if (systemctl(h, "stop", "dovecot", err) < 0)
			return -1;
	}
	/* started by hand, it is unknown to systemd and runs on */
	if (find_master(h, &master, err) < 0 ||
	    (master && host_do(h, "dovecot-stop", NULL, SPAN(""), NULL, err) < 0))
		return -1;
	return family_await_end(h, &family, WAIT_MS, "Dovecot", err);
}

int imapd_start(struct host *h, struct error *err)
{
	int64_t until = clock_monotonic_ms() + WAIT_MS;
	bool running;

	if (imapd_is_running(h, &running, err) < 0)
		return -1;
	if (running)
		return 0;
	if (has_systemd(h) ? systemctl(h, "start", "dovecot", err) < 0
	                   : host_do(h, "dovecot-start", NULL, SPAN(""), NULL, err) < 0)
		return -1;
	do {
		if (imapd_is_running(h, &running, err) < 0)
			return -1;
		if (running)
			return 0;
		clock_sleep_ms(LOOK_MS);
	} while (clock_monotonic_ms() < until);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
	                 "%s: Dovecot was started and does not run", host_name(h));
}
