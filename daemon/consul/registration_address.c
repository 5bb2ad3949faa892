/*
 * registration_address.c - the addresses in a registration: the URL of our
 * /health, and addresses by which every host refers to itself.
 */
#include "registration_address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "value.h"

/* On a host with several nodes all of them have such an address. */
bool
registration_misleads(const struct config *c, const char *node,
    const struct consul_reply *reply, char *why, size_t size)
{
	const char	*own = c->service_address;
	size_t		 i;

	for (i = 0; i < reply->instance_count; i++) {
		const struct consul_instance	*in = &reply->instances[i];
		bool	 ours = value_is_loopback(own);

		if (strcasecmp(in->node, node) == 0 ||
		    in->node_address[0] == '\0' ||
		    value_is_loopback(in->node_address) ||
		    (!ours && !value_is_loopback(in->address)))
			continue;
		snprintf(why, size, "this copy is not registered, so it "
		    "can't become master: the node \"%.100s\" has a copy of "
		    "this service, too, and the [service] address %s is %.100s, "
		    "by which each host means itself: a slave would follow "
		    "itself. Set it to one by which the other nodes reach that "
		    "copy, and restart its agent. If that node is gone for "
		    "good, take it out of Consul", in->node, ours ? "here" :
		    "there", ours ? own : in->address);
		return true;
	}
	return false;
}

void
registration_url(const struct config *config, int api_port,
    char url[REGISTRATION_URL])
{
	struct error	err;
	char		host[256];
	int		port;

	/* Consul polls from this host: all addresses include the loopback. */
	if (!value_split_address(config->api_listen, host, sizeof host,
	    &port, &err) || host[0] == '\0' || strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, sizeof host, "::1");
	snprintf(url, REGISTRATION_URL,
	    strchr(host, ':') != NULL ? "http://[%s]:%d/health" :
	    "http://%s:%d/health", host, api_port);
}
