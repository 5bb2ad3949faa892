/* status.c - asks Consul about every node of the service, and prints it. */

#include "status.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <event2/event.h>

#include "consul.h"
#include "error.h"
#include "json.h"
#include "lock_stranger.h"
#include "must.h"
#include "printable.h"
#include "registration_role.h"
#include "timer.h"

#define WATCH_EVERY	1	/* s */

/* One round:  instances -> key -> (the holder's node, if not in the key) */
struct status {
	const struct config	*config;
	struct event_base	*base;
	struct consul		*consul;
	struct event		*again;
	bool			 json, watch;
	enum status_answer	 answer;

	struct status_node {
		struct consul_instance	 in;
		char			 role[16];
		char			*name, *since, *output, *output_at,
					*status, *warning, *notice;
	}			*nodes;
	size_t			 count;
	struct consul_key	 key;
	char			 path[CONSUL_NAME_MAX];
	char			 holder[CONSUL_NAME_MAX];
	char			 stranger[LOCK_STRANGER];
};

static void	status_ask(struct status *);

static void
status_clear(struct status *s)
{
	size_t	i;

	for (i = 0; i < s->count; i++) {
		free(s->nodes[i].name);
		free(s->nodes[i].since);
		free(s->nodes[i].output);
		free(s->nodes[i].output_at);
		free(s->nodes[i].status);
		free(s->nodes[i].warning);
		free(s->nodes[i].notice);
	}
	free(s->nodes);
	s->nodes = NULL;
	s->count = 0;
	memset(&s->key, 0, sizeof s->key);
	s->holder[0] = s->stranger[0] = '\0';
}

static const char *
or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static bool
is_holder(const struct status *s, const struct status_node *n)
{
	return s->holder[0] != '\0' && strcasecmp(s->holder, n->in.node) == 0;
}

/* Alive is "warning" too: that is how a busy application shows in Consul. */
static bool
is_serving(const struct status_node *n)
{
	return strcmp(n->status, "passing") == 0 ||
	    strcmp(n->status, "warning") == 0;
}

static const char *
status_judge(struct status *s)
{
	size_t	i, masters = 0, good = 0, warned = 0, others = 0, loose = 0;

	for (i = 0; i < s->count; i++) {
		struct status_node	*n = &s->nodes[i];

		warned += n->warning[0] != '\0';
		others += strcmp(n->name, s->config->service_name) != 0;
		loose += n->role[0] == '\0' && is_serving(n);
		/* A dead node can't take its tag away. */
		if (strcmp(n->role, "master") != 0 || !is_serving(n))
			continue;
		masters++;
		good += is_holder(s, n);
	}
	s->answer = masters == 1 && good == 1 && warned + others + loose == 0 ?
	    STATUS_GOOD : STATUS_BAD;
	if (s->answer == STATUS_GOOD)
		return "one healthy master";
	if (s->count == 0)
		return "no node of this service is registered (or the token "
		    "may not read it)";
	if (others > 0)
		return "nodes have this service in another case, which is "
		    "another lock: give all nodes the same [service] name";
	if (warned > 0)
		return "a node may be a master although it must not be";
	if (masters > 1)
		return "more than one healthy node is tagged master";
	if (masters == 0 && s->stranger[0] != '\0')
		return s->stranger;
	if (masters == 0)
		return s->holder[0] != '\0' ? "no master: the lock's holder is "
		    "not healthy, or not tagged master yet" :
		    "no master: no node has the lock";
	if (good == 0)
		return "the master does not have the lock";
	return "one healthy master, but a node does not follow it";
}

static void
status_print_text(struct status *s)
{
	const char	*verdict = status_judge(s);
	int		 width = 4;
	size_t		 i;

	if (s->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	for (i = 0; i < s->count; i++)
		if ((int)strlen(s->nodes[i].in.node) > width)
			width = (int)strlen(s->nodes[i].in.node);
	printf("%s: %s\n", s->config->service_name, verdict);
	if (s->holder[0] != '\0')
		printf("lock %s: held by %s, epoch %" PRIu64 "\n\n", s->path,
		    s->holder, s->key.modify_index);
	else
		printf("lock %s: free\n\n", s->path);
	printf("%-*s  %-9s  %-8s  %-20s  %s\n", width, "NODE", "ROLE",
	    "CHECK", "SINCE", "HEALTH");
	for (i = 0; i < s->count; i++) {
		struct status_node	*n = &s->nodes[i];

		printf("%-*s  %-9s  %-8s  %-20s  ", width, n->in.node,
		    or_dash(n->role), or_dash(n->status), or_dash(n->since));
		if (n->warning[0] != '\0')
			puts(n->warning);
		else if (n->output_at[0] != '\0')
			printf("%s (as of %s)\n", n->output, n->output_at);
		else
			puts(n->output);
	}
	for (i = 0; i < s->count; i++)
		if (s->nodes[i].notice[0] != '\0')
			printf("%s: %s\n", s->nodes[i].in.node,
			    s->nodes[i].notice);
	fflush(stdout);
}

static void
status_print_json(struct status *s)
{
	const char	*verdict = status_judge(s);
	yajl_gen	 g = json_new();
	size_t		 i;

	yajl_gen_map_open(g);
	json_put_member(g, "service", s->config->service_name);
	json_put_member_bool(g, "ok", s->answer == STATUS_GOOD);
	json_put_member(g, "verdict", verdict);
	json_put_member(g, "key", s->path);
	if (s->holder[0] != '\0') {
		json_put_member(g, "holder", s->holder);
		json_put_member_int(g, "epoch",
		    (int64_t)s->key.modify_index);
	} else {
		json_put_member_null(g, "holder");
		json_put_member_null(g, "epoch");
	}
	json_put(g, "nodes");
	yajl_gen_array_open(g);
	for (i = 0; i < s->count; i++) {
		struct status_node	*n = &s->nodes[i];

		yajl_gen_map_open(g);
		json_put_member(g, "node", n->in.node);
		json_put_member(g, "service_id", n->in.service_id);
		json_put_member(g, "address", n->in.address);
		json_put_member_int(g, "port", n->in.port);
		json_put_member(g, "role", n->role);
		json_put_member(g, "check", n->status);
		json_put_member(g, "health", n->output);
		json_put_member(g, "health_at", n->output_at);
		json_put_member(g, "warning", n->warning);
		json_put_member(g, "notice", n->notice);
		json_put_member(g, "since", n->since);
		json_put_member_bool(g, "holder", is_holder(s, n));
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
	puts(json_text(g, NULL));
	fflush(stdout);
	json_free(g);
}

static void
status_end(struct status *s)
{
	struct timeval	tv = { WATCH_EVERY, 0 };

	status_clear(s);
	if (s->watch)
		event_add(s->again, &tv);
	else
		event_base_loopbreak(s->base);
}

static void
status_print(struct status *s)
{
	if (s->json)
		status_print_json(s);
	else
		status_print_text(s);
	status_end(s);
}

/* Other nodes wrote it, and this may be a terminal. */
static char *
status_copy(const char *text)
{
	return printable(must_copy(text));
}

static void
status_failed(struct status *s, const char *text)
{
	char	*line = status_copy(text);

	fprintf(stderr, "consul-failover: can't get the status: %s\n", line);
	free(line);
	s->answer = STATUS_UNKNOWN;
	status_end(s);
}

static bool
status_has_copy(const struct status *s, const struct consul_session *of)
{
	size_t	i;

	for (i = 0; i < s->count; i++)
		if (strcasecmp(s->nodes[i].in.node, of->node) == 0 &&
		    strcasecmp(s->nodes[i].in.service_id, of->service_id) == 0)
			return true;
	return false;
}

static void
status_holder(const struct consul_reply *r, void *arg)
{
	struct status	*s = arg;

	if (r->outcome != CONSUL_OK) {
		status_failed(s, r->text);
		return;
	}
	snprintf(s->holder, sizeof s->holder, "%s", r->session_count > 0 ?
	    r->sessions[0].node : "(a session that is gone)");
	printable(s->holder);
	if (r->session_count > 0 && !status_has_copy(s, &r->sessions[0])) {
		lock_stranger_name(s->stranger, &r->sessions[0]);
		printable(s->stranger);
	}
	status_print(s);
}

static void
status_key(const struct consul_reply *r, void *arg)
{
	struct status	*s = arg;

	if (r->outcome != CONSUL_OK) {
		status_failed(s, r->text);
		return;
	}
	s->key = *r->key;
	if (s->key.session[0] == '\0')
		status_print(s);
	else
		consul_session_info(s->consul, s->key.session,
		    s->config->service_id, status_holder, s);
}

static void
status_instances(const struct consul_reply *r, void *arg)
{
	struct status	*s = arg;
	size_t		 i;

	if (r->outcome != CONSUL_OK) {
		status_failed(s, r->text);
		return;
	}
	s->nodes = must_zeroed(r->instance_count + 1, sizeof *s->nodes);
	for (i = 0; i < r->instance_count; i++) {
		struct status_node	*n = &s->nodes[s->count++];

		n->in = r->instances[i];
		printable(n->in.node);
		n->name = status_copy(n->in.name);
		n->since = status_copy(n->in.since);
		n->output = status_copy(n->in.output);
		n->status = status_copy(n->in.status);
		n->warning = status_copy(n->in.warning);
		n->notice = status_copy(n->in.notice);
		n->output_at = status_copy(n->in.output_at);
		snprintf(n->role, sizeof n->role, "%s",
		    registration_role(n->in.tags));
	}
	consul_get(s->consul, s->path, false, status_key, s);
}

static void
status_ask(struct status *s)
{
	consul_health(s->consul, s->config->service_name, status_instances, s);
}

static void
status_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	status_ask(arg);
}

static void
status_signal(evutil_socket_t sig, short what, void *arg)
{
	struct status	*s = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(s->base);
}

enum status_answer
status_show(const struct config *config, bool json, bool watch)
{
	struct status	 s = { .config = config, .json = json,
			    .watch = watch, .answer = STATUS_UNKNOWN };
	struct error	 err;
	struct event	*sig;

	s.base = must(event_base_new());
	s.again = timer_new(s.base, status_again, &s);
	sig = must(evsignal_new(s.base, SIGINT, status_signal, &s));
	event_add(sig, NULL);
	snprintf(s.path, sizeof s.path, "lock/%s/leader",
	    config->service_name);
	if (!consul_new(&s.consul, s.base, config, &err)) {
		fprintf(stderr, "consul-failover: can't get the status: %s\n",
		    err.text);
	} else {
		status_ask(&s);
		event_base_dispatch(s.base);
	}
	status_clear(&s);
	consul_free(s.consul);
	event_free(sig);
	event_free(s.again);
	event_base_free(s.base);
	return s.answer;
}
