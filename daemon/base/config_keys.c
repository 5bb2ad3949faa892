/* config_keys.c - the table of all keys. */
#include "config_keys.h"

#include "config.h"

#define DAY	(24 * 3600 * SECOND)

#define ROW(s, n, kind, field)						\
	.section = s, .name = n, .path = s "." n, .set = value_set_##kind, \
	.offset = offsetof(struct config, field)
#define NEED(s, n, kind, field, lo, hi, sample, why)			\
	{ ROW(s, n, kind, field), .range = { lo, hi }, .required = true, \
	  .text = sample, .meaning = why }
#define TEXT(s, n, kind, field, def, why)				\
	{ ROW(s, n, kind, field), .text = def, .meaning = why }
#define SPAN(s, n, kind, field, lo, hi, def, why)			\
	{ ROW(s, n, kind, field), .range = { lo, hi }, .text = def,	\
	  .meaning = why }
#define FROM(s, n, kind, field, def, variable, option, why)		\
	{ ROW(s, n, kind, field), .text = def, .env = variable,		\
	  .flag = option, .meaning = why }

const struct config_key config_keys[] = {
	NEED("service", "name", name, service_name, 0, 0, "example", "name in Consul, a DNS label: master.<name>.service.consul is the master"),
	TEXT("service", "id", id, service_id, "", "id of this copy in its Consul agent; empty: the name"),
	NEED("service", "port", integer, service_port, 1, 65535, "8080", "port that the application listens on"),
	TEXT("service", "address", host, service_address, "", "address that the application listens on; empty: that of the Consul node"),
	TEXT("service", "tags", tags, service_tags, "", "tags beside the role's, separated by commas"),
	TEXT("service", "heed_checks", heed, heed, "all", "which of Consul's other checks make a copy yield to another one: all, maintenance or none"),

	NEED("plugin", "path", path, plugin_path, 0, 0, "example", "name of an installed plugin, or the path of a .so"),
	SPAN("plugin", "health_interval", duration, health_interval, MS, DAY, "2s", "pause between two calls of health"),
	SPAN("plugin", "health_deadline", duration, health_deadline, MS, DAY, "5s", "longest call of health"),
	SPAN("plugin", "role_interval", duration, role_interval, MS, DAY, "10s", "ensure_master or ensure_slave is repeated this often"),
	SPAN("plugin", "master_deadline", duration, master_deadline, MS, DAY, "30s", "longest call of ensure_master"),
	SPAN("plugin", "slave_deadline", duration, slave_deadline, MS, DAY, "1m", "longest call of ensure_slave"),
	SPAN("plugin", "demote_deadline", duration, demote_deadline, MS, DAY, "3s", "longest demotion: fuse + demote_deadline + 1s must fit into lock_delay"),
	SPAN("plugin", "busy_limit", duration, busy_limit, MS, DAY, "1m", "how long health may answer \"again\" before the copy counts as unhealthy"),
	SPAN("plugin", "promote_limit", duration, promote_limit, MS, DAY, "1m", "how long ensure_master may answer \"again\" before the lock is released"),

	FROM("consul", "address", address, consul_address, "127.0.0.1:8500", "CONSUL_HTTP_ADDR", "http-addr", "the local Consul agent: host:port, http://, https:// or unix:///path"),
	FROM("consul", "token", secret, consul_token, "", "CONSUL_HTTP_TOKEN", NULL, "ACL token; better in a file of its own, see token_file"),
	FROM("consul", "token_file", string, consul_token_file, "", "CONSUL_HTTP_TOKEN_FILE", "token-file", "file with the ACL token; overrides token"),
	FROM("consul", "ca_file", string, consul_ca_file, "", "CONSUL_CACERT", "ca-file", "certificates that https trusts; empty: the system's"),
	FROM("consul", "client_cert", string, consul_client_cert, "", "CONSUL_CLIENT_CERT", "client-cert", "our certificate for https"),
	FROM("consul", "client_key", string, consul_client_key, "", "CONSUL_CLIENT_KEY", "client-key", "the key of client_cert"),
	FROM("consul", "tls_server_name", string, consul_tls_server_name, "", "CONSUL_TLS_SERVER_NAME", "tls-server-name", "name expected in the server's certificate; empty: the host in address"),
	FROM("consul", "verify", boolean, consul_verify, "yes", "CONSUL_HTTP_SSL_VERIFY", NULL, "check the server's certificate"),
	SPAN("consul", "request_timeout", duration, request_timeout, MS, DAY, "2s", "longest wait for an answer of Consul"),

	SPAN("lock", "fuse", duration, fuse, MS, DAY, "10s", "longest time as master without a proof that this node holds the lock"),
	SPAN("lock", "verify_interval", duration, verify_interval, MS, DAY, "2s", "the master asks for a proof this often"),
	SPAN("lock", "lock_delay", duration, lock_delay, MS, LOCK_DELAY_MAX, "15s", "how long Consul withholds a lost lock from every node; at most 60s"),
	SPAN("lock", "session_ttl", duration, session_ttl, 10 * SECOND, DAY, "10s", "Consul ends a session not renewed for between one and two of these"),
	TEXT("lock", "bind_node", boolean, bind_node, "yes", "yes: a dead node is noticed in 8s at most; no: in 2 session_ttl, no false alarms"),

	SPAN("election", "priority", integer, priority, 0, 1000000, "100", "of copies with equal data, the one with the highest is promoted"),
	TEXT("election", "never_master", boolean, never_master, "no", "yes: this copy is only ever a slave, as a backup or for reports"),
	SPAN("election", "wait", duration, election_wait, MS, 60 * SECOND, "1s", "longest wait for a healthy copy, from when it reports that it has more data"),
	SPAN("election", "catch_up", duration, catch_up, MS, DAY, "30s", "how long a new master waits for data that only the previous one has; half of promote_limit at most"),
	SPAN("election", "max_behind", limit, max_behind, 0, INT64_MAX, "any", "not promoted if it lacks more of the last master's data, in the plugin's unit"),
	SPAN("election", "position_interval", duration, position_interval, SECOND, DAY, "10s", "with max_behind, the master writes its position into Consul this often"),

	TEXT("api", "listen", listen, api_listen, "127.0.0.1:8000", "host:port of /health, /status and /metrics; :8000 is all addresses"),
	SPAN("api", "check_interval", duration, check_interval, SECOND, DAY, "2s", "Consul asks /health this often"),
	SPAN("api", "check_failures", integer, check_failures, 1, 10, "2", "failures in a row that make the check critical"),
	SPAN("api", "check_timeout", duration, check_timeout, MS, DAY, "2s", "longest wait of Consul for /health"),

	FROM("agent", "run_dir", path, run_dir, "/run/consul-failover", "RUNTIME_DIRECTORY", NULL, "folder for what must survive a restart, but not a boot"),
	FROM("agent", "state_dir", path, state_dir, "/var/lib/consul-failover", "STATE_DIRECTORY", NULL, "folder for what must survive a boot: the record that this copy lacks data"),
	TEXT("agent", "disable_file", string, disable_file, "", "while this file exists the copy is neither master nor slave; empty: the path of the config, ending in .disabled instead of .ini"),
	SPAN("agent", "restart_wait", duration, restart_wait, MS, DAY, "1500ms", "a master whose agent was killed is demoted unless another starts in this time"),
	TEXT("agent", "on_fence_failure", string, on_fence_failure, "", "shell command to run when a master can't be demoted, like: reboot -f"),

	TEXT("log", "format", format, log_json, "plain", "plain or json"),
	TEXT("log", "debug", boolean, log_debug, "no", "log more than changes"),
};

const size_t	config_keys_count = sizeof config_keys /
		    sizeof config_keys[0];

const struct config_section config_sections[] = {
	{ "service", "The application, as registered in Consul." },
	{ "plugin", "The plugin for the application, and how long its calls may take." },
	{ "options", "The plugin's own keys: consul-failover plugin info NAME lists them." },
	{ "consul", "How to reach Consul.  Consul's environment variables work as usual." },
	{ "lock", "Which node is master.  fuse + demote_deadline + 1s <= lock_delay <= 60s must hold." },
	{ "election", "Which copy takes a free lock: the one with the most data." },
	{ "api", "The agent's HTTP server." },
	{ "agent", "Files of the agent." },
	{ "log", "Lines on standard error." },
};

const size_t	config_sections_count = sizeof config_sections /
		    sizeof config_sections[0];
