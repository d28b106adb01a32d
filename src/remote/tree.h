/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * tree -- plain file trees of a host: what is there, content, changes. The near end of wire/tree.h.
 * All that comes from the host is checked before it is given on: no name leads out of its tree, no
 * offset out of its file.
 */

#include "mail/digest.h"
#include "remote/host.h"
#include "tree/node.h"
#include "tree/read.h"

/* ── what is there ───────────────────────────────────────────────────────────────────────────── */

struct tree_entry {
	char *name; /* owned; one component */
	struct tree_node node;
};
struct tree_dir {
	struct tree_node self;
	bool settled; /* nothing came or went while it was read */
	bool failed;  /* it could not be read: `why`, and no entries */
	struct error why;
	struct tree_entry *rows; /* owned; by name, each once */
	size_t n, room;
};
void tree_dir_fini(struct tree_dir *d);
const struct tree_entry *tree_dir_find(const struct tree_dir *d, const char *name);

/* More names in one directory are an error. */
#define TREE_ENTRIES_MAX (4u << 20)

/* Lists n directories below the root, in the order of asking: host_send() and host_collect() of
 * remote/host.h. `out` has n rows, zeroed; the caller ends each, also after an error. A missing
 * root: sys_errno ENOENT. */
int tree_scan_send(struct host *h, const char *root, const char *const *paths, size_t n,
                   struct error *err) MUST_CHECK;
int tree_scan_collect(struct host *h, struct tree_dir *out, size_t n, struct error *err) MUST_CHECK;

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

struct tree_wanted {
	const char *path; /* borrowed */
	enum tree_want want;
};

/* What a fetch gives, for each wanted: begin, bytes..., done; or failed, at any place. All is
 * borrowed during the call. -1 with *err set gives up the rest of the request. */
struct tree_fetch {
	void *context;
	int (*begin)(void *context, size_t index, const struct tree_node *node,
	             const struct tree_attributes *attributes, struct error *err);
	int (*bytes)(void *context, size_t index, uint64_t offset, struct span bytes,
	             struct error *err);
	int (*done)(void *context, size_t index, const struct digest *digest, bool young,
	            struct error *err);
	int (*failed)(void *context, size_t index, const struct error *why, struct error *err);
};

/* So few octets of paths in a request, that TREE_FETCH_AHEAD of them never fill a pipe. */
#define TREE_FETCH_OCTETS 7500u
#define TREE_FETCH_AHEAD 4u
/* How many of the first rows fit into one request, at least one. */
size_t tree_fetch_fits(const struct tree_wanted *wanted, size_t n);
int tree_fetch_send(struct host *h, const char *root, const struct tree_wanted *wanted, size_t n,
                    struct error *err) MUST_CHECK;
int tree_fetch_collect(struct host *h, const struct tree_wanted *wanted, size_t n,
                       const struct tree_fetch *fetch, struct error *err) MUST_CHECK;

/* ── writing (control) ───────────────────────────────────────────────────────────────────────── */

/*
 * Stores files and changes, sent ahead in large frames. Each has an `id` of the caller's, by which
 * the commit tells what became of it. After any error the writer takes nothing more; what was not
 * committed is sent again by another.
 */
struct tree_writer;
/* `h` and `root` are borrowed until tree_writer_free(), which gives up what was not committed. */
struct tree_writer *tree_writer_new(struct host *h, const char *root);
void tree_writer_free(struct tree_writer *w);
CLEANUP_DEFINE(struct tree_writer, tree_writer_free);
#define AUTO_TREE_WRITER __attribute__((cleanup(tree_writer_free_at)))

int tree_write_file(struct tree_writer *w, uint64_t id, const char *path,
                    const struct tree_node *node, const struct tree_attributes *attributes,
                    struct error *err) MUST_CHECK;
int tree_write_bytes(struct tree_writer *w, uint64_t offset, struct span bytes, struct error *err)
	MUST_CHECK;
int tree_write_done(struct tree_writer *w, const struct digest *digest, struct error *err)
	MUST_CHECK;
/* Takes back the file that was begun. */
int tree_write_drop(struct tree_writer *w, struct error *err) MUST_CHECK;
int tree_write_link(struct tree_writer *w, uint64_t id, const char *path,
                    const struct tree_node *node, struct error *err) MUST_CHECK;
int tree_write_hard(struct tree_writer *w, uint64_t id, const char *path, const char *to,
                    struct error *err) MUST_CHECK;
int tree_write_dir(struct tree_writer *w, uint64_t id, const char *path, struct error *err)
	MUST_CHECK;
int tree_write_set(struct tree_writer *w, uint64_t id, const char *path,
                   const struct tree_node *node, const struct tree_attributes *attributes,
                   struct error *err) MUST_CHECK;
int tree_write_remove(struct tree_writer *w, uint64_t id, const char *path, bool whole,
                      struct error *err) MUST_CHECK;

struct tree_outcome {
	void *context;
	void (*failed)(void *context, uint64_t id, const struct error *why);
	/* It is in place, but not all of it could be kept; `words` are fit to print. */
	void (*noted)(void *context, uint64_t id, const char *words);
};
/* All that did not fail is durable and in place; *done of them. */
int tree_write_commit(struct tree_writer *w, const struct tree_outcome *outcome, uint64_t *done,
                      struct error *err) MUST_CHECK;
