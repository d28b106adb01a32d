/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "rehearse/description.h"
#include "rehearse/sealed.h"

#include "base/memory.h"
#include "base/text.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* mailhaul sealed -- the sealed copies of this host, as man/mailhaul-sealed.1 says. */

struct order {
	const char *name, *usage;
	int arguments, arguments_max; /* without the order itself; -1: any number */
	int (*run)(struct cmd_run *run, char **arguments, struct error *err);
};

struct options {
	int foreground, dry_run, json, help;
};
static struct options options;

static const struct option long_options[] = {
	{ "foreground", no_argument, &options.foreground, 1 },
	{ "dry-run", no_argument, &options.dry_run, 1 },
	{ "json", no_argument, &options.json, 1 },
	{ "help", no_argument, &options.help, 1 },
	{ 0 },
};

static void print_host(const char *set, json_t *h)
{
	const char *state = json_string_value(json_object_get(h, "state"));
	const char *cable = json_string_value(json_object_get(h, "cable"));
	json_t *address;
	size_t i;

	printf("%s/%s\t%s%s\t%s", set, json_string_value(json_object_get(h, "name")), state,
	       strcmp(cable, "down") == 0 ? ", cable down" : "",
	       json_string_value(json_object_get(h, "hostname")));
	json_array_foreach (json_object_get(h, "addresses"), i, address)
		printf("%s%s", i ? " " : "\t", json_string_value(address));
	printf("\n");
}

/* A line a host; or the document as it is. */
static void print_sets(const char *text, bool json)
{
	json_t *all = json_loads(text, 0, NULL), *one = all, *h;
	size_t i = 0, k;

	if (json) {
		printf("%s\n", text);
	} else if (json_is_array(all)) {
		json_array_foreach (all, i, one)
			json_array_foreach (json_object_get(one, "hosts"), k, h)
				print_host(json_string_value(json_object_get(one, "name")), h);
	} else {
		json_array_foreach (json_object_get(all, "hosts"), k, h)
			print_host(json_string_value(json_object_get(all, "name")), h);
	}
	json_decref(all);
	fflush(stdout);
}

static void print_up(const char *set)
{
	print_sets(set, options.json);
}

static int print_plan(const char *path, struct error *err)
{
	AUTO_DESCRIPTION struct description *d = NULL;

	if (description_load(&d, path, err) < 0)
		return -1;
	for (unsigned i = 0; i < d->hosts_count; i++) {
		const struct description_host *h = &d->hosts[i];
		char size[16];

		printf("%s/%s\twould start\t%s\t", d->name, h->name, h->hostname);
		for (unsigned k = 0; k < h->addresses_count; k++)
			printf("%s ", h->addresses[k]);
		printf("in segment %s, disk %s\n", h->segment, text_size(size, h->disk_size));
	}
	return EXIT_CODE_GOOD;
}

static int order_start(struct cmd_run *run, char **arguments, struct error *err)
{
	AUTO_BUF struct buf set = { 0 };

	if (options.dry_run)
		return print_plan(arguments[0], err);
	if (options.foreground)
		return sealed_keep(arguments[0], print_up, err);
	if (sealed_start(arguments[0], &set, err) < 0)
		return -1;
	print_up(buf_text(&set));
	return EXIT_CODE_GOOD;
}

static int order_enter(struct cmd_run *run, char **arguments, struct error *err)
{
	int status;

	if (arguments[1] && strcmp(arguments[1], "--") == 0) {
		arguments[1] = arguments[0];
		arguments++;
	}
	if (!arguments[1]) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "which command?");
		return -1;
	}
	return sealed_enter(arguments[0], arguments + 1, &status, err) < 0 ? -1 : status;
}

static int order_list(struct cmd_run *run, char **arguments, struct error *err)
{
	AUTO_BUF struct buf sets = { 0 };

	if (sealed_list(&sets, err) < 0)
		return -1;
	print_up(buf_text(&sets));
	return EXIT_CODE_GOOD;
}

static int order_end(struct cmd_run *run, char **arguments, struct error *err)
{
	return sealed_end(arguments[0], err);
}

static int order_unplug(struct cmd_run *run, char **arguments, struct error *err)
{
	return sealed_unplug(arguments[0], err);
}

static int order_plug(struct cmd_run *run, char **arguments, struct error *err)
{
	return sealed_plug(arguments[0], err);
}

static int order_cut(struct cmd_run *run, char **arguments, struct error *err)
{
	bool up = strcmp(arguments[1], "up") == 0;

	if (!up && strcmp(arguments[1], "down") != 0)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "a cable is up or down, not \"%s\"", arguments[1]);
	return sealed_cut(arguments[0], up, err);
}

static const struct order orders[] = {
	{ "start", "FILE [--foreground] [--dry-run] [--json]", 1, 1, order_start },
	{ "enter", "NAME/HOST [--] COMMAND [ARGUMENT...]", 2, -1, order_enter },
	{ "list", "[--json]", 0, 0, order_list },
	{ "unplug", "NAME/HOST", 1, 1, order_unplug },
	{ "plug", "NAME/HOST", 1, 1, order_plug },
	{ "cut", "NAME/HOST up|down", 2, 2, order_cut },
	{ "end", "NAME", 1, 1, order_end },
};

static int usage(FILE *to)
{
	for (size_t i = 0; i < ROWS(orders); i++)
		fprintf(to, "%s mailhaul sealed %s %s\n", i ? "      " : "usage:", orders[i].name,
		        orders[i].usage);
	return EXIT_CODE_USAGE;
}

int cmd_sealed(struct cmd_run *run, struct error *err)
{
	const char *word = run->argc > 1 ? run->argv[1] : "";
	const struct order *order = NULL;
	int c, n;

	for (size_t i = 0; i < ROWS(orders); i++)
		if (strcmp(word, orders[i].name) == 0)
			order = &orders[i];
	options = (struct options){ .json = run->json, .dry_run = run->dry_run };
	/* "+": what stands behind NAME/HOST is the command's own */
	optind = 0;
	do
		c = getopt_long(run->argc - (order ? 1 : 0), run->argv + (order ? 1 : 0),
		                order && order->arguments_max < 0 ? "+" : "", long_options, NULL);
	while (c == 0);
	if (options.help && c == -1) {
		usage(stdout);
		return EXIT_CODE_GOOD;
	}
	if (!order || c != -1)
		return usage(stderr);
	n = run->argc - 1 - optind;
	if (n < order->arguments || (order->arguments_max >= 0 && n > order->arguments_max))
		return usage(stderr);
	return order->run(run, run->argv + 1 + optind, err);
}
