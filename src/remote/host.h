/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * host -- one machine of a site, as mailhaul sees it: everything asked of it, and everything done
 * to it, goes through the agent there.
 *
 * A host is reached over ssh (the agent is copied there, once for each version, into
 * ~/.mailhaul/), is this machine (the agent is a child process), or is a folder that holds a
 * host's files (the same, with that folder as "/"; nothing can be run there).
 *
 * All calls but host_send() block until answered. A broken connection fails with
 * ERROR_RETRY_REACH; nothing is tried again here, because only the caller knows what is safe to
 * repeat.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct host;

/* HOST_THROUGH: by a program that enters a place on this machine, as a sealed copy, and starts the agent
 * that is there. */
enum host_reach { HOST_LOCAL, HOST_SSH, HOST_FOLDER, HOST_THROUGH };

struct host_place {
	const char *name; /* borrowed during host_open(): "old", "new"; stands in every error */
	enum host_reach reach;
	const char *target; /* borrowed; [user@]host for ssh, the path of a folder */
	/* Borrowed; NULL-terminated words for ssh, or NULL. HOST_THROUGH: the whole command, to which the
	 * agent's own options are added. */
	const char *const *ssh_options;
	bool control;      /* the agent may change the host */
	int silence_ms;    /* how long it may bring (nearly) nothing; 0: three minutes */
	uint64_t kept_max; /* octets of memory that one listing from there may take; 0: 2 GB */
};

/* Opens the connection and greets the agent. The caller ends it with host_close(). */
int host_open(struct host **out, const struct host_place *place, struct error *err) MUST_CHECK;
/* The same in two halves: one agent can start while the next one is started, or while something else
 * is made ready. Nothing but host_close() may be called between the two. */
int host_start(struct host **out, const struct host_place *place, struct error *err) MUST_CHECK;
int host_greet(struct host *h, struct error *err) MUST_CHECK;
/* Nothing more will be asked of the agent: it ends while the caller goes on, and host_close() waits for less.
 * NULL is none. */
void host_dismiss(struct host *h);
void host_close(struct host *h);
CLEANUP_DEFINE(struct host, host_close);
#define AUTO_HOST __attribute__((cleanup(host_close_at)))

/* Whether the connection broke: then every call fails with ERROR_RETRY_REACH. */
bool host_is_broken(const struct host *h);
/* Starts a new agent at the same place, instead of the one that was lost. What was asked of that one
 * may have been done or not. It must be the same machine as before (ERROR_RETRY_PERSON). */
int host_reopen(struct host *h, struct error *err) MUST_CHECK;

/*
 * So that a host goes on with its own work while mailboxes are read from it. The bounds hold for
 * scans and fetches of mailboxes alone; the rate for all that is read from the host, counted as it
 * travels.
 */
struct host_limit {
	uint64_t octets_per_s; /* 0: no limit */
	uint32_t load; /* hundredths of a load average (1 min); above, the agent rests; 0: never */
	uint32_t
		io_pressure; /* hundredths of a percent (/proc/pressure/io, some avg10), as above */
	/* May be NULL. Called every few seconds with the reason while the agent rests, and once with
	 * NULL when it goes on; `why` is borrowed. */
	void (*resting)(void *context, const char *why);
	void *context;
};
/* Limits `h` from now on, and after host_reopen() too; NULL takes the limit away. Nothing may be
 * under way. */
int host_set_limit(struct host *h, const struct host_limit *limit, struct error *err) MUST_CHECK;
/* Octets that came from the host since it was opened, as they travelled: packed, when they were. */
uint64_t host_octets_read(const struct host *h);
/* The same of what went there. */
uint64_t host_octets_sent(const struct host *h);

/* Whether what comes from the host was waited for, rather than what is done with it: channel_waits(). */
bool host_waits(struct host *h);

/* Where the files of `from` begin for the agent of `to`, when that can read them itself: both are on
 * this machine, and no limit says how `from` may be read. NULL: it can't. Borrowed from `from`. */
const char *host_seen_from(const struct host *from, const struct host *to);
/* A further agent at the same place as `h`, so that both can be at work; started when it is first
 * asked for, owned by `h`. */
int host_another(struct host *h, struct host **out, struct error *err) MUST_CHECK;

const char *host_name(const struct host *h);
enum host_reach host_reach(const struct host *h);
const char *host_target(const struct host *h); /* "" for local */
/* What the agent said of itself; spans are borrowed from the host. */
const struct wire_hello *host_hello(const struct host *h);

/* ── files; paths are as on that host, and never leave its root ──────────────────────────────── */

/* Reads a whole file of at most `limit` octets into *out (emptied first). A missing file fails with
 * sys_errno ENOENT. */
int host_read(struct host *h, const char *path, uint64_t limit, struct buf *out, struct error *err)
	MUST_CHECK;
/* Reads at most `most` octets from `offset`; *size is how long the file is now. */
int host_read_part(struct host *h, const char *path, uint64_t offset, uint64_t most,
                   struct buf *out, uint64_t *size, struct error *err) MUST_CHECK;
/* The same in two halves, host_send() and host_collect(): the answers come in the order of asking, and
 * each is collected as what it was asked as. */
int host_read_part_send(struct host *h, const char *path, uint64_t offset, uint64_t most,
                        struct error *err) MUST_CHECK;
int host_read_part_collect(struct host *h, uint64_t most, struct buf *out, uint64_t *size,
                           struct error *err) MUST_CHECK;
bool host_has(struct host *h, const char *path); /* something is there, and may be looked at */

struct host_entry {
	char *path;    /* relative to the listed path; "" is the listed path itself */
	char *target;  /* of a symbolic link, else NULL */
	uint32_t mode; /* st_mode with type bits */
	uint32_t uid, gid;
	uint64_t size, links, inode;
	int64_t mtime_ns; /* since 1970 UTC */
};
struct host_listing {
	struct host_entry *rows; /* owned; sorted by path */
	size_t n, room;
};
#define AUTO_LISTING __attribute__((cleanup(host_listing_fini)))
void host_listing_fini(struct host_listing *l);
/* Lists what is below `path`, `depth` levels (0: only `path` itself). Symbolic links are listed,
 * never followed. A missing path fails with sys_errno ENOENT. */
int host_list(struct host *h, const char *path, unsigned depth, struct host_listing *out,
              struct error *err) MUST_CHECK;
/* The same in two halves, as above. */
int host_list_send(struct host *h, const char *path, unsigned depth, struct error *err) MUST_CHECK;
int host_list_collect(struct host *h, struct host_listing *out, struct error *err) MUST_CHECK;

struct host_space {
	uint64_t free_octets, free_inodes, size_octets;
	uint64_t fs_id;  /* of statfs(2); 0: the file system has none */
	uint64_t device; /* st_dev of the path; of one kernel only */
};
int host_space(struct host *h, const char *path, struct host_space *out, struct error *err)
	MUST_CHECK;

/* Control. Durable, by rename; the directory must be there. */
int host_write(struct host *h, const char *path, uint32_t mode, uint32_t uid, uint32_t gid,
               struct span data, struct error *err) MUST_CHECK;
int host_rename(struct host *h, const char *from, const char *to, struct error *err) MUST_CHECK;
int host_mkdir(struct host *h, const char *path, uint32_t mode, uint32_t uid, uint32_t gid,
               struct error *err) MUST_CHECK;

/* ── programs: only the rows of agent/commands.c ─────────────────────────────────────────────── */

struct host_run {
	struct buf out, errors; /* owned */
	int status;             /* exit code, or 128 + signal */
};
#define AUTO_RUN __attribute__((cleanup(host_run_fini)))
void host_run_fini(struct host_run *r);

/*
 * Runs the command that stands as `row` in agent/commands.c.
 *
 *   arguments  borrowed; NULL-terminated, or NULL. Nothing secret; that goes into `input`
 *   returns    0 when it ran, whatever its exit code; a program that is not there: sys_errno ENOENT
 */
int host_run(struct host *h, const char *row, const char *const arguments[], struct span input,
             struct host_run *out, struct error *err) MUST_CHECK;
/* The same, but an exit code other than 0 is an error with the program's last words; `out` may be
 * NULL. */
int host_do(struct host *h, const char *row, const char *const arguments[], struct span input,
            struct buf *out, struct error *err) MUST_CHECK;

/* ── the network ─────────────────────────────────────────────────────────────────────────────── */

struct host_listener {
	int family; /* 4 or 6 */
	char *address;
	unsigned port;
	unsigned long pid; /* 0: not known */
	char *program, *command;
};
struct host_listeners {
	struct host_listener *rows; /* owned */
	size_t n, room;
};
#define AUTO_LISTENERS __attribute__((cleanup(host_listeners_fini)))
void host_listeners_fini(struct host_listeners *l);
int host_listeners(struct host *h, struct host_listeners *out, struct error *err) MUST_CHECK;

/* Control: tells the neighbours that `address` is at `interface` of this host now (RFC 5227 section
 * 3, RFC 4861 section 7.2.6). */
int host_announce(struct host *h, const char *interface, const char *address, struct error *err)
	MUST_CHECK;

struct host_process {
	unsigned long pid, parent, uid;
	char *name, *command;
};
struct host_processes {
	struct host_process *rows; /* owned */
	size_t n, room;
};
#define AUTO_PROCESSES __attribute__((cleanup(host_processes_fini)))
void host_processes_fini(struct host_processes *p);
int host_processes(struct host *h, struct host_processes *out, struct error *err) MUST_CHECK;

/* ── for rooms with calls of their own (mailboxes) ───────────────────────────────────────────── */

/* Called for each DATA frame; `body` is valid during the call. -1 with *err set: the rest of the
 * answer is read and thrown away, and host_call() fails with that error. */
typedef int host_data_fn(void *context, struct span body, struct error *err);

/* Sends one request and reads its whole answer. `end` receives END's body (emptied first); it and
 * `data` may be NULL. */
int host_call(struct host *h, enum wire_kind kind, struct span body, host_data_fn *data,
              void *context, struct buf *end, struct error *err) MUST_CHECK;

/* Sends a request and returns without reading; host_collect() then reads the answers in the order
 * of sending. At most HOST_AHEAD may be under way. So that the two pipes cannot fill and wait for
 * each other, what the agent says meanwhile is taken in and kept: bodies sent ahead are small, or
 * the answers are. */
#define HOST_AHEAD 64u
int host_send(struct host *h, enum wire_kind kind, struct span body, struct error *err) MUST_CHECK;
int host_collect(struct host *h, host_data_fn *data, void *context, struct buf *end,
                 struct error *err) MUST_CHECK;
/* Fails when what was kept of one listing is more than `place.kept_max`. */
int host_check_kept(const struct host *h, uint64_t octets, struct error *err) MUST_CHECK;
/* The error of an answer that is none; `what` it was to be. -1. */
int host_malformed(const struct host *h, const char *what, struct error *err);
/* From now on its silence may be so much longer; 0: as before. */
void host_be_patient(struct host *h, int more_ms);
/* Waits until an answer, or the end, of one of the hosts that have `asked` set has come in, and sets
 * `ready` for each. An agent that keeps silent for too long is a broken connection. */
int host_wait(struct host *const hosts[], const bool asked[], bool ready[], size_t n,
              struct error *err) MUST_CHECK;
