/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* client_inside -- between the files of the client's side. */

#include "smtp/client.h"

enum client_telling { TELLING_NONE = 0, TELLING_ALL, TELLING_ACCEPTED };

/* The event that ends the session; true. `code` 0: it is not what the server said. */
bool client_fail(struct smtp_client *c, struct smtp_client_event *event, enum error_retry retry,
                 const char *what);

/* Nothing is under way any more. */
void client_ready(struct smtp_client *c);

/* MAIL and what may go with it; the peer was told, and EHLO said. */
void client_send_envelope(struct smtp_client *c, struct buf *out);

/* c->reply is the next one to the envelope, the message, or RSET. True: *event was made. */
bool client_envelope_reply(struct smtp_client *c, struct buf *out, struct smtp_client_event *event);
bool client_message_reply(struct smtp_client *c, struct smtp_client_event *event);

/* The next verdict to be told, then DONE. */
bool client_tell(struct smtp_client *c, struct buf *out, struct smtp_client_event *event);

/* Commands that name the peer; false when the server takes none. */
bool client_send_xclient(struct smtp_client *c, const struct smtp_peer *peer, struct buf *out);
