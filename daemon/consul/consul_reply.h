/* consul_reply.h - Consul's answers, in types. */
#ifndef CONSUL_REPLY_H
#define CONSUL_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kind of answer, before its content. */
enum consul_outcome {
	CONSUL_OK,		/* Consul did it, or returned the answer */
	CONSUL_REFUSED,		/* Consul rejects it; nothing has changed */
	CONSUL_GONE,		/* the session or service does not exist */
	CONSUL_DENIED,		/* 403: the token lacks a right */
	CONSUL_UNKNOWN,		/* no answer, a 500, a broken answer: the
				 * request may or may not have been carried
				 * out */
};

#define CONSUL_ID_MAX	64	/* a session id has 36 characters */
#define CONSUL_NAME_MAX	256
/* Our values contain a position, quoted: FAILOVER_POSITION and the rest. */
#define CONSUL_VALUE_MAX 8192

/* A key, as shown by one read. */
struct consul_key {
	bool		 exists;
	char		 session[CONSUL_ID_MAX];	/* "" if it is free */
	char		 value[CONSUL_VALUE_MAX];	/* decoded; cut if it is
							 * longer */
	uint64_t	 create_index;
	uint64_t	 lock_index;
	uint64_t	 modify_index;
};

struct consul_session {
	char		 id[CONSUL_ID_MAX];
	char		 name[CONSUL_NAME_MAX];
	char		 node[CONSUL_NAME_MAX];
	char		 ttl[32];
	int64_t		 lock_delay_ms;
	bool		 serf_health;	/* bound to the node's serfHealth */
	bool		 service;	/* bound to the check we asked for */
	char		 service_id[CONSUL_NAME_MAX];	/* whose check it is
							 * bound to; "": none */
};

/* An instance of the service in the catalogue. */
struct consul_instance {
	char		 node[CONSUL_NAME_MAX];
	char		 address[CONSUL_NAME_MAX];	/* the service's, or the node's */
	char		 node_address[CONSUL_NAME_MAX];	/* "": unknown */
	char		 service_id[CONSUL_NAME_MAX];
	uint16_t	 port;
	bool		 ours;		/* an agent of ours registered it */
	const char	*name;		/* the service's, as registered there */
	const char	*tags;		/* joined with ','; borrowed */
	const char	*status;	/* worst of its checks; "" if not asked */
	bool		 sick;		/* its own check is critical */
	const char	*maintenance;	/* name of a critical check of
					 * maintenance mode; "" for none, or
					 * … */
	const char	*critical;	/* of any check but its own; "" … */
	const char	*output;	/* health's sentence; "" if not asked */
	const char	*output_at;	/* when it was so; "": unknown */
	const char	*since;		/* meta failover-since; "" … */
	const char	*warning;	/* meta failover-warning; "" … */
	const char	*notice;	/* meta failover-notice; "" … */
};

/* One key below a prefix; or a service's name, and in value its tags, joined
 * with ','.  The strings are borrowed. */
struct consul_record {
	const char	*key, *session;	/* session "" if it has none */
	const char	*value;		/* decoded */
	uint64_t	 modify_index;	/* 0: only names were asked for */
	bool		 cut;		/* it continues after a NUL */
};

struct consul_reply {
	enum consul_outcome		 outcome;
	const char			*text;	/* the reason for people, with
						 * the request and Consul's
						 * words */
	int64_t				 sent_at_ms;	/* before sending */
	uint64_t			 index;	/* X-Consul-Index */
	int				 status;	/* HTTP's; 0 for none */
	bool				 delayed;	/* _lock: lock-delay runs */
	bool				 filtered;	/* our token may not see
							 * all of it */
	bool				 too_large;	/* for our limit */
	bool				 stranger;	/* a server that is not
							 * Consul answered */

	const struct consul_key		*key;		/* consul_get, _lock */
	const struct consul_record	*records;	/* consul_list, _keys,
							 * _services,
							 * _critical, _fetch */
	size_t				 record_count;
	const struct consul_session	*sessions;	/* _session_info, _sessions */
	size_t				 session_count;
	const struct consul_instance	*instances;	/* _instances, _health */
	size_t				 instance_count;
	const char			*id;		/* _session_create;
							 * _own_check: one in
							 * another case */
	const char			*node;		/* _own_check: node name */
	const char			*check_status;	/* _own_check */
	const char			*check_output;	/* _own_check */
	const char			*tags;		/* _own_service, joined */
	uint16_t			 port;		/* _own_service */
	const char			*address;	/* _own_service */
	const char			*name;		/* _own_service */
	const char			*hash;		/* _own_service */
	const char			*agent;		/* _own_service: the
							 * meta failover-agent */
	const char			*check;		/* _own_service: the
							 * meta failover-check */
	const char			*since;		/* _own_service: the
							 * meta failover-since */
	const char			*warning;	/* _own_service: the
							 * meta failover-warning */
	const char			*notice;	/* _own_service: the
							 * meta failover-notice */
	const char			*health;	/* _own_service: the
							 * meta failover-health */
};

typedef void (*consul_cb)(const struct consul_reply *, void *arg);

#endif
