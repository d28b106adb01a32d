/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * redirects -- where each old address of a list's pages leads to now: at once, for good, and in one step.
 *
 * Old addresses are paths, whatever host and scheme they were asked at; new ones are whole https
 * addresses of the canonical host. An address that stays what it was (`stays`) is no rule of its own: a request
 * for it at another host, or without https, is sent to the same path by one rule for all.
 *
 *	AUTO_REDIRECTS struct redirects r = { 0 };
 *	redirects_add_list(&r, &to, &list, &pages);
 *	redirects_end(&r);
 *	if (redirects_write(&r, &to, folder, err) < 0)
 *		return -1;
 *
 * Source: hyperkitty.lib.utils of HyperKitty 1.3 (addresses), mod_rewrite of Apache 2.4 (txt: maps and int:escape),
 * ngx_http_map_module of nginx 1.22.
 */

#include "lists/old_pages.h"

#include <stdbool.h>

enum redirects_target {
	REDIRECTS_HYPERKITTY, /* to the message in HyperKitty, the list in Postorius */
	REDIRECTS_RENDER,     /* to pages of `lists archive render`: without the texts of volumes */
	REDIRECTS_KEEP,       /* the old pages stay */
};

struct redirects_to { /* all borrowed */
	enum redirects_target target;
	const char *base;     /* "https://lists.example.org" */
	const char *archives; /* path on it: "/hyperkitty", "/pipermail" */
	const char *lists;    /* "/postorius"; of Mailman 2.1 what its programs stand below */
	/* Domains of DreamHost's forms: listinfo.cgi/LIST-DOMAIN, pipermail/LIST-DOMAIN/... */
	const struct strings *domains;
};
/* Whether `base` is such an address, and both paths can stand behind it. */
int redirects_check(const struct redirects_to *to, struct error *err) MUST_CHECK;

struct redirects_list { /* all borrowed */
	const char *name, *address;
	bool is_private; /* its pages were below mailman/private */
};

struct redirect {
	char *from; /* owned; a path as octets, "/pipermail/talk/2026-March/000042.html" */
	char *to;   /* owned; an address of none but printable ASCII */
	bool stays;
};
struct redirects {
	struct redirect *rows; /* owned; by `from` after redirects_end() */
	size_t n, room, stays;
	bool has_private;          /* paths of a private archive's pages are among them */
	uint64_t pages, messages;  /* old ones, each once */
	struct strings without_id; /* "LIST/VOLUME/NNNNNN.html": leads to its month */
	struct strings kept;       /* "LIST/PATH": HyperKitty shows no such thing: its file stays */
	struct strings named;      /* "PATH: why": no rule could be made */
};
#define AUTO_REDIRECTS __attribute__((cleanup(redirects_fini)))
void redirects_fini(struct redirects *r);

/* All addresses of a list; `pages` NULL: it has no archive. */
void redirects_add_list(struct redirects *r, const struct redirects_to *to,
                        const struct redirects_list *list, const struct old_pages *pages);
/* Those that belong to no list; then sorts, and names what would be ambiguous. */
void redirects_end(struct redirects *r, const struct redirects_to *to);

/* BASE32(SHA-1(Message-ID)): HyperKitty's name of a message. `id` without brackets. */
void redirects_hyperkitty_hash(const char *id, char out[33]);
/* Octets of a path as mod_rewrite's int:escape gives them. */
void redirects_escape(struct span path, struct buf *out);

/* ── what servers read; pure ─────────────────────────────────────────────────────────────────── */

void redirects_plain(const struct redirects *r, struct buf *out);  /* OLD-PATH NEW-URL, all */
void redirects_apache(const struct redirects *r, struct buf *out); /* those that do not stay */
void redirects_nginx(const struct redirects *r, struct buf *out);
void redirects_apache_conf(const struct redirects_to *to, const char *folder, struct buf *out);
void redirects_nginx_conf(const struct redirects *r, const struct redirects_to *to,
                          const char *folder, struct buf *http, struct buf *server);

/* All of these into a folder, each durable, with rights for owner and group where a list is private: redirects.txt, apache.map, apache.conf, nginx.map,
 * nginx-http.conf, nginx-server.conf. It is made if it is not there. */
int redirects_write(const struct redirects *r, const struct redirects_to *to, const char *folder,
                    struct error *err) MUST_CHECK;
