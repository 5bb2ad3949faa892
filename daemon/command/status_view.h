/* status_view.h - what is known about the nodes of one service, as text. */
#ifndef STATUS_VIEW_H
#define STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "consul.h"
#include "json.h"
#include "lock_stranger.h"

enum status_answer {
	STATUS_GOOD,		/* one healthy master, which has the lock */
	STATUS_BAD,		/* anything else */
	STATUS_UNKNOWN,		/* Consul gives no answer */
};

/* Its strings are printable. */
struct status_view {
	char			 service[CONSUL_NAME_MAX];
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

void	status_view_clear(struct status_view *);
void	status_view_add(struct status_view *, const struct consul_instance *);
bool	status_view_has(const struct status_view *,
	    const struct consul_session *);

/* The answer in words. */
const char	*status_view_judge(const struct status_view *,
		    enum status_answer *);
void	status_view_print(const struct status_view *);
/* As one JSON object. */
void	status_view_put(const struct status_view *, yajl_gen);

/* Of the healthy nodes that have this role: how many; and their names, joined
 * with ','; "-" if there are none. */
size_t	status_view_count(const struct status_view *, const char *role,
	    char *names, size_t size);

#endif
