/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* carry_inside -- what the files of a pass share; see lists/carry.h for the whole. */

#include "accounts/passwd.h"
#include "copy/tree.h"
#include "lists/carry.h"
#include "pickle/value.h"
#include "state/mailing_lists.h"

struct carry_list {
	char *name;   /* owned */
	char *config; /* owned; the file that holds its configuration, "LIST/config.pck" mostly */
	unsigned configs; /* bits: which of the names that it may have are there, the first first */
	bool read;        /* that file is the first that can be read */
	int64_t data_version; /* that file's; 0: it says none */
	unsigned requests;    /* bits: request.pck, request.db */
	char *dir;      /* owned; where it lies on old when its place has a link to it, else NULL */
	bool goes;      /* belongs to this pass */
	bool is_public; /* its archive, by what old's configuration says */
	char *host_name; /* owned; NULL: not known */
	char *url;       /* owned; web_page_url; NULL: the same */
};

struct carry_run {
	const struct lists_carry_options *o;
	struct lists_carry_result *out;
	bool verify;
	bool some; /* only a part of the site goes: single lists, or without those opened */
	struct strings opened;    /* lists that live on new */
	struct carry_list *lists; /* of old; by name */
	size_t lists_n, lists_room;
	struct system_users old_users, new_users;
	struct copy_tree_id *uids, *gids; /* every user and group of old */
	size_t uids_n, uids_room, gids_n, gids_room;
	uint32_t uid, gid;        /* new's Mailman's */
	int64_t new_data_version; /* 0: not known */
};

/* ── carry_lists.c ───────────────────────────────────────────────────────────────────────────── */

/* Finds the lists of old, and reads of each what decides where its archive may be seen. */
int carry_find_lists(struct carry_run *r, struct error *err) MUST_CHECK;
void carry_lists_fini(struct carry_run *r);
struct carry_list *carry_list_named(const struct carry_run *r, struct span name);
/* Whether a list's parts belong to the pass; `name` is that of a list, on either side, or of none. */
bool carry_goes(const struct carry_run *r, struct span name);
/* Lists that are in use on new, and were not brought: put aside, or taken out of the pass. */
int carry_make_way(struct carry_run *r, struct error *err) MUST_CHECK;
/* ── carry_record.c ──────────────────────────────────────────────────────────────────────────── */

/* The names of those that live on new. */
int carry_load_opened(struct state *s, struct strings *out, struct error *err) MUST_CHECK;
/* Whether what new has under that name may have come from old. */
bool carry_has_come(const struct mailing_lists *known, const char *name);
/* On record: that they come; and at the end of a pass how far each is, state/mailing_lists.h. */
int carry_note_coming(struct carry_run *r, struct error *err) MUST_CHECK;
int carry_note_end(struct carry_run *r, struct error *err) MUST_CHECK;
/* Whether a list has come from old, and a further pass would touch it. */
int carry_has_carried(struct state *s, const char *name, bool *yes, struct error *err) MUST_CHECK;

/* ── carry_charset.c ─────────────────────────────────────────────────────────────────────────── */

/* Tells which values of a list another charset of its language on new does not fit. */
void carry_look_at_charset(struct carry_run *r, const struct carry_list *l, struct value config);

/* ── carry_versions.c ────────────────────────────────────────────────────────────────────────── */

/* What of the lists new's version of Mailman can't read. */
int carry_look_at_versions(struct carry_run *r, struct error *err) MUST_CHECK;

/* ── carry_urls.c ────────────────────────────────────────────────────────────────────────────── */

/* Tells which lists' web pages are not where new's Mailman has them: once of all with the same URL. */
void carry_look_at_urls(struct carry_run *r);

/* ── carry_people.c ──────────────────────────────────────────────────────────────────────────── */

int carry_find_people(struct carry_run *r, struct error *err) MUST_CHECK;
void carry_people_fini(struct carry_run *r);
bool carry_is_mapped_uid(const struct carry_run *r, uint32_t uid);

/* ── carry_parts.c ───────────────────────────────────────────────────────────────────────────── */

struct carry_part;
/* One part under way. */
struct carry_pass {
	struct carry_run *run;
	const struct carry_part *part;
	char *from, *to; /* owned; roots */
	bool there;      /* new has the root: it keeps owner and mode */
	bool is_others;  /* it is there because of another part, which says how it is to be */
	uint32_t mode, uid, gid;
	int64_t mtime_ns;
	struct strings differ; /* of a verify: paths with another content */
	const char *prefix; /* borrowed; what the roots are below the part's; NULL: these are its */
	/* At the top of the root, links of old that are not carried as such. */
	struct strings elsewhere;
	struct strings out_paths, out_targets; /* links further down that lead out of the root */
};
struct carry_part {
	const char *name;
	enum lists_path path;
	const char *below; /* on new, in that directory; NULL: right there */
	bool of_lists;     /* goes also when only some lists do */
	bool is_queue;
	uint32_t file_mode, dir_mode; /* bits that each has to have */
	bool (*belongs)(struct carry_pass *p, const char *path, const struct tree_node *node);
};
extern const struct carry_part carry_parts[];
extern const unsigned carry_parts_rows;
int carry_run_part(struct carry_run *r, const struct carry_part *part, struct error *err)
	MUST_CHECK;
/* Owner and mode on new of what is `node` on old, its numbers mapped already. */
void carry_dress(void *context, const char *path, struct tree_node *node);
/* One copy (or comparison) from root to root, into the run's result. */
int carry_copy(struct carry_pass *p, struct error *err) MUST_CHECK;
/* `path` below the part's root. Owned by the caller. */
char *carry_below_part(const struct carry_pass *p, const char *path);

/* ── carry_links.c ───────────────────────────────────────────────────────────────────────────── */

struct carry_link {
	enum {
		CARRY_LINK_KEPT, /* a name for what lies beside it, or leads to no directory */
		CARRY_LINK_FOLLOWED,
		CARRY_LINK_LOST,
	} is;
	char *end;       /* owned; where it ends on old */
	const char *why; /* a constant; LOST: why it is not followed */
};
/* What a link means that `e` is, right below `root` of old. *out is zeroed by the caller. */
int carry_link_look(struct carry_run *r, const char *root, const struct host_entry *e,
                    struct carry_link *out, struct error *err) MUST_CHECK;
void carry_link_fini(struct carry_link *l);
/* Brings what lies behind the links at the top of the root, and names those that can't be followed. */
int carry_links_before(struct carry_pass *p, struct error *err) MUST_CHECK;
bool carry_link_is_elsewhere(const struct carry_pass *p, const char *path);
/* A link that a pass comes by; after the pass, those are named that lead nowhere on new. */
void carry_link_met(struct carry_pass *p, const char *path, const char *target);
int carry_links_after(struct carry_pass *p, struct error *err) MUST_CHECK;
/* Ends what a pass has gathered; not its roots. */
void carry_pass_forget(struct carry_pass *p);

/* ── carry_templates.c ───────────────────────────────────────────────────────────────────────── */

/* Names the templates of languages that are others on new. */
int carry_look_at_templates(struct carry_run *r, struct error *err) MUST_CHECK;

/* ── carry_queue.c ───────────────────────────────────────────────────────────────────────────── */

enum copy_tree_verdict carry_queue_read(void *context, const char *path, struct buf *content);
bool carry_queue_removes(void *context, const char *path, const struct tree_node *node);
/* Whether the entry is one of o->entries. */
bool carry_is_chosen(const struct carry_pass *p, const char *path);
/* The queue of new that is what `path` is on old; NULL: it is none. Owned by the caller. */
char *carry_queue_on_new(const struct carry_run *r, struct span path);

/* ── carry_public.c ──────────────────────────────────────────────────────────────────────────── */

/* Takes out of new's public directory what must not be there. */
int carry_public_before(struct carry_run *r, struct error *err) MUST_CHECK;
/* Makes the links. */
int carry_public_after(struct carry_run *r, struct error *err) MUST_CHECK;
int carry_public_verify(struct carry_run *r, struct error *err) MUST_CHECK;

/* ── carry_verify.c ──────────────────────────────────────────────────────────────────────────── */

/* Judges by their values the files that differ in octets. */
int carry_verify_values(struct carry_pass *p, struct error *err) MUST_CHECK;
/* Whose file it is, as far as its name tells; empty: no list's. */
struct span carry_list_of(const struct carry_pass *p, const char *path);
/* A difference that a comparison of trees found. */
void carry_differs(struct carry_pass *p, const char *path, const char *how);

/* ── carry_archives.c ────────────────────────────────────────────────────────────────────────── */

/* Whether pipermail's own files, as they are on new, can be read to their ends. */
int carry_check_archives(struct carry_run *r, struct error *err) MUST_CHECK;

/* ── carry_fetch.c ───────────────────────────────────────────────────────────────────────────── */

/* `content` is the caller's to take; NULL: it could not be read, *why says why. -1 gives up. */
typedef int carry_file_fn(void *context, size_t index, struct buf *content, const struct error *why,
                          struct error *err);
/* Reads many files below a root, in their order; each is in memory alone. */
int carry_fetch(struct host *h, const char *root, const char *const *paths, size_t n,
                carry_file_fn *take, void *context, struct error *err) MUST_CHECK;

/* ── words ───────────────────────────────────────────────────────────────────────────────────── */

/* "PLACE: why", printable, once. */
void carry_tell(struct strings *to, const char *place, const char *format, ...) PRINTF_LIKE(3, 4);
