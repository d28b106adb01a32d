/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/paths.h"

#include "base/memory.h"
#include "lists/layouts.h"
#include "lists/resolve.h"
#include "lists/settings.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static void installation_fini(struct lists_installation *one)
{
	if (one->settings)
		lists_settings_fini(one->settings);
	free(one->settings);
	free(one->code);
	free(one->settings_file);
	free(one->version);
	free(one->user);
	free(one->group);
	lists_paths_fini(&one->paths);
	strings_fini(&one->mixed);
}

void lists_installations_fini(struct lists_installations *all)
{
	for (size_t i = 0; i < all->n; i++)
		installation_fini(&all->rows[i]);
	free(all->rows);
	*all = (struct lists_installations){ 0 };
}

/* A path below a directory, which may be "/". */
static char *below(const char *directory, const char *name)
{
	return xasprintf("%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);
}

/* Is there something at DIRECTORY/NAME? 1, 0, -1. */
static int has(struct host *h, const char *directory, const char *name, struct error *err)
{
	AUTO_FREE char *path = below(directory, name);

	return lists_resolve(h, path, NULL, NULL, err);
}

/* ── the files in force ──────────────────────────────────────────────────────────────────────── */

struct source {
	struct host *h;
	const char *code;     /* directory with Mailman/ in it; NULL: there is none */
	const char *settings; /* mm_cfg.py, where `code` is NULL */
};

/* Reads one file; what can't be read is not there. 1, 0, -1. */
static int read_at(struct host *h, const char *path, struct buf *text, char **file,
                   struct error *err)
{
	AUTO_FREE char *end = NULL;
	struct error why = { 0 };
	int found = lists_resolve(h, path, &end, NULL, err);

	if (found <= 0)
		return found;
	if (host_read(h, end, LISTS_MODULE_MAX, text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	*file = TAKE(end);
	return 1;
}

/* Modules are sought where Python would: beside mm_cfg.py, then beside the package. */
static int read_module(void *context, const char *module, struct buf *text, char **file,
                       struct error *err)
{
	static const char *const places[] = { "Mailman", "", "pythonlib" };
	const struct source *source = context;
	int found = 0;

	if (strchr(module, '.'))
		return 0;
	if (!source->code)
		return source->settings && strcmp(module, "mm_cfg") == 0
		               ? read_at(source->h, source->settings, text, file, err)
		               : 0;
	for (size_t i = 0; !found && i < ROWS(places); i++) {
		AUTO_FREE char *directory = *places[i] ? below(source->code, places[i])
		                                       : xstrdup(source->code);
		AUTO_FREE char *name = xasprintf("%s.py", module);
		AUTO_FREE char *path = below(directory, name);

		found = read_at(source->h, path, text, file, err);
	}
	return found;
}

static int read_settings(struct lists_installation *one, struct source *source, struct error *err)
{
	AUTO_BUF struct buf defaults = { 0 };
	struct lists_modules modules = { .context = source, .read = read_module };
	AUTO_BUF struct buf text = { 0 };

	lists_layout_defaults(one->layout, &one->paths, &defaults);
	modules.defaults = buf_text(&defaults);
	one->settings = xcalloc(1, sizeof *one->settings);
	if (lists_settings_read(one->settings, &modules, "mm_cfg", err) < 0)
		return -1;
	return read_module(source, "mm_cfg", &text, &one->settings_file, err) < 0 ? -1 : 0;
}

static int read_version(struct lists_installation *one, struct source *source, struct error *err)
{
	struct lists_modules modules = { .context = source, .read = read_module };
	AUTO_LISTS_SETTINGS struct lists_settings version = { 0 };

	if (lists_settings_read(&version, &modules, "Version", err) < 0)
		return -1;
	if (lists_setting_text(&version, "VERSION"))
		one->version = xstrdup(lists_setting_text(&version, "VERSION"));
	return 0;
}

/* data/last_mailman_version: "0x20127f0" is 2.1.39 (lists/2.1.39 final). */
static int read_last_version(struct lists_installation *one, struct host *h, struct error *err)
{
	AUTO_FREE char *path = lists_paths_join(&one->paths, LISTS_DATA_DIR,
	                                        "last_mailman_version");
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *file = NULL, *words = NULL;
	unsigned long number;
	char *end;
	int found = path ? read_at(h, path, &text, &file, err) : 0;

	if (found <= 0)
		return found;
	words = span_dup(span_trim(buf_span(&text)));
	number = strtoul(words, &end, 16);
	if (!*end && number >> 24 == 2)
		one->version = xasprintf("%lu.%lu.%lu", number >> 24, number >> 16 & 0xff,
		                         number >> 8 & 0xff);
	return 0;
}

/* What the settings say of paths, user and group. */
static void take_settings(struct lists_installation *one)
{
	const char *user = lists_setting_text(one->settings, "MAILMAN_USER");
	const char *group = lists_setting_text(one->settings, "MAILMAN_GROUP");

	for (enum lists_path i = 0; i < LISTS_PATHS; i++) {
		const char *path = lists_setting_text(one->settings, lists_path_kinds[i].name);

		lists_paths_set(&one->paths, i, path && *path == '/' ? path : NULL);
	}
	one->user = xstrdup(user ? user : one->layout->user);
	one->group = xstrdup(group ? group : one->layout->group);
}

/* ── layouts ─────────────────────────────────────────────────────────────────────────────────── */

static bool places_hold(const struct lists_layout *layout, const char *place)
{
	for (size_t i = 0; i < LISTS_LAYOUT_PLACES && layout->places[i]; i++)
		if (!strcmp(layout->places[i], place))
			return true;
	return false;
}

static size_t count_equal(const struct lists_paths *a, const struct lists_paths *b)
{
	size_t equal = 0;

	for (size_t i = 0; i < LISTS_PATHS; i++)
		equal += a->value[i] && b->value[i] && !strcmp(a->value[i], b->value[i]);
	return equal;
}

/* Paths of a layout that are there on the host; -1. */
static int count_there(struct host *h, const struct lists_paths *paths, struct error *err)
{
	static const enum lists_path looked_at[] = { LISTS_LIST_DATA_DIR, LISTS_QUEUE_DIR,
		                                     LISTS_LOG_DIR, LISTS_CONFIG_DIR,
		                                     LISTS_DATA_DIR };
	int there = 0;

	for (size_t i = 0; i < ROWS(looked_at); i++) {
		const char *path = paths->value[looked_at[i]];
		int found = path ? lists_resolve(h, path, NULL, NULL, err) : 0;

		if (found < 0)
			return -1;
		there += found;
	}
	return there;
}

/* Whether the host may be of the layout's kind: *marked tells that it is for sure. 1, 0, -1. */
static int may_be(struct host *h, const struct lists_layout *layout, bool *marked,
                  struct error *err)
{
	int found = layout->mark ? lists_resolve(h, layout->mark, NULL, NULL, err) : 0;

	if (found < 0)
		return -1;
	*marked = found;
	return found || !layout->needs_mark;
}

#define MARK_WEIGHT (2u * LISTS_PATHS)
#define PREFIX_WEIGHT 3u

/* The layout that known paths are most like. */
static int most_alike(struct host *h, const struct lists_paths *paths,
                      const struct lists_layout **out, struct error *err)
{
	size_t best = 0;

	*out = &lists_layouts[lists_layouts_rows - 1];
	for (size_t i = 0; i < lists_layouts_rows; i++) {
		AUTO_LISTS_PATHS struct lists_paths expected = { 0 };
		const char *prefix = paths->value[LISTS_PREFIX];
		bool marked;
		size_t score;
		int may = may_be(h, &lists_layouts[i], &marked, err);

		if (may < 0)
			return -1;
		if (!may || (!prefix && !lists_layouts[i].prefix))
			continue;
		lists_layout_paths(&lists_layouts[i], prefix, paths->value[LISTS_VAR_PREFIX],
		                   &expected);
		/* whose host it is says more than a path or two that were moved */
		score = 2 * count_equal(paths, &expected);
		if (lists_layouts[i].prefix && prefix && !strcmp(prefix, lists_layouts[i].prefix))
			score += marked ? MARK_WEIGHT : PREFIX_WEIGHT;
		if (score > best) {
			best = score;
			*out = &lists_layouts[i];
		}
	}
	return 0;
}

/* Of the layouts that have their program (or else their data) at a place, the one of which most is
 * there on the host. */
static int likeliest(struct host *h, const char *place, bool program,
                     const struct lists_layout **out, struct error *err)
{
	int most = -1;

	*out = &lists_layouts[lists_layouts_rows - 1];
	for (size_t i = 0; i < lists_layouts_rows; i++) {
		const struct lists_layout *layout = &lists_layouts[i];
		AUTO_LISTS_PATHS struct lists_paths paths = { 0 };
		bool marked = false;
		int may = may_be(h, layout, &marked, err), there;

		if (may < 0)
			return -1;
		if (!may || (program ? !places_hold(layout, place)
		                     : layout->var && strcmp(layout->var, place) != 0))
			continue;
		lists_layout_paths(layout, place, NULL, &paths);
		there = count_there(h, &paths, err);
		if (there < 0)
			return -1;
		if (2 * there + marked > most) {
			most = 2 * there + marked;
			*out = layout;
		}
	}
	return 0;
}

static void tell_mixed(struct lists_installation *one)
{
	AUTO_LISTS_PATHS struct lists_paths expected = { 0 };

	lists_layout_paths(one->layout, one->paths.value[LISTS_PREFIX],
	                   one->paths.value[LISTS_VAR_PREFIX], &expected);
	for (size_t i = 0; i < LISTS_PATHS; i++) {
		const char *is = one->paths.value[i], *usual = expected.value[i];

		if ((!is && !usual) || (is && usual && !strcmp(is, usual)))
			continue;
		strings_addf(&one->mixed, "%s is %s, \"%s\" has %s", lists_path_kinds[i].name,
		             is ? is : "not known", one->layout->name, usual ? usual : "none");
	}
}

/* ── finding ─────────────────────────────────────────────────────────────────────────────────── */

struct finding {
	struct host *h;
	struct lists_installations all;
	struct strings seen; /* Mailman/ and LIST_DATA_DIR of those found, without links */
};

static void finding_fini(struct finding *f)
{
	lists_installations_fini(&f->all);
	strings_fini(&f->seen);
}

/* Notes a path as seen. 1 it is new, 0 it was seen before, or is not there, -1. */
static int see(struct finding *f, const char *path, struct error *err)
{
	AUTO_FREE char *end = NULL;
	int found = path ? lists_resolve(f->h, path, &end, NULL, err) : 0;

	if (found <= 0)
		return found;
	if (strings_has(&f->seen, end))
		return 0;
	strings_add(&f->seen, end);
	return 1;
}

static int add(struct finding *f, struct lists_installation *one, struct error *err)
{
	if (!one->version && read_last_version(one, f->h, err) < 0)
		return -1;
	tell_mixed(one);
	ARRAY_GROW(f->all.rows, f->all.n, f->all.room);
	f->all.rows[f->all.n++] = *one;
	*one = (struct lists_installation){ 0 };
	return 0;
}
#define AUTO_INSTALLATION __attribute__((cleanup(installation_fini)))

/* An installation whose program is at `code`. */
static int add_program(struct finding *f, const char *code, struct error *err)
{
	AUTO_INSTALLATION struct lists_installation one = { 0 };
	struct source source = { .h = f->h, .code = code };
	int new;

	one.code = xstrdup(code);
	if (likeliest(f->h, code, true, &one.layout, err) < 0)
		return -1;
	lists_layout_paths(one.layout, code, NULL, &one.paths);
	if (read_settings(&one, &source, err) < 0)
		return -1;
	take_settings(&one);
	/* where Defaults.py says the paths, they tell what it is like */
	if (most_alike(f->h, &one.paths, &one.layout, err) < 0 ||
	    read_version(&one, &source, err) < 0)
		return -1;
	/* its lists are not found once more as mere data */
	new = see(f, one.paths.value[LISTS_LIST_DATA_DIR], err);
	return new < 0 ? -1 : add(f, &one, err);
}

/* Has it Mailman/Defaults.py or mm_cfg.py? 1, 0, -1. */
static int is_program(struct host *h, const char *code, struct error *err)
{
	int found = has(h, code, "Mailman/Defaults.py", err);

	return found ? found : has(h, code, "Mailman/mm_cfg.py", err);
}

static int look_for_program(struct finding *f, const char *code, struct error *err)
{
	AUTO_FREE char *package = below(code, "Mailman");
	int found = is_program(f->h, code, err);

	if (found > 0)
		found = see(f, package, err);
	return found > 0 ? add_program(f, code, err) : found;
}

/* Are there lists? 1, 0, -1. */
static int has_lists(struct host *h, const char *path, struct error *err)
{
	static const char *const files[] = { "config.pck", "config.pck.last", "config.db",
		                             "config.db.last" };
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_FREE char *end = NULL;
	struct error why = { 0 };
	int found = path ? lists_resolve(h, path, &end, NULL, err) : 0;

	if (found <= 0)
		return found;
	if (host_list(h, end, 2, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	for (size_t i = 0; i < l.n; i++) {
		const char *slash = strchr(l.rows[i].path, '/');

		for (size_t j = 0; slash && j < ROWS(files); j++)
			if (!strcmp(slash + 1, files[j]))
				return 1;
	}
	return 0;
}

/* An installation of which only the data is there. */
static int add_data(struct finding *f, const struct lists_layout *layout, const char *prefix,
                    struct error *err)
{
	AUTO_INSTALLATION struct lists_installation one = { .layout = layout };
	struct source source = { .h = f->h, .settings = layout->settings };

	lists_layout_paths(layout, prefix, NULL, &one.paths);
	if (read_settings(&one, &source, err) < 0)
		return -1;
	take_settings(&one);
	return add(f, &one, err);
}

static int look_for_data(struct finding *f, const char *var, struct error *err)
{
	AUTO_FREE char *lists = below(var, "lists");
	const struct lists_layout *layout;
	int found = has_lists(f->h, lists, err);

	if (found > 0)
		found = see(f, lists, err);
	if (found <= 0)
		return found;
	if (likeliest(f->h, var, false, &layout, err) < 0)
		return -1;
	return add_data(f, layout, var, err);
}

static int look_everywhere(struct finding *f, struct error *err)
{
	for (size_t i = 0; i < lists_layouts_rows; i++) {
		const struct lists_layout *layout = &lists_layouts[i];
		bool marked;
		int may = may_be(f->h, layout, &marked, err);

		if (may < 0)
			return -1;
		for (size_t j = 0; may && j < LISTS_LAYOUT_PLACES && layout->places[j]; j++)
			if (look_for_program(f, layout->places[j], err) < 0)
				return -1;
	}
	for (size_t i = 0; i < lists_layouts_rows; i++) {
		const struct lists_layout *layout = &lists_layouts[i];

		if (layout->var && look_for_data(f, layout->var, err) < 0)
			return -1;
		for (size_t j = 0; !layout->var && j < LISTS_LAYOUT_PLACES && layout->places[j];
		     j++)
			if (look_for_data(f, layout->places[j], err) < 0)
				return -1;
	}
	return host_reach(f->h) == HOST_FOLDER ? look_for_data(f, "/", err) : 0;
}

static int look_at(struct finding *f, const char *prefix, struct error *err)
{
	int found = is_program(f->h, prefix, err);

	if (found > 0)
		return look_for_program(f, prefix, err);
	if (found == 0 && look_for_data(f, prefix, err) == 0) {
		if (f->all.n)
			return 0;
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "there is no Mailman 2.1 at %s of the %s host", prefix, host_name(f->h));
		return error_hint(err,
		                  "a directory with Mailman/Defaults.py in it, or with lists/");
	}
	return -1;
}

int lists_paths_find(struct host *h, const char *prefix, struct lists_installations *out,
                     struct error *err)
{
	__attribute__((cleanup(finding_fini))) struct finding f = { .h = h };
	int done = prefix ? look_at(&f, prefix, err) : look_everywhere(&f, err);

	if (done < 0)
		return -1;
	*out = f.all;
	f.all = (struct lists_installations){ 0 };
	return 0;
}
