/* handler_process.c - the process that a handler's calls run in. */
#include "handler_process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "must.h"
#include "timer.h"
#include "wire.h"

static void
handler_process_reap(struct handler_process *p)
{
	size_t	 i = 0;

	while (i < p->dying_count)
		if (child_reap(p->dying[i]))
			p->dying[i] = p->dying[--p->dying_count];
		else
			i++;
}

static void
handler_process_reap_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler_process	*p = arg;

	(void)fd, (void)what;
	handler_process_reap(p);
	if (p->dying_count > 0)
		timer_in(p->reap, 1000);
}

static void
handler_process_tell(struct handler_process *p, pid_t pid)
{
	if (p->told_cb != NULL)
		p->told_cb(pid, p->told_arg);
}

static void
handler_process_output_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler_process	*p = arg;

	(void)what;
	if (!handler_talk_read(p->talk, fd))
		event_del(p->output_event);
}

void
handler_process_bury(struct handler_process *p)
{
	child_kill(p->pid);
	/* The last thing that it wrote may say why it died. */
	handler_process_output_cb(p->output, EV_READ, p);
	handler_talk_end_line(p->talk);

	event_free(p->channel_event);
	event_free(p->output_event);
	close(p->channel);
	close(p->output);
	p->channel_event = p->output_event = NULL;
	p->channel = p->output = -1;

	handler_process_tell(p, -1);
	p->dying[p->dying_count++] = p->pid;	/* start leaves room */
	p->pid = -1;
	handler_process_reap(p);
	if (p->dying_count > 0)
		timer_in(p->reap, HANDLER_END_MOMENT);
}

static CHECKED bool
handler_process_open(struct handler_process *p, struct error *err)
{
	int	 channel[2], output[2] = { -1, -1 };
	bool	 ok = false;

	if (!wire_pair(channel, err))
		return false;
	if (pipe2(output, O_CLOEXEC) != 0 ||
	    fcntl(channel[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(output[0], F_SETFL, O_NONBLOCK) != 0)
		error_set(err, "can't make a channel: %s", strerror(errno));
	else
		ok = plugin_spawn(&p->pid, p->talk->name, p->talk->plugin,
		    output[1], channel[1], err);
	close(channel[1]);
	if (output[1] >= 0)
		close(output[1]);
	if (ok) {
		p->channel = channel[0];
		p->output = output[0];
		return true;
	}
	close(channel[0]);
	if (output[0] >= 0)
		close(output[0]);
	return false;
}

bool
handler_process_start(struct handler_process *p, size_t dying_max,
    struct error *err)
{
	handler_process_reap(p);
	if (p->dying_count >= dying_max)
		return error_set(err, "%zu killed handlers have not ended yet: "
		    "does a file system or a disk hang?", p->dying_count);
	if (!handler_process_open(p, err))
		return false;
	handler_process_tell(p, p->pid);
	p->channel_event = must(event_new(p->base, p->channel,
	    EV_READ | EV_PERSIST, p->channel_cb, p->channel_arg));
	p->output_event = must(event_new(p->base, p->output,
	    EV_READ | EV_PERSIST, handler_process_output_cb, p));
	event_add(p->channel_event, NULL);
	event_add(p->output_event, NULL);
	return true;
}

void
handler_process_begin(struct handler_process *p, struct event_base *base,
    struct handler_talk *talk, event_callback_fn channel_cb, void *arg)
{
	p->base = base;
	p->talk = talk;
	p->channel_cb = channel_cb;
	p->channel_arg = arg;
	p->pid = p->channel = p->output = -1;
	p->reap = timer_new(base, handler_process_reap_cb, p);
}

void
handler_process_end(struct handler_process *p, int64_t until_ms)
{
	int	 status;
	size_t	 i;

	for (i = 0; i < p->dying_count; i++)
		child_ended(p->dying[i], until_ms - clock_ms(), &status);
	handler_process_reap(p);
	event_free(p->reap);
}
