/*
 * stage_consul.c - a real Consul, through the daemon's own client.
 *
 *	model-consul SERVICE NAME=HOST:PORT …
 *
 * Faults and an operator's acts are the caller's: here they are only accepted.
 */
#include "stage.h"

#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"

struct stage_node {
	char		*name;
	char		 token[64];
	struct config	 config;
	struct consul	*consul;
};

static struct event_base	*base;
static struct stage_node	 nodes[STAGE_NODES];
static const char		*service;
static char			 key[CONSUL_NAME_MAX];

static bool
node_begin(struct stage_node *n, char *word, struct error *err)
{
	char	*address = strchr(word, '=');

	if (address == NULL)
		return error_set(err, "%s: not a NAME=HOST:PORT", word);
	*address++ = '\0';
	n->name = word;
	n->config.consul_address = address;
	n->config.consul_token = n->token;
	n->config.consul_token_file = n->config.consul_ca_file =
	    n->config.consul_client_cert = n->config.consul_client_key =
	    n->config.consul_tls_server_name = (char *)"";
	n->config.request_timeout = STAGE_TIMEOUT;
	return consul_new(&n->consul, base, &n->config, err);
}

bool
stage_begin(int count, char **words)
{
	struct error	err = { 0 };
	int		i;

	if (count < 2 || count > STAGE_NODES + 1) {
		fputs("usage: model-consul SERVICE NAME=HOST:PORT …\n", stderr);
		return false;
	}
	service = words[0];
	snprintf(key, sizeof key, "lock/%s/leader", service);
	base = event_base_new();
	for (i = 1; i < count; i++)
		if (!node_begin(&nodes[i - 1], words[i], &err)) {
			fprintf(stderr, "%s\n", err.text);
			return false;
		}
	return base != NULL;
}

void
stage_end(void)
{
	int	i;

	for (i = 0; i < STAGE_NODES; i++)
		consul_free(nodes[i].consul);
	event_base_free(base);
}

struct consul *
stage_consul(int node)
{
	return nodes[node].consul;
}

const char *
stage_node(int node)
{
	return nodes[node].name;
}

const char *
stage_service(void)
{
	return service;
}

const char *
stage_key(void)
{
	return key;
}

int64_t
stage_now(void)
{
	return clock_ms();
}

static void
wake(evutil_socket_t fd, short what, void *arg)
{
	bool	*late = arg;

	(void)fd;
	(void)what;
	*late = true;
}

void
stage_run(int64_t ms, const bool *done)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };
	bool		 late = false;
	struct event	*timer = evtimer_new(base, wake, &late);

	event_add(timer, &tv);
	while (!*done && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
}

/* "token NODE SECRET" is the only hand that works on our side of the wire. */
bool
stage_hand(int count, char **words)
{
	struct stage_node	*n = &nodes[words[1][0] - '1'];
	struct error		 err;

	(void)count;
	if (strcmp(words[0], "token") != 0)
		return true;
	snprintf(n->token, sizeof n->token, "%s", words[2]);
	return consul_reload(n->consul, &err);
}
