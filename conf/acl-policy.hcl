# Exactly the rights that the token of a consul-failover agent needs.
#
# Replace <service> by [service] name and <node> by the name of the Consul node
# that the agent runs on, then:
#
#	consul acl policy create -name failover-<service>-<node> -rules @FILE
#	consul acl token create -policy-name failover-<service>-<node>
#
# and put the token's SecretID into the file that [consul] token_file names.

# The lock.  Read, watch, acquire and release it.
#	GET /v1/kv/lock/<service>/leader
#	PUT /v1/txn, PUT /v1/kv/lock/<service>/leader?release=
key "lock/<service>/leader" {
	policy = "write"
}

# The last changes of master, which the new master writes once it serves, for
# "consul-failover history".  Without it only the history is missing.
#	GET /v1/kv/lock/<service>/history
#	PUT /v1/kv/lock/<service>/history?cas=<index>
key "lock/<service>/history" {
	policy = "write"
}

# How far each copy has got: the candidates compare that before one of them
# takes the lock.
#	GET /v1/kv/lock/<service>/candidates/?recurse
#	PUT, DELETE /v1/kv/lock/<service>/candidates/<session>
key_prefix "lock/<service>/candidates/" {
	policy = "write"
}

# Our session, on our own node.
#	PUT /v1/session/create, renew, destroy
#	GET /v1/session/info, GET /v1/session/node/<node>
session "<node>" {
	policy = "write"
}

# Our service, its check and its tags; reading it on other nodes, too.
#	PUT /v1/agent/service/register, deregister
#	GET /v1/agent/service/<id>, GET /v1/agent/checks
#	GET /v1/catalog/service/<service>, GET /v1/health/service/<service>
service "<service>" {
	policy = "write"
}

# The same name in different case: Consul treats Orders and orders as one service,
# but they have two locks.  An agent must see that, or two can be master.
#	GET /v1/catalog/service/<service>
service_prefix "" {
	policy = "read"
}

# Which nodes have the service: Consul omits nodes that a token may not read,
# instead of refusing to answer.  An agent must see its own
# node for its address.  It must see all the others, too, or it is not safe: if
# somebody has deleted the lock's key, an agent that sees no other node believes
# that nobody else can hold the lock, and does not wait until an old master must
# have stopped.  So don't narrow this down to the agent's own node.
#	GET /v1/catalog/service/<service>, GET /v1/health/service/<service>
node_prefix "" {
	policy = "read"
}

# Which node has the lock, if its holder, like the Python consul-failover, did not
# write that into the key; also for "consul-failover status".
#	GET /v1/session/info
session_prefix "" {
	policy = "read"
}
