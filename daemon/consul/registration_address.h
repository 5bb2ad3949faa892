/*
 * registration_address.h - the addresses in a registration: the URL of our
 * /health, and addresses by which every host refers to itself.
 */
#ifndef REGISTRATION_ADDRESS_H
#define REGISTRATION_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "consul_reply.h"

#define REGISTRATION_URL	512

/* The URL of our /health for Consul. */
void	registration_url(const struct config *, int api_port,
	    char url[REGISTRATION_URL]);
/* Are there copies on other nodes, while this copy's address, or one of theirs,
 * is one by which every host refers to itself?  A slave of such a master would
 * follow itself.  Gives the reason, and what to do. */
bool	registration_misleads(const struct config *, const char *node,
	    const struct consul_reply *, char *why, size_t size);

#endif
