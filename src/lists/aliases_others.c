/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/aliases_inside.h"

#include "base/memory.h"

#include <sys/stat.h>

/* ── Exim ────────────────────────────────────────────────────────────────────────────────────── */

/* Texts of Exim's configuration that name the wrapper. */
static int read_router(struct lists_alias_checking *c, const char *path, struct buf *out,
                       struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(c->h, path, 3, &l, &why) < 0)
		return why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	for (size_t i = 0; i < l.n; i++) {
		AUTO_FREE char *file = *l.rows[i].path ? xasprintf("%s/%s", path, l.rows[i].path)
		                                       : xstrdup(path);
		AUTO_BUF struct buf text = { 0 };

		if (!S_ISREG(l.rows[i].mode) || l.rows[i].size > LISTS_ALIAS_TABLE_MAX)
			continue;
		if (host_read(c->h, file, LISTS_ALIAS_TABLE_MAX, &text, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			strings_add(&c->out.troubles, why.text);
			continue;
		}
		if (span_find_text(buf_span(&text), "mailman") < 0)
			continue;
		strings_add(&c->out.tables, file);
		buf_add_span(out, buf_span(&text));
	}
	return 0;
}

int lists_alias_check_exim(struct lists_alias_checking *c, struct error *err)
{
	static const char *const places[] = { "/etc/exim4", "/etc/exim", "/etc/exim.conf",
		                              "/usr/local/etc/exim" };
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < ROWS(places); i++)
		if (read_router(c, places[i], &text, err) < 0)
			return -1;
	/* without a router it may still have the lists in its aliases */
	if (span_find_text(buf_span(&text), "config.pck") < 0)
		return lists_alias_check_tables(c, LISTS_MTA_SENDMAIL, err);
	/* the wrapper's path may be made of macros: MM_HOME/mail/mailman */
	if (span_find_text(buf_span(&text), c->p->wrapper) < 0 &&
	    span_find_text(buf_span(&text), "/mail/mailman") < 0)
		lists_alias_tell(c, LISTS_ALIAS_WRONG, "router", c->out.tables.rows[0],
		                 "its configuration does not name %s", c->p->wrapper);
	/* "${local_part}_$domain", "${lc::$local_part}_${lc::$domain}" */
	if (c->p->hosted && span_find_text(buf_span(&text), "}_$") < 0 &&
	    span_find_text(buf_span(&text), "part_$") < 0)
		lists_alias_tell(c, LISTS_ALIAS_MISSING, "NAME@DOMAIN", c->out.tables.rows[0],
		                 "no router makes lists' names, NAME_DOMAIN, of addresses: %zu "
		                 "lists have such",
		                 c->p->hosted);
	if (span_find_text(buf_span(&text), "mailman-loop") >= 0)
		c->out.good++;
	else if (lists_alias_check_loop(c, err) < 0)
		return -1;
	for (size_t i = 1; i < LISTS_ADDRESSES; i++) {
		const char *suffix = lists_addresses[i].suffix;

		if (span_find_text(buf_span(&text), suffix) < 0)
			lists_alias_tell(c, LISTS_ALIAS_MISSING, suffix, c->out.tables.rows[0],
			                 "no router takes addresses of lists that end so");
		else
			c->out.good++;
	}
	return 0;
}

/* ── qmail ───────────────────────────────────────────────────────────────────────────────────── */

static int check_qmail_file(struct lists_alias_checking *c, const char *address,
                            const char *command, const char *list, struct error *err)
{
	AUTO_FREE char *path = lists_alias_qmail_path(address);
	AUTO_FREE char *words = xasprintf("%s %s %s", c->p->wrapper, command, list);
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (host_read(c->h, path, LISTS_ALIAS_TABLE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		lists_alias_tell(c, LISTS_ALIAS_MISSING, address, path,
		                 "leads nowhere: mail to it bounces");
	} else if (span_find_text(buf_span(&text), words) < 0) {
		lists_alias_tell(c, LISTS_ALIAS_WRONG, address, path, "does not run %s", words);
	} else {
		c->out.good++;
	}
	return 0;
}

/* VERP and confirmations come to it, and what has no file of its own. */
static int check_qmail_rest(struct lists_alias_checking *c, const char *list, struct error *err)
{
	AUTO_FREE char *address = xasprintf("%s-default", list);
	AUTO_FREE char *path = lists_alias_qmail_path(address);
	AUTO_FREE char *bounces = xasprintf("%s bounces %s", c->p->wrapper, list);
	AUTO_FREE char *confirm = xasprintf("%s confirm %s", c->p->wrapper, list);
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (host_read(c->h, path, LISTS_ALIAS_TABLE_MAX, &text, &why) < 0 &&
	    why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	if (span_find_text(buf_span(&text), bounces) < 0 ||
	    span_find_text(buf_span(&text), confirm) < 0)
		lists_alias_tell(c, LISTS_ALIAS_MISSING, address, path,
		                 "bounces of members and confirmations (%s-bounces+..., "
		                 "%s-confirm+...) get lost",
		                 list, list);
	else
		c->out.good++;
	return 0;
}

static int check_qmail_loop(struct lists_alias_checking *c, struct error *err)
{
	AUTO_FREE char *path = lists_alias_qmail_path("mailman-loop");
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (host_read(c->h, path, LISTS_ALIAS_TABLE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		lists_alias_tell(c, LISTS_ALIAS_MISSING, "mailman-loop", path,
		                 "bounces of notices to owners would go round in a circle");
	} else {
		c->out.good++;
	}
	return 0;
}

int lists_alias_check_qmail(struct lists_alias_checking *c, struct error *err)
{
	if (check_qmail_loop(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->p->n; i++)
		if (check_qmail_rest(c, c->p->lists[i].name, err) < 0)
			return -1;
	for (size_t i = 0; i < c->p->n; i++)
		for (size_t j = 0; j < LISTS_ADDRESSES; j++) {
			const struct lists_address *a = &lists_addresses[j];
			const char *list = c->p->lists[i].name;
			AUTO_FREE char *address = xasprintf("%s%s", list, a->suffix);

			if (check_qmail_file(c, address, a->command, list, err) < 0)
				return -1;
		}
	return 0;
}
