/* live.c - what files can't show: does the running Consul accept this agent? */

#include "live.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "candidates.h"
#include "consul.h"
#include "lock_value.h"
#include "must.h"
#include "namesake.h"
#include "registration.h"
#include "stranger.h"
#include "value.h"

/*
 * own_service -> own_check -> the lock's key -> the candidates -> all nodes.
 */
struct live_look {
	const struct config	*config;
	struct event_base	*base;
	struct consul		*consul;
	char			 mark[STRANGER_MARK];
	char			 url[REGISTRATION_URL];
	char			 stranger[1024];	/* who; "": nobody */
	char			 node[CONSUL_NAME_MAX];	/* "": not registered */
	enum live		 found;
	char			*text;
	size_t			 size;
};

static void
live_end(struct live_look *l, enum live found, const char *text)
{
	l->found = found;
	snprintf(l->text, l->size, "%s", text);
	event_base_loopbreak(l->base);
}

/* True: it is an answer, and there is more to ask.  A Consul that has no leader
 * says so with a 500, and has nothing against us. */
static bool
live_go_on(struct live_look *l, const struct consul_reply *r)
{
	bool	silent = r->outcome == CONSUL_UNKNOWN && !r->stranger &&
		    (r->status == 0 || r->status >= 500);

	if (r->outcome == CONSUL_OK || r->outcome == CONSUL_GONE)
		return true;
	live_end(l, silent ? LIVE_SILENT : LIVE_BAD, r->text);
	return false;
}

static void
live_saw_nodes(const struct consul_reply *r, void *arg)
{
	struct live_look	*l = arg;

	const struct consul_instance	*other = namesake_find(l->config, r);
	char				 text[1024];

	if (!live_go_on(l, r))
		return;
	if (other != NULL) {
		snprintf(text, sizeof text, "the node \"%.100s\" has this "
		    "service as \"%.63s\": give all copies the same [service] "
		    "name", other->node, other->name);
		live_end(l, LIVE_BAD, text);
	} else if (registration_misleads(l->config, l->node, r, text,
	    sizeof text)) {
		live_end(l, LIVE_BAD, text);
	} else if (r->filtered || (l->node[0] != '\0' &&
	    r->instance_count == 0)) {
		live_end(l, LIVE_BAD, REGISTRATION_FILTERED);
	} else {
		live_end(l, LIVE_GOOD, "");
	}
}

static void
live_saw_candidates(const struct consul_reply *r, void *arg)
{
	struct live_look	*l = arg;

	if (live_go_on(l, r))
		consul_instances(l->consul, l->config->service_name,
		    live_saw_nodes, l);
}

static void
live_saw_key(const struct consul_reply *r, void *arg)
{
	struct live_look	*l = arg;
	char			 prefix[CONSUL_NAME_MAX];

	snprintf(prefix, sizeof prefix, CANDIDATES_PREFIX,
	    l->config->service_name);
	if (live_go_on(l, r))
		consul_list(l->consul, prefix, 0, 0, live_saw_candidates, l);
}

static void
live_saw_check(const struct consul_reply *r, void *arg)
{
	struct live_look	*l = arg;
	char			 key[CONSUL_NAME_MAX];

	if (!live_go_on(l, r))
		return;
	lock_value_path(l->config, key);
	snprintf(l->node, sizeof l->node, "%s", r->node);
	if (r->id[0] != '\0')
		live_end(l, LIVE_BAD, "this node has our [service] id in "
		    "another case, which Consul treats as the same");
	else if (l->stranger[0] != '\0' && stranger_may_live(r))
		live_end(l, LIVE_BAD, l->stranger);
	else
		consul_get(l->consul, key, true, live_saw_key, l);
}

static void
live_saw_service(const struct consul_reply *r, void *arg)
{
	struct live_look	*l = arg;

	if (!live_go_on(l, r))
		return;
	if (r->outcome == CONSUL_OK && stranger_wrote(r, l->mark, l->url))
		stranger_explain(r, l->config, l->mark, l->stranger,
		    sizeof l->stranger);
	consul_own_check(l->consul, l->config->service_id, live_saw_check, l);
}

enum live
live_ask_consul(const struct config *c, char *text, size_t size)
{
	struct live_look	l = { .config = c, .text = text, .size = size,
				    .found = LIVE_BAD };
	struct error		err = { .text = "" };
	char			host[256];
	int			port = 0;

	may_fail(value_split_address(c->api_listen, host, sizeof host, &port,
	    &err), "it was checked with the config");
	registration_url(c, port, l.url);
	stranger_make_mark(c, l.mark);
	l.base = must(event_base_new());
	if (consul_new(&l.consul, l.base, c, &err)) {
		consul_own_service(l.consul, c->service_id, live_saw_service,
		    &l);
		event_base_dispatch(l.base);
	} else
		snprintf(text, size, "%s", err.text);
	consul_free(l.consul);
	event_base_free(l.base);
	return l.found;
}

bool
live_is_served(const struct config *c)
{
	const char	*host = c->service_address[0] != '\0' ?
			    c->service_address : "127.0.0.1";
	CURL		*curl = must(curl_easy_init());
	char		 url[VALUE_HOST_MAX + 32];
	bool		 served;

	snprintf(url, sizeof url, strchr(host, ':') != NULL ?
	    "http://[%s]:%d" : "http://%s:%d", host, (int)c->service_port);
	served = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
	    (long)c->health_deadline) == CURLE_OK &&
	    curl_easy_perform(curl) == CURLE_OK;
	curl_easy_cleanup(curl);
	return served;
}
