/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/services.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define UNIT_MOST (1u << 20) /* octets */
#define READY_MS 90000       /* DefaultTimeoutStartSec of systemd */
#define SETTLE_MS 1500
#define SETTLE_MOST_MS 30000
#define LOOK_MS 50
#define NOTIFY "/run/mailhaul-notify"

/* Units that mail goes through, or that those need, in the order in which they are started. A name ends
 * at its '@' when there is one. */
static const char *const of_mail[] = {
	"redis-server", "mariadb",        "mysql",         "postgresql",
	"slapd",        "nslcd",          "memcached",     "saslauthd",
	"opendkim",     "opendmarc",      "postgrey",      "milter-greylist",
	"postsrsd",     "policyd-weight", "pyzor",         "razor",
	"dcc",          "clamav-daemon",  "clamav-milter", "spamd",
	"spamassassin", "spamass-milter", "rspamd",        "amavis",
	"amavisd",      "postfix",        "exim4",         "exim",
	"sendmail",     "opensmtpd",      "qmail",         "courier-authdaemon",
	"courier-imap", "courier-pop",    "cyrus-imapd",   "dovecot",
	"mailman",      "mailman3",       "mailman3-web",  "sympa",
	"mlmmj",        "apache2",        "httpd",         "nginx",
	"lighttpd",     "fcgiwrap",
};

/* Where a unit may lie, first come first taken (systemd.unit(5)); where what is enabled has a link. */
static const char *const unit_places[] = { "/etc/systemd/system", "/usr/local/lib/systemd/system",
	                                   "/usr/lib/systemd/system", "/lib/systemd/system" };
static const char *const enabled_places[] = { "/etc/systemd/system/multi-user.target.wants",
	                                      "/etc/systemd/system/default.target.wants",
	                                      "/etc/systemd/system/graphical.target.wants" };
static const char *const init_links[] = { "/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d" };

void services_fini(struct services *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i].name);
		free(s->rows[i].why_not);
		unit_fini(&s->rows[i].unit);
	}
	free(s->rows);
	*s = (struct services){ 0 };
}

/* ── finding ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_there(const struct services *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->rows[i].name, name) == 0)
			return true;
	return false;
}

static struct service *add(struct services *s, const char *name, enum service_by by)
{
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n] = (struct service){ .name = xstrdup(name), .by = by };
	return &s->rows[s->n++];
}

/* Names in a directory; `front` octets are cut off, and so is `end`. */
static void list(int root, const char *path, size_t front, const char *end, struct strings *out)
{
	int fd = file_open_below(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d && fd >= 0)
		close(fd);
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name), m = strlen(end);

		if (e->d_name[0] != '.' && n > front + m && strcmp(e->d_name + n - m, end) == 0)
			strings_add_span(out, (struct span){ e->d_name + front, n - front - m });
	}
	if (d)
		closedir(d);
}

static bool read_unit(int root, const char *file, struct unit *out)
{
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(unit_places); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s.service", unit_places[i], file);
		AUTO_BUF struct buf text = { 0 };

		if (file_read_below(root, path, UNIT_MOST, &text, &err) < 0)
			continue;
		unit_read(out, buf_span(&text));
		for (size_t k = ROWS(unit_places); k-- > 0;) {
			AUTO_FREE char *folder = xasprintf("%s/%s.service.d", unit_places[k], file);
			AUTO_STRINGS struct strings names = { 0 };

			list(root, folder, 0, ".conf", &names);
			strings_sort(&names);
			for (size_t j = 0; j < names.n; j++) {
				AUTO_FREE char *more = xasprintf("%s/%s.conf", folder,
				                                 names.rows[j]);

				buf_reset(&text);
				if (file_read_below(root, more, UNIT_MOST, &text, &err) == 0)
					unit_read(out, buf_span(&text));
			}
		}
		return true;
	}
	return false;
}

/* "name@instance" is read from "name@". False: no unit that does anything. */
static bool add_unit(struct services *s, int root, const char *name)
{
	const char *at = strchr(name, '@');
	AUTO_FREE char *file = at ? xstrndup(name, (size_t)(at - name) + 1) : xstrdup(name);
	AUTO_UNIT struct unit u = { 0 };

	if (!read_unit(root, file, &u))
		return false;
	/* a generator makes its instances when the system starts; Postfix's own is "-" (postmulti(1)) */
	if (!at && unit_is_empty(&u))
		return strcmp(name, "postfix") == 0 && add_unit(s, root, "postfix@-");
	if (!u.start.n || is_there(s, name))
		return true;
	add(s, name, SERVICE_BY_UNIT)->unit = u;
	u = (struct unit){ 0 };
	return true;
}

static void add_one(struct services *s, int root, const char *name)
{
	if (!add_unit(s, root, name) && !is_there(s, name))
		add(s, name, SERVICE_BY_INIT);
}

static bool is_named(const char *enabled, const char *name)
{
	size_t n = strlen(name);

	return strncmp(enabled, name, n) == 0 && (!enabled[n] || enabled[n] == '@');
}

void services_find(struct services *out, int root, const struct strings *more,
                   const struct strings *commands)
{
	AUTO_STRINGS struct strings enabled = { 0 };

	for (size_t i = 0; i < commands->n; i++)
		add(out, commands->rows[i], SERVICE_BY_COMMAND);
	if (commands->n)
		return;
	for (size_t i = 0; i < ROWS(enabled_places); i++)
		list(root, enabled_places[i], 0, ".service", &enabled);
	for (size_t i = 0; i < ROWS(init_links); i++)
		list(root, init_links[i], 3, "", &enabled); /* "S01postfix" */
	strings_sort(&enabled);
	for (size_t i = 0; i < more->n; i++) {
		size_t n = strlen(more->rows[i]);
		bool whole = n > 8 && strcmp(more->rows[i] + n - 8, ".service") == 0;
		AUTO_FREE char *name = xstrndup(more->rows[i], whole ? n - 8 : n);

		add_one(out, root, name);
	}
	for (size_t i = 0; i < ROWS(of_mail); i++)
		for (size_t k = 0; k < enabled.n; k++)
			if (is_named(enabled.rows[k], of_mail[i]))
				add_one(out, root, enabled.rows[k]);
}

/* ── starting ────────────────────────────────────────────────────────────────────────────────── */

/* What it said last; what a shell or systemd would have shown. */
static void note_failure(struct service *s, struct stage *stage, const char *words)
{
	AUTO_FREE char *script = xasprintf("tail -n 2 '/var/log/rehearse-%s.log' 2>/dev/null || :",
	                                   s->name);
	AUTO_BUF struct buf said = { 0 }, printable = { 0 };
	struct error err = { 0 };

	if (stage_script(stage, script, 0, &said, &err) == 0)
		buf_add_printable(&printable, span_trim(buf_span(&said)));
	free(s->why_not);
	s->why_not = xasprintf("%s%s%.300s", words, printable.n ? ": " : "", buf_text(&printable));
}

/* READY=1 comes (0), or the program dies, or it takes too long (-1). */
static int await_ready(const struct service *s, struct stage *stage, int notify, struct error *err)
{
	AUTO_FREE char *alive = xasprintf("kill -0 $(cat '/run/rehearse-%s.pid')", s->name);
	int64_t end = clock_monotonic_ms() + READY_MS;
	struct pollfd p = { .fd = notify, .events = POLLIN };
	char said[4096];

	while (clock_monotonic_ms() < end) {
		ssize_t n;

		if (poll(&p, 1, 500) == 1 && (n = recv(notify, said, sizeof said, 0)) > 0) {
			if (span_find_text((struct span){ said, (size_t)n }, "READY=1") >= 0)
				return 0;
		} else if (stage_script(stage, alive, 0, NULL, err) < 0) {
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			                 "it has ended by itself");
		}
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "it never said that it is ready");
}

static int start_unit(const struct service *s, struct stage *stage, struct error *err)
{
	bool notifies = s->unit.type == UNIT_NOTIFY;
	AUTO_CLOSE int notify = -1;
	AUTO_BUF struct buf script = { 0 };

	if (stage_script(stage, "rm -f " NOTIFY, 0, NULL, err) < 0)
		return -1;
	notify = notifies ? stage_socket(stage, NOTIFY, err) : -1;
	if (notifies && notify < 0)
		return -1;
	unit_add_script(&script, &s->unit, s->name, notifies ? NOTIFY : NULL);
	if (stage_script(stage, buf_text(&script), 0, NULL, err) < 0)
		return -1;
	return notifies ? await_ready(s, stage, notify, err) : 0;
}

void services_start(struct services *s, struct stage *stage)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service *one = &s->rows[i];
		AUTO_FREE char *script = NULL;
		struct error err = { 0 };
		int result;

		if (one->by == SERVICE_BY_UNIT) {
			result = start_unit(one, stage, &err);
		} else {
			script = one->by == SERVICE_BY_INIT
			                 ? xasprintf("/etc/init.d/%s start </dev/null "
			                             ">>/var/log/rehearse-%s.log 2>&1",
			                             one->name, one->name)
			                 : xasprintf("( %s ) </dev/null "
			                             ">>/var/log/rehearse-command.log 2>&1",
			                             one->name);
			result = stage_script(stage, script, 0, NULL, &err);
		}
		if (result < 0)
			note_failure(one, stage, err.text);
	}
}

void services_settle(const struct services *s, struct stage *stage)
{
	int64_t now = clock_monotonic_ms(), end = now + SETTLE_MOST_MS, still = now;
	size_t listening = 0;
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		any |= !s->rows[i].why_not &&
		       (s->rows[i].by == SERVICE_BY_COMMAND ||
		        (s->rows[i].by == SERVICE_BY_UNIT && s->rows[i].unit.type == UNIT_SIMPLE));
	while (any && now < end && now - still < SETTLE_MS) {
		size_t n = stage_listeners(stage);

		if (n != listening)
			still = now;
		listening = n;
		clock_sleep_ms(LOOK_MS);
		now = clock_monotonic_ms();
	}
}

void services_look(struct services *s, struct stage *stage)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service *one = &s->rows[i];
		bool stays = one->by == SERVICE_BY_UNIT &&
		             (one->unit.type == UNIT_SIMPLE || one->unit.type == UNIT_NOTIFY);
		AUTO_FREE char *alive = xasprintf("kill -0 $(cat '/run/rehearse-%s.pid')",
		                                  one->name);
		struct error err = { 0 };

		if (stays && !one->why_not && stage_script(stage, alive, 0, NULL, &err) < 0)
			note_failure(one, stage, "it has ended by itself");
	}
}
