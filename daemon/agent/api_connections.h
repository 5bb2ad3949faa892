/*
 * api_connections.h - which clients may stay connected to the agent's own HTTP
 * server: those that send requests, and as many others as there is room for.
 */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include <stdbool.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

struct api_connection;

/* Zero at first, except the list: TAILQ_INIT. */
struct api_connections {
	struct evconnlistener	*listener;
	struct event		*sweep, *resume;
	/* Those without a request for the longest time come first. */
	TAILQ_HEAD(api_connection_list, api_connection) list;
};

/* For connections that come by this listener (borrowed). */
void	api_connections_begin(struct api_connections *, struct event_base *,
	    struct evconnlistener *);
/* From now on they go to this server, which has the listener. */
void	api_connections_serve(struct api_connections *, struct evhttp *);
/* A connection that sends requests is kept longer than one that does not. */
void	api_connections_asked(struct api_connections *,
	    struct evhttp_request *);
/* After the server's end, if there was one; fine if nothing was begun. */
void	api_connections_end(struct api_connections *);

#endif
