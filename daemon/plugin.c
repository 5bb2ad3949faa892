/* plugin.c - load a shared object and see whether it is a plugin of ours. */
#include "plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define SYMBOL(name, required) \
	{ #name, offsetof(struct plugin, name), required }
static const struct plugin_symbol {
	const char	*name;
	size_t		 offset;
	bool		 required;
} plugin_symbols[] = {
	SYMBOL(health,		true),
	SYMBOL(ensure_master,	true),
	SYMBOL(ensure_slave,	true),
	SYMBOL(ensure_demoted,	false),
	SYMBOL(position,	false),
	SYMBOL(has_position,	false),
	SYMBOL(behind,		false),
	SYMBOL(watch_fd,	false),
	SYMBOL(plugin_start,	false),
	SYMBOL(plugin_stop,	false),
};
#define SYMBOLS	(sizeof(plugin_symbols) / sizeof(plugin_symbols[0]))

/* dlopen would find these too, but says "invalid ELF header" or "file too
 * short", which tells an operator little. */
static bool
plugin_check_file(const char *path, struct error *err)
{
	char	 magic[4];
	int	 fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t	 n;

	if (fd < 0)
		return error_set(err, "plugin %s: %s", path, strerror(errno));
	n = read(fd, magic, sizeof(magic));
	close(fd);
	if (n != sizeof(magic) || memcmp(magic, "\177ELF", sizeof(magic)) != 0)
		return error_set(err, "plugin %s is not a shared object",
		    path);
	return true;
}

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

static bool
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
		    "consul-failover has %u: build it again with the plugin.h "
		    "of this version", p->path, (unsigned)info->abi,
		    FAILOVER_PLUGIN_ABI);

	/* A plugin built with an older header has fewer fields. */
	size = info->size < sizeof(p->info) ? info->size : sizeof(p->info);
	memcpy(&p->info, info, size);

	for (o = p->info.options; o != NULL && o->name != NULL; o++)
		if ((o->type & ~FAILOVER_REQUIRED) > FAILOVER_DURATION ||
		    o->type < 0)
			return error_set(err, "%s declares option %s with "
			    "type %d, which is no failover_option_type",
			    p->path, o->name, o->type);
	return true;
}

bool
plugin_load(struct plugin *p, const char *path, struct error *err)
{
	const struct plugin_symbol	*s;
	void				*object, *info, *symbol;
	Dl_info				 own = { 0 };

	*p = (struct plugin){ .path = path };
	if (!plugin_check_file(path, err))
		return false;
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		return error_set(err, "plugin %s can't be loaded: %s", path,
		    dlerror());

	info = plugin_own_symbol(object, NULL, "plugin_info");
	if (!plugin_check_info(p, info, err))
		return false;
	dladdr(info, &own);
	for (s = plugin_symbols; s < plugin_symbols + SYMBOLS; s++) {
		symbol = plugin_own_symbol(object, own.dli_fbase, s->name);
		if (symbol == NULL && s->required)
			return error_set(err, "%s lacks the function %s",
			    path, s->name);
		memcpy((char *)p + s->offset, &symbol, sizeof(symbol));
	}
	return true;
}

const char *
plugin_function(const struct plugin *p, size_t i)
{
	const struct plugin_symbol	*s;
	void				*function;

	for (s = plugin_symbols; s < plugin_symbols + SYMBOLS; s++) {
		memcpy(&function, (const char *)p + s->offset,
		    sizeof(function));
		if (function != NULL && i-- == 0)
			return s->name;
	}
	return NULL;
}
