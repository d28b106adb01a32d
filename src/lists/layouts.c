/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/layouts.h"

#include "lists/python_value.h"

#define URL_USUAL "http://%s/mailman/"
#define URL_DEBIAN "http://%s/cgi-bin/mailman/"

/* What Debian's and Red Hat's packages put elsewhere; Plesk uses the distribution's. */
#define DEBIAN_OTHERS                                                                              \
	{                                                                                          \
		{                                                                                  \
			LISTS_PIDFILE, "/var/run/mailman/mailman.pid"                              \
		}                                                                                  \
	}
/* clang-format off */
#define REDHAT_OTHERS {                                                                            \
		{ LISTS_QUEUE_DIR, "/var/spool/mailman" },                                         \
		{ LISTS_LOCK_DIR, "/var/lock/mailman" },                                           \
		{ LISTS_LOG_DIR, "/var/log/mailman" },                                             \
		{ LISTS_CONFIG_DIR, "/etc/mailman" },                                              \
		{ LISTS_PID_DIR, "/var/run/mailman" },                                             \
		{ LISTS_PIDFILE, "/var/run/mailman/master-qrunner.pid" },                          \
		{ LISTS_SITE_PW_FILE, "/etc/mailman/adm.pw" },                                     \
		{ LISTS_LISTCREATOR_PW_FILE, "/etc/mailman/creator.pw" },                          \
	}

const struct lists_layout lists_layouts[] = {
	{ .name = "cpanel", .title = "cPanel",
	  .places = { "/usr/local/cpanel/3rdparty/mailman" },
	  .prefix = "/usr/local/cpanel/3rdparty/mailman", .var = "/usr/local/cpanel/3rdparty/mailman",
	  .mark = "/usr/local/cpanel", .needs_mark = true,
	  .user = "mailman", .group = "mailman", .url_pattern = URL_USUAL },
	{ .name = "plesk", .title = "Plesk on Debian or Ubuntu",
	  .places = { "/usr/lib/mailman", "/var/lib/mailman" },
	  .prefix = "/var/lib/mailman", .var = "/var/lib/mailman", .others = DEBIAN_OTHERS,
	  .settings = "/etc/mailman/mm_cfg.py", .mark = "/opt/psa", .needs_mark = true,
	  .user = "list", .group = "list", .url_pattern = URL_DEBIAN },
	{ .name = "plesk", .title = "Plesk on Red Hat or one of its kind",
	  .places = { "/usr/lib/mailman" },
	  .prefix = "/usr/lib/mailman", .var = "/var/lib/mailman", .others = REDHAT_OTHERS,
	  .settings = "/etc/mailman/mm_cfg.py", .mark = "/usr/local/psa", .needs_mark = true,
	  .user = "mailman", .group = "mailman", .url_pattern = URL_USUAL },
	{ .name = "debian", .title = "Debian or Ubuntu package",
	  .places = { "/usr/lib/mailman", "/var/lib/mailman" },
	  .prefix = "/var/lib/mailman", .var = "/var/lib/mailman", .others = DEBIAN_OTHERS,
	  .settings = "/etc/mailman/mm_cfg.py", .mark = "/etc/debian_version",
	  .user = "list", .group = "list", .url_pattern = URL_DEBIAN },
	{ .name = "redhat", .title = "package of Red Hat, CentOS, Scientific Linux or Fedora",
	  .places = { "/usr/lib/mailman", "/usr/lib64/mailman" },
	  .prefix = "/usr/lib/mailman", .var = "/var/lib/mailman", .others = REDHAT_OTHERS,
	  .settings = "/etc/mailman/mm_cfg.py", .mark = "/etc/redhat-release",
	  .user = "mailman", .group = "mailman", .url_pattern = URL_USUAL },
	{ .name = "freebsd", .title = "FreeBSD port",
	  .places = { "/usr/local/mailman" },
	  .prefix = "/usr/local/mailman", .var = "/usr/local/mailman",
	  .mark = "/bin/freebsd-version", .needs_mark = true,
	  .user = "mailman", .group = "mailman", .url_pattern = URL_USUAL },
	{ .name = "macos", .title = "macOS Server",
	  .places = { "/usr/share/mailman" },
	  .prefix = "/usr/share/mailman", .var = "/private/var/mailman",
	  .mark = "/private/var/mailman", .needs_mark = true,
	  .user = "_mailman", .group = "_mailman", .url_pattern = URL_USUAL },
	/* also the oldest packages of Red Hat, which had everything in /var/mailman */
	{ .name = "source", .title = "installed from source",
	  .places = { "/usr/local/mailman", "/home/mailman", "/opt/mailman", "/var/mailman",
	              "/srv/mailman" },
	  .user = "mailman", .group = "mailman", .url_pattern = URL_USUAL },
};
/* clang-format on */
const size_t lists_layouts_rows = ROWS(lists_layouts);

void lists_layout_paths(const struct lists_layout *layout, const char *prefix, const char *var,
                        struct lists_paths *out)
{
	*out = (struct lists_paths){ 0 };
	for (size_t i = 0; i < LISTS_LAYOUT_OTHERS && layout->others[i].path; i++)
		lists_paths_set(out, layout->others[i].which, layout->others[i].path);
	lists_paths_fill(out, layout->prefix ? layout->prefix : prefix,
	                 layout->var ? layout->var : var);
}

static void add_assignment(struct buf *out, const char *name, const char *text)
{
	AUTO_PYTHON_VALUE struct python_value *v = python_str(span_of(text));

	if (!v)
		return;
	buf_addf(out, "%s = ", name);
	python_repr(v, out);
	buf_add_char(out, '\n');
}

/* Values of Mailman 2.1.39. */
static const char usual[] = "Yes = yes = On = on = True\n"
			    "No = no = Off = off = False\n"
			    "VIRTUAL_HOSTS = {}\n"
			    "LC_DESCRIPTIONS = {}\n"
			    "CGIEXT = ''\n"
			    "DEFAULT_SERVER_LANGUAGE = 'en'\n"
			    "MAILMAN_SITE_LIST = 'mailman'\n"
			    "MTA = 'Manual'\n"
			    "POSTFIX_STYLE_VIRTUAL_DOMAINS = []\n"
			    "VIRTUAL_MAILMAN_LOCAL_DOMAIN = None\n"
			    "USE_MAILDIR = No\n"
			    "ARCHIVE_TO_MBOX = 2\n"
			    "PUBLIC_ARCHIVE_URL = 'http://%(hostname)s/pipermail/%(listname)s'\n"
			    "SMTPHOST = 'localhost'\n"
			    "SMTPPORT = 0\n";

void lists_layout_defaults(const struct lists_layout *layout, const struct lists_paths *paths,
                           struct buf *out)
{
	buf_add_text(out, usual);
	add_assignment(out, "MAILMAN_USER", layout->user);
	add_assignment(out, "MAILMAN_GROUP", layout->group);
	add_assignment(out, "DEFAULT_URL_PATTERN", layout->url_pattern);
	for (size_t i = 0; i < LISTS_PATHS; i++)
		if (paths->value[i])
			add_assignment(out, lists_path_kinds[i].name, paths->value[i]);
}
