/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/aliases_inside.h"

#include "accounts/aliases.h"
#include "base/memory.h"
#include "lists/resolve.h"
#include "mta/mta.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1000000u

void lists_alias_check_fini(struct lists_alias_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->rows[i].address);
		free(c->rows[i].file);
		free(c->rows[i].words);
	}
	free(c->rows);
	strings_fini(&c->tables);
	strings_fini(&c->troubles);
	*c = (struct lists_alias_check){ 0 };
}

static void check_fini(struct lists_alias_checking *c)
{
	lists_alias_check_fini(&c->out);
	for (size_t i = 0; i < c->n; i++) {
		free(c->rows[i].name);
		free(c->rows[i].target);
		free(c->rows[i].file);
	}
	free(c->rows);
	strings_fini(&c->same);
	strings_fini(&c->others);
}

const char *lists_alias_fault_name(enum lists_alias_fault fault)
{
	static const char *const names[] = {
		[LISTS_ALIAS_MISSING] = "missing",
		[LISTS_ALIAS_SURPLUS] = "surplus",
		[LISTS_ALIAS_WRONG] = "wrong",
		[LISTS_ALIAS_IDLE] = "idle",
	};

	return names[fault];
}

void lists_alias_tell(struct lists_alias_checking *c, enum lists_alias_fault fault,
                      const char *address, const char *file, const char *format, ...)
{
	AUTO_BUF struct buf words = { 0 }, shown = { 0 };
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	buf_add_printable(&words, span_of(text));
	buf_add_printable(&shown, span_of(address));
	ARRAY_GROW(c->out.rows, c->out.n, c->out.room);
	c->out.rows[c->out.n++] = (struct lists_alias_finding){ fault, buf_take(&shown),
		                                                xstrdup(file), buf_take(&words) };
}

/* ── reading tables ──────────────────────────────────────────────────────────────────────────── */

static int order_of_rows(const void *a, const void *b)
{
	const struct lists_alias_row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->order < y->order ? -1 : 1;
}

static void take_row(struct lists_alias_checking *c, const struct alias_row *row,
                     enum alias_form form, const char *file)
{
	AUTO_BUF struct buf target = { 0 }, name = { 0 };
	struct span value = row->value;

	if (c->n == ROWS_MAX || !alias_next_target(&value, form, &target))
		return;
	for (size_t i = 0; i < row->name.n; i++)
		buf_add_char(&name, ascii_lower(row->name.p[i]));
	ARRAY_GROW(c->rows, c->n, c->room);
	c->rows[c->n] = (struct lists_alias_row){ .name = span_dup(buf_span(&name)),
		                                  .target = span_dup(buf_span(&target)),
		                                  .file = xstrdup(file),
		                                  .order = c->n };
	c->n++;
}

/* Reads a table; one that can't be read is told, unless it need not be there. */
static int read_table(struct lists_alias_checking *c, const char *path, enum alias_form form,
                      bool must, struct error *err)
{
	AUTO_ALIAS_READER struct alias_reader r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct alias_row row;

	if (strings_has(&c->out.tables, path))
		return 0;
	if (host_read(c->h, path, LISTS_ALIAS_TABLE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		if (must)
			strings_add(&c->out.troubles, why.text);
		return 0;
	}
	strings_add(&c->out.tables, path);
	alias_reader_init(&r, form, buf_span(&text));
	while (alias_next(&r, &row))
		take_row(c, &row, form, path);
	return 0;
}

/* The tables that Postfix's settings name. 1 they are known, 0 there is no Postfix to ask, -1. */
static int read_postfix(struct lists_alias_checking *c, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	const struct mta_ops *kind = NULL;
	struct error why = { 0 };

	if (mta_find(c->h, &kind, &why) < 0 || (kind && kind->facts(c->h, &facts, &why) < 0)) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_add(&c->out.troubles, why.text);
		return 0;
	}
	if (!kind || strcmp(kind->name, "postfix") != 0)
		return 0;
	for (size_t i = 0; i < facts.files_n; i++) {
		const struct mta_file *f = &facts.files[i];
		bool local = f->kind == MTA_FILE_ALIASES && strstr(f->source, "alias_maps");
		bool virtual = f->kind == MTA_FILE_MAP && strstr(f->source, "virtual_alias_maps");

		if ((local || virtual) &&
		    read_table(c, f->path, local ? ALIAS_FORM_ALIASES : ALIAS_FORM_TABLE, true,
		               err) < 0)
			return -1;
	}
	return 1;
}

/* Mailman's own tables, where they are there and nothing asks them. */
static int tell_idle(struct lists_alias_checking *c, const char *path, const char *parameter,
                     struct error *err)
{
	AUTO_FREE char *end = NULL;
	int found = lists_resolve(c->h, path, &end, NULL, err);

	if (found <= 0)
		return found;
	for (size_t i = 0; i < c->out.tables.n; i++) {
		AUTO_FREE char *table = NULL;
		int there = lists_resolve(c->h, c->out.tables.rows[i], &table, NULL, err);

		if (there < 0)
			return -1;
		if (there && !strcmp(table, end))
			return 0;
	}
	lists_alias_tell(c, LISTS_ALIAS_IDLE, path, path, "%s does not name it", parameter);
	return 0;
}

static bool has_domains(const struct lists_alias_plan *p)
{
	return p->domains.n || p->hosted;
}

static int read_tables(struct lists_alias_checking *c, enum lists_mta mta, struct error *err)
{
	static const char *const usual[] = { "/etc/aliases", "/etc/mail/aliases" };
	int known = mta == LISTS_MTA_POSTFIX ? read_postfix(c, err) : 0;

	if (known < 0)
		return -1;
	if (known) {
		if (tell_idle(c, c->p->table, "alias_maps", err) < 0)
			return -1;
		return has_domains(c->p)
		               ? tell_idle(c, c->p->virtual_table, "virtual_alias_maps", err)
		               : 0;
	}
	for (size_t i = 0; i < ROWS(usual); i++)
		if (read_table(c, usual[i], ALIAS_FORM_ALIASES, false, err) < 0)
			return -1;
	if (mta != LISTS_MTA_POSTFIX)
		return c->p->hosted
		               ? read_table(c, LISTS_VIRTUSERTABLE, ALIAS_FORM_TABLE, false, err)
		               : 0;
	if (read_table(c, c->p->table, ALIAS_FORM_ALIASES, true, err) < 0)
		return -1;
	return has_domains(c->p) ? read_table(c, c->p->virtual_table, ALIAS_FORM_TABLE, true, err)
	                         : 0;
}

/* ── holding against the plan ────────────────────────────────────────────────────────────────── */

static struct lists_alias_row *find_row(const struct lists_alias_checking *c, const char *name)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(c->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n && !strcmp(c->rows[low].name, name) ? &c->rows[low] : NULL;
}

/* Is it the wrapper, perhaps by another name? 1, 0, -1. Asked once of each program. */
static int is_wrapper(struct lists_alias_checking *c, const char *program, struct error *err)
{
	AUTO_FREE char *a = NULL, *b = NULL;
	int found;

	if (!strcmp(program, c->p->wrapper) || strings_has(&c->same, program))
		return 1;
	if (strings_has(&c->others, program))
		return 0;
	found = lists_resolve(c->h, program, &a, NULL, err);
	if (found > 0)
		found = lists_resolve(c->h, c->p->wrapper, &b, NULL, err);
	if (found < 0)
		return -1;
	found = found && !strcmp(a, b);
	strings_add(found ? &c->same : &c->others, program);
	return found;
}

/* Words that the wrapper takes for the same. */
static const char *usual_command(const char *command)
{
	static const char *const same[][2] = { { "admin", "bounces" },
		                               { "subscribe", "join" },
		                               { "unsubscribe", "leave" } };

	for (size_t i = 0; i < ROWS(same); i++)
		if (!strcmp(command, same[i][0]))
			return same[i][1];
	return command;
}

/* "|PROGRAM COMMAND LIST" in its parts; false: it is no such thing. All are owned by the caller. */
static bool parse_pipe(struct span target, char **program, char **command, char **list)
{
	struct span what, rest, word, first, second;

	if (alias_target_of(target, &what) != ALIAS_TARGET_PIPE)
		return false;
	first = alias_program(what);
	rest = what;
	if (!first.n || !span_next_word(&rest, &word) || !span_next_word(&rest, &word))
		return false;
	second = word;
	if (!span_next_word(&rest, &word))
		return false;
	*program = span_dup(first);
	*command = span_dup(second);
	*list = span_dup(word);
	return true;
}

/* A target that has to lead to the wrapper. */
static int hold(struct lists_alias_checking *c, const struct lists_alias_row *row,
                const struct lists_address *address, const char *list, struct error *err)
{
	AUTO_FREE char *program = NULL, *command = NULL, *to = NULL;
	int same;

	if (!parse_pipe(span_of(row->target), &program, &command, &to)) {
		lists_alias_tell(c, LISTS_ALIAS_WRONG, row->name, row->file,
		                 "leads to %s, and not to %s", row->target, c->p->wrapper);
		return 0;
	}
	same = is_wrapper(c, program, err);
	if (same < 0)
		return -1;
	if (!same)
		lists_alias_tell(c, LISTS_ALIAS_WRONG, row->name, row->file,
		                 "its wrapper is %s, and not %s", program, c->p->wrapper);
	else if (strcmp(usual_command(command), usual_command(address->command)) != 0 ||
	         strcmp(to, list) != 0)
		lists_alias_tell(c, LISTS_ALIAS_WRONG, row->name, row->file,
		                 "says \"%s %s\", and not \"%s %s\"", command, to, address->command,
		                 list);
	else
		c->out.good++;
	return 0;
}

static int check_list(struct lists_alias_checking *c, const struct lists_alias_list *l,
                      struct error *err)
{
	for (size_t i = 0; i < LISTS_ADDRESSES; i++) {
		AUTO_FREE char *name = xasprintf("%s%s", l->name, lists_addresses[i].suffix);
		struct lists_alias_row *row = find_row(c, name);

		if (!row)
			lists_alias_tell(c, LISTS_ALIAS_MISSING, name, "",
			                 "leads nowhere: mail to it bounces");
		else if (c->p->maildir && !strcmp(row->target, c->p->maildir))
			c->out.good++;
		else if (hold(c, row, &lists_addresses[i], l->name, err) < 0)
			return -1;
		if (row)
			row->used = true;
	}
	return 0;
}

static void check_loop(struct lists_alias_checking *c)
{
	struct lists_alias_row *row = find_row(c, "mailman-loop");

	if (!row)
		lists_alias_tell(c, LISTS_ALIAS_MISSING, "mailman-loop", "",
		                 "bounces of notices to owners would go round in a circle");
	else if (strcmp(row->target, c->p->loop) != 0)
		lists_alias_tell(c, LISTS_ALIAS_WRONG, row->name, row->file,
		                 "leads to %s, and not to %s", row->target, c->p->loop);
	else
		c->out.good++;
	if (row)
		row->used = true;
}

/* One row of the table of domains: local part and domain, and whose name it leads to. */
static void check_virtual(struct lists_alias_checking *c, const char *local, const char *suffix,
                          const char *domain, const char *name)
{
	AUTO_FREE char *address = xasprintf("%s%s@%s", local, suffix, domain);
	AUTO_FREE char *target = xasprintf("%s%s%s%s", name, suffix, c->local_domain ? "@" : "",
	                                   c->local_domain ? c->local_domain : "");
	struct lists_alias_row *row = find_row(c, address);

	if (!row)
		lists_alias_tell(c, LISTS_ALIAS_MISSING, address, "",
		                 "leads nowhere: mail to it bounces");
	else if (strcmp(row->target, target) != 0)
		lists_alias_tell(c, LISTS_ALIAS_WRONG, address, row->file,
		                 "leads to %s, and not to %s", row->target, target);
	else
		c->out.good++;
	if (row)
		row->used = true;
}

static void check_virtuals(struct lists_alias_checking *c)
{
	static const char *const site[] = { "", "-owner", "-bounces", "-request" };
	const struct lists_alias_plan *p = c->p;

	for (size_t i = 0; i < p->domains.n; i++) {
		const char *domain = p->domains.rows[i];

		check_virtual(c, "mailman-loop", "", domain, "mailman-loop");
		for (size_t j = 0; j < ROWS(site); j++)
			check_virtual(c, p->site_list, site[j], domain, p->site_list);
	}
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; p->lists[i].domain && j < LISTS_ADDRESSES; j++)
			check_virtual(c, p->lists[i].name, lists_addresses[j].suffix,
			              p->lists[i].domain, p->lists[i].name);
}

/* Lists with their domain in their name, which is not in their addresses. */
static void check_hosted(struct lists_alias_checking *c)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const struct lists_alias_list *l = &c->p->lists[i];

		for (size_t j = 0; l->host && j < LISTS_ADDRESSES; j++)
			check_virtual(c, l->local, lists_addresses[j].suffix, l->host, l->name);
	}
}

static bool is_command(const char *word)
{
	for (size_t i = 0; i < LISTS_ADDRESSES; i++)
		if (!strcmp(lists_addresses[i].command, word))
			return true;
	return false;
}

static bool has_list(const struct lists_alias_plan *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->lists[i].name, name))
			return true;
	return false;
}

/* Rows that lead to a Mailman, and are none of those that were expected. */
static void tell_surplus(struct lists_alias_checking *c)
{
	for (size_t i = 0; i < c->n; i++) {
		AUTO_FREE char *program = NULL, *command = NULL, *list = NULL;
		const struct lists_alias_row *row = &c->rows[i];
		const char *base;

		/* a second row of a name is never asked for */
		if (row->used || (i && !strcmp(row->name, c->rows[i - 1].name)))
			continue;
		if (!parse_pipe(span_of(row->target), &program, &command, &list) ||
		    !is_command(command))
			continue;
		base = strrchr(program, '/');
		if (!base || strcmp(base, "/mailman") != 0)
			continue;
		if (has_list(c->p, list))
			lists_alias_tell(c, LISTS_ALIAS_SURPLUS, row->name, row->file,
			                 "a further address of list %s", list);
		else
			lists_alias_tell(c, LISTS_ALIAS_SURPLUS, row->name, row->file,
			                 "there is no list %s any more", list);
	}
}

int lists_alias_check_loop(struct lists_alias_checking *c, struct error *err)
{
	if (read_tables(c, LISTS_MTA_EXIM, err) < 0)
		return -1;
	if (c->n)
		qsort(c->rows, c->n, sizeof *c->rows, order_of_rows);
	check_loop(c);
	return 0;
}

int lists_alias_check_tables(struct lists_alias_checking *c, enum lists_mta mta, struct error *err)
{
	c->local_domain = mta == LISTS_MTA_POSTFIX ? c->p->local_domain : NULL;
	if (read_tables(c, mta, err) < 0)
		return -1;
	if (c->n)
		qsort(c->rows, c->n, sizeof *c->rows, order_of_rows);
	check_loop(c);
	for (size_t i = 0; i < c->p->n; i++)
		if (check_list(c, &c->p->lists[i], err) < 0)
			return -1;
	if (mta == LISTS_MTA_POSTFIX)
		check_virtuals(c);
	check_hosted(c);
	tell_surplus(c);
	return 0;
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────── */

static int order_of_findings(const void *a, const void *b)
{
	const struct lists_alias_finding *x = a, *y = b;

	if (x->fault != y->fault)
		return x->fault < y->fault ? -1 : 1;
	return strcmp(x->address, y->address);
}

int lists_aliases_check(struct host *h, const struct lists_alias_plan *p, enum lists_mta mta,
                        struct lists_alias_check *out, struct error *err)
{
	__attribute__((cleanup(check_fini))) struct lists_alias_checking c = { .h = h, .p = p };
	int done;

	if (mta == LISTS_MTA_EXIM)
		done = lists_alias_check_exim(&c, err);
	else if (mta == LISTS_MTA_QMAIL)
		done = lists_alias_check_qmail(&c, err);
	else
		done = lists_alias_check_tables(&c, mta, err);
	if (done < 0)
		return -1;
	if (c.out.n)
		qsort(c.out.rows, c.out.n, sizeof *c.out.rows, order_of_findings);
	*out = c.out;
	c.out = (struct lists_alias_check){ 0 };
	return 0;
}
