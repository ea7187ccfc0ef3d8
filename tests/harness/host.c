/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c - see host.h */
#include "tests/harness/host.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

long host_bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

int host_load(const struct host_prog *p)
{
	static char own[1 << 16];
	const bool talk = getenv("HOST_LOG") && !p->log;
	char *log = talk ? own : p->log;
	union bpf_attr attr = {
		.prog_type = p->type,
		.expected_attach_type = p->expected_attach_type,
		.prog_flags = p->flags,
		.insns = (uintptr_t)p->insns,
		.insn_cnt = p->n,
		.license = (uintptr_t)(p->license ? p->license : "GPL"),
		.log_level = log != NULL,
		.log_buf = (uintptr_t)log,
		.log_size = talk ? sizeof(own) : p->log_size,
	};
	int fd = (int)host_bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0 && talk)
		fprintf(stderr, "%s", log);
	return fd;
}

void host_required(void)
{
	const struct bpf_insn insns[] = { I_MOV_IMM(0, 0), I_EXIT };
	int fd = host_load(&(struct host_prog){ BPF_PROG_TYPE_XDP, 0, 0, insns, 2 });

	if (fd < 0)
		test_skip("the host does not let us load programs: %s", strerror(-fd));
	close(fd);
}

int host_array(uint32_t value_size, uint32_t flags)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = value_size,
		.max_entries = 1,
		.map_flags = flags,
	};
	int fd = (int)host_bpf(BPF_MAP_CREATE, &attr);

	ASSERT_GE(fd, 0);
	return fd;
}

static void access_value(int cmd, int map, const void *value)
{
	uint32_t key = 0;
	union bpf_attr attr = {
		.map_fd = (uint32_t)map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)value,
	};

	ASSERT_EQ(host_bpf(cmd, &attr), 0);
}

void host_write(int map, const void *value)
{
	access_value(BPF_MAP_UPDATE_ELEM, map, value);
}

void host_read(int map, void *value)
{
	access_value(BPF_MAP_LOOKUP_ELEM, map, value);
}

void host_freeze(int map)
{
	union bpf_attr attr = { .map_fd = (uint32_t)map };

	ASSERT_EQ(host_bpf(BPF_MAP_FREEZE, &attr), 0);
}

int host_run(int prog, uint32_t type, struct host_run *r)
{
	union bpf_attr attr = { .test.prog_fd = (uint32_t)prog };
	int err;

	if (type == BPF_PROG_TYPE_SYSCALL || type == BPF_PROG_TYPE_RAW_TRACEPOINT) {
		attr.test.ctx_in = (uintptr_t)r->in;
		attr.test.ctx_size_in = r->n_in;
	} else {
		attr.test.data_in = (uintptr_t)r->in;
		attr.test.data_size_in = r->n_in;
		attr.test.data_out = (uintptr_t)r->out;
		attr.test.data_size_out = r->n_out;
	}
	err = (int)host_bpf(BPF_PROG_TEST_RUN, &attr);
	if (!err) {
		r->retval = attr.test.retval;
		r->n_out = attr.test.data_size_out;
	}
	return err;
}
