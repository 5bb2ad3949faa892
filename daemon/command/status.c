/* status.c - asks Consul about every node of the service, and prints it. */

#include "status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "consul.h"
#include "error.h"
#include "json.h"
#include "must.h"
#include "nearer.h"
#include "printable.h"
#include "services.h"
#include "status_table.h"
#include "timer.h"

#define WATCH_EVERY	1	/* s */

/*
 * One round:  [services ->] instances -> key -> (the holder's node, if not in
 * the key) [-> instances of the next service]
 */
struct status {
	const struct config		*config;
	const struct status_wish	*wish;
	struct event_base		*base;
	struct consul			*consul;
	struct event			*again;
	enum status_answer		 answer;

	const char			*service;	/* asked about now */
	char				 path[CONSUL_NAME_MAX];
	struct status_view		 view;
	bool				 known;		/* it was there once */

	bool				 all;
	struct services			 services;
	size_t				 at;		/* of services */
	struct status_table		 table;
	yajl_gen			 list;		/* json: of all */
};

static void	status_ask(struct status *);

static void
status_end(struct status *s)
{
	struct timeval	tv = { WATCH_EVERY, 0 };

	fflush(stdout);
	status_view_clear(&s->view);
	status_table_clear(&s->table);
	json_free(s->list);
	s->list = NULL;
	if (s->wish->watch)
		event_add(s->again, &tv);
	else
		event_base_loopbreak(s->base);
}

/* The screen is cleared only when there is something to show. */
static void
status_begin_print(const struct status *s)
{
	if (s->wish->watch && !s->wish->json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
}

static void
status_print_one(struct status *s)
{
	yajl_gen	 g;

	status_view_judge(&s->view, &s->answer);
	status_begin_print(s);
	if (s->wish->json) {
		g = json_new();
		status_view_put(&s->view, g);
		puts(json_text(g, NULL));
		json_free(g);
	} else
		status_view_print(&s->view);
	status_end(s);
}

static void
status_print_all(struct status *s)
{
	s->answer = s->table.answer;
	status_begin_print(s);
	if (s->wish->json) {
		yajl_gen_array_close(s->list);
		yajl_gen_map_close(s->list);
		puts(json_text(s->list, NULL));
	} else if (s->table.count > 0)
		status_table_print(&s->table);
	if (s->table.count == 0)
		fprintf(stderr, "consul-failover: Consul has no service of "
		    "consul-failover, or the token may not read lock/ (see "
		    "acl-status.hcl)\n");
	status_end(s);
}

static void	status_ask_nodes(struct status *, const char *service);

static void
status_next(struct status *s)
{
	if (s->at < s->services.count)
		status_ask_nodes(s, s->services.names[s->at++]);
	else
		status_print_all(s);
}

static void
status_done(struct status *s)
{
	if (!s->all) {
		status_print_one(s);
		return;
	}
	if (s->wish->json)
		status_view_put(&s->view, s->list);
	status_table_add(&s->table, &s->view);
	status_view_clear(&s->view);
	status_next(s);
}

static void
status_failed(struct status *s, const char *text)
{
	char	*line = printable(must_copy(text));

	fprintf(stderr, "consul-failover: can't get the status: %s\n", line);
	free(line);
	s->answer = STATUS_UNKNOWN;
	status_end(s);
}

static void
status_saw_services(const struct consul_reply *failed, void *arg)
{
	struct status	*s = arg;

	if (failed != NULL) {
		status_failed(s, failed->text);
		return;
	}
	s->at = 0;
	if (s->wish->json) {
		s->list = json_new();
		yajl_gen_map_open(s->list);
		json_put(s->list, "services");
		yajl_gen_array_open(s->list);
	}
	status_next(s);
}

/* Of a service that Consul does not know: which one may be meant? */
static void
status_saw_others(const struct consul_reply *failed, void *arg)
{
	struct status	*s = arg;
	const char	*meant = NULL;
	char		*name;
	size_t		 i;

	if (failed != NULL) {
		status_failed(s, failed->text);
		return;
	}
	for (i = 0; i < s->services.count; i++)
		meant = nearer(meant, s->services.names[i], s->service);
	name = printable(must_copy(meant != NULL ? meant : ""));
	fprintf(stderr, "consul-failover: there is no service \"%s\"%s%s%s\n",
	    s->view.service, meant != NULL ? "; did you mean \"" :
	    ": \"consul-failover status\" lists those that there are", name,
	    meant != NULL ? "\"?" : "");
	free(name);
	s->answer = STATUS_UNKNOWN;
	event_base_loopbreak(s->base);
}

static void
status_holder(const struct consul_reply *r, void *arg)
{
	struct status		*s = arg;
	struct status_view	*v = &s->view;

	if (r->outcome != CONSUL_OK) {
		status_failed(s, r->text);
		return;
	}
	snprintf(v->holder, sizeof v->holder, "%s", r->session_count > 0 ?
	    r->sessions[0].node : "(a session that is gone)");
	printable(v->holder);
	if (r->session_count > 0 && !status_view_has(v, &r->sessions[0])) {
		lock_stranger_name(v->stranger, &r->sessions[0]);
		printable(v->stranger);
	}
	status_done(s);
}

static void
status_key(const struct consul_reply *r, void *arg)
{
	struct status	*s = arg;

	if (r->outcome != CONSUL_OK) {
		status_failed(s, r->text);
		return;
	}
	s->view.key = *r->key;
	s->known = s->known || s->view.count > 0 || r->key->exists;
	if (s->wish->named && !s->all && !s->known)
		services_find(&s->services, s->consul, status_saw_others, s);
	else if (r->key->session[0] == '\0')
		status_done(s);
	else
		consul_session_info(s->consul, r->key->session,
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
	if (r->filtered) {
		status_failed(s, "the token may not see all nodes, so another "
		    "master may be hidden: see acl-status.hcl");
		return;
	}
	for (i = 0; i < r->instance_count; i++)
		status_view_add(&s->view, &r->instances[i]);
	consul_get(s->consul, s->path, false, status_key, s);
}

static void
status_ask_nodes(struct status *s, const char *service)
{
	struct status_view	*v = &s->view;

	s->service = service;
	snprintf(s->path, sizeof s->path, "lock/%s/leader", service);
	snprintf(v->service, sizeof v->service, "%s", service);
	snprintf(v->path, sizeof v->path, "%s", s->path);
	printable(v->service);
	printable(v->path);
	consul_health(s->consul, service, status_instances, s);
}

static void
status_ask(struct status *s)
{
	if (s->all)
		services_find(&s->services, s->consul, status_saw_services, s);
	else
		status_ask_nodes(s, s->config->service_name);
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
status_show(const struct config *config, const struct status_wish *wish)
{
	struct status	 s = { .config = config, .wish = wish,
			    .answer = STATUS_UNKNOWN,
			    .all = config->service_name[0] == '\0' };
	struct error	 err;
	struct event	*sig;

	status_table_clear(&s.table);
	s.base = must(event_base_new());
	s.again = timer_new(s.base, status_again, &s);
	sig = must(evsignal_new(s.base, SIGINT, status_signal, &s));
	event_add(sig, NULL);
	if (!consul_new(&s.consul, s.base, config, &err)) {
		fprintf(stderr, "consul-failover: can't get the status: %s\n",
		    err.text);
	} else {
		status_ask(&s);
		event_base_dispatch(s.base);
	}
	status_view_clear(&s.view);
	status_table_clear(&s.table);
	json_free(s.list);
	services_forget(&s.services);
	consul_free(s.consul);
	event_free(sig);
	event_free(s.again);
	event_base_free(s.base);
	return s.answer;
}
