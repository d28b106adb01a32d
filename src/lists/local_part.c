/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/local_part.h"

struct span lists_local_part(struct span list, struct span host)
{
	size_t n = list.n > host.n ? list.n - host.n - 1 : 0;

	if (!host.n || !n || list.p[n] != '_')
		return list;
	for (size_t i = 0; i < host.n; i++)
		if (ascii_lower(host.p[i]) != ascii_lower(list.p[n + 1 + i]))
			return list;
	return (struct span){ list.p, n };
}
