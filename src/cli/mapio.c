/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapio.c - reads a map element by element through bpf(2).
 */
#include "cli/mapio.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/alloc.h"
#include "cli/session.h"
#include "cli/value.h"

static bool is_percpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

const char *map_type_word(uint32_t type)
{
	const char *name = libbpf_bpf_map_type_str((enum bpf_map_type)type);

	return name ? name : "unknown";
}

int mapio_init(struct cli *c, int fd, struct mapio *ret)
{
	struct mapio m = { .fd = fd, .cpus = 1 };
	uint32_t len = sizeof(m.info);
	int cpus;

	if (bpf_obj_get_info_by_fd(fd, &m.info, &len))
		return session_fail(c, errno, "cannot look at the map");
	m.stride = m.info.value_size;
	if (is_percpu(m.info.type)) {
		cpus = libbpf_num_possible_cpus();
		if (cpus < 0)
			return session_fail(c, cpus, "cannot count CPUs");
		m.cpus = (uint32_t)cpus;
		m.stride = ALIGN_UP(m.info.value_size, 8);
	}
	m.key = skep_alloc(m.info.key_size);
	m.value = skep_alloc_array(m.cpus, MAX(m.stride, 4u));
	if (!m.key || !m.value) {
		mapio_fini(&m);
		return cli_oom(c);
	}
	/* Without BTF the elements are bytes. */
	if (m.info.btf_id && m.info.btf_value_type_id)
		m.btf = btf__load_from_kernel_by_id(m.info.btf_id);
	*ret = m;
	return CLI_OK;
}

void mapio_fini(struct mapio *m)
{
	btf__free(m->btf);
	skep_free(m->key);
	skep_free(m->value);
}

int mapio_next(struct mapio *m, int *ret_lookup_err)
{
	if (bpf_map_get_next_key(m->fd, m->key_valid ? m->key : NULL, m->key))
		return 0;
	m->key_valid = true;
	*ret_lookup_err = bpf_map_lookup_elem(m->fd, m->key, m->value) ? errno : 0;
	return 1;
}

static cJSON *value_of(const struct mapio *m, uint32_t cpu, bool plain)
{
	return value_json(m->btf, m->info.btf_value_type_id, m->value + (size_t)cpu * m->stride,
			  m->info.value_size, plain);
}

cJSON *mapio_formatted(const struct mapio *m, bool plain)
{
	cJSON *o = cJSON_CreateObject(), *values, *one;

	/* A data section has no key to speak of. */
	if (m->info.btf_key_type_id)
		cJSON_AddItemToObject(o, "key",
				      value_json(m->btf, m->info.btf_key_type_id, m->key,
						 m->info.key_size, plain));
	if (m->cpus == 1) {
		cJSON_AddItemToObject(o, "value", value_of(m, 0, plain));
		return o;
	}
	values = cJSON_AddArrayToObject(o, "values");
	for (uint32_t cpu = 0; cpu < m->cpus; cpu++) {
		one = cJSON_CreateObject();
		json_u64(one, "cpu", cpu);
		cJSON_AddItemToObject(one, "value", value_of(m, cpu, plain));
		cJSON_AddItemToArray(values, one);
	}
	return o;
}

cJSON *mapio_json(const struct mapio *m)
{
	cJSON *o = cJSON_CreateObject(), *values, *one;

	if (m->info.key_size)
		cJSON_AddItemToObject(o, "key", json_bytes(m->key, m->info.key_size));
	if (m->cpus == 1) {
		cJSON_AddItemToObject(o, "value", json_bytes(m->value, m->info.value_size));
		if (holds_maps(&m->info))
			json_u64(o, "inner_map_id", *(const uint32_t *)m->value);
	} else {
		values = cJSON_AddArrayToObject(o, "values");
		for (uint32_t cpu = 0; cpu < m->cpus; cpu++) {
			one = cJSON_CreateObject();
			json_u64(one, "cpu", cpu);
			cJSON_AddItemToObject(
				one, "value",
				json_bytes(m->value + (size_t)cpu * m->stride, m->info.value_size));
			cJSON_AddItemToArray(values, one);
		}
	}
	if (m->btf)
		cJSON_AddItemToObject(o, "formatted", mapio_formatted(m, false));
	return o;
}
