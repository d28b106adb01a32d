/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "imapd/dovecot_settings.h"
#include "imapd/mail_location.h"

#include <stdlib.h>

static char *leave(void *context, const char *path, struct span value)
{
	return NULL;
}

/* Settings that nobody changes come out as they went in; every value is tried as a location. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mail_user user = { "bob@example.net", "/srv/bob", 5000, 5000 };
	AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct span text = { (const char *)data, size };

	dovecot_settings_parse(&f, text);
	dovecot_settings_rewrite(text, leave, NULL, &out);
	if (!span_equal(buf_span(&out), text))
		abort();
	for (size_t i = 0; i < f.settings_n && i < 200; i++) {
		struct mailbox_account a = { 0 };
		char *control = NULL, *index = NULL;
		struct error err;

		if (mail_location_parse(span_of(f.settings[i].value), &user, &a, &control, &index,
		                        &err) < 0)
			continue;
		if (a.root[0] != '/')
			abort();
		mailbox_account_fini(&a);
		free(control);
		free(index);
	}
	return 0;
}
