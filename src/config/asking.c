/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/asking.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

#define BACKUP_HOURS 26 /* once a day, and late by two hours */

/* A mail address that can stand in a command as it is. */
static bool is_plain_address(const char *text)
{
	const char *at = strchr(text, '@');

	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("<>\"\\()[],;:", *p))
			return false;
	return at && at > text && at[1] && !strchr(at + 1, '@');
}

static int check_backup(const struct yaml_file *y, const char *at, struct config_backup *b,
                        struct error *err)
{
	const char *const paths[] = { b->made, b->original, b->scratch,
		                      b->restore_count ? b->restore[0] : NULL };

	if (!b->hours)
		b->hours = BACKUP_HOURS;
	if (strcmp(b->of, "old") != 0 && strcmp(b->of, "new") != 0)
		return yaml_error_at(y, at, err, "of: \"%s\" is neither old nor new", b->of);
	for (size_t i = 0; i < ROWS(paths); i++)
		if (paths[i] && paths[i][0] != '/')
			return yaml_error_at(y, at, err, "\"%s\" is no absolute path", paths[i]);
	if (b->restore_count && (!b->original || !b->scratch))
		return yaml_error_at(y, at, err,
		                     "restore wants original, what is brought back, and scratch, "
		                     "where to");
	if (b->restore_count && !span_ends(span_of(b->restore[0]), "/mailhaul-restore"))
		return yaml_error_at(y, at, err,
		                     "restore: an agent runs no program but one whose name is "
		                     "mailhaul-restore");
	return 0;
}

int config_check_asking(const struct yaml_file *y, struct config_check *c, struct error *err)
{
	const char *const people[] = { c->recipient, c->sender };

	for (size_t i = 0; i < ROWS(people); i++)
		if (people[i] && !is_plain_address(people[i]))
			return yaml_error_at(y, "check", err, "\"%s\" is no mail address",
			                     people[i]);
	for (unsigned i = 0; i < c->backups_count; i++) {
		AUTO_FREE char *at = xasprintf("check.backups.%u", i);

		if (check_backup(y, at, &c->backups[i], err) < 0)
			return -1;
	}
	return 0;
}
