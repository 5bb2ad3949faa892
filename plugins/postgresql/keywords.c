/*
 * keywords.c - the options connection and replication as libpq's connection
 * parameters.
 */

#include "keywords.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
keywords_have(const struct keywords *k, const char *key)
{
	int	 i;

	for (i = 0; i < k->count; i++)
		if (strcmp(k->key[i], key) == 0)
			return true;
	return false;
}

void
keywords_add(struct keywords *k, const char *key, const char *value)
{
	if (k->count == KEYWORDS || keywords_have(k, key))
		return;
	k->key[k->count] = key;
	k->value[k->count++] = value;
}

void
keywords_set(struct keywords *k, const char *key, const char *value)
{
	int	 i;

	for (i = 0; i < k->count; i++)
		if (strcmp(k->key[i], key) == 0)
			k->value[i] = value;
	keywords_add(k, key, value);
}

bool
keywords_read(struct keywords *k, const char *text, char **why)
{
	PQconninfoOption	*o;

	*k = (struct keywords){ .options = PQconninfoParse(text, why) };
	for (o = k->options; o != NULL && o->keyword != NULL; o++)
		if (o->val != NULL)
			keywords_add(k, o->keyword, o->val);
	return k->options != NULL;
}

const char *
keywords_value(const struct keywords *k, const char *key, const char *variable)
{
	const char	*value = getenv(variable);
	int		 i;

	for (i = 0; i < k->count; i++)
		if (strcmp(k->key[i], key) == 0)
			value = k->value[i];
	return value == NULL ? "" : value;
}

/* A list, with a comma between two. */
static bool
is_name(const char *hosts)
{
	char		 host[64];
	struct in6_addr	 address;
	size_t		 length;

	for (;; hosts += length + 1) {
		length = strcspn(hosts, ",");
		snprintf(host, sizeof(host), "%.*s", (int)length, hosts);
		if (*host != '\0' && *host != '/' && *host != '@' &&
		    strcmp(host, "localhost") != 0 &&
		    inet_pton(AF_INET, host, &address) != 1 &&
		    inet_pton(AF_INET6, host, &address) != 1)
			return true;
		if (hosts[length] == '\0')
			return false;
	}
}

bool
keywords_look_up(struct failover *f)
{
	struct keywords	 k;
	char		*why = NULL;
	const char	*host;
	bool		 looks_up = false;

	if (keywords_read(&k, f->option(f, "connection"), &why) &&
	    *keywords_value(&k, "hostaddr", "PGHOSTADDR") == '\0') {
		host = keywords_value(&k, "host", "PGHOST");
		/* What a service file has is not seen here. */
		looks_up = is_name(host) || (!keywords_have(&k, "host") &&
		    *keywords_value(&k, "service", "PGSERVICE") != '\0');
	}
	PQconninfoFree(k.options);
	PQfreemem(why);
	return looks_up;
}

static bool
check_conninfo(struct failover *f, const char *option, const char *forbidden)
{
	struct keywords	 k;
	char		*why = NULL;
	bool		 ok;

	ok = keywords_read(&k, f->option(f, option), &why);
	if (!ok)
		f->say(f, FAILOVER_FAILED, "option %s: %s", option, why);
	else if (keywords_have(&k, "password")) {
		f->say(f, FAILOVER_FAILED, "option %s holds a password: put "
		    "it into a file and name that%s", option, *forbidden ?
		    " with passfile=" : " as password_file");
		ok = false;
	} else if (*forbidden && keywords_have(&k, forbidden)) {
		f->say(f, FAILOVER_FAILED, "option %s has %s=, which is the "
		    "master's and changes", option, forbidden);
		ok = false;
	}
	PQconninfoFree(k.options);
	PQfreemem(why);
	return ok;
}

bool
keywords_check(struct failover *f)
{
	return check_conninfo(f, "connection", "") &&
	    check_conninfo(f, "replication", "host") &&
	    check_conninfo(f, "replication", "port");
}

/* Appends key='value', with what conninfo wants escaped. */
static size_t
put(char *text, size_t size, size_t at, const char *key, const char *value)
{
	at += (size_t)snprintf(at < size ? text + at : NULL,
	    at < size ? size - at : 0, "%s%s='", at == 0 ? "" : " ", key);
	for (; *value != '\0'; value++) {
		if ((*value == '\'' || *value == '\\') && at++ < size)
			text[at - 1] = '\\';
		if (at++ < size)
			text[at - 1] = *value;
	}
	if (at++ < size)
		text[at - 1] = '\'';
	if (at < size)
		text[at] = '\0';
	return at;
}

bool
keywords_conninfo(struct failover *f, const char *host, uint16_t port,
    const char *database, char *text, size_t size)
{
	struct keywords	 k;
	char		 number[8], *why = NULL;
	size_t		 at = 0;
	int		 i;

	if (!keywords_read(&k, f->option(f, "replication"), &why)) {
		PQfreemem(why);
		return false;
	}
	snprintf(number, sizeof(number), "%d", port);
	keywords_add(&k, "host", host);
	keywords_add(&k, "port", number);
	/* Names this copy in pg_stat_replication, and for
	 * synchronous_standby_names. */
	keywords_add(&k, "application_name", *f->node ? f->node : f->service);
	if (*database)
		keywords_add(&k, "dbname", database);
	for (i = 0; i < k.count; i++)
		at = put(text, size, at, k.key[i], k.value[i]);
	PQconninfoFree(k.options);
	return at < size;
}
