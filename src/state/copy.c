/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/state.h"

#include "base/memory.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_database(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (!b)
		return sqlite3_errcode(to);
	(void)sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b); /* the error of the steps, if there was one */
}

int state_copy(struct state *s, const char *move_dir, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/state.db", move_dir);
	sqlite3 *to = NULL;
	int code;

	if (mkdir(move_dir, 0700) < 0 && errno != EEXIST)
		return error_system(err, "make %s", move_dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", path);
	code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (code == SQLITE_OK)
		code = copy_database(state_database(s), to);
	sqlite3_close(to);
	if (code == SQLITE_OK)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "copy the state to %s: %s",
	                 path, sqlite3_errstr(code));
}
