/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

void dns_texts_join(struct span data, struct buf *out)
{
	bool inside = false;

	for (size_t i = 0; i < data.n; i++) {
		char c = data.p[i];

		if (c == '"') {
			inside = !inside;
		} else if (inside && c == '\\' && i + 1 < data.n) {
			unsigned value = 0, digits = 0;

			while (digits < 3 && i + 1 + digits < data.n &&
			       data.p[i + 1 + digits] >= '0' && data.p[i + 1 + digits] <= '9')
				value = value * 10 + (unsigned)(data.p[i + 1 + digits++] - '0');
			buf_add_char(out, digits == 3 ? (char)value : data.p[i + 1]);
			i += digits == 3 ? 3 : 1;
		} else if (inside) {
			buf_add_char(out, c);
		}
	}
}
