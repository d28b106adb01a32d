/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/processes.h"

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX 8192u /* octets of a command line that travel */
#define STARTED_WORD 19   /* words between the state and the start time in /proc/PID/stat */

static bool read_proc(uint64_t pid, const char *name, struct buf *out)
{
	char path[64];
	struct error ignored;

	snprintf(path, sizeof path, "/proc/%llu/%s", (unsigned long long)pid, name);
	return file_read(path, 1u << 20, out, &ignored) == 0;
}

bool agent_process_parse(struct span stat, struct agent_process *out)
{
	struct agent_process p = { 0 };
	ssize_t open = span_find(stat, '(');
	const char *close = stat.n ? memrchr(stat.p, ')', stat.n) : NULL;
	struct span rest, word;

	if (open < 1 || !close || close < stat.p + open)
		return false;
	if (!span_parse_u64(span_trim((struct span){ stat.p, (size_t)open }), &p.pid))
		return false;
	snprintf(p.name, sizeof p.name, "%.*s", (int)(close - stat.p - open - 1),
	         stat.p + open + 1);
	rest = span_trim(span_from(stat, (size_t)(close - stat.p) + 1));
	if (!span_next_word(&rest, &word) || word.n != 1)
		return false;
	p.state = word.p[0];
	if (!span_next_word(&rest, &word) || !span_parse_u64(word, &p.parent))
		return false;
	for (int i = 2; i <= STARTED_WORD; i++)
		if (!span_next_word(&rest, &word))
			return false;
	if (!span_parse_u64(word, &p.started))
		return false;
	*out = p;
	return true;
}

bool agent_process_read(uint64_t pid, struct agent_process *out)
{
	AUTO_BUF struct buf stat = { 0 };

	return read_proc(pid, "stat", &stat) && agent_process_parse(buf_span(&stat), out);
}

/* The real user id; false when it is gone. */
static bool read_uid(uint64_t pid, uint64_t *uid)
{
	AUTO_BUF struct buf status = { 0 };
	struct span rest, line, word;

	if (!read_proc(pid, "status", &status))
		return false;
	rest = buf_span(&status);
	while (span_next_line(&rest, &line)) {
		if (!span_starts(line, "Uid:"))
			continue;
		line = span_from(line, 4);
		return span_next_word(&line, &word) && span_parse_u64(word, uid);
	}
	return false;
}

void agent_process_add_command(uint64_t pid, struct buf *out)
{
	AUTO_BUF struct buf line = { 0 };

	if (!read_proc(pid, "cmdline", &line))
		return;
	while (line.n && line.p[line.n - 1] == '\0')
		line.n--;
	for (size_t i = 0; i < line.n && i < COMMAND_MAX; i++)
		buf_add_char(out, line.p[i] ? line.p[i] : ' ');
}

void agent_process_add_program(uint64_t pid, struct buf *out)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%llu/exe", (unsigned long long)pid);
	n = readlink(path, target, sizeof target);
	if (n > 0)
		buf_add(out, target, (size_t)n);
}

void agent_process_each(bool (*visit)(void *context, uint64_t pid), void *context)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	if (!proc)
		return;
	while ((entry = readdir(proc)))
		if (text_parse_u64(entry->d_name, &pid) && !visit(context, pid))
			break;
	closedir(proc);
}

struct sending {
	struct agent *agent;
	struct error *err;
	bool failed;
};

static bool send_process(void *context, uint64_t pid)
{
	struct sending *s = context;
	AUTO_BUF struct buf body = { 0 }, command = { 0 };
	struct agent_process p;
	uint64_t uid;

	if (!agent_process_read(pid, &p) || !read_uid(pid, &uid))
		return true; /* gone meanwhile */
	agent_process_add_command(pid, &command);
	wire_put_u64(&body, p.pid);
	wire_put_u64(&body, p.parent);
	wire_put_u64(&body, uid);
	wire_put_text(&body, p.name);
	wire_put_span(&body, buf_span(&command));
	s->failed = agent_send(s->agent, buf_span(&body), s->err) < 0;
	return !s->failed;
}

int agent_processes(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct sending s = { .agent = a, .err = err };

	if (wire_read_end(r, "request for processes", err) < 0)
		return -1;
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "a folder has no processes");
	agent_process_each(send_process, &s);
	return s.failed ? -1 : 0;
}
