/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* postfix -- the files of this room that make up Postfix's row; for each other's use only. */

#include "mta/mta.h"

#define POSTFIX_FILE_MAX (64u << 20) /* octets of a configuration file or table */
#define POSTFIX_ROWS_MAX 1000000u    /* domains, aliases, files: of each */

/* postfix.c */
extern const struct mta_ops mta_postfix;
int postfix_found(struct host *h, struct error *err);
int postfix_facts(struct host *h, struct mta_facts *out, struct error *err);
/* Only settings and services: what control needs. */
int postfix_settings(struct host *h, struct mta_facts *out, struct error *err);
/* Reads the text of a table. Where the source is gone, a live host lists the compiled one (postmap
 * -s). -1: neither could be read. */
int postfix_read_table(struct host *h, struct span type, const char *path, struct buf *out,
                       struct error *err);
/* Is this a type whose source is "key value" text? */
bool postfix_type_is_text(struct span type);
/* ... and one that is compiled from it by postmap? */
bool postfix_type_is_compiled(struct span type);
/* struct mta_file with borrowed text; `words` NULL: the path. */
struct postfix_file {
	enum mta_file_kind kind;
	const char *path, *type, *source, *words;
};
void postfix_add_file(struct mta_facts *f, const struct postfix_file *file); /* once each */

/* postfix_domains.c */
int postfix_find_domains(struct host *h, struct mta_facts *f, struct error *err);

/* postfix_files.c */
void postfix_find_files(struct mta_facts *f);
int postfix_find_logs(struct host *h, struct mta_facts *f, struct error *err);

/* postfix_dkim.c */
int postfix_find_dkim(struct host *h, struct mta_facts *f, struct error *err);

/* postfix_aliases.c */
int postfix_find_aliases(struct host *h, struct mta_facts *f, struct error *err);

/* postfix_queue.c */
int postfix_queue(struct host *h, struct mta_queue *out, struct error *err);
int postfix_counts(struct host *h, struct mta_counts *out, struct error *err);
/* Pure: what `postqueue -j` prints, one JSON object a line. Returns how many lines were bad. */
size_t postfix_queue_parse(struct span text, struct mta_queue *out);

/* postfix_control.c */
int postfix_stop_accepting(struct host *h, struct error *err);
int postfix_resume_accepting(struct host *h, struct error *err);
int postfix_flush(struct host *h, struct error *err);
int postfix_stop(struct host *h, struct error *err);
int postfix_start(struct host *h, struct error *err);
int postfix_is_running(struct host *h, bool *running, struct error *err);

/* postfix_hold.c */
/* postsuper(1), which wants its log to be writable. */
int postfix_super(struct host *h, const char *const arguments[], struct span input,
                  struct error *err);
/* Numbers of the user that Postfix runs as. */
int postfix_mail_owner(struct host *h, const struct mta_facts *f, uint32_t *uid, uint32_t *gid,
                       struct error *err);
int postfix_hold_all(struct host *h, struct state *s, struct error *err);
int postfix_release_held(struct host *h, struct state *s, struct error *err);

/* postfix_carry.c, postfix_carried.c, postfix_aside.c */
int postfix_carry_queue(struct host *from, struct host *to, struct state *s, uint64_t *carried,
                        struct error *err);
int postfix_set_aside(struct host *h, struct state *s, const char *from, const char *to,
                      uint64_t *moved, struct error *err);

/* postfix_reception.c */
int postfix_reception(struct host *h, const struct strings *more, struct mta_reception *out,
                      struct error *err);
int postfix_trust(struct host *h, const struct strings *addresses, bool believe, struct error *err);
int postfix_find_untrusted(struct host *h, const struct strings *addresses, struct strings *out,
                           struct error *err);

/* postfix_relays.c: relays_for and relay_networks. */
int postfix_find_relays(struct host *h, const struct mta_facts *f, struct mta_reception *out,
                        struct error *err);

/* postfix_passing.c */
int postfix_pass_on(struct host *h, const struct mta_passing *p, struct error *err);
/* Takes what it has put there out of the settings. */
void postfix_hide_passing(struct mta_facts *f);

/* ── spool files ─────────────────────────────────────────────────────────────────────────────── */

/* Fails with ERROR_RETRY_PERSON when Postfix runs on `h`. */
int postfix_need_stopped(struct host *h, struct error *err);
/* queue_directory as the host's settings have it; the caller owns it. */
int postfix_queue_dir(struct host *h, char **out, struct error *err);
/* All regular files below QUEUE_DIR/queue; a queue folder that is not there is empty. */
int postfix_list_queue(struct host *h, const char *queue_dir, const char *queue,
                       struct host_listing *out, struct error *err);
/* The last part of a path: the queue id. */
const char *postfix_id_of(const char *path);
/* Complete, or still being written (then it was never acknowledged). */
static inline bool postfix_is_whole(uint32_t mode)
{
	return (mode & 0100) != 0;
}
/* A path below the queue directory that Postfix itself could have made: letters and digits between
 * slashes. What the old host lists is not trusted. */
bool postfix_queue_path_good(const char *path);
