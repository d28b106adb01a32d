/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/confine.h"

#include "base/confine.h"

#define MEMORY_MAX (1u << 30) /* octets; a message of MAILAUTH_MESSAGE_MAX takes a quarter of it */
#define DESCRIPTORS_MAX 16
#define ANSWER_MAX (4u << 20) /* octets */

int mailauth_confine(unsigned time_ms, struct error *err)
{
	const struct confinement c = { .processor_ms = time_ms,
		                       .memory = MEMORY_MAX,
		                       .descriptors = DESCRIPTORS_MAX,
		                       .answer = ANSWER_MAX };

	return confine(&c, err);
}
