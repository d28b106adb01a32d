/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * wire -- what mailhaul and mailhaul-agent say to each other. This header is the specification.
 *
 * One stream of frames each way (the agent's standard input and output). All numbers are
 * little-endian. A frame is
 *
 *	u32 size of the body | u8 kind | u32 request number | body
 *
 * mailhaul asks, the agent answers; a request is answered completely before the next is read, so
 * several may be under way in the pipe and their answers come in the order of asking:
 *
 *	mailhaul                      agent
 *	  HELLO #1  ─────────────────►
 *	            ◄─────────────────  DATA #1 ... END #1
 *	  READ #2   ─────────────────►
 *	            ◄─────────────────  DATA #2, DATA #2, ..., END #2
 *	  STOP #3   ─────────────────►
 *	            ◄─────────────────  ERROR #3 (scope, retry, errno, text, hint)
 *
 * Each request is answered by any number of DATA frames and then by one END or one ERROR. The
 * first request is HELLO: what keeps the agent from working comes back as an ERROR to it.
 *
 * A body is a row of fields: u64 (eight octets), or a string (u32 length, then the octets; any
 * octet may occur). What each request takes and gives stands beside its number below. A reader
 * checks every length against what is left and the limits here before it allocates anything.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define WIRE_VERSION 1u
#define WIRE_BODY_MAX (4u << 20) /* octets; longer things travel in several frames */
#define WIRE_HEADER_SIZE 9u
#define WIRE_CHUNK (256u << 10) /* octets of file data in one DATA frame */
/* How long programs may run that work through much data: the agent ends them then, and the near end
 * waits so much longer for its answer. */
#define WIRE_RUN_LONG_S 600
#define WIRE_FILL (256u << 10) /* octets of records that are collected before a frame is sent */

/* "C": answered only by an agent that was started with --control. */
enum wire_kind {
	/* answers */
	WIRE_DATA = 1,
	WIRE_END = 2,
	WIRE_ERROR = 3, /* u64 scope, u64 retry, u64 errno, string text, string hint */
	/* words: why the agent rests now; before or between DATA. Only after a WIRE_LIMITS that has a
	 * bound, every few seconds as long as it rests */
	WIRE_NOTICE = 4,

	/* version, u64 features wanted (may be left out) -> see struct wire_hello, field by field */
	WIRE_HELLO = 16,
	/* name of a row of agent/commands.c, u64 n, n arguments, input -> status, output, errors, u64 cut */
	WIRE_RUN = 17,
	/* path, u64 offset, u64 most -> DATA: octets as they are; END: u64 size of the file now */
	WIRE_READ = 18,
	/* path, u64 depth -> DATA per entry: see struct wire_entry; a missing path: ERROR ENOENT */
	WIRE_LIST = 19,
	/* C path, u64 mode, u64 uid, u64 gid, data -> nothing; durable, replaces by rename */
	WIRE_WRITE = 20,
	/* C from, to -> nothing; durable; fails when `to` is there */
	WIRE_RENAME = 21,
	/* nothing -> DATA per listener: see struct wire_listener */
	WIRE_LISTENERS = 22,
	/* path -> u64 free octets, u64 free inodes, u64 size of the file system, u64 its id (0: it has
	 * none), u64 st_dev */
	WIRE_SPACE = 23,
	/* C interface, address -> nothing; gratuitous ARP or unsolicited neighbour advertisement */
	WIRE_ANNOUNCE = 24,
	/* C path, u64 mode, u64 uid, u64 gid -> nothing; makes missing parents (mode 0755, root) */
	WIRE_MKDIR = 25,
	/* nothing -> DATA per process: u64 pid, u64 parent, u64 uid, comm, command line */
	WIRE_PROCESSES = 26,
	/* C name of a row of agent/daemons.c, u64 0 stop | 1 start | 2 look, u64 n, n arguments ->
	 * u64 pid (0: does not run), path of its program, path of its log */
	WIRE_DAEMON = 27,
	/* u64 n, n local ports -> DATA per open TCP session on one of them: see struct wire_session */
	WIRE_SESSIONS = 28,

	/* u64 hundredths of a load average (1 min), u64 hundredths of a percent of I/O pressure; 0: no
	 * bound -> nothing. From now on what reads mailboxes rests while the host is above one */
	WIRE_LIMITS = 29,

	/* 40..59: mailbox scans and message transfer, specified in wire/mailbox.h */
	/* 60..69: file trees, specified in wire/tree.h */
	/* 70..79: programs that talk at length, specified in wire/stream.h */
};

/* Features, as bits. Those that the HELLO asked for and the agent has hold from the frame after its
 * answer on, both ways. */
#define WIRE_FEATURE_ZSTD 1u /* frames travel in blocks, as wire/pack.h says */

struct wire_hello {
	uint64_t version;
	struct span hostname;
	struct span machine_id; /* /etc/machine-id, or "" */
	struct span
		instance;   /* boot id and mount namespace, or the folder: differs between hosts */
	struct span system; /* uname: "Linux 3.10.0 x86_64" */
	uint64_t uid;
	uint64_t control;  /* 1: started with --control */
	uint64_t now_ms;   /* its wall clock, to see how far clocks are apart */
	uint64_t features; /* that hold from now on; may be missing: none */
};

struct wire_entry {
	struct span path; /* relative to what was listed */
	uint64_t mode;    /* st_mode with its type bits */
	uint64_t uid, gid, size, links, inode;
	uint64_t mtime_ns;  /* since 1970 UTC; two's complement for times before */
	struct span target; /* of a symbolic link */
};

struct wire_listener {
	uint64_t family;     /* 4 or 6 */
	struct span address; /* as inet_ntop(3) prints it */
	uint64_t port;
	uint64_t pid;        /* 0: no process was found that holds it */
	struct span program; /* what /proc/PID/exe points to; " (deleted)" and all */
	struct span command; /* its command line, NULs as blanks */
};

struct wire_session {
	uint64_t family;  /* 4 or 6 */
	uint64_t port;    /* this host's */
	struct span peer; /* address, as inet_ntop(3) prints it */
	uint64_t peer_port;
	uint64_t from_itself; /* 1: the peer is this host */
	uint64_t state;       /* enum agent_socket_state */
};

/* ── writing ─────────────────────────────────────────────────────────────────────────────────── */

void wire_put_u64(struct buf *body, uint64_t value);
void wire_put_span(struct buf *body, struct span text);
void wire_put_text(struct buf *body, const char *text);

/* Appends a whole frame to `out`. The body is at most WIRE_BODY_MAX octets (asserted). */
void wire_frame(struct buf *out, enum wire_kind kind, uint32_t request, struct span body);

void wire_put_hello(struct buf *body, const struct wire_hello *hello);
void wire_put_entry(struct buf *body, const struct wire_entry *entry);
void wire_put_listener(struct buf *body, const struct wire_listener *listener);
void wire_put_session(struct buf *body, const struct wire_session *session);
void wire_put_error(struct buf *body, const struct error *err);
/* That the row `index` of a request failed: u64 index, span error. */
void wire_put_failed(struct buf *body, uint64_t index, const struct error *why);

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

struct wire_frame {
	enum wire_kind kind; /* any value may come; the receiver's table knows which it takes */
	uint32_t request;
	struct span body; /* borrowed from the buffer that was read */
};

/*
 * Reads the first frame in `bytes`.
 *
 *   returns 1 a frame is in *out and *used octets belong to it; 0 more is needed; -1 *err is set:
 *           the body is longer than WIRE_BODY_MAX
 */
int wire_read_frame(struct span bytes, struct wire_frame *out, size_t *used, struct error *err);

/* Takes fields off a body. What is not there reads as 0 or "" and sets `bad`; look once, at the
 * end, with wire_read_end(). */
struct wire_reader {
	struct span rest;
	bool bad;
};

uint64_t wire_get_u64(struct wire_reader *r);
/* uid, gid and the like, which travel as u64: what does not fit is never cut, but r->bad. */
uint32_t wire_get_u32(struct wire_reader *r);
struct span wire_get_span(struct wire_reader *r); /* borrowed from the body */
/* Everything was there and nothing is left over; else -1 and "malformed WHAT". */
int wire_read_end(const struct wire_reader *r, const char *what, struct error *err) MUST_CHECK;

int wire_get_hello(struct span body, struct wire_hello *out, struct error *err) MUST_CHECK;
int wire_get_entry(struct span body, struct wire_entry *out, struct error *err) MUST_CHECK;
int wire_get_listener(struct span body, struct wire_listener *out, struct error *err) MUST_CHECK;
int wire_get_session(struct span body, struct wire_session *out, struct error *err) MUST_CHECK;
/* Turns an ERROR frame's body into *err; always -1. Scope and retry from outside are checked. */
int wire_get_error(struct span body, struct error *err);
/* What wire_put_failed() wrote; r->bad when it is about another row than `index`. */
void wire_get_failed(struct wire_reader *r, uint64_t index, struct error *why);
