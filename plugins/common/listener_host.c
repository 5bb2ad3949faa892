/*
 * listener_host.c - which process listens at a name: separate from listener.c,
 * which asks only the kernel.
 */
#include "listener.h"

#include <netdb.h>
#include <stddef.h>
#include <stdio.h>

pid_t
listener_at_host(const char *host, unsigned port, int flags)
{
	const struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM,
				    .ai_flags = flags };
	struct addrinfo		*list, *a;
	char			 number[16];
	pid_t			 pid = 0;

	snprintf(number, sizeof(number), "%u", port);
	if (getaddrinfo(host, number, &hints, &list) != 0)
		return 0;
	for (a = list; a != NULL && pid <= 0; a = a->ai_next)
		pid = listener_at(a->ai_addr);
	freeaddrinfo(list);
	return pid;
}
