/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * trees -- what the files of plain trees were on the old side when they were last copied. A row is
 * written only after the file was durable on the new side; a file that has not changed since in
 * size, times and inode need not be read again.
 */

#include "base/cleanup.h"
#include "mail/digest.h"
#include "state/state.h"
#include "tree/node.h"

struct tree_record {
	char *name;          /* owned when loaded; "" with directory "": the root itself */
	enum tree_kind kind; /* TREE_FILE or TREE_DIR */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns; /* ctime 0: it was young then, and proves nothing */
	struct digest digest;       /* of a file; tree/digest.h */
};
struct tree_records {
	struct tree_record *rows; /* owned; by name */
	size_t n, room;
};
#define AUTO_TREE_RECORDS __attribute__((cleanup(tree_records_fini)))
void tree_records_fini(struct tree_records *r);
const struct tree_record *tree_records_find(const struct tree_records *r, const char *name);

/* One copied tree: where from and where to, in words of the caller's that stay the same. */
struct tree_ledger;
int tree_ledger_open(struct tree_ledger **out, struct state *s, const char *name, struct error *err)
	MUST_CHECK;
void tree_ledger_close(struct tree_ledger *l);
CLEANUP_DEFINE(struct tree_ledger, tree_ledger_close);
#define AUTO_TREE_LEDGER __attribute__((cleanup(tree_ledger_close_at)))

/* All rows of one directory (its path below the root). *out is replaced. */
int tree_ledger_load(struct tree_ledger *l, const char *dir, struct tree_records *out,
                     struct error *err) MUST_CHECK;
/* Between state_begin() and state_commit(). */
int tree_ledger_put(struct tree_ledger *l, const char *dir, const struct tree_record *record,
                    struct error *err) MUST_CHECK;
int tree_ledger_remove(struct tree_ledger *l, const char *dir, const char *name, struct error *err)
	MUST_CHECK;
/* All that lies below the directory. */
int tree_ledger_forget(struct tree_ledger *l, const char *dir, struct error *err) MUST_CHECK;
