/* SPDX-License-Identifier: BSD-2-Clause */
/* door.c - see agent.h: the one thing in the image that is known outside. */
#include "agent/agent_int.h"

const struct agent_door agent_door = {
	.version = AGENT_VERSION,
	.size = sizeof(agent_door),
	.helper_by_id = helper_by_id,
	.kfunc_at = kfunc_at,
	.map_ops_at = map_ops_at,
	.helper_target = helper_target,
	.helper_ld_abs = helper_ld_abs,
	.helper_probe_load = helper_probe_load,
	.helper_kptr_load = helper_kptr_load,
	.join = agent_join,
	.meta = agent_meta,
	.sync = agent_sync,
	.run = agent_run,
	.map_call = agent_map_call,
	.probe = agent_probe,
	.return_now = agent_return_now,
	.sys_enter = agent_sys_enter,
	.sys_exit = agent_sys_exit,
	.guard = agent_guard,
	.unguard = agent_unguard,
	.traps = agent_process.trap,
	.swaps = agent_process.swap,
	.calls = agent_calls,
	.filters = &agent_process.filters,
	.dispatch = &agent_process.dispatch,
	.unwind = &agent_process.unwind,
	.became = agent_became,
	.leave = agent_leave,
};
