/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * agent -- the only code of ours that runs on an old host: reads requests, answers them.
 *
 * Without --control nothing here can change the host, but for doveadm (streams.c), which keeps
 * indexes and caches of mailboxes that it reads. The agent ends when its standard input does,
 * so a cut ssh connection leaves nothing behind. Its closure (agent, store, wire, tree, mail, base)
 * links nothing that an old system may lack.
 *
 * To add a request: its kind and fields in wire/wire.h, a row in agent/handlers.c, a function, a
 * call in remote/, a round-trip test.
 */

#include "agent/rest.h"
#include "wire/wire.h"

#include <stdbool.h>

struct agent {
	int rootfd;       /* borrowed; what the host calls "/" */
	const char *root; /* borrowed; "/" for a live host, else the folder with its files */
	bool control;     /* may change the host */
	int outfd;        /* borrowed; where frames go */
	uint32_t request; /* the one that is being answered */
	struct agent_storing *storing;   /* what MAIL_STORE and _BRING began; mailbox_store.c's */
	struct agent_planting *planting; /* what TREE_STORE began; owned by trees_store.c */
	/* What is sent, as a frame and as blocks of wire/pack.h; owned, and kept: to ask the kernel for
	 * a megabyte each time costs as much as to fill it. */
	struct buf frame, blocks;
	uint64_t features;          /* that HELLO agreed on */
	struct wire_packer *packer; /* owned; NULL: frames go out as they are */
	struct rest rest;
	bool may_rest;               /* in the request that is being answered */
	struct agent_stream *stream; /* the program that STREAM_START began; owned by streams.c */
	int infd;                    /* borrowed; where requests come from */
	bool behind;                 /* octets of a next request were read already */
};

/* Frees what the agent owns. */
void agent_fini(struct agent *a);

/* True for a folder that holds a host's files: nothing runs there. */
bool agent_is_folder(const struct agent *a);

/* Sends one DATA frame of the answer. Fails when mailhaul is gone. */
int agent_send(struct agent *a, struct span body, struct error *err) MUST_CHECK;

/*
 * Answers requests from `infd` until it ends.
 *
 *   returns 0 at the end of input, -1 when the stream is broken (then *err is set)
 */
int agent_serve(struct agent *a, int infd, struct error *err) MUST_CHECK;

/* A row of agent/handlers.c. A handler sends DATA by agent_send(), puts the body of END into `end`
 * and returns 0, or sets *err and returns -1 (it becomes the ERROR frame). `r` is the body. */
struct agent_handler {
	enum wire_kind kind;
	const char *name;
	bool control; /* needs --control */
	int (*answer)(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
};

const struct agent_handler *agent_handler_find(enum wire_kind kind); /* NULL: unknown */
bool agent_may_rest(enum wire_kind kind);

/* What has to be durable at the next MAIL_COMMIT; owned by mailbox_store.c. */
struct sync_list;
struct sync_list *agent_sync_later(struct agent *a);

/* Rests while the host is above the bounds of WIRE_LIMITS, telling so every few seconds. Called before
 * each DATA frame of a request that may rest. Fails when mailhaul is gone. */
int agent_rest(struct agent *a, struct error *err) MUST_CHECK;
int agent_send_notice(struct agent *a, struct span words, struct error *err) MUST_CHECK;

/* Whether `path` is none but the program that `row` names, by how it ends ("/mailman"), and not everybody may
 * write to it. */
int agent_check_program(const char *row, const char *end, struct span path, struct error *err)
	MUST_CHECK;

/* Handlers, by file: files.c, commands.c, listeners.c, processes.c, announce.c, daemons.c, rest.c,
 * mailbox.c, mailbox_*.c, mbox_grow.c, trees.c, trees_store.c, streams.c */
int agent_read(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_list(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_write(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_rename(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mkdir(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_space(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_run(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_listeners(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_processes(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_sessions(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_daemon(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_find(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_sign(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_store(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_bring(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_commit(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mail_change(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mbox_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mbox_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mbox_grow(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_mbox_append(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_limits(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_tree_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_tree_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_tree_store(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_tree_commit(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
/* Nobody will commit any more: what TREE_STORE began is removed. */
void agent_tree_end(struct agent *a);
int agent_announce(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_stream_start(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
int agent_stream_exchange(struct agent *a, struct wire_reader *r, struct buf *end,
                          struct error *err);
int agent_stream_stop(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err);
/* At the end of the agent: what STREAM_START began ends with it. */
void agent_stream_end(struct agent *a);
