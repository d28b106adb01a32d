/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/memory.h"
#include "lists/resolve.h"
#include "lists/settings.h"
#include "lists/standing.h"
#include "pickle/read.h"

#include <string.h>
#include <sys/stat.h>

#define CONFIG_MAX (256u << 20)

struct archives {
	struct host *h;
	const struct lists_installation *m;
	struct lists_perms *p;
	char *private; /* without links */
	bool passable; /* others may go through it to what they know by name */
};

/* Does a list keep its archive from the public? 1, 0; 2: it is not known; -1. */
static int is_private(struct archives *a, const char *list, struct error *err)
{
	static const char *const files[] = { "config.pck", "config.pck.last", "config.db" };
	static const struct read_limits usual = { 0 };

	for (size_t i = 0; i < ROWS(files); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s/%s", a->m->paths.value[LISTS_LIST_DATA_DIR],
		                                 list, files[i]);
		AUTO_VALUE_FILE struct value_file f = { 0 };
		AUTO_BUF struct buf octets = { 0 };
		struct error why = { 0 };
		int64_t private;

		if (host_read(a->h, path, CONFIG_MAX, &octets, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			continue;
		}
		if (value_file_read(&f, &octets, &usual, &why) == 0 && f.n &&
		    value_get_int(value_dict_find(f.rows[0], SPAN("archive_private")), &private))
			return private != 0;
	}
	strings_addf(&a->p->troubles, "list %s: whether its archive is private is not known", list);
	return 2;
}

static void PRINTF_LIKE(6, 7) add(struct archives *a, enum lists_perm_fault fault, char *path,
                                  char *target, bool mendable, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	lists_perms_add(a->p, (struct lists_perm_finding){ .fault = fault,
	                                                   .path = path,
	                                                   .target = target,
	                                                   .words = xstrdup(text),
	                                                   .should_uid = a->p->uid,
	                                                   .should_gid = a->p->gid,
	                                                   .mendable = mendable });
}

/* The finding about a mode that the rules made of a path, or a new one; NULL: there is nothing to
 * say of it, for it has just these bits for others. */
static struct lists_perm_finding *others_finding(struct archives *a,
                                                 const struct lists_perm_row *row, uint32_t others)
{
	for (size_t i = 0; i < a->p->findings_n; i++)
		if (!strcmp(a->p->findings[i].path, row->path) &&
		    a->p->findings[i].fault <= LISTS_PERM_OWNER)
			return &a->p->findings[i];
	if ((row->mode & 0007) == others)
		return NULL;
	lists_perms_add(a->p, (struct lists_perm_finding){ .fault = LISTS_PERM_MODE,
	                                                   .path = xstrdup(row->path),
	                                                   .words = xstrdup(""),
	                                                   .mode = row->mode & 07777,
	                                                   .should_mode = row->mode & 07777,
	                                                   .uid = row->uid,
	                                                   .gid = row->gid,
	                                                   .should_uid = row->uid,
	                                                   .should_gid = row->gid,
	                                                   .mendable = true });
	return &a->p->findings[a->p->findings_n - 1];
}

/* What others may do in the directories of a list's archive: its pages, and its mbox. */
static void check_others(struct archives *a, const char *list, bool private)
{
	AUTO_FREE char *mbox = xasprintf("%s.mbox", list);
	const char *const names[] = { list, mbox };
	uint32_t others = private ? 0 : 0005;

	for (size_t i = 0; i < ROWS(names); i++) {
		const struct lists_perm_row *row = lists_perms_row(
			a->p, LISTS_PRIVATE_ARCHIVE_FILE_DIR, names[i]);
		struct lists_perm_finding *f;

		/* what others can't come to needs no lock of its own; what they may see, they must
		 * come to by a link */
		if (!row || !S_ISDIR(row->mode) || (private && !a->passable) || (!private && i))
			continue;
		f = others_finding(a, row, others);
		if (!f)
			continue;
		uint32_t before = f->should_mode;
		f->should_mode = (before & ~0007u) | others;
		if (f->should_mode == before && *f->words)
			continue;
		f->fault = private ? LISTS_PERM_LEAK : LISTS_PERM_MODE;
		free(f->words);
		f->words = private ? xasprintf("has %04o: who knows its name reads the private "
		                               "archive of %s",
		                               row->mode & 0007, list)
		                   : xasprintf("lacks %04o: the archive of %s is public",
		                               0005 & ~row->mode, list);
	}
}

/* What stands in the public directory for a list, or for its mbox. */
static int check_link(struct archives *a, const char *list, const char *name, int private,
                      struct error *err)
{
	const struct lists_perm_row *row = lists_perms_row(a->p, LISTS_PUBLIC_ARCHIVE_FILE_DIR,
	                                                   name);
	AUTO_FREE char *end = NULL, *should = xasprintf("%s/%s", a->private, name);
	int found;

	if (!row)
		return 0;
	if (!S_ISLNK(row->mode)) {
		add(a, private == 1 ? LISTS_PERM_LEAK : LISTS_PERM_LINK, xstrdup(row->path), NULL,
		    false, "is no link but a copy: it stays as it is, whatever becomes of list %s",
		    list);
		return 0;
	}
	if (private == 1) {
		add(a, LISTS_PERM_LEAK, xstrdup(row->path), NULL, true,
		    "is a link to the archive of %s, which is private", list);
		return 0;
	}
	found = lists_resolve(a->h, row->path, &end, NULL, err);
	if (found < 0)
		return -1;
	if (found && !strcmp(end, should))
		return 0;
	/* an archive may be a link itself */
	AUTO_FREE char *archive = NULL;
	int there = lists_resolve(a->h, should, &archive, NULL, err);
	if (there < 0)
		return -1;
	if (found && there && !strcmp(end, archive))
		return 0;
	add(a, LISTS_PERM_LINK, xstrdup(row->path),
	    xasprintf("%s/%s", a->m->paths.value[LISTS_PRIVATE_ARCHIVE_FILE_DIR], name), there,
	    "leads to %s%s, and not to the archive", row->target ? row->target : "?",
	    found ? "" : ", where nothing is");
	return 0;
}

/* A public list whose archive nobody can see. */
static void check_missing(struct archives *a, const char *list)
{
	const struct lists_perm_row *place = lists_perms_row(a->p, LISTS_PUBLIC_ARCHIVE_FILE_DIR,
	                                                     "");

	if (!place || lists_perms_row(a->p, LISTS_PUBLIC_ARCHIVE_FILE_DIR, list) ||
	    !lists_perms_row(a->p, LISTS_PRIVATE_ARCHIVE_FILE_DIR, list))
		return;
	add(a, LISTS_PERM_LINK, xasprintf("%s/%s", place->path, list),
	    xasprintf("%s/%s", a->m->paths.value[LISTS_PRIVATE_ARCHIVE_FILE_DIR], list), true,
	    "is not there: the archive of %s is public, and has no link", list);
}

static int check_list(struct archives *a, const char *list, struct error *err)
{
	AUTO_FREE char *mbox = xasprintf("%s.mbox", list);
	int private = is_private(a, list, err);

	if (private < 0 || check_link(a, list, list, private, err) < 0 ||
	    check_link(a, list, mbox, private, err) < 0)
		return -1;
	if (private != 2)
		check_others(a, list, private == 1);
	if (private == 0)
		check_missing(a, list);
	return 0;
}

int lists_perms_links(struct host *h, const struct lists_installation *m, struct lists_perms *p,
                      struct error *err)
{
	const struct lists_perm_row *private = lists_perms_row(p, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                                                       "");
	struct archives a = { .h = h, .m = m, .p = p };
	AUTO_STRINGS struct strings names = { 0 };

	if (!private || !m->paths.value[LISTS_LIST_DATA_DIR])
		return 0;
	a.private = private->path;
	a.passable = (private->mode & 0001) != 0;
	if (lists_standing_names(h, &m->paths, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (check_list(&a, names.rows[i], err) < 0)
			return -1;
	return 0;
}
