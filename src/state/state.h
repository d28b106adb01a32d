/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * state -- what a move knows and has done, in one SQLite file (MOVE/state.db). `mailhaul copy` has
 * one for each pair of places.
 *
 * WAL, synchronous=FULL: when a call that changes something returns 0, it is on disk. Each other
 * header of this room is one group of tables (state/items.h, state/journal.h, state/messages.h ...),
 * whose CREATE TABLE text is a row of state/schema.c.
 *
 * One process at a time changes a move: state_open() takes a lock and fails with ERROR_RETRY_LATER
 * when another holds it; state_open_read() does not.
 */

#include "base/cleanup.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct state;

int state_open(struct state **out, const char *move_dir, struct error *err) MUST_CHECK;
int state_open_read(struct state **out, const char *move_dir, struct error *err) MUST_CHECK;
void state_close(struct state *s);
CLEANUP_DEFINE(struct state, state_close);
#define AUTO_STATE __attribute__((cleanup(state_close_at)))

/* Makes a state of its own of `s`, as it is now, in another folder, which may be there or not; what stood there
 * is replaced. Nothing of it is durable. */
int state_copy(struct state *s, const char *move_dir, struct error *err) MUST_CHECK;

/* Small facts by name ("pair.old", "freeze.at_ms"). A name that was never put: *out is NULL. The
 * caller owns *out. */
int state_put(struct state *s, const char *name, const char *value, struct error *err) MUST_CHECK;
int state_get(struct state *s, const char *name, char **out, struct error *err) MUST_CHECK;
int state_put_i64(struct state *s, const char *name, int64_t value, struct error *err) MUST_CHECK;
int state_get_i64(struct state *s, const char *name, int64_t missing, int64_t *out,
                  struct error *err) MUST_CHECK;

/* Several changes as one, on disk by the return of commit. Not nested. */
int state_begin(struct state *s, struct error *err) MUST_CHECK;
int state_commit(struct state *s, struct error *err) MUST_CHECK;
void state_abandon(struct state *s);

/* ── for the other files of this room ────────────────────────────────────────────────────────── */

#define AUTO_STATEMENT __attribute__((cleanup(state_statement_end)))
void state_statement_end(sqlite3_stmt **statement);
sqlite3 *state_database(struct state *s);
/* Prepares `sql`, or gives out the statement that was prepared for it before: most of them are needed
 * for each account anew. The caller ends it (AUTO_STATEMENT). */
int state_prepare(struct state *s, sqlite3_stmt **out, const char *sql, struct error *err)
	MUST_CHECK;
/* Steps: 1 a row is there, 0 done, -1 error. */
int state_step(struct state *s, sqlite3_stmt *statement, struct error *err) MUST_CHECK;
/* Text of a column, "" for NULL; borrowed until the next step. */
const char *state_column(sqlite3_stmt *statement, int column);
