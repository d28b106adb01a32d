/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * envelope -- what is known of a message beside its octets, and of the client that brought it.
 * Plain structs which gate, spool and giving out share.
 *
 * All texts are owned C strings, made by xstrdup() and friends: nothing that the engine hands out
 * holds a NUL or another control octet. NULL means "not given".
 */

#include "base/text.h"

enum smtp_notify { /* RFC 3461 section 4.1; bits. 0: the parameter was not given */
	           SMTP_NOTIFY_NEVER = 1,
	           SMTP_NOTIFY_SUCCESS = 2,
	           SMTP_NOTIFY_FAILURE = 4,
	           SMTP_NOTIFY_DELAY = 8,
};

enum smtp_ret { SMTP_RET_NONE = 0, SMTP_RET_FULL, SMTP_RET_HDRS }; /* RFC 3461 section 4.3 */

enum smtp_body { /* RFC 6152, RFC 3030; NONE: the parameter was not given */
	         SMTP_BODY_NONE = 0,
	         SMTP_BODY_7BIT,
	         SMTP_BODY_8BITMIME,
};

struct smtp_recipient {
	char *address; /* without brackets, as the client wrote it */
	char *orcpt;   /* the ORCPT parameter's value as it stood, "rfc822;..." in xtext */
	unsigned notify;
};

struct smtp_envelope {
	char *sender; /* without brackets; "" is <>; NULL before MAIL */
	char *envid;  /* the ENVID parameter's value as it stood, in xtext */
	enum smtp_ret ret;
	enum smtp_body body;
	bool utf8;     /* SMTPUTF8 was said */
	uint64_t size; /* octets, as SIZE= said; 0: not said */
	struct smtp_recipient *recipients;
	size_t recipients_n, recipients_room;
};
#define AUTO_SMTP_ENVELOPE __attribute__((cleanup(smtp_envelope_fini)))

/* Frees what is in it; *e is empty and usable afterwards. */
void smtp_envelope_fini(struct smtp_envelope *e);

/* Adds a recipient, and returns it: borrowed until the next one is added. */
struct smtp_recipient *smtp_envelope_add(struct smtp_envelope *e, struct span address);

/* One end of a connection. */
struct smtp_endpoint {
	char address[46]; /* as inet_ntop(3) has it; an IPv4 address is never in IPv6's clothes; ""
	                     when it is not known */
	uint16_t port;    /* 0: not known */
};

enum smtp_name_state { /* of the client's name, as XCLIENT tells it */
	               SMTP_NAME_UNASKED = 0,
	               SMTP_NAME_KNOWN,
	               SMTP_NAME_NONE,   /* [UNAVAILABLE]: it has none, or an unproven one */
	               SMTP_NAME_FAILED, /* [TEMPUNAVAIL]: could not be found out */
};

/* The client that brought a message, after XCLIENT and PROXY: as the next server shall see it. */
struct smtp_peer {
	struct smtp_endpoint from, to;
	enum smtp_name_state name_state;
	char *name;        /* its name in the DNS where that was told; we ask nobody */
	char *helo;        /* what it said behind HELO or EHLO */
	char *login;       /* that another server told by XCLIENT LOGIN= */
	char *tls_version; /* "TLSv1.3"; NULL: in clear */
	char *tls_cipher;
	bool esmtp;         /* EHLO, not HELO */
	int64_t arrived_ms; /* the message's arrival: milliseconds since 1970 UTC */
};

void smtp_peer_fini(struct smtp_peer *p);
/* *to (which is empty) gets copies of everything. */
void smtp_peer_copy(struct smtp_peer *to, const struct smtp_peer *from);
/* Whether both are the same client in the same session, as XCLIENT tells it: TLS and time aside. */
bool smtp_peer_same(const struct smtp_peer *a, const struct smtp_peer *b);

/* Sets a text: frees the one that was there; NULL span.p makes it NULL. */
void smtp_text_set(char **text, struct span value);
