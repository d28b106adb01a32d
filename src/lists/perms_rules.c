/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/text.h"
#include "lists/settings.h"

#include <string.h>
#include <sys/stat.h>

static bool is_queue(enum lists_path variable)
{
	return variable >= LISTS_QUEUE_DIR && variable <= LISTS_RETRYQUEUE_DIR;
}

static bool is_program(enum lists_path variable)
{
	return variable == LISTS_PREFIX || variable == LISTS_EXEC_PREFIX ||
	       variable == LISTS_WRAPPER_DIR;
}

static size_t count_slashes(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ── directories ─────────────────────────────────────────────────────────────────────────────── */

static struct lists_perm_rule directory_rule(const struct lists_perm_row *row)
{
	bool archives = row->variable == LISTS_PRIVATE_ARCHIVE_FILE_DIR;

	/* make install leaves the place of the queues open to be looked at */
	if (is_queue(row->variable))
		return (struct lists_perm_rule){
			02770, row->variable == LISTS_QUEUE_DIR && !*row->below ? 0002 : 0007, true,
			false, "a queue"
		};
	if (archives && !*row->below)
		return (struct lists_perm_rule){ 02770, 0006, true, false,
			                         "others must not list the archives" };
	if (archives && !strcmp(last_part(row->below), "database"))
		return (struct lists_perm_rule){
			02770, 0007, true, false, "others must not look into an archive's database"
		};
	/* what others may do in it is a matter of its list: perms_links.c */
	if (archives && !strchr(row->below, '/'))
		return (struct lists_perm_rule){ 02770, 0002, true, false, "an archive" };
	return (struct lists_perm_rule){ 02775, 0002, true, false,
		                         "what is made in it has to get the group" };
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

/* Files of a list, and what stands in them. */
static const struct {
	const char *name;
	uint32_t forbids;
	const char *why;
} list_files[] = {
	{ "config.pck", 0007, "passwords of members in clear text" },
	{ "config.pck.last", 0007, "passwords of members in clear text" },
	{ "config.db", 0007, "passwords of members in clear text" },
	{ "config.db.last", 0007, "passwords of members in clear text" },
	{ "pending.pck", 0007, "tokens that confirm" },
	{ "request.pck", 0007, "what waits for a moderator" },
	{ "request.db", 0007, "what waits for a moderator" },
	{ "request.db.tmp", 0007, "what waits for a moderator" },
	{ "next-digest", 0002, "the next digest" },
	{ "next-digest-topics", 0002, "the next digest" },
	{ "digest.mbox", 0002, "without the group's rights, each post is shunted" },
};

static struct lists_perm_rule list_rule(const struct lists_perm_row *row)
{
	const char *name = last_part(row->below);

	if (count_slashes(row->below) == 1)
		for (size_t i = 0; i < ROWS(list_files); i++)
			if (!strcmp(list_files[i].name, name))
				return (struct lists_perm_rule){ 0660, list_files[i].forbids, true,
					                         false, list_files[i].why };
	return (struct lists_perm_rule){ 0440, 0002, true, false, "Mailman has to read it" };
}

static struct lists_perm_rule data_rule(const struct lists_installation *m, const char *name)
{
	struct span s = span_of(name);
	const char *mta = lists_setting_text(m->settings, "MTA");
	bool table = mta && !strcmp(mta, "Postfix") &&
	             (span_is(s, "aliases") || span_is(s, "virtual-mailman") ||
	              span_is(s, "aliases.db") || span_is(s, "virtual-mailman.db"));

	if (span_is(s, "adm.pw") || span_is(s, "creator.pw"))
		return (struct lists_perm_rule){ 0640, 0137, true, false, "the site's password" };
	if (table)
		return (struct lists_perm_rule){ 0664, 0002, true, span_ends(s, ".db"),
			                         "Postfix runs the wrapper as the table's owner" };
	if (span_starts(s, "heldmsg-") || span_starts(s, "bounce-events-"))
		return (struct lists_perm_rule){ 0660, 0002, true, false,
			                         "a message that waits for a moderator" };
	return (struct lists_perm_rule){ 0, 0002, true, false, "not for everyone to write" };
}

static struct lists_perm_rule archive_rule(const struct lists_perm_row *row)
{
	struct span s = span_of(row->below);

	if (span_ends(s, "-article"))
		return (struct lists_perm_rule){ 0660, 0002, true, false, "an article" };
	if (span_ends(s, ".mbox") && span_find_text(s, ".mbox/") >= 0)
		return (struct lists_perm_rule){ 0660, 0002, true, false,
			                         "each post is put at its end" };
	return (struct lists_perm_rule){ 0, 0002, true, false, "not for everyone to write" };
}

static struct lists_perm_rule program_rule(const struct lists_perm_row *row)
{
	struct span s = span_of(row->path);
	bool wrapper = row->variable == LISTS_EXEC_PREFIX || row->variable == LISTS_WRAPPER_DIR;
	/* in cgi-bin/, what the group can start; in mail/, the one program */
	bool is_one = wrapper && (span_find_text(s, "/cgi-bin/") >= 0 ? (row->mode & 0010) != 0
	                                                              : span_ends(s, "/mailman"));

	if (is_one)
		return (struct lists_perm_rule){ 02010, 0002, true, false,
			                         "without set-gid it may do nothing for Mailman" };
	if (span_ends(s, ".py") || span_ends(s, ".pyc") || span_ends(s, ".pyo"))
		return (struct lists_perm_rule){ 0644, 0002, true, false, "the program" };
	return (struct lists_perm_rule){ 0, 0002, true, false, "the program" };
}

struct lists_perm_rule lists_perms_rule(const struct lists_installation *m,
                                        const struct lists_perm_row *row)
{
	if (S_ISLNK(row->mode))
		return (struct lists_perm_rule){ 0 };
	if (S_ISDIR(row->mode))
		return is_program(row->variable) && row->variable != LISTS_PREFIX
		               ? (struct lists_perm_rule){ 0, 0002, false, false, "wrappers" }
		               : directory_rule(row);
	if (is_program(row->variable))
		return program_rule(row);
	if (is_queue(row->variable))
		return (struct lists_perm_rule){ 0660, 0002, true, false, "a message in a queue" };
	if (row->variable == LISTS_LIST_DATA_DIR)
		return list_rule(row);
	if (row->variable == LISTS_DATA_DIR && !strchr(row->below, '/'))
		return data_rule(m, row->below);
	if (row->variable == LISTS_SITE_PW_FILE || row->variable == LISTS_LISTCREATOR_PW_FILE)
		return data_rule(m, "adm.pw");
	if (row->variable == LISTS_PRIVATE_ARCHIVE_FILE_DIR)
		return archive_rule(row);
	if (row->variable == LISTS_LOG_DIR)
		return (struct lists_perm_rule){
			0660, 0002, true, false, "a log that can't be written stops the web pages"
		};
	if (row->variable == LISTS_LOCK_DIR)
		return (struct lists_perm_rule){ 0 };
	return (struct lists_perm_rule){ 0, 0002, true, false, "not for everyone to write" };
}
