/* job.c - work on the server that takes longer than a call. */

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "data.h"

#define PAUSE		10	/* ms between two looks while it queues */
#define QUEUE_TIME	120000	/* ms that a job waits for another one */
#define JOB_TIME	86400000	/* ms for all that a job asks */

static int
job_lock(struct failover *f, int how)
{
	int	 fd = open(data_folder(f), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1 && flock(fd, how | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool
job_running(struct failover *f)
{
	int	 fd = job_lock(f, LOCK_SH);

	if (fd != -1)
		close(fd);
	return fd == -1 && errno == EWOULDBLOCK;
}

static int
job_log(struct failover *f)
{
	int	 fd = open(data_log(f), O_WRONLY | O_CREAT | O_APPEND |
		    O_CLOEXEC, 0600);

	if (fd != -1)
		return fd;
	f->log(f, FAILOVER_WARNING, "option log_file: %s: %s", data_log(f),
	    strerror(errno));
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* In the child; the lock is -1 where it has to queue for it. */
static bool
job_run(struct failover *f, int lock, int log, job_work work, void *arg)
{
	int	 waited;

	/* It goes on after the call. */
	f->deadline += JOB_TIME;
	/* Not the agent's: it may outlive it. */
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	for (waited = 0; lock == -1; waited += PAUSE) {
		if (waited > QUEUE_TIME)
			return false;
		pause_ms(PAUSE);
		lock = job_lock(f, LOCK_EX);
	}
	return work(f, arg, log);
}

bool
job_start(struct program *p, struct failover *f, bool queue, job_work work,
    void *arg)
{
	int	 lock = job_lock(f, LOCK_EX), log = job_log(f), ready[2];
	char	 byte;

	*p = (struct program){ 0 };
	if ((lock != -1 || queue) && log != -1 &&
	    pipe2(ready, O_CLOEXEC) == 0) {
		p->pid = fork();
		if (p->pid == 0) {
			setsid();
			close(ready[1]);
			_exit(job_run(f, lock, log, work, arg) ? EXIT_SUCCESS :
			    EXIT_FAILURE);
		}
		/* When we answer, what is still in our group may be killed. */
		close(ready[1]);
		while (read(ready[0], &byte, 1) == -1 && errno == EINTR)
			continue;
		close(ready[0]);
	}
	if (lock != -1)
		close(lock);
	if (log != -1)
		close(log);
	return p->pid > 0;
}
