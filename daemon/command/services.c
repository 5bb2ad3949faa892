/*
 * services.c - the services of consul-failover in Consul:
 *
 *   keys -> the catalogue's services -> critical [-> health, of each in doubt]
 *
 * What never had a master has no lock; if its copies are unhealthy from the
 * beginning, they have no tag either.
 */
#include "services.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "registration_role.h"

#define PREFIX	"lock/"
#define SUFFIX	"/leader"
#define LONGEST	63		/* name of a service */

static void
services_add(char ***list, size_t *count, const char *name, size_t length)
{
	*list = must_grow(*list, *count + 1, sizeof **list);
	(*list)[(*count)++] = must_format("%.*s", (int)length, name);
}

static void
services_clear(char ***list, size_t *count)
{
	while (*count > 0)
		free((*list)[--*count]);
	free(*list);
	*list = NULL;
}

void
services_forget(struct services *s)
{
	services_clear(&s->names, &s->count);
	services_clear(&s->doubtful, &s->doubtful_count);
}

static int
services_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Then the caller has heard of it. */
static bool
services_failed(struct services *s, const struct consul_reply *r)
{
	if (r->outcome == CONSUL_OK)
		return false;
	s->cb(r, s->arg);
	return true;
}

static void	services_ask_next(struct services *);

/* Others, too, tag their services with "master" and "slave". */
static void
services_saw_copies(const struct consul_reply *r, void *arg)
{
	struct services	*s = arg;
	const char	*name = s->doubtful[s->doubtful_count - 1];
	size_t		 i;

	if (services_failed(s, r))
		return;
	for (i = 0; i < r->instance_count && !r->instances[i].ours; i++)
		;
	if (i < r->instance_count)
		services_add(&s->names, &s->count, name, strlen(name));
	free(s->doubtful[--s->doubtful_count]);
	services_ask_next(s);
}

static void
services_ask_next(struct services *s)
{
	if (s->doubtful_count > 0) {
		consul_health(s->consul, s->doubtful[s->doubtful_count - 1],
		    services_saw_copies, s);
		return;
	}
	if (s->count > 0)
		qsort(s->names, s->count, sizeof *s->names, services_compare);
	s->cb(NULL, s->arg);
}

/* To the catalogue Orders and orders are one. */
static bool
services_has(char *const *list, size_t count, const char *name)
{
	while (count > 0)
		if (strcasecmp(list[--count], name) == 0)
			return true;
	return false;
}

static void
services_doubt(struct services *s, const char *name)
{
	if (!services_has(s->names, s->count, name) &&
	    !services_has(s->doubtful, s->doubtful_count, name))
		services_add(&s->doubtful, &s->doubtful_count, name,
		    strlen(name));
}

static void
services_saw_critical(const struct consul_reply *r, void *arg)
{
	struct services	*s = arg;
	size_t		 i;

	if (services_failed(s, r))
		return;
	for (i = 0; i < r->record_count; i++)
		services_doubt(s, r->records[i].key);
	services_ask_next(s);
}

static bool
services_is_tagged(const char *tags)
{
	for (; tags != NULL; tags = strchr(tags, ',')) {
		tags += tags[0] == ',';
		if (registration_role(tags)[0] != '\0')
			return true;
	}
	return false;
}

static void
services_saw_catalog(const struct consul_reply *r, void *arg)
{
	struct services	*s = arg;
	size_t		 i;

	if (services_failed(s, r))
		return;
	for (i = 0; i < r->record_count; i++)
		if (services_is_tagged(r->records[i].value))
			services_doubt(s, r->records[i].key);
	consul_critical(s->consul, services_saw_critical, s);
}

static void
services_saw_keys(const struct consul_reply *r, void *arg)
{
	struct services	*s = arg;
	size_t		 i, n;

	if (services_failed(s, r))
		return;
	for (i = 0; i < r->record_count; i++) {
		const char	*name = r->records[i].key + strlen(PREFIX);

		n = strcspn(name, "/");
		if (n > 0 && n <= LONGEST && strcmp(name + n, SUFFIX) == 0)
			services_add(&s->names, &s->count, name, n);
	}
	consul_services(s->consul, services_saw_catalog, s);
}

void
services_find(struct services *s, struct consul *consul, services_cb cb,
    void *arg)
{
	services_forget(s);
	s->consul = consul;
	s->cb = cb;
	s->arg = arg;
	consul_keys(consul, PREFIX, services_saw_keys, s);
}
