/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* translate -- values that mean the same on the new host and are written otherwise. */

#include "prepare/prepare.h"

/* The type of table that the new host has for one of the old (hash is lmdb where Berkeley DB is
 * gone); the caller owns it. */
char *prepare_table_type(struct prepare *p, struct span type);

/* A value of main.cf with the types of its tables translated; the caller owns it. */
char *prepare_translate_tables(struct prepare *p, const char *value);

/* A list ("mynetworks") without the old machine's own addresses; networks of
 * its neighbours stay. The caller owns it. */
char *prepare_translate_networks(struct prepare *p, const char *name, const char *value);

/* "uid=5000 gid=5000 home=/srv": numbers behind uid= and gid= translated; the caller owns it. */
char *prepare_translate_numbers(const struct prepare *p, struct span words);
