/* status_view.c - what is known about the nodes of one service, as text. */
#include "status_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "printable.h"
#include "registration_role.h"

void
status_view_clear(struct status_view *v)
{
	size_t	i;

	for (i = 0; i < v->count; i++) {
		free(v->nodes[i].name);
		free(v->nodes[i].since);
		free(v->nodes[i].output);
		free(v->nodes[i].output_at);
		free(v->nodes[i].status);
		free(v->nodes[i].warning);
		free(v->nodes[i].notice);
	}
	free(v->nodes);
	v->nodes = NULL;
	v->count = 0;
	memset(&v->key, 0, sizeof v->key);
	v->holder[0] = v->stranger[0] = '\0';
}

/* Other nodes wrote it, and this may be a terminal. */
static char *
status_view_copy(const char *text)
{
	return printable(must_copy(text));
}

void
status_view_add(struct status_view *v, const struct consul_instance *in)
{
	struct status_node	*n;

	v->nodes = must_grow(v->nodes, v->count + 1, sizeof *v->nodes);
	n = &v->nodes[v->count++];
	n->in = *in;
	printable(n->in.node);
	n->name = status_view_copy(in->name);
	n->since = status_view_copy(in->since);
	n->output = status_view_copy(in->output);
	n->status = status_view_copy(in->status);
	n->warning = status_view_copy(in->warning);
	n->notice = status_view_copy(in->notice);
	n->output_at = status_view_copy(in->output_at);
	snprintf(n->role, sizeof n->role, "%s", registration_role(in->tags));
}

bool
status_view_has(const struct status_view *v, const struct consul_session *of)
{
	size_t	i;

	for (i = 0; i < v->count; i++)
		if (strcasecmp(v->nodes[i].in.node, of->node) == 0 &&
		    strcasecmp(v->nodes[i].in.service_id, of->service_id) == 0)
			return true;
	return false;
}

static const char *
or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static bool
is_holder(const struct status_view *v, const struct status_node *n)
{
	return v->holder[0] != '\0' && strcasecmp(v->holder, n->in.node) == 0;
}

/* Alive is "warning" too: that is how a busy application shows in Consul. */
static bool
is_serving(const struct status_node *n)
{
	return strcmp(n->status, "passing") == 0 ||
	    strcmp(n->status, "warning") == 0;
}

size_t
status_view_count(const struct status_view *v, const char *role, char *names,
    size_t size)
{
	size_t	i, count = 0, n = 0;

	snprintf(names, size, "-");
	for (i = 0; i < v->count; i++) {
		if (strcmp(v->nodes[i].role, role) != 0 ||
		    !is_serving(&v->nodes[i]))
			continue;
		if (n < size)
			n += (size_t)snprintf(names + n, size - n, "%s%s",
			    count > 0 ? "," : "", v->nodes[i].in.node);
		count++;
	}
	return count;
}

const char *
status_view_judge(const struct status_view *v, enum status_answer *answer)
{
	size_t	i, masters = 0, good = 0, warned = 0, others = 0, loose = 0;

	for (i = 0; i < v->count; i++) {
		const struct status_node	*n = &v->nodes[i];

		warned += n->warning[0] != '\0';
		others += strcmp(n->name, v->service) != 0;
		loose += n->role[0] == '\0' && is_serving(n);
		/* A dead node can't take its tag away. */
		if (strcmp(n->role, "master") != 0 || !is_serving(n))
			continue;
		masters++;
		good += is_holder(v, n);
	}
	*answer = masters == 1 && good == 1 && v->stranger[0] == '\0' &&
	    warned + others + loose == 0 ?
	    STATUS_GOOD : STATUS_BAD;
	if (*answer == STATUS_GOOD)
		return "one healthy master";
	if (v->count == 0)
		return "no node of this service is registered (or the token "
		    "may not read it)";
	if (others > 0)
		return "nodes have this service in another case, which is "
		    "another lock: give all nodes the same [service] name";
	if (warned > 0)
		return "a node may be a master although it must not be";
	if (masters > 1)
		return "more than one healthy node is tagged master";
	if ((masters == 0 || good > 0) && v->stranger[0] != '\0')
		return v->stranger;
	if (masters == 0)
		return v->holder[0] != '\0' ? "no master: the lock's holder is "
		    "not healthy, or not tagged master yet" :
		    "no master: no node has the lock";
	if (good == 0)
		return "the master does not have the lock";
	return "one healthy master, but a node does not follow it";
}

void
status_view_print(const struct status_view *v)
{
	enum status_answer	 answer;
	const char		*verdict = status_view_judge(v, &answer);
	int			 width = 4;
	size_t			 i;

	for (i = 0; i < v->count; i++)
		if ((int)strlen(v->nodes[i].in.node) > width)
			width = (int)strlen(v->nodes[i].in.node);
	printf("%s: %s\n", v->service, verdict);
	if (v->holder[0] != '\0')
		printf("lock %s: held by %s, epoch %" PRIu64 "\n\n", v->path,
		    v->holder, v->key.modify_index);
	else
		printf("lock %s: free\n\n", v->path);
	printf("%-*s  %-9s  %-8s  %-20s  %s\n", width, "NODE", "ROLE",
	    "CHECK", "SINCE", "HEALTH");
	for (i = 0; i < v->count; i++) {
		const struct status_node	*n = &v->nodes[i];

		printf("%-*s  %-9s  %-8s  %-20s  ", width, n->in.node,
		    or_dash(n->role), or_dash(n->status), or_dash(n->since));
		if (n->warning[0] != '\0')
			puts(n->warning);
		else if (n->output_at[0] != '\0')
			printf("%s (as of %s)\n", n->output, n->output_at);
		else
			puts(n->output);
	}
	for (i = 0; i < v->count; i++)
		if (v->nodes[i].notice[0] != '\0')
			printf("%s: %s\n", v->nodes[i].in.node,
			    v->nodes[i].notice);
}

void
status_view_put(const struct status_view *v, yajl_gen g)
{
	enum status_answer	 answer;
	const char		*verdict = status_view_judge(v, &answer);
	size_t			 i;

	yajl_gen_map_open(g);
	json_put_member(g, "service", v->service);
	json_put_member_bool(g, "ok", answer == STATUS_GOOD);
	json_put_member(g, "verdict", verdict);
	json_put_member(g, "key", v->path);
	if (v->holder[0] != '\0') {
		json_put_member(g, "holder", v->holder);
		json_put_member_int(g, "epoch",
		    (int64_t)v->key.modify_index);
	} else {
		json_put_member_null(g, "holder");
		json_put_member_null(g, "epoch");
	}
	json_put(g, "nodes");
	yajl_gen_array_open(g);
	for (i = 0; i < v->count; i++) {
		const struct status_node	*n = &v->nodes[i];

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
		json_put_member_bool(g, "holder", is_holder(v, n));
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
}
