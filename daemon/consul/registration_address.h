/*
 * registration_address.h - the addresses in a registration: where Consul finds
 * our /health, and those by which each host means itself.
 */
#ifndef REGISTRATION_ADDRESS_H
#define REGISTRATION_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "consul_reply.h"

#define REGISTRATION_URL	512

/* Where Consul finds our /health. */
void	registration_url(const struct config *, int api_port,
	    char url[REGISTRATION_URL]);
/* Whoever is told to follow such a master would follow himself: while there are
 * copies on other nodes than this one, its address, or one of theirs, is one by
 * which each host means itself.  Says so, and what to do. */
bool	registration_misleads(const struct config *, const char *node,
	    const struct consul_reply *, char *why, size_t size);

#endif
