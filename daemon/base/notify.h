/* notify.h - tells the init system how we are (sd_notify's protocol). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so that no
 * child speaks in our name. */
void	notify_open(void);

/* Sends lines like "READY=1"; does nothing without a NOTIFY_SOCKET. */
void	notify_send(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the time stamp that Type=notify-reload wants. */
void	notify_reloading(void);

/* Milliseconds between two WATCHDOG=1, half of what the init system asked
 * for; 0 when it did not ask us. */
int64_t	notify_watchdog_ms(void);

#endif
