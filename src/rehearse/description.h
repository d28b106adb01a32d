/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * description -- what a set of sealed hosts is to be, read from a YAML file. mailhaul-sealed(1)
 * lists the keys; the schema in description.c is what counts.
 *
 * A key is one member below, one row in the schema, one line in the manual page.
 */

#include "rehearse/address.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIPTION_HOSTS_MAX 64
#define DESCRIPTION_LIST_MAX 64          /* entries of any one list */
#define DESCRIPTION_NAME_MAX 12          /* octets: with a prefix it names an interface (15) */
#define DESCRIPTION_DISK_MIN (16u << 20) /* octets; less holds no journal worth the name */
#define DESCRIPTION_ROUTER "router" /* the host that joins the segments; no other has its name */

struct description_segment {
	char *name;
	char **gateways;
	unsigned gateways_count;
	struct address *gateways_parsed; /* as many */
};

struct description_host {
	char *name;
	char *hostname; /* fully qualified */
	char *segment;
	char **addresses;
	unsigned addresses_count;
	char *resolver; /* NULL: none */
	char **names;   /* whole lines for /etc/hosts */
	unsigned names_count;
	char *root;      /* folder that holds all of the host's files; NULL: "/", this host's own */
	char *disk;      /* NULL: default */
	bool memory;     /* the throw-away disk is in memory, as large as that lets it be */
	bool keep_names; /* the real host's own names stay: only the resolver is another */
	char **fresh;
	unsigned fresh_count;
	char **share;
	unsigned share_count;
	char **show;
	unsigned show_count;

	struct address *addresses_parsed;                /* as many */
	uint64_t disk_size;                              /* octets; 0: in memory */
	const struct description_segment *segment_found; /* borrowed from the description */
};

struct description {
	char *name;
	struct description_segment *segments;
	unsigned segments_count;
	struct description_host *hosts;
	unsigned hosts_count;

	struct description_host router; /* not in the file; points at literals */
};

void description_free(struct description *d);
CLEANUP_DEFINE(struct description, description_free);
#define AUTO_DESCRIPTION __attribute__((cleanup(description_free_at)))

/*
 * Reads `path` and checks all that can be checked without touching the machine: every key, type
 * and range, names and addresses that are used once, gateways within reach, paths.
 *
 *   out     a new description; the caller owns it
 *   errors  one, "FILE:LINE: words", ERROR_RETRY_NEVER
 */
int description_load(struct description **out, const char *path, struct error *err) MUST_CHECK;
