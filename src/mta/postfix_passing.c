/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * postfix_passing -- two tables in front of the host's own. By virtual(5) an address becomes what it is
 * called on the other host, or itself, which ends the search in the tables behind; by transport(5) it
 * goes there, whatever class its domain is of. The client for it has soft_bounce, and a myhostname of its
 * own: a server that calls itself as this one does, as the other one will, is taken for a loop.
 */

#include "mta/passing.h"

#include "base/memory.h"
#include "mta/family.h"
#include "mta/postfix.h"
#include "mta/postfix_lines.h"
#include "mta/postfix_settings.h"

#include <stdlib.h>
#include <string.h>

#define NAME "mailhaul-passed-on"
#define ROUTES NAME ".transport"
#define SERVICE "mailhaul-passing"
#define WAIT_MS 120000

static const struct table {
	const char *parameter, *name;
} tables[] = {
	{ "virtual_alias_maps", NAME },
	{ "transport_maps", ROUTES },
};

/* ── what others see of the configuration ────────────────────────────────────────────────────── */

static void hide_service(struct mta_facts *f)
{
	for (size_t i = 0; i < f->services_n; i++) {
		struct mta_service *s = &f->services[i];

		if (strcmp(s->name, SERVICE) != 0)
			continue;
		free(s->name);
		free(s->type);
		free(s->command);
		free(s->line);
		*s = f->services[--f->services_n];
	}
}

/* Nobody copies it, or waits for it: it goes again. */
void postfix_hide_passing(struct mta_facts *f)
{
	hide_service(f);
	for (size_t i = 0; i < f->settings_n; i++)
		for (size_t k = 0; k < ROWS(tables); k++) {
			struct mta_setting *s = &f->settings[i];
			struct span rest = span_of(s->value), element;
			AUTO_BUF struct buf others = { 0 };

			if (strcmp(s->name, tables[k].parameter) != 0 ||
			    !strstr(s->value, "/" NAME))
				continue;
			while (postfix_list_next(&rest, &element)) {
				if (span_ends(element, "/" NAME) || span_ends(element, "/" ROUTES))
					continue;
				buf_add_text(&others, others.n ? ", " : "");
				buf_add_span(&others, element);
			}
			free(s->value);
			s->value = xstrdup(buf_text(&others));
		}
}

/* ── the tables ──────────────────────────────────────────────────────────────────────────────── */

static void add_route(struct buf *out, const struct mta_passing *p, const char *address)
{
	buf_addf(out, "%s\t" SERVICE ":[%s]:25\n", address, p->to);
}

/* transport(5): as if there were no row, for the domain either. */
static void add_stay(struct buf *out, const char *address)
{
	buf_addf(out, "%s\t:\n", address);
}

static void make_texts(const struct mta_passing *p, struct buf texts[2])
{
	AUTO_PASSING struct mta_passing routes = { 0 };

	for (size_t i = 0; i < ROWS(tables); i++)
		buf_add_text(&texts[i], "# Made by mailhaul: this mail goes on to another host.\n");
	for (size_t i = 0; i < p->n; i++) {
		if (!p->rows[i].as) {
			add_stay(&texts[1], p->rows[i].address);
			continue;
		}
		buf_addf(&texts[0], "%s\t%s\n", p->rows[i].address, p->rows[i].as);
		if (!mta_passing_has(&routes, p->rows[i].address))
			mta_passing_add(&routes, p->rows[i].address, "");
		if (!mta_passing_has(&routes, p->rows[i].as))
			mta_passing_add(&routes, p->rows[i].as, "");
	}
	for (size_t i = 0; i < routes.n; i++)
		add_route(&texts[1], p, routes.rows[i].address);
	for (size_t i = 0; i < p->domains.n; i++)
		add_route(&texts[1], p, p->domains.rows[i]);
}

static int write_tables(struct host *h, const struct mta_passing *p, const char *dir,
                        const char *type, struct error *err)
{
	struct buf texts[ROWS(tables)] = { 0 };
	int result = 0;

	make_texts(p, texts);
	for (size_t i = 0; result == 0 && i < ROWS(tables); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, tables[i].name);
		AUTO_FREE char *table = xasprintf("%s:%s", type, path);
		const char *const words[] = { table, NULL };

		result = host_write(h, path, 0644, 0, 0, buf_span(&texts[i]), err);
		if (result == 0)
			result = host_do(h, "postfix-map-build", words, SPAN(""), NULL, err);
	}
	for (size_t i = 0; i < ROWS(tables); i++)
		buf_fini(&texts[i]);
	return result;
}

/* ── the two files ───────────────────────────────────────────────────────────────────────────── */

static int edit(struct host *h, const char *path, const struct postfix_line *lines, size_t n,
                struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_BUF struct buf text = { 0 }, wanted = { 0 };

	if (host_read(h, path, POSTFIX_FILE_MAX, &text, err) < 0 ||
	    host_list(h, path, 0, &l, err) < 0)
		return -1;
	postfix_lines_put(buf_span(&text), lines, n, &wanted);
	if (span_equal(buf_span(&text), buf_span(&wanted)))
		return 0;
	return host_write(h, path, l.rows[0].mode & 07777, l.rows[0].uid, l.rows[0].gid,
	                  buf_span(&wanted), err);
}

static bool is_chrooted(const struct mta_facts *f)
{
	for (size_t i = 0; i < f->services_n; i++)
		if (!strcmp(f->services[i].name, "smtp") && !strcmp(f->services[i].type, "unix"))
			return f->services[i].chroot;
	return false;
}

/* master.cf first, and last when it goes: no table names a service that is not there. */
static int edit_both(struct host *h, const struct mta_facts *f, const char *type, bool on,
                     struct error *err)
{
	AUTO_FREE char *main_cf = xasprintf("%s/main.cf", f->config_dir);
	AUTO_FREE char *master_cf = xasprintf("%s/master.cf", f->config_dir);
	AUTO_FREE char *helo = mta_setting_expanded(f, "smtp_helo_name");
	AUTO_FREE char *service = xasprintf(SERVICE " unix - - %c - - smtp -o soft_bounce=yes"
	                                            " -o myhostname=" SERVICE ".invalid"
	                                            " -o smtp_helo_name=%s",
	                                    is_chrooted(f) ? 'y' : 'n', helo);
	const struct postfix_line services[] = { { NULL, service } };
	struct postfix_line settings[ROWS(tables)];
	AUTO_STRINGS struct strings texts = { 0 };

	for (size_t i = 0; i < ROWS(tables); i++) {
		const char *value = mta_setting(f, tables[i].parameter);

		strings_addf(&texts, "%s = %s:%s/%s%s%s", tables[i].parameter, type, f->config_dir,
		             tables[i].name, value && *value ? ", " : "", value ? value : "");
		settings[i] = (struct postfix_line){ tables[i].parameter, texts.rows[i] };
	}
	if (on && edit(h, master_cf, services, ROWS(services), err) < 0)
		return -1;
	if (edit(h, main_cf, settings, on ? ROWS(settings) : 0, err) < 0)
		return -1;
	return on ? 0 : edit(h, master_cf, services, 0, err);
}

/* ── in force ────────────────────────────────────────────────────────────────────────────────── */

static bool is_named(const struct host_processes *all, unsigned long pid, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->rows[i].pid == pid)
			return !strcmp(all->rows[i].name, name);
	return false;
}

/* Processes that decide where mail goes, or give it to a program of this host. */
static int find_deciding(struct host *h, struct family *out, struct error *err)
{
	static const char *const names[] = { "qmgr",    "nqmgr", "oqmgr", "trivial-rewrite",
		                             "cleanup", "local", "pipe",  "pickup" };
	AUTO_PROCESSES struct host_processes all = { 0 };

	if (host_processes(h, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = 0; k < ROWS(names); k++)
			if (!strcmp(all.rows[i].name, names[k]) &&
			    is_named(&all, all.rows[i].parent, "master")) {
				ARRAY_GROW(out->pids, out->n, out->room);
				out->pids[out->n++] = all.rows[i].pid;
			}
	return 0;
}

/* Each process of before has ended; those that come read the new tables. */
static int reload(struct host *h, struct error *err)
{
	AUTO_FAMILY struct family before = { 0 };
	bool running;

	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	if (!running)
		return 0;
	if (find_deciding(h, &before, err) < 0 ||
	    host_do(h, "postfix-reload", NULL, SPAN(""), NULL, err) < 0)
		return -1;
	return family_await_end(h, &before, WAIT_MS, "Postfix from before its reload", err);
}

int postfix_pass_on(struct host *h, const struct mta_passing *p, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_FREE char *type = NULL, *table = NULL;
	bool on = p->n || p->domains.n;

	if (postfix_settings(h, &f, err) < 0)
		return -1;
	type = mta_setting_expanded(&f, "default_database_type");
	table = xasprintf("%s/" NAME, f.config_dir);
	/* never asked before: then nothing is to be taken back, by a call that was cut off either */
	if (!on && !host_has(h, table))
		return 0;
	if ((on && write_tables(h, p, f.config_dir, *type ? type : "hash", err) < 0) ||
	    edit_both(h, &f, *type ? type : "hash", on, err) < 0)
		return error_context(err, "%s: have Postfix pass mail on", host_name(h));
	return reload(h, err);
}
