/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/syslog.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define FACILITY_MAIL 2
#define FACILITY_AUTH 4
#define FACILITY_AUTHPRIV 10
#define FACILITY_USER 1
#define GROUP_ADM 4 /* Debian's base-passwd: who may read logs */

static const struct log_file {
	const char *path;
	uint32_t facilities; /* a bit each */
} log_files[SYSLOG_FILES] = {
	{ "/var/log/mail.log", 1u << FACILITY_MAIL },
	{ "/var/log/auth.log", 1u << FACILITY_AUTH | 1u << FACILITY_AUTHPRIV },
	{ "/var/log/syslog", UINT32_MAX },
};

int syslog_open(struct syslog *s, const char *hostname, struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod("/dev/log", 0666) < 0)
		return error_system(err, "open /dev/log in the sealed host");
	*s = (struct syslog){ .socket = fd_take(&fd), .hostname = hostname };
	for (size_t i = 0; i < SYSLOG_FILES; i++)
		s->files[i] = -1;
	return 0;
}

void syslog_reopen(struct syslog *s)
{
	for (size_t i = 0; i < SYSLOG_FILES; i++) {
		if (s->files[i] >= 0)
			close(s->files[i]);
		s->files[i] = -1;
	}
}

/* "<22>" -> 22 / 8, and *m stands behind it. */
static unsigned facility_take(struct span *m)
{
	ssize_t end = m->n && m->p[0] == '<' ? span_find(*m, '>') : -1;
	uint64_t priority;

	if (end < 2 || end > 4 ||
	    !span_parse_u64((struct span){ m->p + 1, (size_t)end - 1 }, &priority) ||
	    priority > 191)
		return FACILITY_USER;
	*m = span_from(*m, (size_t)end + 1);
	return (unsigned)(priority / 8);
}

/* "Nov 22 17:39:00 ", which syslog(3) puts in front; ours is finer. */
static void stamp_drop(struct span *m)
{
	static const char form[] = "Aaa .0 00:00:00 ";

	if (m->n < sizeof form - 1)
		return;
	for (size_t i = 0; i < sizeof form - 1; i++) {
		char c = m->p[i], f = form[i];
		bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'z';

		if (f == '0'               ? !digit
		    : f == 'A' || f == 'a' ? !letter
		    : f == '.'             ? !digit && c != ' '
		                           : c != f)
			return;
	}
	*m = span_from(*m, sizeof form - 1);
}

static void add_time(struct buf *out, int64_t now_us)
{
	time_t seconds = (time_t)(now_us / 1000000);
	struct tm tm;
	char day[32], zone[8];

	localtime_r(&seconds, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof zone, "%z", &tm);
	buf_addf(out, "%s.%06d%.3s:%s", day, (int)(now_us % 1000000), zone, zone + 3);
}

unsigned syslog_format(struct span message, int64_t now_us, const char *hostname, struct buf *out)
{
	unsigned facility = facility_take(&message);

	stamp_drop(&message);
	while (message.n && (!message.p[message.n - 1] || message.p[message.n - 1] == '\n'))
		message.n--;
	add_time(out, now_us);
	buf_addf(out, " %s ", hostname);
	for (size_t i = 0; i < message.n; i++) {
		unsigned char c = (unsigned char)message.p[i];

		if ((c < 32 && c != '\t') || c == 127)
			buf_addf(out, "#%03o", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '\n');
	return facility;
}

static void write_line(struct syslog *s, size_t which, struct span line)
{
	struct stat st;

	/* a file that was removed, by a rotation or a test, must not swallow what follows */
	if (s->files[which] >= 0 && (fstat(s->files[which], &st) < 0 || st.st_nlink == 0)) {
		close(s->files[which]);
		s->files[which] = -1;
	}
	if (s->files[which] < 0) {
		s->files[which] = open(log_files[which].path,
		                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		                       0640);
		if (s->files[which] < 0)
			return;
		if (fchown(s->files[which], 0, GROUP_ADM) < 0)
			return;
	}
	/* a full disk loses log lines and nothing else, as with any syslog */
	(void)fd_write_all(s->files[which], line.p, line.n);
}

void syslog_serve(struct syslog *s)
{
	AUTO_BUF struct buf line = { 0 };
	char message[SYSLOG_LINE_MAX];

	for (int burst = 0; burst < 1000; burst++) {
		ssize_t n = recv(s->socket, message, sizeof message, MSG_DONTWAIT);
		struct timespec now;
		unsigned facility;

		if (n < 0)
			return;
		clock_gettime(CLOCK_REALTIME, &now);
		buf_reset(&line);
		facility = syslog_format((struct span){ message, (size_t)n },
		                         (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
		                         s->hostname, &line);
		for (size_t i = 0; i < SYSLOG_FILES; i++)
			if (log_files[i].facilities & (1u << facility))
				write_line(s, i, buf_span(&line));
	}
}
