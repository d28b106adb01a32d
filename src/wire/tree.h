/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * tree -- the requests about plain file trees: scan, fetch, store. A part of wire/wire.h, whose
 * frames and fields these are.
 *
 * Bodies here are rows of records, as many as fit in a frame; a record is u64 tag and the fields
 * that stand beside the tag. A root is an absolute path on that host, a path lies below it: "" (the
 * root) or components, never "." or ".." (tree_path_fits()). A node (below "N") is u64 kind, mode,
 * uid, gid, size, links, inode, device, mtime_ns, ctime_ns, target. Extended attributes (below "X")
 * are u64 n, and n times name, value.
 *
 *	TREE_SCAN    root, path...
 *	    -> DATA per path, in order: ENTRY..., DIR; or FAILED at any place
 *	TREE_FETCH   root, WANTED...
 *	    -> DATA per wanted, in order: BEGIN, BYTES..., DONE; or FAILED at any place
 *	TREE_STORE   C root, records: PUT_FILE, BYTES..., DONE; DROP; PUT_LINK; PUT_HARD; MAKE_DIR;
 *	               SET; REMOVE
 *	    -> nothing; what failed for one of them alone is told by COMMIT
 *	TREE_COMMIT  C nothing
 *	    -> DATA: FAILED and NOTE, by the id of the record; END: u64 number of records that are
 *	       done and durable. A STORE that failed spoils all up to the next COMMIT
 *
 * Content travels without its holes: what lies between two BYTES, or behind the last, reads as
 * zeros. The digest is that of tree/digest.h.
 */

#include "mail/digest.h"
#include "tree/node.h"
#include "tree/read.h"
#include "wire/wire.h"

#define WIRE_TREE_SCAN ((enum wire_kind)60)
#define WIRE_TREE_FETCH ((enum wire_kind)61)
#define WIRE_TREE_STORE ((enum wire_kind)62)
#define WIRE_TREE_COMMIT ((enum wire_kind)63)

enum wire_tree_tag {
	/* scan */
	WIRE_TREE_ENTRY = 1, /* name, N */
	WIRE_TREE_DIR,       /* N of the directory, u64 1: nothing came or went while it was read */
	WIRE_TREE_FAILED, /* u64 index of the path or wanted, or id; string: the body of an ERROR */
	/* fetch */
	WIRE_TREE_WANTED, /* path, u64 enum tree_want */
	WIRE_TREE_BEGIN,  /* N, X, u64 n, n names of attributes that are not carried */
	WIRE_TREE_BYTES,  /* u64 offset, octets */
	WIRE_TREE_DONE,   /* digest, u64 1: changed just before, see tree_read() (STORE: 0) */
	/* store; each but DROP begins with u64 id, path */
	WIRE_TREE_PUT_FILE, /* N, X */
	WIRE_TREE_PUT_LINK, /* N */
	WIRE_TREE_PUT_HARD, /* path of the file that is there */
	WIRE_TREE_MAKE_DIR,
	WIRE_TREE_SET,    /* N, X */
	WIRE_TREE_REMOVE, /* u64 1: with all that lies below */
	WIRE_TREE_DROP,   /* takes back the file that was begun */
	/* commit */
	WIRE_TREE_NOTE, /* u64 id, words */
	/* fetch of a digest: after each WIRE_TREE_ALIVE_EVERY octets that were hashed */
	WIRE_TREE_ALIVE, /* octets that say nothing */
};

/* Hashing a file of many gigabytes says nothing for minutes. What is said then is no trickle: it has
 * the octets that remote/channel.h wants to see. */
#define WIRE_TREE_ALIVE_EVERY (64u << 20)
#define WIRE_TREE_ALIVE_OCTETS 4096u

void wire_put_tree_tag(struct buf *body, enum wire_tree_tag tag);
/* A path, or a name (one component, not empty); r->bad when it does not fit. The caller owns it. */
char *wire_get_tree_path(struct wire_reader *r) MUST_CHECK;
char *wire_get_tree_name(struct wire_reader *r) MUST_CHECK;
/* An absolute path. Owned by the caller. */
char *wire_get_tree_root(struct wire_reader *r) MUST_CHECK;

void wire_put_node(struct buf *body, const struct tree_node *node);
/* The caller ends it by tree_node_fini(), also when r->bad. Links alone have a target. */
void wire_get_node(struct wire_reader *r, struct tree_node *out);

void wire_put_attributes(struct buf *body, const struct tree_attributes *attributes);
/* Only names that are carried, and no more than TREE_ATTRIBUTES_MAX octets. */
void wire_get_attributes(struct wire_reader *r, struct tree_attributes *out);
