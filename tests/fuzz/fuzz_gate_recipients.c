/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "gate/recipients.h"
#include "smtp/address.h"

#include <string.h>

/* A list, an empty line and a dot, and addresses to ask for: whatever is listed is taken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_RECIPIENTS struct gate_recipients *r = gate_recipients_new();
	struct span lines = { (const char *)data, size }, rest = lines, line;
	struct smtp_address a;
	struct error err;
	ssize_t at = span_find_text(lines, "\n.\n");

	if (at >= 0) {
		lines.n = (size_t)at + 1;
		rest = span_from(rest, (size_t)at + 3);
	}
	if (gate_recipients_add(r, "list", lines, &err) < 0) {
		if (!strstr(err.text, "list:"))
			__builtin_trap();
		return 0;
	}
	while (span_next_line(&rest, &line))
		if (smtp_address_parse(line, &a) == SMTP_ADDRESS_GOOD)
			(void)gate_recipients_ask(r, &a);
	while (span_next_line(&lines, &line)) {
		line = span_trim(line);
		if (line.n && line.p[0] != '#' && line.p[0] != '@' &&
		    smtp_address_parse(line, &a) == SMTP_ADDRESS_GOOD && a.domain.n &&
		    gate_recipients_ask(r, &a) != GATE_TAKEN)
			__builtin_trap();
	}
	return 0;
}
