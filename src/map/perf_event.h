/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf_event.h - software events of the kind PERF_COUNT_SW_BPF_OUTPUT: rings that programs write
 * samples to (bpf_perf_event_output) and that user space maps, one for each CPU.
 *
 * The memory is the kernel's: a struct perf_event_mmap_page, then 2^n pages of data.  It is the
 * event's memfd, of which only as much is used as the first mmap(2) asked for; before that, there
 * is no ring and samples are lost unseen.
 *
 * core/ hands events out as descriptors; a PERF_EVENT_ARRAY holds references to them.
 */
#ifndef SKEP_MAP_PERF_EVENT_H
#define SKEP_MAP_PERF_EVENT_H

#include "map/map.h"

#include <linux/perf_event.h>

/* What perf_event_open(2)'s attributes say of such an event. */
struct perf_event_opts {
	int cpu;	      /* whose programs write to it */
	uint64_t sample_type; /* of PERF_EVENT_SAMPLE_TYPES */
	uint32_t wakeup;      /* wakes at so many samples, or bytes; 0 bytes: half of the ring */
	bool wakeup_bytes;    /* attr.watermark */
	bool disabled;	      /* until it is enabled */
};

/* What samples can carry. */
#define PERF_EVENT_SAMPLE_TYPES \
	(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW)

/* What programs change. */
struct perf_head {
	struct spinlock lock;  /* all of it */
	uint32_t samples;      /* since the last wake-up by samples */
	uint64_t head;	       /* the true copy of data_head */
	uint64_t waked;	       /* head at the last wake-up by bytes */
	uint64_t lost;	       /* samples that found no room since the last that did */
	_Atomic uint32_t rung; /* see struct waiters */
};

/* What they read. */
struct perf_event {
	_Atomic uint32_t refs;
	uint32_t id;		     /* PERF_EVENT_IOC_ID, and in PERF_RECORD_LOST */
	struct perf_event_opts opts; /* as given */
	struct map_area area;	     /* the header page, then data */
	struct waiters wait;
	struct vcpus *vcpus; /* whose programs write to it; may be NULL */
	struct perf_head *h; /* in data, where there is a hive */
	_Atomic bool enabled;
	_Atomic bool paused;
	bool overwrite;	       /* mapped read-only: old samples make room */
	uint8_t *data;	       /* behind the header page */
	_Atomic uint64_t size; /* bytes of data, a power of two; 0: not mapped yet */
	uint64_t watermark;    /* bytes */
};

/* A sample: its data is two pieces, one behind the other. */
struct perf_sample {
	uint64_t time;	   /* ns, for PERF_SAMPLE_TIME */
	uint32_t pid, tid; /* for PERF_SAMPLE_TID */
	const void *data, *more;
	uint32_t size, more_size; /* bytes of those */
};

/** 0 and *ret with one reference, or -ENOMEM, -EMFILE, -ENFILE.  space, vcpus: as of maps.  Cold.
 */
int perf_event_new(const struct perf_event_opts *opts, struct space *space, struct vcpus *vcpus,
		   struct perf_event **ret);
struct perf_event *perf_event_get(struct perf_event *e);
/** The last one frees.  Accepts NULL. */
void perf_event_put(struct perf_event *e);
DEFINE_CLEANUP(struct perf_event, perf_event_put)

/**
 * User space is about to map the first len bytes: 0, or -EINVAL where that is no page and 2^n
 * pages, or another number than before; -ENOMEM where it is too much.
 */
int perf_event_map(struct perf_event *e, size_t len, bool writable);
/** The eventfd that stands in for it in epoll, as ringbuf_wait_fd(). */
int perf_event_wait_fd(struct perf_event *e);

/**
 * One PERF_RECORD_SAMPLE, from a run on `cpu`.  Hot.
 *
 * @return 0; -EOPNOTSUPP on another CPU than the event's, or where it is disabled; -ENOSPC where
 *	   there is no room, counted for a PERF_RECORD_LOST; -E2BIG for more than a record can hold
 */
long perf_event_output(struct perf_event *e, uint32_t cpu, const struct perf_sample *s);

/** The event in a PERF_EVENT_ARRAY at that index; NULL: none.  As long as the run lasts.  Hot. */
struct perf_event *perf_event_at(struct skep_map *m, uint32_t index);

#endif
