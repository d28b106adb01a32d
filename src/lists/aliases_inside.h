/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* aliases_inside -- for the files that hold a host's tables against the lists; for each other's use. */

#include "lists/aliases.h"

#define LISTS_ALIAS_TABLE_MAX (64u << 20) /* octets of one table */

/* A row of a table that is in force; the first of a name is the one that counts. */
struct lists_alias_row {
	char *name;   /* lower case */
	char *target; /* the first, without quotes */
	char *file;
	size_t order;
	bool used; /* it is one of those that are expected */
};

struct lists_alias_checking {
	struct host *h;
	const struct lists_alias_plan *p;
	const char *local_domain; /* behind targets of the table of domains; NULL: nothing is */
	struct lists_alias_check out;
	struct lists_alias_row *rows; /* sorted by name, then by order, once all are read */
	size_t n, room;
	struct strings same, others; /* programs that are the wrapper, and that are not */
};

/* Adds a finding. */
void lists_alias_tell(struct lists_alias_checking *c, enum lists_alias_fault fault,
                      const char *address, const char *file, const char *format, ...)
	PRINTF_LIKE(5, 6);

/* aliases_check.c: of an MTA that has aliases(5). */
int lists_alias_check_tables(struct lists_alias_checking *c, enum lists_mta mta, struct error *err)
	MUST_CHECK;
/* ... of one with routers: its aliases may have "mailman-loop" all the same. */
int lists_alias_check_loop(struct lists_alias_checking *c, struct error *err) MUST_CHECK;
/* aliases_others.c: a router; files of addresses. */
int lists_alias_check_exim(struct lists_alias_checking *c, struct error *err) MUST_CHECK;
int lists_alias_check_qmail(struct lists_alias_checking *c, struct error *err) MUST_CHECK;
