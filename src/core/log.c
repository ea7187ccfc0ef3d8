/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - see log.h */
#include "core/log.h"

int log_begin(struct call *c, struct call_log *log, uint32_t level, uint64_t ubuf, uint32_t size)
{
	*log = (struct call_log){ .ubuf = ubuf, .v = { .level = level, .size = size } };
	if (!ubuf != !size)
		return FAIL(c, -EINVAL, "log_buf and log_size go together");
	if (ubuf && level == 0)
		return FAIL(c, -EINVAL, "log_buf without log_level");
	if (level & ~(uint32_t)SKEP_LOG_MASK || size > UINT32_MAX >> 2)
		return FAIL(c, -EINVAL, "log_level %u or log_size %u is beyond limits", level,
			    size);
	if (size) {
		log->v.buf = skep_alloc(size);
		if (!log->v.buf)
			return -ENOMEM;
	}
	return 0;
}

void log_free(struct call_log *log)
{
	skep_free(log->v.buf);
}

int log_end(struct call *c, struct call_log *log, size_t true_size, int err)
{
	struct verifier_log *v = &log->v;
	uint32_t used = (uint32_t)MIN(v->max, UINT32_MAX);

	if (v->buf) {
		verifier_log_finish(v);
		if (v->len && user_write(log->ubuf, v->buf, strnlen(v->buf, v->size - 1) + 1))
			err = -EFAULT;
		else if (v->max > v->size)
			err = FAIL(c, -ENOSPC, "the log needs %u bytes, log_size is %u", used,
				   v->size);
	}
	if (c->size >= true_size + sizeof(used) &&
	    user_write(c->uattr + true_size, &used, sizeof(used)))
		err = -EFAULT;
	return err;
}
