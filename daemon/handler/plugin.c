/* plugin.c - loads a shared object and checks that it is one of our plugins. */
#include "plugin.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

/* A symbol of the object itself: dlsym would also give one of a library that
 * it links, and "position" is a name that a library may well have. */
static void *
plugin_own_symbol(void *object, const void *base, const char *name)
{
	void	*symbol = dlsym(object, name);
	Dl_info	 where;

	if (symbol == NULL || dladdr(symbol, &where) == 0 ||
	    (base != NULL && where.dli_fbase != base))
		return NULL;
	return symbol;
}

/* The first header had these fields, and did not tell its sizes. */
#define OPTION_FIRST	(offsetof(struct failover_option, meaning) +	\
			    sizeof(const char *))

/* In a table of ours, with what the plugin's rows have.  It is never freed. */
static CHECKED bool
plugin_copy_options(struct plugin *p, struct error *err)
{
	const char		*row = (const char *)p->info.options;
	size_t			 size = p->info.option_size, count = 0;
	struct failover_option	*own;

	if (row == NULL)
		return true;
	if (size == 0)
		size = OPTION_FIRST;
	if (size < OPTION_FIRST)
		return error_set(err, "%s declares options of %zu bytes; an "
		    "option has at least %zu", p->path, size, OPTION_FIRST);
	while (((const struct failover_option *)(row + count * size))->name !=
	    NULL)
		count++;
	own = must_zeroed(count + 1, sizeof *own);
	p->info.options = own;
	for (; count-- > 0; row += size, own++)
		memcpy(own, row, size < sizeof *own ? size : sizeof *own);
	return true;
}

static CHECKED bool
plugin_check_info(struct plugin *p, const struct failover_plugin_info *info,
    struct error *err)
{
	const struct failover_option	*o;
	size_t				 size;

	if (info == NULL)
		return error_set(err, "%s exports no plugin_info: is it a "
		    "consul-failover plugin?", p->path);
	if (info->magic != FAILOVER_PLUGIN_MAGIC)
		return error_set(err, "%s exports a plugin_info that is not "
		    "ours: its magic is %#x, not %#x", p->path,
		    (unsigned)info->magic, FAILOVER_PLUGIN_MAGIC);
	if (info->abi != FAILOVER_PLUGIN_ABI)
		return error_set(err, "%s is built for plugin ABI %u, and this "
		    "consul-failover has %u: rebuild it with the plugin.h of "
		    "this version", p->path, (unsigned)info->abi,
		    FAILOVER_PLUGIN_ABI);

	/* A plugin built with an older header has fewer fields. */
	size = info->size < sizeof p->info ? info->size : sizeof p->info;
	memcpy(&p->info, info, size);
	if (p->info.failover_size > PLUGIN_ROOM)
		return error_set(err, "%s is built for a struct failover of %u "
		    "bytes, and this consul-failover has %d: use a newer one",
		    p->path, (unsigned)p->info.failover_size, PLUGIN_ROOM);
	if (!plugin_copy_options(p, err))
		return false;

	for (o = p->info.options; o != NULL && o->name != NULL; o++)
		if ((o->type & ~FAILOVER_REQUIRED) > FAILOVER_SECRET ||
		    o->type < 0)
			return error_set(err, "%s declares option %s with type "
			    "%d, which is not a failover_option_type",
			    p->path, o->name, o->type);
	return true;
}

/* By our number, not as "self": so a debugger finds the file, too. */
static void *
plugin_open(struct plugin *p, int fd, struct error *err)
{
	char		 name[64];
	const char	*why;
	void		*object;

	snprintf(name, sizeof name, "/proc/%ld/fd/%d", (long)getpid(), fd);
	object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (object != NULL)
		return object;
	why = dlerror();
	if (strncmp(why, name, strlen(name)) == 0)
		why += strlen(name) + strspn(why + strlen(name), ": ");
	error_set(err, "plugin %s can't be loaded: %s", p->path, why);
	return NULL;
}

bool
plugin_load(struct plugin *p, const char *path, int fd, struct error *err)
{
	const struct operation_row	*row = operation_rows;
	void				*object, *info, *symbol;
	Dl_info				 own = { 0 };
	int				 op;

	*p = (struct plugin){ .path = path };
	object = plugin_open(p, fd, err);
	if (object == NULL)
		return false;

	info = plugin_own_symbol(object, NULL, "plugin_info");
	if (!plugin_check_info(p, info, err))
		return false;
	dladdr(info, &own);
	p->object = object;
	p->base = own.dli_fbase;
	for (op = 0; op < OPERATION_FUNCTIONS; op++, row++) {
		symbol = plugin_own_symbol(object, own.dli_fbase, row->name);
		if (symbol == NULL && row->required)
			return error_set(err, "%s lacks the function %s",
			    path, row->name);
		memcpy(&p->functions[op], &symbol, sizeof symbol);
	}
	return true;
}

const char *
plugin_function(const struct plugin *p, size_t i)
{
	int	op;

	for (op = 0; op < OPERATION_FUNCTIONS; op++)
		if (p->functions[op] != NULL && i-- == 0)
			return operation_rows[op].name;
	return NULL;
}

/*
 * A function that is there under nearly its name would be silently missing.
 */

static bool
plugin_try_near(const struct plugin *p, char *text, size_t size,
    const char *near, const char *name)
{
	if (plugin_own_symbol(p->object, p->base, near) == NULL)
		return false;
	snprintf(text, size, "%s=%s", near, name);
	return true;
}

/* With a letter at that place left out, changed, added, or two of them the
 * other way round. */
static bool
plugin_find_slip(const struct plugin *p, char *text, size_t size,
    const char *name, size_t at)
{
	static const char	 letters[] = "abcdefghijklmnopqrstuvwxyz_";
	const char		*l, *rest = name + at;
	int			 n = (int)at;
	char			 near[PLUGIN_NEAR / 2];
	size_t			 max = sizeof near;

	for (l = letters; *l != '\0'; l++) {
		snprintf(near, max, "%.*s%c%s", n, name, *l, rest);
		if (plugin_try_near(p, text, size, near, name))
			return true;
		if (*rest == '\0' || *rest == *l)
			continue;
		snprintf(near, max, "%.*s%c%s", n, name, *l, rest + 1);
		if (plugin_try_near(p, text, size, near, name))
			return true;
	}
	if (*rest == '\0')
		return false;
	snprintf(near, max, "%.*s%s", n, name, rest + 1);
	if (plugin_try_near(p, text, size, near, name))
		return true;
	if (rest[1] == '\0' || rest[1] == *rest)
		return false;
	snprintf(near, max, "%.*s%c%c%s", n, name, rest[1], *rest, rest + 2);
	return plugin_try_near(p, text, size, near, name);
}

bool
plugin_find_near(const struct plugin *p, char *text, size_t size)
{
	const char	*name;
	size_t		 at;
	int		 op;

	for (op = 0; op < OPERATION_FUNCTIONS; op++) {
		if (p->functions[op] != NULL)
			continue;
		name = operation_rows[op].name;
		for (at = 0; at <= strlen(name); at++)
			if (plugin_find_slip(p, text, size, name, at))
				return true;
	}
	return false;
}
