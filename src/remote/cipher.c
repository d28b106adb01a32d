/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/cipher.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/process.h"

#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#define FAST "aes128-gcm@openssh.com"
#define ASK_TIMEOUT_MS 5000

bool cipher_is_fast_here(void)
{
#if defined __x86_64__
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined __aarch64__
	return getauxval(AT_HWCAP) & (1 << 3) && getauxval(AT_HWCAP) & (1 << 4); /* AES, PMULL */
#else
	return false;
#endif
}

/* The list that ssh would offer; "" when it does not say. The caller owns it. */
static char *offered(const char *const argv[])
{
	AUTO_PROCESS_RESULT struct process_result said = { 0 };
	const struct process_options options = { .timeout_ms = ASK_TIMEOUT_MS };
	struct error ignored = { 0 };
	struct span rest, line, word;

	if (process_run(argv, &options, &said, &ignored) < 0 || said.status != 0)
		return xstrdup("");
	rest = buf_span(&said.out);
	while (span_next_line(&rest, &line))
		if (span_next_word(&line, &word) && span_is(word, "ciphers") &&
		    span_next_word(&line, &word))
			return span_dup(word);
	return xstrdup("");
}

/* What ssh offers when neither a file nor an option says anything. */
static char *offered_by_itself(void)
{
	static const char *const argv[] = {
		"ssh", "-F", "/dev/null", "-G", "--", "localhost", NULL
	};

	return offered(argv);
}

static char *offered_there(const struct strings *words)
{
	AUTO_FREE const char **argv = xcalloc(words->n + 2, sizeof *argv);

	argv[0] = words->rows[0];
	argv[1] = "-G";
	for (size_t i = 1; i < words->n; i++)
		argv[i + 1] = words->rows[i];
	return offered(argv);
}

char *cipher_order(const struct strings *words)
{
	AUTO_FREE char *there = offered_there(words);
	AUTO_BUF struct buf list = { 0 };
	struct span rest = span_of(there), name;
	bool has_it = false;

	buf_add_text(&list, FAST);
	while (rest.n) {
		ssize_t comma = span_find(rest, ',');

		name = (struct span){ rest.p, comma < 0 ? rest.n : (size_t)comma };
		rest = span_from(rest, comma < 0 ? rest.n : name.n + 1);
		if (span_is(name, FAST)) {
			has_it = true;
			continue;
		}
		buf_add_char(&list, ',');
		buf_add_span(&list, name);
	}
	if (!has_it)
		return NULL;

	AUTO_FREE char *own = offered_by_itself();
	return strcmp(there, own) == 0 ? xstrdup(buf_text(&list)) : NULL;
}
