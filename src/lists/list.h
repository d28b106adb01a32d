/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * list -- one Mailman 2.1 list with all that belongs to it, read and never changed.
 *
 * The whole truth of a list stands in several places: its directory (config, requests, pending
 * tokens, the digest in progress, pages), held messages in DATA_DIR, the archive, and whatever waits
 * in the queues. What cannot be read, or cannot be what it should be, is a finding; the rest is there.
 *
 * Source: Mailman/MailList.py, ListAdmin.py, Pending.py and Archiver/ of 2.1.39.
 */

#include "lists/attributes.h"
#include "lists/charset.h"
#include "lists/finding.h"
#include "lists/member.h"
#include "lists/message.h"
#include "lists/site.h"

enum lists_request_kind {
	LISTS_REQUEST_UNKNOWN = 0,
	LISTS_REQUEST_POST = 1,    /* a post that is held */
	LISTS_REQUEST_JOINING = 2, /* waits for an owner's word */
	LISTS_REQUEST_LEAVING = 3,
};

/* What waits for a moderator. Values are of request.pck, absent where the record has none. */
struct lists_request {
	int64_t id;
	enum lists_request_kind kind;
	struct value record; /* as it stands there */
	double at;           /* seconds since 1970 UTC; 0: not known */
	struct value address;
	struct value subject, reason, file, metadata;  /* of a post; `file` in DATA_DIR */
	struct value name, password, digest, language; /* of one who is joining */
	bool is_lost;                                  /* the post's file is not there */
	uint64_t size;                                 /* of it, octets */
};

/* A token that somebody has in a mail: who gives it back makes come true what it stands for. */
struct lists_pending {
	struct span cookie; /* a secret */
	char op;            /* S U C H E P, or '?' */
	struct value entry; /* the tuple */
	double until;       /* seconds since 1970 UTC; 0: nothing says when it ends */
};
/* "subscribe", "unsubscribe", "change address", "held post", "enable again", "probe". */
const char *lists_pending_name(char op);

/* An mbox beside the list: the digest in progress, or the archive's. */
struct lists_mbox_file {
	char *path; /* on the host; NULL: it is not known where it would be */
	bool is_there, is_counted;
	uint64_t size, messages, separators; /* see lists/mbox.h */
};

enum lists_link {
	LISTS_LINK_NONE = 0,
	LISTS_LINK_RIGHT,        /* to where the private archive is */
	LISTS_LINK_OTHER,        /* elsewhere */
	LISTS_LINK_IS_DIRECTORY, /* no link at all: a copy of what it once led to */
};
const char *lists_link_name(enum lists_link link);

struct lists_archive {
	bool is_private; /* archive_private */
	struct lists_mbox_file mbox;
	bool has_pages, has_state; /* a directory; pipermail.pck in it */
	int64_t sequence;          /* number of the next message; -1: not known */
	size_t volumes;
	uint64_t pages;  /* of messages */
	int64_t highest; /* number of a page; -1: none */
	enum lists_link public_pages, public_mbox;
	char *public_target; /* of the first, where it is LISTS_LINK_OTHER */
};

struct lists_list {
	char *name;
	char *config_file;    /* which was taken: "config.pck", "config.pck.last" ...; NULL: none */
	int64_t data_version; /* 0: not known */
	struct value config;  /* a dict; absent when no file could be read */
	struct lists_charset *charset;
	struct lists_members members;
	struct lists_request *requests; /* owned; by number */
	size_t requests_n, requests_room;
	struct strings orphans;        /* held files in DATA_DIR that no request names */
	struct lists_pending *pending; /* owned; by cookie */
	size_t pending_n, pending_room;
	struct lists_mbox_file digest;
	struct lists_archive archive;
	struct strings templates; /* "en/listinfo.html": below the list's directory */
	struct strings others;    /* further files of it, which Mailman 2.1 does not know */
	struct lists_findings findings;
	/* Inside: what the values live in. */
	struct value_file config_data, request_data, pending_data;
};
#define AUTO_LISTS_LIST __attribute__((cleanup(lists_list_fini)))
void lists_list_fini(struct lists_list *l);

struct lists_list_options {
	uint64_t count_max; /* an mbox of more octets is not counted; 0: 64 MB */
};

/*
 * Reads the list `name` of a site.
 *
 *   site     borrowed as long as *out lives
 *   options  may be NULL
 *   returns  -1 only when the host can't be reached
 */
int lists_list_read(struct lists_list *out, const struct lists_site *site, const char *name,
                    const struct lists_list_options *options, struct error *err) MUST_CHECK;

/*
 * Asks for what lists_list_read() will want of some lists, together, so that a line waits once for all of
 * them: those from names[*until] on, as many as fit into memory; *until is then the first that is not
 * foreseen. Before the next call, these are read.
 *
 *   options  those that they are read with
 *   returns  -1 when the host can't be reached
 */
int lists_foresee(struct lists_site *site, const struct strings *names, size_t *until,
                  const struct lists_list_options *options, struct error *err) MUST_CHECK;

/* NAME@HOST, by which people write to it; appended. Nothing without a host_name. */
void lists_list_address(const struct lists_list *l, struct buf *out);
/* An attribute of config.pck; absent when it has none. */
struct value lists_list_attribute(const struct lists_list *l, const char *name);

/* The text of a held message; `unix_from` gets its From_ line, if it has one. LISTS_MESSAGE_NONE when
 * the file is lost or no message. */
enum lists_message_form lists_request_text(const struct lists_site *site,
                                           const struct lists_request *r, struct buf *unix_from,
                                           struct buf *text);
