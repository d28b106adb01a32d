/* SPDX-License-Identifier: BSD-2-Clause */

/* Frames and the records of mailboxes, as either end may send them. */

#include "fuzz/fuzz.h"
#include "wire/mailbox.h"

#include <stdlib.h>
#include <string.h>

static void read_known(struct span rows)
{
	struct wire_known known;

	while (wire_get_known(&rows, &known))
		if (span_find(known.base, 0) >= 0 || span_find(known.suffix, 0) >= 0)
			__builtin_trap();
}

static void read_records(struct span body)
{
	struct wire_reader r = { .rest = body };

	while (r.rest.n && !r.bad) {
		struct mailbox_account account = { 0 };
		struct mail_message message = { 0 };
		struct mail_folder folder = { 0 };
		struct mail_file file = { 0 };
		struct digest ignored;

		switch (wire_get_u64(&r)) {
		case WIRE_MAIL_FOLDER:
			wire_get_folder(&r, &folder);
			if (!r.bad && !mail_path_fits(folder.name))
				__builtin_trap();
			break;
		case WIRE_MAIL_MESSAGE:
			wire_get_message(&r, &message);
			if (!r.bad && (strchr(message.base, '/') || strchr(message.suffix, '/')))
				__builtin_trap();
			break;
		case WIRE_MAIL_FILE:
			wire_get_file(&r, &file);
			break;
		case WIRE_MAIL_KNOWN:
			read_known(wire_get_span(&r));
			break;
		case WIRE_MAIL_DONE:
			ignored = wire_get_digest(&r);
			(void)ignored;
			break;
		default:
			wire_get_account(&r, &account);
			break;
		}
		mailbox_account_fini(&account);
		mail_message_fini(&message);
		mail_folder_fini(&folder);
		mail_file_fini(&file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct wire_frame frame;
	struct error err = { 0 };
	size_t used;

	read_records(rest);
	while (wire_read_frame(rest, &frame, &used, &err) == 1) {
		read_records(frame.body);
		(void)!wire_get_error(frame.body, &err);
		rest = span_from(rest, used);
	}
	return 0;
}
