/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/aliases.h"

#include "base/memory.h"

#include <string.h>

void lists_alias_files_fini(struct lists_alias_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->rows[i].path);
		free(files->rows[i].text);
	}
	free(files->rows);
	*files = (struct lists_alias_files){ 0 };
}

/* `path` and the text are taken. */
static void add_file(struct lists_alias_files *files, char *path, struct buf *text, bool is_part)
{
	ARRAY_GROW(files->rows, files->n, files->room);
	files->rows[files->n++] = (struct lists_alias_file){ path, buf_take(text), is_part };
}

static int longest(const char *name, const char *domain)
{
	return (int)(strlen(name) + strlen("-unsubscribe") + (domain ? strlen(domain) + 1 : 0));
}

/* What a shell would take for itself; a list has such a name by old luck alone. */
static void add_list_word(struct buf *out, const char *name)
{
	for (; *name; name++) {
		if (strchr(";|&`$\\\"", *name))
			buf_add_char(out, '\\');
		buf_add_char(out, *name);
	}
}

/* ── aliases(5) ──────────────────────────────────────────────────────────────────────────────── */

static void add_stanza(const struct lists_alias_plan *p, const char *name, struct buf *out)
{
	/* Mailman's own programs find a list's lines by these marks */
	buf_addf(out, "\n# STANZA START: %s\n", name);
	for (size_t i = 0; i < LISTS_ADDRESSES; i++) {
		AUTO_FREE char *address = xasprintf("%s%s:", name, lists_addresses[i].suffix);

		buf_addf(out, "%-*s ", longest(name, NULL) + 1, address);
		if (p->maildir) {
			buf_addf(out, "%s\n", p->maildir);
			continue;
		}
		buf_addf(out, "\"|%s %s ", p->wrapper, lists_addresses[i].command);
		add_list_word(out, name);
		buf_add_text(out, "\"\n");
	}
	buf_addf(out, "# STANZA END: %s\n", name);
}

static void make_table(const struct lists_alias_plan *p, enum lists_mta mta, struct buf *out)
{
	buf_addf(out, "# Aliases of %zu lists of Mailman, made by mailhaul.\n", p->n);
	if (mta == LISTS_MTA_SENDMAIL)
		buf_addf(out,
		         "# `newaliases` after a change. Where Sendmail runs programs by smrsh, "
		         "that\n"
		         "# has to have a link to %s in its directory.\n",
		         p->wrapper);
	buf_addf(out, "\nmailman-loop: %s\n", p->loop);
	for (size_t i = 0; i < p->n; i++)
		add_stanza(p, p->lists[i].name, out);
}

/* ── virtual(5) ──────────────────────────────────────────────────────────────────────────────── */

static void add_virtual(const struct lists_alias_plan *p, const char *local, const char *suffix,
                        const char *domain, int width, struct buf *out)
{
	AUTO_FREE char *address = xasprintf("%s%s@%s", local, suffix, domain);

	buf_addf(out, "%-*s %s%s%s%s\n", width, address, local, suffix, p->local_domain ? "@" : "",
	         p->local_domain ? p->local_domain : "");
}

/* "news-owner@example.org news_example.org-owner" */
static void add_hosted(const struct lists_alias_plan *p, const struct lists_alias_list *l,
                       const char *suffix, struct buf *out)
{
	AUTO_FREE char *address = xasprintf("%s%s@%s", l->local, suffix, l->host);

	buf_addf(out, "%-*s %s%s%s%s\n", longest(l->local, l->host), address, l->name, suffix,
	         p->local_domain ? "@" : "", p->local_domain ? p->local_domain : "");
}

static void make_virtual(const struct lists_alias_plan *p, struct buf *out)
{
	static const char *const site[] = { "", "-owner", "-bounces", "-request" };

	buf_add_text(out, "# Virtual addresses of Mailman's lists, made by mailhaul.\n\n"
	                  "# LOOP ADDRESSES START\n");
	for (size_t i = 0; i < p->domains.n; i++)
		add_virtual(p, "mailman-loop", "", p->domains.rows[i],
		            longest("mailman-loop", p->domains.rows[i]), out);
	buf_add_text(out, "# LOOP ADDRESSES END\n\n# SITE ADDRESSES START\n");
	for (size_t i = 0; i < p->domains.n; i++)
		for (size_t j = 0; j < ROWS(site); j++)
			add_virtual(p, p->site_list, site[j], p->domains.rows[i],
			            longest(p->site_list, p->domains.rows[i]), out);
	buf_add_text(out, "# SITE ADDRESSES END\n");
	for (size_t i = 0; i < p->n; i++) {
		const struct lists_alias_list *l = &p->lists[i];

		if (!l->domain && !l->host)
			continue;
		buf_addf(out, "\n# STANZA START: %s\n", l->name);
		for (size_t j = 0; j < LISTS_ADDRESSES; j++) {
			if (l->host)
				add_hosted(p, l, lists_addresses[j].suffix, out);
			if (l->domain)
				add_virtual(p, l->name, lists_addresses[j].suffix, l->domain,
				            longest(l->name, l->domain), out);
		}
		buf_addf(out, "# STANZA END: %s\n", l->name);
	}
}

/* ── Sendmail's table of domains ─────────────────────────────────────────────────────────────── */

static void make_virtusers(const struct lists_alias_plan *p, struct buf *out)
{
	buf_add_text(out, "# NAME@DOMAIN is for the list NAME_DOMAIN; made by mailhaul.\n"
	                  "# makemap hash " LISTS_VIRTUSERTABLE " < " LISTS_VIRTUSERTABLE "\n");
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; p->lists[i].host && j < LISTS_ADDRESSES; j++)
			buf_addf(out, "%s%s@%s\t%s%s\n", p->lists[i].local,
			         lists_addresses[j].suffix, p->lists[i].host, p->lists[i].name,
			         lists_addresses[j].suffix);
}

/* ── Exim: routers know all lists by their directories ───────────────────────────────────────── */

static void add_suffixes(struct buf *out)
{
	for (size_t i = 1; i < LISTS_ADDRESSES; i++) {
		const char *suffix = lists_addresses[i].suffix;

		buf_addf(out, "%s%s", i > 1 ? " : " : "", suffix);
		/* VERP and confirmations: LIST-bounces+user=example.org */
		if (!strcmp(suffix, "-bounces") || !strcmp(suffix, "-confirm"))
			buf_addf(out, " : %s+*", suffix);
	}
}

/* What a sender writes is tainted, and names no file and no argument (since Exim 4.94): the directory's
 * name, as dsearch finds it, is not. */
static void add_router(const struct lists_alias_plan *p, const char *name, const char *key,
                       bool suffix, struct buf *out)
{
	buf_addf(out,
	         "%s:\n"
	         "  driver = accept\n"
	         "  domains = +local_domains\n",
	         name);
	if (suffix) {
		buf_add_text(out, "  local_part_suffix = ");
		add_suffixes(out);
		buf_add_char(out, '\n');
	}
	buf_addf(out,
	         "  address_data = ${lookup{${lc:%s}}dsearch{%s}"
	         "{${if exists{%s/$value/config.pck}{$value}fail}}fail}\n"
	         "  transport = mailman\n\n",
	         key, p->lists_dir, p->lists_dir);
}

/* The wrapper's word is a literal of ours, too: the one that the suffix begins with. */
static void add_transport(const struct lists_alias_plan *p, struct buf *out)
{
	buf_addf(out,
	         "mailman:\n"
	         "  driver = pipe\n"
	         "  command = %s '${if def:local_part_suffix{${filter{",
	         p->wrapper);
	for (size_t i = 1; i < LISTS_ADDRESSES; i++)
		buf_addf(out, "%s%s", i > 1 ? ":" : "", lists_addresses[i].suffix + 1);
	buf_add_text(out,
	             "}{match{$local_part_suffix}{^-$item(\\\\+|\\$)}}}}{post}}' $address_data\n");
	buf_addf(out,
	         "  current_directory = /\n"
	         "  home_directory = /\n"
	         "  user = %s\n"
	         "  group = %s\n",
	         p->user, p->group);
}

static void make_exim(const struct lists_alias_plan *p, struct buf *out)
{
	buf_add_text(
		out,
		"# Made by mailhaul. Routers: these before those for local users. A list whose\n"
		"# name ends as another's address does (\"talk-owner\") is found first.\n\n");
	if (p->hosted) {
		buf_add_text(out, "# NAME@DOMAIN is for the list NAME_DOMAIN:\n");
		add_router(p, "mailman_domain_lists", "${local_part}_$domain", false, out);
		add_router(p, "mailman_domain_addresses", "${local_part}_$domain", true, out);
	}
	add_router(p, "mailman_lists", "$local_part", false, out);
	add_router(p, "mailman_addresses", "$local_part", true, out);
	buf_addf(out,
	         "mailman_loop:\n"
	         "  driver = redirect\n"
	         "  domains = +local_domains\n"
	         "  local_parts = mailman-loop\n"
	         "  data = %s\n"
	         "  file_transport = mailman_loop\n"
	         "  user = %s\n"
	         "  group = %s\n",
	         p->loop, p->user, p->group);
	buf_add_text(
		out,
		"\n# Transports. The group is one that the wrapper takes (--with-mail-gid):\n\n");
	add_transport(p, out);
	buf_add_text(out, "\nmailman_loop:\n"
	                  "  driver = appendfile\n"
	                  "  return_path_add\n");
}

/* ── qmail: a file an address ────────────────────────────────────────────────────────────────── */

/* qmail asks for "a.b" in the file .qmail-a:b (dot-qmail(5)). */
char *lists_alias_qmail_path(const char *address)
{
	char *path = xasprintf("/var/qmail/alias/.qmail-%s", address);

	for (char *c = path + strlen("/var/qmail/alias/.qmail-"); *c; c++)
		if (*c == '.')
			*c = ':';
	return path;
}

static void make_qmail(const struct lists_alias_plan *p, struct lists_alias_files *files)
{
	AUTO_BUF struct buf text = { 0 };

	buf_addf(&text, "%s\n", p->loop);
	add_file(files, lists_alias_qmail_path("mailman-loop"), &text, false);
	for (size_t i = 0; i < p->n; i++) {
		const char *name = p->lists[i].name;
		AUTO_FREE char *rest = xasprintf("%s-default", name);

		for (size_t j = 0; j < LISTS_ADDRESSES; j++) {
			AUTO_FREE char *address = xasprintf("%s%s", name,
			                                    lists_addresses[j].suffix);

			buf_addf(&text, "|preline %s %s %s\n", p->wrapper,
			         lists_addresses[j].command, name);
			add_file(files, lists_alias_qmail_path(address), &text, false);
		}
		/* VERP and confirmations have a '+' in them, which is no separator there */
		buf_addf(&text,
		         "|case \"$LOCAL\" in *-bounces+*) exec preline %s bounces %s;; "
		         "*-confirm+*) exec preline %s confirm %s;; *) exit 100;; esac\n",
		         p->wrapper, name, p->wrapper, name);
		add_file(files, lists_alias_qmail_path(rest), &text, false);
	}
}

void lists_aliases_make(const struct lists_alias_plan *p, enum lists_mta mta,
                        struct lists_alias_files *out)
{
	AUTO_BUF struct buf text = { 0 };

	switch (mta) {
	case LISTS_MTA_POSTFIX:
		make_table(p, mta, &text);
		add_file(out, xstrdup(p->table), &text, false);
		if (!p->domains.n && !p->hosted)
			return;
		make_virtual(p, &text);
		add_file(out, xstrdup(p->virtual_table), &text, false);
		return;
	case LISTS_MTA_SENDMAIL:
		make_table(p, mta, &text);
		add_file(out, xstrdup("/etc/aliases"), &text, true);
		if (!p->hosted)
			return;
		make_virtusers(p, &text);
		add_file(out, xstrdup(LISTS_VIRTUSERTABLE), &text, true);
		return;
	case LISTS_MTA_EXIM:
		make_exim(p, &text);
		add_file(out, xstrdup("exim.conf"), &text, true);
		return;
	case LISTS_MTA_QMAIL:
		make_qmail(p, out);
		return;
	}
}
