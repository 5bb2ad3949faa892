# The rights that an operator's token needs for "consul-failover status" of all
# services, "history", and completion in a shell.  It only reads.
#
#	consul acl policy create -name failover-status -rules @FILE
#	consul acl token create -policy-name failover-status
#
# Put the token's SecretID into the environment, as CONSUL_HTTP_TOKEN, or into a
# file that --token-file or CONSUL_HTTP_TOKEN_FILE names.

# Which services have a lock, and which session holds it.  Consul omits keys
# that the token may not read, instead of refusing to answer.
#	GET /v1/kv/lock/?keys
#	GET /v1/kv/lock/<service>/leader, GET /v1/kv/lock/<service>/history
# If Consul's enable_key_list_policy is true, use "list".
key_prefix "lock/" {
	policy = "read"
}

# The copies, with their roles and checks.
#	GET /v1/catalog/services
#	GET /v1/health/service/<service>, GET /v1/health/state/critical
service_prefix "" {
	policy = "read"
}

# Which nodes they are on.
#	GET /v1/health/service/<service>, GET /v1/health/state/critical
node_prefix "" {
	policy = "read"
}

# Which node has the lock.
#	GET /v1/session/info
session_prefix "" {
	policy = "read"
}
