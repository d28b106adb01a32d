/* SPDX-License-Identifier: BSD-2-Clause */

/* step_sieve -- the scripts that ran on old are here, and Pigeonhole takes them. */

#include "rehearse/steps.h"

#include "base/memory.h"

#include <string.h>

/* Of each path on standard input: nothing when it is good, else the path and why not. */
static const char script[] = "while IFS= read -r path; do\n"
			     "	if [ ! -f \"$path\" ]; then\n"
			     "		printf '%s\\tit is not there\\n' \"$path\"\n"
			     "	elif ! said=$(sievec \"$path\" /tmp/rehearse.svbin 2>&1); then\n"
			     "		printf '%s\\t%s\\n' \"$path\" \"$(printf '%s' \"$said\" | "
			     "head -n 2 | tr '\\n\\t' '  ')\"\n"
			     "	fi\n"
			     "done\n";

void step_sieve(struct rehearsal *r)
{
	static const char *const argv[] = { "sh", "-c", script, NULL };
	AUTO_BUF struct buf paths = { 0 };
	AUTO_PROCESS_RESULT struct process_result said = { 0 };
	const struct strings *scripts = &r->plan->scripts;
	struct span rest, line, path = { 0 };
	struct error err = { 0 };

	for (size_t i = 0; i < scripts->n; i++)
		buf_addf(&paths, "%s\n", strchr(scripts->rows[i], ' ') + 1);
	r->asked = (unsigned)scripts->n;
	if (!scripts->n)
		return;
	if (stage_run(r->stage, argv, &(struct process_options){ .input = buf_span(&paths) }, &said,
	              &err) < 0 ||
	    process_expect_good(argv, &said, &err) < 0) {
		FAIL(r, "sieve", "all", "%s", err.text);
		return;
	}
	for (rest = buf_span(&said.out); span_next_line(&rest, &line);) {
		span_next_part(&line, '\t', &path);
		for (size_t i = 0; i < scripts->n; i++) {
			const char *blank = strchr(scripts->rows[i], ' ');
			AUTO_FREE char *user = xstrndup(scripts->rows[i],
			                                (size_t)(blank - scripts->rows[i]));

			if (span_is(path, blank + 1))
				FAIL(r, "sieve", user, "%s: %.*s", blank + 1, (int)line.n,
				     line.p ? line.p : "");
		}
	}
}
