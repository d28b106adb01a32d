/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sign -- a DKIM signature (RFC 6376: rsa-sha256, relaxed/relaxed) made by libopendkim, in
 * mailhaul-mailauth as everything that those libraries do.
 */

#include "base/error.h"
#include "base/text.h"

struct mailauth_signer { /* all borrowed */
	const char *domain, *selector;
	const char *key; /* base64 of an RSAPrivateKey (RFC 8017 appendix A.1.2), in one line */
};

/*
 * Signs one message, whose lines end with CRLF.
 *
 *   header  "DKIM-Signature: ...", one line with its CRLF, is appended: to stand in front of it
 *   errors  as mailauth_judge()'s
 */
int mailauth_sign(const struct mailauth_signer *by, struct span message, struct buf *header,
                  struct error *err) MUST_CHECK;
