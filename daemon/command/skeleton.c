/* skeleton.c - consul-failover plugin new: the folder of a new plugin. */
#include "skeleton.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME	"skeleton"	/* the new name stands in its place */

/* NAME as a file's name is the plugin's, too. */
static const struct {
	const char	*file, *text;
} skeleton_files[] = {
	{ NAME ".c",
#include "skeleton_text.h"
	},
	{ "Makefile",
	    "# make, make test; then copy " NAME ".so to the folder that\n"
	    "# pkg-config --variable=plugindir consul-failover prints.\n"
	    "\n"
	    "CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra\n"
	    "CPPFLAGS = $$(pkg-config --cflags consul-failover)\n"
	    "CONSUL_FAILOVER = consul-failover\n"
	    "\n"
	    NAME ".so: " NAME ".c\n"
	    "\t$(CC) $(CFLAGS) $(CPPFLAGS) -fPIC -fvisibility=hidden -shared "
	    "-o $@ $<\n"
	    "\n"
	    "# The probe checks, without the plugin, whether the copy "
	    "takes writes.\n"
	    "test: " NAME ".so\n"
	    "\t$(CONSUL_FAILOVER) plugin test -c " NAME ".ini --yes "
	    "--kill \\\n"
	    "\t    --master 127.0.0.9:8080 --probe 'grep -qx master role'\n"
	    "\n"
	    "clean:\n"
	    "\trm -rf " NAME ".so role run\n"
	    "\n"
	    ".PHONY: test clean\n" },
	{ NAME ".ini",
	    "# For make test, from this folder; see consul-failover.ini(5).\n"
	    "[service]\n"
	    "name = " NAME "\n"
	    "port = 8080\n"
	    "\n"
	    "[plugin]\n"
	    "path = ./" NAME ".so\n"
	    "\n"
	    "[options]\n"
	    "role_file = role\n"
	    "\n"
	    "[agent]\n"
	    "run_dir = run\n"
	    "state_dir = run\n" },
};

static void
skeleton_print(FILE *file, const char *text, const char *name)
{
	const char	*at;

	for (; (at = strstr(text, NAME)) != NULL; text = at + strlen(NAME))
		fprintf(file, "%.*s%s", (int)(at - text), text, name);
	fputs(text, file);
}

static CHECKED bool
skeleton_write_file(const char *name, const char *as, const char *text,
    struct error *err)
{
	char	 path[PATH_MAX];
	FILE	*file;
	bool	 ok;

	if (strncmp(as, NAME, strlen(NAME)) == 0)
		snprintf(path, sizeof path, "%s/%s%s", name, name,
		    as + strlen(NAME));
	else
		snprintf(path, sizeof path, "%s/%s", name, as);
	file = fopen(path, "wxe");
	if (file == NULL)
		return error_set(err, "%s: %s", path, strerror(errno));
	skeleton_print(file, text, name);
	ok = !ferror(file);
	return (fclose(file) == 0 && ok) ||
	    error_set(err, "%s: %s", path, strerror(errno));
}

bool
skeleton_write(const char *name, struct error *err)
{
	size_t	 i;

	if (name[0] == '\0' || strlen(name) > 32 || name[strspn(name,
	    "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0' ||
	    name[0] == '-')
		return error_set(err, "a plugin's name has up to 32 of a-z, 0-9, "
		    "_ and -, not \"%s\"", name);
	if (mkdir(name, 0777) != 0)
		return error_set(err, "can't make the folder %s: %s", name,
		    strerror(errno));
	for (i = 0; i < sizeof skeleton_files / sizeof skeleton_files[0];
	    i++)
		if (!skeleton_write_file(name, skeleton_files[i].file,
		    skeleton_files[i].text, err))
			return false;
	return true;
}
