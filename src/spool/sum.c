/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/sum.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[8][256];
static pthread_once_t table_made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		table[0][i] = c;
	}
	for (int slice = 1; slice < 8; slice++)
		for (uint32_t i = 0; i < 256; i++)
			table[slice][i] = table[slice - 1][i] >> 8 ^
			                  table[0][table[slice - 1][i] & 255];
}

/* Eight octets at a time, a table for each (Kounavis and Berry, "A Systematic Approach to Building
 * High Performance Software-based CRC Generators"). */
uint32_t spool_sum_plain(uint32_t sum, const void *octets, size_t n)
{
	const unsigned char *p = octets;

	pthread_once(&table_made, make_table);
	sum = ~sum;
	for (; n >= 8; n -= 8, p += 8) {
		sum ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		       (uint32_t)p[3] << 24;
		sum = table[7][sum & 255] ^ table[6][sum >> 8 & 255] ^ table[5][sum >> 16 & 255] ^
		      table[4][sum >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
		      table[0][p[7]];
	}
	for (; n; n--, p++)
		sum = sum >> 8 ^ table[0][(sum ^ *p) & 255];
	return ~sum;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t sum_by_instruction(uint32_t sum,
                                                                     const void *octets, size_t n)
{
	const unsigned char *p = octets;
	uint64_t wide = (uint32_t)~sum;
	uint32_t rest;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	rest = (uint32_t)wide;
	for (; n; n--, p++)
		rest = __builtin_ia32_crc32qi(rest, *p);
	return ~rest;
}

uint32_t spool_sum(uint32_t sum, const void *octets, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return sum_by_instruction(sum, octets, n);
	return spool_sum_plain(sum, octets, n);
}
#else
uint32_t spool_sum(uint32_t sum, const void *octets, size_t n)
{
	return spool_sum_plain(sum, octets, n);
}
#endif
