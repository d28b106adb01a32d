/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* columns -- what goes into statements and comes out of rows. Inside the room. */

#include "mail/digest.h"
#include "state/state.h"

#include <string.h>

static inline void column_bind_octets(sqlite3_stmt *q, int at, const char *text)
{
	sqlite3_bind_blob(q, at, text ? text : "", text ? (int)strlen(text) : 0, SQLITE_STATIC);
}

static inline void column_bind_text(sqlite3_stmt *q, int at, const char *text)
{
	sqlite3_bind_text(q, at, text ? text : "", -1, SQLITE_STATIC);
}

static inline void column_bind_digest(sqlite3_stmt *q, int at, const struct digest *digest)
{
	sqlite3_bind_blob(q, at, digest->octets, DIGEST_SIZE, SQLITE_STATIC);
}

static inline struct digest column_digest(sqlite3_stmt *q, int column)
{
	struct digest digest = { 0 };

	if (sqlite3_column_bytes(q, column) == DIGEST_SIZE)
		memcpy(digest.octets, sqlite3_column_blob(q, column), DIGEST_SIZE);
	return digest;
}
