/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* schema -- the tables of state.db. A file of this room that needs a table adds its text to the list. */

/* Of the whole file; a file of another version is refused, never changed silently. */
#define STATE_SCHEMA_VERSION 4

struct state_schema {
	const char *name; /* of the file that owns it */
	const char *sql;  /* CREATE TABLE IF NOT EXISTS ...; any number of statements */
};

extern const struct state_schema *const state_schemas[]; /* NULL at its end */

extern const struct state_schema state_schema_facts, state_schema_journal, state_schema_evidence,
	state_schema_items, state_schema_messages, state_schema_carried, state_schema_signs,
	state_schema_mboxes, state_schema_trees, state_schema_coming, state_schema_imaps,
	state_schema_agreed, state_schema_mailing_lists, state_schema_answers, state_schema_zones;
