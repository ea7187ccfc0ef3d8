/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf_output.c - samples into an event's ring (kernel/events/ring_buffer.c).
 *
 *	| header page: data_head, data_tail | data: size bytes, records go round |
 *
 * Both positions only grow; head - tail is what is unread.  data_tail is user space's: any number
 * may stand there, and it is only compared.  Records are multiples of 8 bytes:
 *
 *	PERF_RECORD_SAMPLE | pid tid | time | cpu 0 | size of raw | raw ... padding |
 *	PERF_RECORD_LOST   | id | samples |	before the first sample that found room again
 */
#include "map/map_int.h"
#include "map/perf_event.h"

/* What a record's 16-bit size can say. */
#define RECORD_MAX (UINT16_MAX & ~7u)

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

/* The fields of a sample before its raw data. */
struct sample_fields {
	uint64_t word[5];
	uint32_t n; /* bytes */
};

static struct perf_event_mmap_page *header_of(const struct perf_event *e)
{
	return (struct perf_event_mmap_page *)e->area.mem;
}

/* Writes n bytes at pos, round the end; returns the position behind them. */
static uint64_t ring_put(const struct perf_event *e, uint64_t pos, const void *from, size_t n)
{
	const uint64_t at = pos & (e->size - 1);
	const size_t first = MIN(n, e->size - at);

	if (n) {
		memcpy(e->data + at, from, first);
		memcpy(e->data, (const uint8_t *)from + first, n - first);
	}
	return pos + n;
}

static void add_word(struct sample_fields *f, uint32_t low, uint32_t high)
{
	f->word[f->n / 8] = low | (uint64_t)high << 32;
	f->n += 8;
}

/* Everything before the raw bytes; the record's size is still to come. */
static struct sample_fields fields_of(const struct perf_event *e, uint32_t cpu,
				      const struct perf_sample *s, uint32_t raw)
{
	const uint64_t type = e->opts.sample_type;
	struct sample_fields f = { .n = 0 };

	add_word(&f, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL);
	if (type & PERF_SAMPLE_TID)
		add_word(&f, s->pid, s->tid);
	if (type & PERF_SAMPLE_TIME)
		add_word(&f, (uint32_t)s->time, (uint32_t)(s->time >> 32));
	if (type & PERF_SAMPLE_CPU)
		add_word(&f, cpu, 0);
	if (type & PERF_SAMPLE_RAW) {
		f.word[f.n / 8] = raw;
		f.n += 4;
	}
	return f;
}

/* Under the lock, as all from here. */
static bool has_room(const struct perf_event *e, uint64_t size)
{
	const uint64_t tail = __atomic_load_n(&header_of(e)->data_tail, __ATOMIC_ACQUIRE);

	/* Never all of it: then head would look like tail. */
	return e->overwrite ? size <= e->size : ((tail - e->h->head - 1) & (e->size - 1)) >= size;
}

static uint64_t put_lost(struct perf_event *e, uint64_t pos)
{
	const struct lost_record r = {
		.header = { .type = PERF_RECORD_LOST, .size = sizeof(r) },
		.id = e->id,
		.lost = e->h->lost,
	};

	e->h->lost = 0;
	return ring_put(e, pos, &r, sizeof(r));
}

/* After a sample: is it time to wake? */
static bool wakes(struct perf_event *e)
{
	bool wake = false;

	if (e->h->head - e->h->waked > e->watermark) {
		e->h->waked += e->watermark;
		wake = true;
	}
	if (!e->opts.wakeup_bytes && e->opts.wakeup && ++e->h->samples >= e->opts.wakeup) {
		e->h->samples = 0;
		wake = true;
	}
	return wake;
}

/* 0: written; 1: and somebody is to be woken; or -errno. */
static long output_locked(struct perf_event *e, uint32_t cpu, const struct perf_sample *s)
{
	static const uint64_t zero;
	const bool has_raw = e->opts.sample_type & PERF_SAMPLE_RAW;
	const uint64_t bytes = has_raw ? (uint64_t)s->size + s->more_size : 0;
	const uint64_t raw = has_raw ? ALIGN_UP(bytes + 4, 8) - 4 : 0;
	struct sample_fields f = fields_of(e, cpu, s, (uint32_t)raw);
	const uint64_t size = f.n + raw;
	uint64_t pos = e->h->head;

	if (size > RECORD_MAX)
		return -E2BIG;
	if (!e->size)
		return -ENOSPC;
	if (atomic_load_explicit(&e->paused, memory_order_relaxed) ||
	    !has_room(e, size + (e->h->lost ? sizeof(struct lost_record) : 0))) {
		e->h->lost++;
		return -ENOSPC;
	}
	if (e->h->lost)
		pos = put_lost(e, pos);
	f.word[0] |= size << 48;
	pos = ring_put(e, pos, f.word, f.n);
	if (has_raw) {
		pos = ring_put(e, pos, s->data, s->size);
		pos = ring_put(e, pos, s->more, s->more_size);
		pos = ring_put(e, pos, &zero, raw - bytes);
	}
	e->h->head = pos;
	/* Release pairs with the consumer's acquire: what lies before it is complete. */
	__atomic_store_n(&header_of(e)->data_head, pos, __ATOMIC_SEQ_CST);
	return wakes(e);
}

long perf_event_output(struct perf_event *e, uint32_t cpu, const struct perf_sample *s)
{
	long ret;

	if (unlikely(!atomic_load_explicit(&e->enabled, memory_order_relaxed) ||
		     e->opts.cpu != (int)cpu))
		return -EOPNOTSUPP;
	lock_take(&e->h->lock, e->vcpus, cpu);
	ret = output_locked(e, cpu, s);
	spin_unlock(&e->h->lock);
	if (ret == 1)
		waiters_wake(&e->wait);
	return MIN(ret, 0);
}
