/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - lines of bpf_trace_printk(), as trace_pipe shows them: each is read once, by all who
 * read then, and kept for the next one who reads where nobody does.
 *
 * Programs that run here write at once.  Those in members of a hive leave records in a ring buffer,
 * and ring (map/bell.c); what is in it is not believed.
 */
#include "core/core_int.h"
#include "helper/trace.h"
#include "hive/space.h"
#include "map/ringbuf.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define KEPT_MAX  (256u << 10) /* bytes of lines that nobody has read */
#define RING_SIZE (256u << 10)
#define PIPE_SIZE (1 << 20)
#define PRINTK	  "bpf_trace_printk"

void trace_init(struct trace *t, const struct skep_kernel_opts *o)
{
	pthread_mutex_init(&t->lock, NULL);
	t->tell = o->trace;
	t->arg = o->trace_arg;
}

void trace_fini(struct trace *t)
{
	vec_foreach (fd, &t->readers)
		close(*fd);
	vec_free(&t->readers);
	skep_free(t->kept);
	map_put(t->ring);
	pthread_mutex_destroy(&t->lock);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The newest stay. */
static void keep_locked(struct trace *t, const char *line, size_t n)
{
	if (!t->kept)
		t->kept = skep_alloc(KEPT_MAX);
	if (!t->kept)
		return;
	if (t->kept_n + n > KEPT_MAX) {
		const char *half = memchr(t->kept + t->kept_n / 2, '\n', t->kept_n / 2);

		t->kept_n = half ? t->kept_n - (size_t)(half + 1 - t->kept) : 0;
		if (half)
			memmove(t->kept, half + 1, t->kept_n);
	}
	memcpy(t->kept + t->kept_n, line, n);
	t->kept_n += n;
}

/*
 * A reader that is gone is forgotten; one that does not read loses lines, each as a whole, as none
 * is longer than PIPE_BUF.  The program that we may be in knows of no pipe: no signal for it.
 */
static void send_locked(struct trace *t, const char *line, size_t n)
{
	const struct timespec now = { 0 };
	sigset_t pipe, old, waits;
	size_t kept = 0;
	bool broken = false;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	sigpending(&waits);
	vec_foreach (fd, &t->readers) {
		if (write(*fd, line, n) < 0 && errno == EPIPE) {
			close(*fd);
			broken = true;
		} else {
			t->readers.at[kept++] = *fd;
		}
	}
	t->readers.n = kept;
	if (broken && !sigismember(&waits, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void send_kept_locked(struct trace *t)
{
	const char *end = t->kept + t->kept_n, *next;

	for (const char *line = t->kept; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		next = newline ? newline + 1 : end;
		send_locked(t, line, (size_t)(next - line));
	}
	t->kept_n = 0;
}

/* Task, CPU, flags (none are known), time since boot, and who says it. */
static void show(struct trace *t, const struct trace_line *l, const char *who, const char *text)
{
	char line[TRACE_TEXT_MAX + 128], comm[17] = "";
	int n;

	memcpy(comm, l->comm, 16);
	n = snprintf(line, sizeof(line), "%16s-%-7u [%03u] ..... %5llu.%06llu: %s: %.*s\n", comm,
		     l->tid, l->cpu, (unsigned long long)l->ns / 1000000000,
		     (unsigned long long)l->ns / 1000 % 1000000, who,
		     (int)MIN(l->len, (uint32_t)TRACE_TEXT_MAX), text);
	pthread_mutex_lock(&t->lock);
	if (t->tell)
		t->tell(t->arg, line, (size_t)n);
	if (t->readers.n)
		send_locked(t, line, (size_t)n);
	if (!t->tell && !t->readers.n)
		keep_locked(t, line, (size_t)n);
	pthread_mutex_unlock(&t->lock);
}

void trace_write(void *arg, const struct skep_run *run, const char *text, size_t n)
{
	struct skep_kernel *k = arg;
	struct trace_line l;

	trace_line_begin(&l, (struct skep_run *)run, n);
	show(&k->trace, &l, PRINTK, text);
}

void core_trace_say(struct skep_kernel *k, uint32_t tid, const char *comm, const char *text)
{
	struct trace_line l = { .tid = tid, .len = (uint32_t)strlen(text) };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	l.ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	memcpy(l.comm, comm, strnlen(comm, sizeof(l.comm)));
	show(&k->trace, &l, "skep", text);
}

/* --- members' --------------------------------------------------------------------------------- */

/* The next record from *pos on, copied; false: there is none yet. */
static bool take(const struct ringbuf *rb, uint64_t *pos, struct trace_line *l,
		 char text[TRACE_TEXT_MAX])
{
	const uint64_t end = atomic_load_explicit(rb->producer, memory_order_acquire);
	const uint8_t *at = rb->data + (*pos & rb->mask);
	const uint32_t word = *pos == end ? BPF_RINGBUF_BUSY_BIT
					  : atomic_load_explicit((const _Atomic uint32_t *)at,
								 memory_order_acquire);
	const uint32_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	const uint64_t step = ALIGN_UP((uint64_t)len + BPF_RINGBUF_HDR_SZ, 8);

	*l = (struct trace_line){ 0 };
	if (word & BPF_RINGBUF_BUSY_BIT)
		return false;
	if (end - *pos > rb->mask + 1 || step > end - *pos) {
		*pos = end; /* not what was written there */
		return true;
	}
	if (!(word & BPF_RINGBUF_DISCARD_BIT) && len >= sizeof(*l)) {
		memcpy(l, at + BPF_RINGBUF_HDR_SZ, sizeof(*l));
		l->len = MIN(l->len, MIN(len - (uint32_t)sizeof(*l), (uint32_t)TRACE_TEXT_MAX));
		memcpy(text, at + BPF_RINGBUF_HDR_SZ + sizeof(*l), l->len);
	}
	*pos += step;
	return true;
}

void core_trace_look(struct skep_kernel *k)
{
	const struct ringbuf *rb = k->trace.ring ? k->trace.ring->priv : NULL;
	char text[TRACE_TEXT_MAX];
	struct trace_line l;
	uint64_t pos;

	if (!rb)
		return;
	pos = atomic_load_explicit(rb->consumer, memory_order_relaxed);
	/* As many as there can be at once: who writes positions may do so for ever. */
	for (uint32_t n = 0; n < RING_SIZE / 8 && take(rb, &pos, &l, text); n++) {
		atomic_store_explicit(rb->consumer, pos, memory_order_release);
		if (l.len)
			show(&k->trace, &l, PRINTK, text);
	}
}

int core_trace_share(struct skep_kernel *k)
{
	const union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = RING_SIZE };
	int err = core_own_map(k, &attr, &k->trace.ring);

	if (err)
		return err;
	/* So that members ring. */
	err = ringbuf_wait_fd(k->trace.ring);
	space_meta(k->space)->trace = (uintptr_t)k->trace.ring;
	return MIN(err, 0);
}

/* --- readers ---------------------------------------------------------------------------------- */

int core_trace_open(struct skep_kernel *k)
{
	struct trace *t = &k->trace;
	int ends[2], *slot;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(ends[0], F_SETFL, 0); /* readers wait */
	pthread_mutex_lock(&t->lock);
	slot = vec_push(&t->readers);
	if (slot) {
		*slot = ends[1];
		send_kept_locked(t);
	}
	pthread_mutex_unlock(&t->lock);
	if (slot)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	return -ENOMEM;
}
