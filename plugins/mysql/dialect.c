/*
 * dialect.c - the statements, a table for each dialect.
 */
#include "dialect.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MYSQL_BLOCK	"SET GLOBAL super_read_only = 1"
/* Not super_read_only alone: read_only = 0 takes both back. */
#define MYSQL_UNBLOCK	"SET GLOBAL read_only = 0"

/* MySQL speaks of sources and replicas since 8.0.26. */
#define REPLICA_DIALECT \
	.master = "Source", \
	.capitals = "SOURCE", \
	.slave = "Replica", \
	.look = "SELECT @@global.server_uuid AS id, " \
	    "@@global.super_read_only AS read_only, " \
	    "@@global.gtid_executed AS applied, " \
	    "@@global.event_scheduler AS event_scheduler, " \
	    "@@global.log_bin AS log_bin, " \
	    "@@global.log_replica_updates AS log_replica_updates, " \
	    "@@global.gtid_mode AS gtid_mode, " \
	    "@@global.enforce_gtid_consistency " \
	    "AS enforce_gtid_consistency, " \
	    "@@global.replica_skip_errors AS replica_skip_errors, " \
	    "@@global.replica_exec_mode AS replica_exec_mode", \
	.required = { "log_bin", "log_replica_updates", "gtid_mode", \
	    "enforce_gtid_consistency" }, \
	.filters = { \
		{ "replica_skip_errors", "OFF" }, \
		{ "replica_exec_mode", "STRICT" }, \
	}, \
	.status = "SHOW REPLICA STATUS", \
	.channel = "Channel_Name", \
	.received = "Retrieved_Gtid_Set", \
	.stop_receiving = "STOP REPLICA IO_THREAD", \
	.start_receiving = "START REPLICA IO_THREAD", \
	.stop_applying = "STOP REPLICA SQL_THREAD", \
	.start_applying = "START REPLICA SQL_THREAD", \
	.stop = "STOP REPLICA", \
	.start = "START REPLICA", \
	.forget = "RESET REPLICA ALL", \
	.block = MYSQL_BLOCK, \
	.unblock = MYSQL_UNBLOCK, \
	.wait = "WAIT_FOR_EXECUTED_GTID_SET", \
	/* The default of 8.4 gives up after ten tries.  The account \
	 * may be of caching_sha2_password, which without TLS needs \
	 * the public key. */ \
	.follow = "CHANGE REPLICATION SOURCE TO", \
	.by_gtid = "SOURCE_RETRY_COUNT=0, GET_SOURCE_PUBLIC_KEY=1, " \
	    "SOURCE_AUTO_POSITION=1"

/* Those of one flavour stand together, the newest last. */
static const struct dialect	dialects[] = {
	{
		.mariadb = true,
		.since = 100500,
		.master = "Master",
		.capitals = "MASTER",
		.slave = "Slave",
		.look = "SELECT @@global.server_id AS id, "
		    "@@global.read_only AS read_only, "
		    "@@global.gtid_slave_pos AS applied, "
		    "@@global.gtid_binlog_pos AS written, "
		    "@@global.gtid_binlog_state AS known, "
		    "@@global.event_scheduler AS event_scheduler, "
		    "@@global.log_bin AS log_bin, "
		    "@@global.log_slave_updates AS log_slave_updates, "
		    "@@global.gtid_strict_mode AS gtid_strict_mode, "
		    "@@global.replicate_do_db AS replicate_do_db, "
		    "@@global.replicate_ignore_db AS replicate_ignore_db, "
		    "@@global.replicate_do_table AS replicate_do_table, "
		    "@@global.replicate_ignore_table "
		    "AS replicate_ignore_table, "
		    "@@global.replicate_wild_do_table "
		    "AS replicate_wild_do_table, "
		    "@@global.replicate_wild_ignore_table "
		    "AS replicate_wild_ignore_table, "
		    "@@global.replicate_events_marked_for_skip "
		    "AS replicate_events_marked_for_skip, "
		    "@@global.slave_skip_errors AS slave_skip_errors, "
		    "@@global.slave_exec_mode AS slave_exec_mode, "
		    "@@global.sql_log_bin AS sql_log_bin",
		.required = { "log_bin", "log_slave_updates",
		    "gtid_strict_mode" },
		.filters = {
			{ "replicate_do_db", "" },
			{ "replicate_ignore_db", "" },
			{ "replicate_do_table", "" },
			{ "replicate_ignore_table", "" },
			{ "replicate_wild_do_table", "" },
			{ "replicate_wild_ignore_table", "" },
			{ "replicate_events_marked_for_skip", "REPLICATE" },
			{ "slave_skip_errors", "OFF" },
			{ "slave_exec_mode", "STRICT" },
			{ "sql_log_bin", "1" },
		},
		.log = "SHOW MASTER STATUS",
		.status = "SHOW ALL SLAVES STATUS",
		.channel = "Connection_name",
		.received = "Gtid_IO_Pos",
		.stop_receiving = "STOP SLAVE IO_THREAD",
		.stop_applying = "STOP SLAVE",
		.start_applying = "START SLAVE SQL_THREAD",
		.stop = "STOP SLAVE",
		.start = "START SLAVE",
		.forget = "RESET SLAVE ALL",
		.block = "SET GLOBAL read_only = 1",
		.unblock = "SET GLOBAL read_only = 0",
		.wait = "MASTER_GTID_WAIT",
		.follow = "CHANGE MASTER TO",
		.by_gtid = "MASTER_USE_GTID=slave_pos",
	},
	{
		.since = 50700,
		.master = "Master",
		.capitals = "MASTER",
		.slave = "Slave",
		.look = "SELECT @@global.server_uuid AS id, "
		    "@@global.super_read_only AS read_only, "
		    "@@global.gtid_executed AS applied, "
		    "@@global.event_scheduler AS event_scheduler, "
		    "@@global.log_bin AS log_bin, "
		    "@@global.log_slave_updates AS log_slave_updates, "
		    "@@global.gtid_mode AS gtid_mode, "
		    "@@global.enforce_gtid_consistency "
		    "AS enforce_gtid_consistency, "
		    "@@global.slave_skip_errors AS slave_skip_errors, "
		    "@@global.slave_exec_mode AS slave_exec_mode",
		.required = { "log_bin", "log_slave_updates", "gtid_mode",
		    "enforce_gtid_consistency" },
		.filters = {
			{ "slave_skip_errors", "OFF" },
			{ "slave_exec_mode", "STRICT" },
		},
		.log = "SHOW MASTER STATUS",
		.status = "SHOW SLAVE STATUS",
		.channel = "Channel_Name",
		.received = "Retrieved_Gtid_Set",
		.stop_receiving = "STOP SLAVE IO_THREAD",
		.start_receiving = "START SLAVE IO_THREAD",
		.stop_applying = "STOP SLAVE SQL_THREAD",
		.start_applying = "START SLAVE SQL_THREAD",
		.stop = "STOP SLAVE",
		.start = "START SLAVE",
		.forget = "RESET SLAVE ALL",
		.block = MYSQL_BLOCK,
		.unblock = MYSQL_UNBLOCK,
		.wait = "WAIT_FOR_EXECUTED_GTID_SET",
		.follow = "CHANGE MASTER TO",
		.by_gtid = "MASTER_AUTO_POSITION=1",
	},
	{
		.since = 80026,
		REPLICA_DIALECT,
		.log = "SHOW MASTER STATUS",
	},
	{
		.since = 80200,
		REPLICA_DIALECT,
		.log = "SHOW BINARY LOG STATUS",
	},
};

const struct dialect *
dialect_find(const char *version, unsigned *number)
{
	const struct dialect	*d, *found = NULL;
	unsigned		 a = 0, b = 0, c = 0;
	bool			 mariadb = strstr(version, "MariaDB") != NULL;

	sscanf(version, "%u.%u.%u", &a, &b, &c);
	*number = a * 10000 + b * 100 + c;
	for (d = dialects; d < dialects + sizeof(dialects) / sizeof(*d); d++)
		if (d->mariadb == mariadb && d->since <= *number)
			found = d;
	return found;
}
