/* failure.c - the meaning of a server's error numbers. */
#include "failure.h"

#include <errmsg.h>
#include <mysqld_error.h>

/* MySQL's of its own number, which the client's library does not know. */
#define ACCOUNT_LOCKED		3118
#define TLS_REQUIRED		3159

/* Failures that another try does not mend: what the library says itself is of
 * the network. */
bool
failure_is_for_good(unsigned error)
{
	switch (error) {
	case 0:
	case ER_CON_COUNT_ERROR:
	case ER_SERVER_SHUTDOWN:
	case ER_NET_READ_ERROR:
	case ER_NET_READ_INTERRUPTED:
		return false;
	default:
		return error < CR_MIN_ERROR ||
		    error >= CR_AUTH_PLUGIN_CANNOT_LOAD;
	}
}

bool
failure_is_denied(unsigned error)
{
	switch (error) {
	case ER_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
	case ER_SPECIFIC_ACCESS_DENIED_ERROR:
	case ER_HOST_NOT_PRIVILEGED:
	case ER_MUST_CHANGE_PASSWORD:
	case ER_MUST_CHANGE_PASSWORD_LOGIN:
	case ER_ACCOUNT_HAS_BEEN_LOCKED:
	case ACCOUNT_LOCKED:
	case TLS_REQUIRED:
	case CR_AUTH_PLUGIN_CANNOT_LOAD:
	case CR_AUTH_PLUGIN_ERR:
		return true;
	default:
		return false;
	}
}
