/* config.h - an agent's configuration: every key, in one struct. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/* A key of [options]: only the plugin knows its meaning. */
struct config_option {
	char	*name;
	char	*value;
	int	 line;		/* in the file; 0: set by a flag */
	char	*secret;	/* see plugin_keep_secrets; NULL */
};

/* All durations are milliseconds.  Strings are never NULL: "" if neither flag,
 * environment, file nor default sets one. */
struct config {
	char	*file;			/* as given with -c */

	char	*service_name;		/* a DNS label */
	char	*service_id;		/* defaults to service_name */
	int64_t	 service_port;		/* the application's */
	char	*service_address;	/* "": Consul's address of the node */
	int64_t	 heed;			/* enum value_heed */
	char	*service_tags;		/* beside the role, comma separated */

	char	*plugin_path;		/* name or path, see plugin_find */
	int64_t	 health_interval;
	int64_t	 health_deadline;
	int64_t	 role_interval;
	int64_t	 master_deadline;	/* one call of ensure_master */
	int64_t	 slave_deadline;	/* one call of ensure_slave */
	int64_t	 demote_deadline;	/* D: all of the demotion */
	int64_t	 busy_limit;
	int64_t	 promote_limit;		/* ensure_master's "again", in all */

	char	*consul_address;	/* host:port, http(s)://…, unix://… */
	char	*consul_token;		/* never print it */
	bool	 token_in_file;		/* of the config itself */
	char	*consul_token_file;	/* if set it is read and wins, unless it
					 * turns out empty; "" if the token was
					 * set at a higher place (env over
					 * file) */
	char	*consul_ca_file;
	char	*consul_client_cert;
	char	*consul_client_key;
	char	*consul_tls_server_name;
	bool	 consul_verify;		/* of the server's certificate */
	int64_t	 request_timeout;	/* To */

	int64_t	 fuse;			/* F */
	int64_t	 verify_interval;	/* P */
	int64_t	 lock_delay;		/* L */
	int64_t	 session_ttl;
	bool	 bind_node;		/* session bound to serfHealth */

	int64_t	 priority;
	bool	 never_master;
	int64_t	 election_wait;
	int64_t	 catch_up;		/* to reach the old master's position */
	int64_t	 max_behind;		/* in the plugin's unit; -1: any
					 * number */
	int64_t	 position_interval;

	char	*api_listen;		/* host:port */
	int64_t	 check_interval;	/* Consul polls /health this often */
	int64_t	 check_failures;	/* consecutive failed polls */
	int64_t	 check_timeout;

	char	*run_dir;
	char	*state_dir;
	char	*disable_file;
	bool	 disable_by_default;	/* the path is not configured */
	int64_t	 restart_wait;		/* of the guard, for a new agent */
	char	*on_fence_failure;	/* a command of the shell; "": none */

	bool	 log_json;
	bool	 log_debug;

	struct config_option	*options;	/* [options] */
	size_t			 option_count;
};

/* As set in the file or by a flag; NULL: not set. */
static inline struct config_option *
config_option_find(const struct config *c, const char *name)
{
	size_t	 i;

	for (i = 0; i < c->option_count; i++)
		if (strcmp(c->options[i].name, name) == 0)
			return &c->options[i];
	return NULL;
}

#endif
