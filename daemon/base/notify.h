/* notify.h - reports our state to the init system (sd_notify's protocol). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* Removes NOTIFY_SOCKET and WATCHDOG_USEC from the environment, so that no
 * child sends messages in our name. */
void	notify_open(void);

/* Sends lines like "READY=1"; does nothing without a NOTIFY_SOCKET. */
void	notify_send(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the time stamp that Type=notify-reload requires. */
void	notify_reloading(void);

/* Milliseconds between two WATCHDOG=1, half of the init system's limit; 0 if it
 * set none. */
int64_t	notify_watchdog_ms(void);

#endif
