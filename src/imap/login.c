/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/login.h"

#include "base/memory.h"

#include <openssl/evp.h>
#include <string.h>

static void forget(struct buf *secret)
{
	if (secret->p)
		explicit_bzero(secret->p, secret->room);
	buf_fini(secret);
}

static int wait_for_end(struct imap_session *s, unsigned number, struct span later,
                        const struct imap_response **end, struct error *err)
{
	for (;;) {
		if (imap_session_next(s, end, err) < 0)
			return -1;
		if (imap_response_number(*end) == number)
			return 0;
		if ((*end)->kind != IMAP_CONTINUE)
			continue;
		/* a second question has no answer: "*" ends the exchange (RFC 3501 section 6.2.2) */
		if (imap_session_say(s, later.n ? later : SPAN("*\r\n"), err) < 0)
			return -1;
		later.n = 0;
	}
}

/* authzid NUL user NUL password, in base64. */
static void add_plain(const struct imap_login *login, struct buf *out)
{
	struct buf words = { 0 };
	size_t room;
	int n;

	buf_add_text(&words, login->authzid ? login->authzid : "");
	buf_add_char(&words, 0);
	buf_add_text(&words, login->user);
	buf_add_char(&words, 0);
	buf_add_text(&words, login->password);
	room = (words.n + 2) / 3 * 4 + 1;
	n = EVP_EncodeBlock((unsigned char *)buf_room(out, room), (unsigned char *)words.p,
	                    (int)words.n);
	buf_grown(out, (size_t)n);
	forget(&words);
}

static int by_plain(struct imap_session *s, const struct imap_login *login,
                    const struct imap_response **end, struct error *err)
{
	bool at_once = imap_session_has(s, "SASL-IR");
	unsigned number = imap_session_take_number(s);
	struct buf first = { 0 }, later = { 0 };
	int result;

	buf_addf(&first, "A%u AUTHENTICATE PLAIN", number);
	if (at_once) {
		buf_add_char(&first, ' ');
		add_plain(login, &first);
	} else {
		add_plain(login, &later);
		buf_add_text(&later, "\r\n");
	}
	buf_add_text(&first, "\r\n");
	result = imap_session_say(s, buf_span(&first), err);
	if (result == 0)
		result = wait_for_end(s, number, buf_span(&later), end, err);
	forget(&first);
	forget(&later);
	return result;
}

static int by_login(struct imap_session *s, const struct imap_login *login,
                    const struct imap_response **end, struct error *err)
{
	unsigned number = imap_session_take_number(s);
	struct buf line = { 0 };
	bool fits;
	int result = -1;

	buf_addf(&line, "A%u LOGIN ", number);
	fits = imap_quote(span_of(login->user), &line);
	buf_add_char(&line, ' ');
	fits = imap_quote(span_of(login->password), &line) && fits;
	buf_add_text(&line, "\r\n");
	if (!fits)
		error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		          "user or password can't be sent by LOGIN, and the server has no "
		          "AUTH=PLAIN");
	else if (imap_session_say(s, buf_span(&line), err) == 0)
		result = wait_for_end(s, number, SPAN(""), end, err);
	forget(&line);
	return result;
}

int imap_login(struct imap_session *s, const struct imap_login *login, struct error *err)
{
	const struct imap_response *end;
	AUTO_BUF struct buf who = { 0 };

	buf_add_text(&who, "log in as ");
	buf_add_printable(&who, span_of(login->user));
	if (login->authzid) {
		buf_add_text(&who, " for ");
		buf_add_printable(&who, span_of(login->authzid));
	}
	if (imap_session_has(s, "AUTH=PLAIN") || login->authzid) {
		if (by_plain(s, login, &end, err) < 0)
			return -1;
	} else if (imap_session_has(s, "LOGINDISABLED")) {
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%s: the server allows no password on this connection",
		                 buf_text(&who));
	} else if (by_login(s, login, &end, err) < 0) {
		return -1;
	}
	return end->status == IMAP_OK ? 0 : imap_session_refused(s, end, buf_text(&who), err);
}
