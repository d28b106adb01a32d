/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* tree_pass -- what the files of one pass over a tree share; see copy/tree.h for the whole. */

#include "copy/tree.h"
#include "remote/tree.h"
#include "state/trees.h"

enum tree_action {
	TREE_MAKE_DIR,
	TREE_REMOVE,    /* with all that lies below */
	TREE_LINK_TO,   /* a symbolic link */
	TREE_HARD_TO,   /* another name of `to` */
	TREE_HASH_OLD,  /* content against the ledger's digest, then SET or SEND */
	TREE_HASH_BOTH, /* content on both sides, then nothing, SET or SEND */
	TREE_SEND,      /* content */
	TREE_SET,       /* only attributes */
	TREE_RECORD,    /* nothing but the ledger */
};

struct tree_row {
	enum tree_action action;
	char *path;            /* owned */
	char *to;              /* owned; of TREE_HARD_TO */
	struct tree_node node; /* on old, ids as there; the target is owned */
	bool known;            /* `digest` is that of the content of `node` */
	struct digest digest;
	bool there;  /* something of that name is on new */
	bool quiet;  /* counted nowhere: left-overs of ours, directories of what changed */
	size_t link; /* 1 + index of its hard link group, or 0 */
	/* while a batch is under way */
	bool failed, gone; /* gone: it was removed on old meanwhile */
	bool again;        /* it changed while it was read; one more try */
	bool young;        /* see tree_read() */
	bool left;         /* the rules have read it: it does not belong to the pass */
	bool content_differs, attributes_differ;
	struct tree_attributes
		attributes; /* found on old by a hash; ids as they are to be on new */
};

struct tree_link;
struct tree_name;
struct tree_todo;

struct tree_pass {
	struct host *from, *to;
	const struct copy_tree_options *options;
	struct state *state;
	struct copy_tree_result *out;
	struct tree_ledger *ledger;
	bool owns; /* new's agent is root: owners can be given */
	struct copy_tree_progress progress;
	/* tree_rows.c: found, not yet done */
	struct tree_row *rows;
	size_t rows_n, rows_room;
	uint64_t rows_octets;
	/* tree_dirs.c: directories that are still to be looked into; those to get attributes */
	struct tree_todo *todo;
	size_t todo_n, todo_room;
	struct tree_row *dirs;
	size_t dirs_n, dirs_room;
	/* tree_links.c: files with several names */
	struct tree_link *links;
	size_t links_n, links_room;
	size_t *slots; /* hash of device and inode -> index + 1 */
	size_t slots_n;
	struct tree_name *names; /* the other names */
	size_t names_n, names_room;
	struct strings unmapped; /* numbers that were told of */
};

void tree_row_fini(struct tree_row *row);

/* "PATH: why"; not for secrets. */
void tree_pass_tell(struct strings *to, const char *path, const char *why);
/* The same, and the row counts as failed. */
void tree_pass_failed(struct tree_pass *p, const char *path, const char *why);

/* tree_dirs.c: compares the directories of both sides, all of them; fills rows, dirs and links, and
 * runs the rows batch by batch. */
int tree_pass_dirs(struct tree_pass *p, bool root_on_new, struct error *err) MUST_CHECK;
void tree_pass_dirs_fini(struct tree_pass *p);

/* tree_rows.c: takes the row (its strings too) into the batch. tree_pass_run() does it. */
void tree_pass_add(struct tree_pass *p, struct tree_row *row);
int tree_pass_run_full(struct tree_pass *p, struct error *err) MUST_CHECK;
int tree_pass_run(struct tree_pass *p, struct error *err) MUST_CHECK;

/* tree_links.c: the group of a file with several names. True: this is the first name that the pass
 * meets, and is to be copied as any file; *link is its number, for the row. False: it is another
 * name, and was noted; `there` is what new has under it, or NULL. */
bool tree_pass_first_name(struct tree_pass *p, const char *path, const struct tree_node *node,
                          const struct tree_node *there, size_t *link);
/* The first name is a new file on new, or is missing there. */
void tree_pass_link_replaced(struct tree_pass *p, size_t link, bool failed);
/* Gives the files that are in place their other names. */
int tree_pass_names(struct tree_pass *p, struct error *err) MUST_CHECK;
void tree_pass_links_fini(struct tree_pass *p);

/* tree_hash.c: decides for each row that asks for a hash what is to be done with it. */
int tree_pass_hash(struct tree_pass *p, struct error *err) MUST_CHECK;
/* Owner, mode and mtime of a node of old (ids already mapped) are those of the one on new. */
bool tree_pass_same_attributes(const struct tree_pass *p, const struct tree_node *old,
                               const struct tree_node *new);
bool tree_pass_same_time(int64_t old_ns, int64_t new_ns);

/* tree_rules.c: what the caller says of its files. */
bool tree_pass_belongs(const struct tree_pass *p, const char *path, const struct tree_node *node);
bool tree_pass_reads(const struct tree_pass *p, const char *path, const struct tree_node *node);
bool tree_pass_removes(const struct tree_pass *p, const char *path, const struct tree_node *node);
void tree_pass_found(const struct tree_pass *p, const char *path, enum copy_tree_found what);
/* Tells of what a dry run would do. */
void tree_pass_found_row(const struct tree_pass *p, const struct tree_row *row);
/* Writes into the ledger what is coming, before it can be on new. */
int tree_pass_coming(struct tree_pass *p, struct error *err) MUST_CHECK;

/* A file whose content the rules want to see: it is taken in, and written when it is whole. */
struct tree_whole {
	struct buf content;
	uint64_t id;
	struct tree_node node; /* as it is to be on new */
	struct tree_attributes attributes;
};
void tree_whole_fini(struct tree_whole *w);
/* -1: it is too large. */
int tree_whole_add(struct tree_whole *w, uint64_t offset, struct span octets);
/* Asks the rules and, unless they leave it or `writer` is NULL, writes it. */
int tree_whole_end(struct tree_pass *p, struct tree_whole *w, struct tree_row *row,
                   struct tree_writer *writer, struct error *err) MUST_CHECK;

/* tree_ids.c: owner, mode and ACLs as they are to be on new. */
void tree_pass_map_node(struct tree_pass *p, const char *path, struct tree_node *node);
void tree_pass_map_attributes(struct tree_pass *p, struct tree_attributes *attributes);
/* Changes the ids of one ACL as it lies in an attribute (linux/posix_acl_xattr.h); false: it is
 * none that is known. */
bool tree_acl_map(struct buf *acl, uint32_t (*uid)(void *context, uint32_t id),
                  uint32_t (*gid)(void *context, uint32_t id), void *context);
