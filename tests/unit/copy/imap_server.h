/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * imap_server -- a small IMAP server on loopback, with one folder, that does what it is told to do
 * wrong. Each connection is a process of its own; what it shows lies in memory that the test shares.
 */

#include "base/memory.h"
#include "base/text.h"
#include "imap/response.h"
#include "unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_MESSAGES 600u
#define SERVER_TEXT 512u

enum fault {
	FAULT_NONE,
	FAULT_NIL,
	FAULT_EMPTY,
	FAULT_SILENT,  /* listed; no answer when its content is asked for, and OK */
	FAULT_REFUSED, /* NO */
	FAULT_CUT,     /* the connection ends in the middle of it */
	FAULT_CUT_ONCE,
	FAULT_TEXT,     /* a quoted string instead of a literal */
	FAULT_UID_LAST, /* UID behind BODY[] */
	FAULT_HUGE,     /* a literal that nobody has */
	FAULT_ENDLESS,  /* a line without end */
};

struct server_message {
	uint32_t uid;
	bool expunged;
	enum fault fault;
	uint64_t modseq, lie; /* `lie` is added to RFC822.SIZE */
	char flags[64], text[SERVER_TEXT];
	size_t size;
	unsigned asked; /* how often its content was */
};

struct server {
	uint16_t port;
	pid_t pid;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;
	const char *capabilities;
	unsigned throttle;    /* so many FETCHes are answered NO [LIMIT] */
	unsigned connections; /* so many logins at most; 0: any number */
	unsigned renumber;    /* the so-manieth EXAMINE has another UIDVALIDITY */
	unsigned logins, examines, fetches, commands;
	bool no_inbox, counts_more;
	size_t n;
	struct server_message rows[SERVER_MESSAGES];
};

static inline struct server_message *server_add(struct server *s, const char *flags,
                                                const char *text)
{
	struct server_message *m = &s->rows[s->n++];

	*m = (struct server_message){ .uid = s->uidnext++, .modseq = ++s->modseq };
	snprintf(m->flags, sizeof m->flags, "%s", flags);
	m->size = strlen(text);
	memcpy(m->text, text, m->size + 1);
	return m;
}

static inline void server_expunge(struct server *s, size_t index)
{
	s->rows[index].expunged = true;
	s->rows[index].modseq = ++s->modseq;
}

static inline void server_flag(struct server *s, size_t index, const char *flags)
{
	snprintf(s->rows[index].flags, sizeof s->rows[index].flags, "%s", flags);
	s->rows[index].modseq = ++s->modseq;
}

static inline uint32_t server_exists(const struct server *s)
{
	uint32_t n = s->counts_more ? 2 : 0;

	for (size_t i = 0; i < s->n; i++)
		n += !s->rows[i].expunged;
	return n;
}

static inline bool server_set_has(const char *set, uint32_t uid)
{
	AUTO_FREE char *plain = xstrdup(set);
	struct span rest;
	uint32_t first, last;
	char *star = strchr(plain, '*');

	if (star)
		return uid >= (uint32_t)strtoul(plain, NULL, 10);
	rest = span_of(plain);
	while (imap_set_next(&rest, &first, &last))
		if (uid >= first && uid <= last)
			return true;
	return false;
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

static inline void server_flags(struct server *s, FILE *out, size_t i, bool all)
{
	struct server_message *m = &s->rows[i];

	fprintf(out, "* %zu FETCH (UID %u FLAGS (%s)", i + 1, m->uid, m->flags);
	if (all)
		fprintf(out, " INTERNALDATE \"01-Mar-2026 02:13:07 +0000\" RFC822.SIZE %llu",
		        (unsigned long long)(m->size + m->lie));
	fprintf(out, " MODSEQ (%llu))\r\n", (unsigned long long)m->modseq);
}

static inline void server_cut(struct server *s, FILE *out, size_t i)
{
	struct server_message *m = &s->rows[i];
	char rest[4096];

	fprintf(out, "* %zu FETCH (UID %u BODY[] {%zu}\r\n%.*s", i + 1, m->uid, m->size,
	        (int)m->size / 2, m->text);
	fflush(out);
	/* what was written arrives: closing with something unread would throw it away */
	(void)shutdown(fileno(out), SHUT_WR);
	while (read(fileno(out), rest, sizeof rest) > 0)
		;
	_exit(0);
}

/* False: the command is refused. */
static inline bool server_content(struct server *s, FILE *out, size_t i)
{
	struct server_message *m = &s->rows[i];

	m->asked++;
	switch (m->fault) {
	case FAULT_NONE:
		break;
	case FAULT_CUT_ONCE:
		if (m->asked > 1)
			break;
		server_cut(s, out, i);
		break;
	case FAULT_CUT:
		server_cut(s, out, i);
		break;
	case FAULT_SILENT:
		return true;
	case FAULT_REFUSED:
		return false;
	case FAULT_NIL:
		fprintf(out, "* %zu FETCH (UID %u BODY[] NIL)\r\n", i + 1, m->uid);
		return true;
	case FAULT_EMPTY:
		fprintf(out, "* %zu FETCH (UID %u BODY[] {0}\r\n)\r\n", i + 1, m->uid);
		return true;
	case FAULT_TEXT:
		fprintf(out, "* %zu FETCH (UID %u BODY[] \"%s\")\r\n", i + 1, m->uid, m->text);
		return true;
	case FAULT_HUGE:
		fprintf(out, "* %zu FETCH (UID %u BODY[] {99999999999999}\r\nx", i + 1, m->uid);
		return true;
	case FAULT_ENDLESS:
		fprintf(out, "* %zu FETCH (UID %u FLAGS (", i + 1, m->uid);
		for (size_t n = 0; n < 5u << 20; n++)
			fputs("\\Seen aa", out);
		return true;
	case FAULT_UID_LAST:
		fprintf(out, "* %zu FETCH (BODY[] {%zu}\r\n", i + 1, m->size);
		fwrite(m->text, 1, m->size, out);
		fprintf(out, " UID %u)\r\n", m->uid);
		return true;
	}
	fprintf(out, "* %zu FETCH (UID %u BODY[] {%zu}\r\n", i + 1, m->uid, m->size);
	fwrite(m->text, 1, m->size, out);
	fputs(")\r\n", out);
	return true;
}

static inline const char *server_fetch(struct server *s, FILE *out, char *arguments)
{
	char *items = strchr(arguments, ' ');
	char *since = strstr(arguments, "CHANGEDSINCE ");
	uint64_t modseq = since ? strtoull(since + 13, NULL, 10) : 0;

	*items++ = 0;
	if (strstr(items, "BODY") && s->throttle) {
		s->throttle--;
		return "NO [LIMIT] not so fast";
	}
	for (size_t i = 0; i < s->n; i++) {
		struct server_message *m = &s->rows[i];

		if (m->expunged || !server_set_has(arguments, m->uid) || m->modseq <= modseq)
			continue;
		if (!strstr(items, "BODY"))
			server_flags(s, out, i, strstr(items, "RFC822.SIZE") != NULL);
		else if (!server_content(s, out, i))
			return "NO this one is broken";
	}
	return "OK done";
}

static inline const char *server_examine(struct server *s, FILE *out, const char *arguments)
{
	const char *q = strstr(arguments, "(QRESYNC (");
	uint64_t modseq = 0;
	uint32_t validity = 0;

	s->uidvalidity += ++s->examines == s->renumber;
	fprintf(out, "* %u EXISTS\r\n* OK [UIDVALIDITY %u] x\r\n* OK [UIDNEXT %u] x\r\n",
	        server_exists(s), s->uidvalidity, s->uidnext);
	if (strstr(s->capabilities, "CONDSTORE"))
		fprintf(out, "* OK [HIGHESTMODSEQ %llu] x\r\n", (unsigned long long)s->modseq);
	if (!q || sscanf(q, "(QRESYNC (%u %lu)", &validity, &modseq) != 2 ||
	    validity != s->uidvalidity)
		return "OK [READ-ONLY] done";
	for (size_t i = 0; i < s->n; i++) {
		if (s->rows[i].modseq <= modseq)
			continue;
		if (s->rows[i].expunged)
			fprintf(out, "* VANISHED (EARLIER) %u\r\n", s->rows[i].uid);
		else
			server_flags(s, out, i, false);
	}
	return "OK [READ-ONLY] done";
}

static inline const char *server_answer(struct server *s, FILE *out, char *command)
{
	s->commands++;
	if (!strcmp(command, "CAPABILITY"))
		fprintf(out, "* CAPABILITY IMAP4rev1 %s\r\n", s->capabilities);
	else if (!strncmp(command, "LOGIN", 5) && s->connections && s->logins >= s->connections)
		return "NO [LIMIT] too many connections";
	else if (!strncmp(command, "LOGIN", 5))
		s->logins++;
	else if (!strncmp(command, "LIST", 4) && s->no_inbox)
		return "OK done";
	else if (!strncmp(command, "LIST", 4))
		fputs("* LIST (\\HasNoChildren) \"/\" {5}\r\nINBOX\r\n", out);
	else if (!strncmp(command, "LSUB", 4))
		fputs("* LSUB () \"/\" INBOX\r\n", out);
	else if (!strncmp(command, "STATUS", 6))
		fprintf(out,
		        "* STATUS \"INBOX\" (UIDVALIDITY %u UIDNEXT %u MESSAGES %u "
		        "HIGHESTMODSEQ %llu)\r\n",
		        s->uidvalidity, s->uidnext, server_exists(s),
		        (unsigned long long)(strstr(s->capabilities, "CONDSTORE") ? s->modseq : 0));
	else if (!strncmp(command, "EXAMINE", 7))
		return server_examine(s, out, command);
	else if (!strncmp(command, "UID SEARCH", 10)) {
		fputs("* SEARCH", out);
		for (size_t i = 0; i < s->n; i++)
			if (!s->rows[i].expunged)
				fprintf(out, " %u", s->rows[i].uid);
		fputs("\r\n", out);
	} else if (!strncmp(command, "UID FETCH ", 10)) {
		s->fetches++;
		return server_fetch(s, out, command + 10);
	}
	return "OK done";
}

static inline void server_talk(struct server *s, int fd)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char line[2048];

	fputs("* OK ready\r\n", out);
	fflush(out);
	while (fgets(line, sizeof line, in)) {
		char *command = strchr(line, ' ');
		const char *end;

		line[strcspn(line, "\r\n")] = 0;
		*command++ = 0;
		end = server_answer(s, out, command);
		fprintf(out, "%s %s\r\n", line, end);
		fflush(out);
	}
	_exit(0);
}

/* ── the process ─────────────────────────────────────────────────────────────────────────────── */

static inline void server_serve(struct server *s, int fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one < 0)
			_exit(1);
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			server_talk(s, one);
		}
		close(one);
	}
}

static inline struct server *server_start(const char *capabilities)
{
	struct server *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                        -1, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_ptr_not_equal(s, MAP_FAILED);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	s->port = ntohs(address.sin_port);
	s->uidvalidity = 1700000000;
	s->uidnext = 1;
	s->modseq = 1;
	s->capabilities = capabilities;
	pid = fork();
	if (pid == 0)
		server_serve(s, fd);
	s->pid = pid; /* the child sees it too */
	close(fd);
	return s;
}

static inline void server_end(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s, sizeof *s);
}
