/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "accounts/names.h"
#include "base/memory.h"
#include "prepare/master_lines.h"

#include <string.h>

#define MASTER_CF "/etc/postfix/master.cf"

struct services {
	struct master_lines old, new;
	struct host_listing programs; /* of new's daemon directory */
	struct strings edits;
};
#define AUTO_SERVICES __attribute__((cleanup(services_fini)))

static void services_fini(struct services *s)
{
	master_lines_fini(&s->old);
	master_lines_fini(&s->new);
	host_listing_fini(&s->programs);
	strings_fini(&s->edits);
}

static void read_lines(const struct mta_facts *f, const char *chroot, struct master_lines *out)
{
	for (size_t i = 0; i < f->services_n; i++)
		(void)master_lines_parse(span_of(f->services[i].line), chroot, out);
}

/* What "-" in the chroot column means: master(5). New gets the old one's level,
 * so it is the same on both. */
static const char *default_chroot(const struct mta_facts *f)
{
	const char *level = mta_setting(f, "compatibility_level");

	return !level || !*level || !strcmp(level, "0") ? "y" : "n";
}

static bool has_program(const struct services *s, const struct master_line *l)
{
	AUTO_FREE char *program = master_line_program(l);

	for (size_t i = 0; i < s->programs.n; i++)
		if (!strcmp(s->programs.rows[i].path, program))
			return true;
	return false;
}

/* The program of "pipe ... argv=/path": listed where it is missing. What a
 * package's master.cf names is as a rule not there on old either. */
static void look_for_program(struct prepare *p, const struct master_line *l)
{
	const char *argv = strstr(l->command, "argv=/");
	AUTO_FREE char *path = argv ? xstrndup(argv + 5, strcspn(argv + 5, " ")) : NULL;

	if (path && account_path_good(path) && host_has(p->old_host, path) &&
	    !host_has(p->new_host, path))
		prepare_leave(p, "service %s/%s runs %s, which is not on the new host", l->name,
		              l->type, path);
}

static bool is_good(struct prepare *p, const struct services *s, const struct master_line *l)
{
	if (!master_line_good(l))
		prepare_failed(p, "service %s/%s: not fit for the new host: %s", l->name, l->type,
		               l->command);
	else if (!has_program(s, l))
		prepare_failed(p, "service %s/%s: Postfix on the new host has no such program: %s",
		               l->name, l->type, l->command);
	else
		return true;
	return false;
}

static void carry(struct prepare *p, struct services *s, struct master_line *l)
{
	const struct master_line *there = master_line_find(&s->new, l->name, l->type);

	/* Postfix 3 has as sockets what older ones had as FIFOs */
	if (!strcmp(l->type, "fifo") && master_line_find(&s->new, l->name, "unix"))
		return;
	if (!is_good(p, s, l))
		return;
	if (master_line_without_addresses(l, &p->old_addresses)) {
		prepare_leave(p, "service %s/%s: an address of the old host is left out", l->name,
		              l->type);
		there = master_line_find(&s->new, l->name, l->type);
	}
	look_for_program(p, l);
	if (there && master_line_same(l, there)) {
		prepare_same(p, "service %s/%s", l->name, l->type);
		return;
	}
	AUTO_FREE char *edit = master_line_edit(l);
	if (strings_has(&s->edits, edit))
		return;
	strings_add(&s->edits, edit);
	prepare_changed(p, "service %s/%s: chroot %s, %s", l->name, l->type, l->columns[2],
	                l->command);
}

/* A door that the old host has not. */
static void look_at_own(struct prepare *p, const struct services *s)
{
	for (size_t i = 0; i < s->new.n; i++) {
		const struct master_line *l = &s->new.rows[i];

		if (!strcmp(l->type, "inet") && !master_line_find(&s->old, l->name, l->type))
			prepare_leave(p, "service %s/%s is offered by the new host only", l->name,
			              l->type);
	}
}

int prepare_mta_services(struct prepare *p, struct error *err)
{
	AUTO_SERVICES struct services s = { 0 };
	AUTO_FREE char *programs = mta_setting_expanded(&p->to.mta, "daemon_directory");

	if (!p->from.mta_kind)
		return 0;
	if (host_list(p->new_host, programs, 1, &s.programs, err) < 0)
		return -1;
	read_lines(&p->from.mta, default_chroot(&p->from.mta), &s.old);
	read_lines(&p->to.mta, default_chroot(&p->from.mta), &s.new);
	look_at_own(p, &s);
	for (size_t i = 0; i < s.old.n; i++)
		carry(p, &s, &s.old.rows[i]);
	if (!s.edits.n || p->dry_run)
		return 0;
	if (prepare_keep_before(p, MASTER_CF, err) < 0)
		return -1;
	for (size_t i = 0; i < s.edits.n; i++) {
		const char *const arguments[] = { s.edits.rows[i], NULL };

		if (host_do(p->new_host, "postfix-master-edit", arguments, SPAN(""), NULL, err) < 0)
			return -1;
	}
	return 0;
}
