/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ref.c - finds objects by id, tag, name or pin.
 */
#include "cli/ref.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <unistd.h>

#include "cli/session.h"

void ref_prog_name(int fd, const struct bpf_prog_info *info, char *buf, size_t n)
{
	struct bpf_func_info first = { 0 };
	struct bpf_prog_info more = {
		.nr_func_info = 1,
		.func_info_rec_size = sizeof(first),
		.func_info = (uintptr_t)&first,
	};
	uint32_t len = sizeof(more);
	const struct btf_type *t;
	struct btf *btf = NULL;

	snprintf(buf, n, "%s", info->name);
	if (strlen(info->name) < BPF_OBJ_NAME_LEN - 1 || !info->btf_id || !info->nr_func_info)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &more, &len))
		btf = btf__load_from_kernel_by_id(info->btf_id);
	t = btf ? btf__type_by_id(btf, first.type_id) : NULL;
	if (t && btf_is_func(t))
		snprintf(buf, n, "%s", btf__name_by_offset(btf, t->name_off));
	btf__free(btf);
}

static bool prog_has_name(int fd, const char *name)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	char full[128];

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	if (!strcmp(info.name, name))
		return true;
	ref_prog_name(fd, &info, full, sizeof(full));
	return !strcmp(full, name);
}

static bool prog_has_tag(int fd, const char *tag)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	char text[2 * BPF_TAG_SIZE + 1];

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", info.tag[i]);
	return !strcmp(text, tag);
}

static bool map_has_name(int fd, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       !strncmp(info.name, name, BPF_OBJ_NAME_LEN - 1);
}

const struct ref_kind ref_prog = {
	.noun = "program",
	.grammar = "PROG := { id N | tag T | name N | pinned PATH }",
	.next_id = bpf_prog_get_next_id,
	.fd_by_id = bpf_prog_get_fd_by_id,
	.has_name = prog_has_name,
	.has_tag = prog_has_tag,
};

const struct ref_kind ref_map = {
	.noun = "map",
	.grammar = "MAP := { id N | name N | pinned PATH }",
	.next_id = bpf_map_get_next_id,
	.fd_by_id = bpf_map_get_fd_by_id,
	.has_name = map_has_name,
};

const struct ref_kind ref_btf = {
	.noun = "BTF object",
	.grammar = "BTF := { id N }",
	.next_id = bpf_btf_get_next_id,
	.fd_by_id = bpf_btf_get_fd_by_id,
};

/* Calls fn for every object of the kind that has(fd, text); has may be NULL: for all. */
static int each_match(struct cli *c, const struct ref_kind *kind,
		      bool (*has)(int fd, const char *text), const char *text,
		      int (*fn)(struct cli *c, int fd, void *arg), void *arg, uint32_t *ret_nr)
{
	uint32_t id = 0;
	int r = CLI_OK;

	*ret_nr = 0;
	while (r == CLI_OK && !kind->next_id(id, &id)) {
		_cleanup_(close_fd_p) int fd = kind->fd_by_id(id);

		/* Gone since, or not what was asked for. */
		if (fd < 0 || (has && !has(fd, text)))
			continue;
		++*ret_nr;
		r = fn(c, fd, arg);
	}
	return r;
}

static int by_id(struct cli *c, const struct ref_kind *kind, struct words *w, int *ret_fd)
{
	const char *word = words_take(c, w, "the id");
	uint64_t id;
	int r = word ? words_number(c, word, "id", UINT32_MAX, &id) : CLI_USAGE;

	if (r)
		return r;
	*ret_fd = kind->fd_by_id((uint32_t)id);
	if (*ret_fd < 0)
		return cli_fail(c,
				"no %s has id %s (loaded objects live as long as this process: "
				"see -O and batch in skep(1))",
				kind->noun, word);
	return CLI_OK;
}

static int by_pin(struct cli *c, const struct ref_kind *kind, struct words *w, int *ret_fd)
{
	const char *path = words_take(c, w, "the path");

	if (!path)
		return CLI_USAGE;
	*ret_fd = bpf_obj_get(path);
	if (*ret_fd < 0)
		return session_fail(c, errno, "%s pinned at %s", kind->noun, path);
	return CLI_OK;
}

int ref_each(struct cli *c, const struct ref_kind *kind, struct words *w,
	     int (*fn)(struct cli *c, int fd, void *arg), void *arg)
{
	_cleanup_(close_fd_p) int fd = -1;
	bool (*has)(int fd, const char *text) = NULL;
	const char *what = "name", *text = NULL;
	uint32_t nr;
	int r = session_open(c);

	if (r)
		return r;
	if (words_accept(w, "id"))
		r = by_id(c, kind, w, &fd);
	else if (words_accept(w, "pinned"))
		r = by_pin(c, kind, w, &fd);
	else if (kind->has_name && words_accept(w, "name"))
		has = kind->has_name;
	else if (kind->has_tag && words_accept(w, "tag"))
		has = kind->has_tag;
	else if (w->n)
		return cli_usage(c, "'%s' names no %s: %s", *w->at, kind->noun, kind->grammar);
	if (r)
		return r;
	if (has) {
		what = has == kind->has_tag ? "tag" : "name";
		text = words_take(c, w, what);
		if (!text)
			return CLI_USAGE;
	}
	r = words_end(c, w);
	if (r)
		return r;
	if (fd >= 0)
		return fn(c, fd, arg);
	r = each_match(c, kind, has, text, fn, arg, &nr);
	return r == CLI_OK && has && !nr ? cli_fail(c, "no %s has %s %s", kind->noun, what, text)
					 : r;
}

/* A reference at the front of a longer line. */
static int split_ref(struct cli *c, const struct ref_kind *kind, struct words *w,
		     struct words *ret_front)
{
	if (!w->n)
		return cli_usage(c, "which %s? %s", kind->noun, kind->grammar);
	*ret_front = (struct words){ w->at, MIN(w->n, 2) };
	w->at += ret_front->n;
	w->n -= ret_front->n;
	return CLI_OK;
}

struct only {
	const struct ref_kind *kind;
	int fd; /* the one so far, or -1 */
};

static int keep_only(struct cli *c, int fd, void *arg)
{
	struct only *o = arg;

	if (o->fd >= 0)
		return cli_fail(c, "several %ss match: name one by its id", o->kind->noun);
	o->fd = dup(fd);
	return o->fd < 0 ? cli_fail(c, "cannot copy a descriptor: %s", strerror(errno)) : CLI_OK;
}

int ref_one(struct cli *c, const struct ref_kind *kind, struct words *w, int *ret_fd)
{
	struct only o = { .kind = kind, .fd = -1 };
	struct words front;
	int r = split_ref(c, kind, w, &front);

	if (!r)
		r = ref_each(c, kind, &front, keep_only, &o);
	if (r) {
		close_fd_p(&o.fd);
		return r;
	}
	*ret_fd = o.fd;
	return CLI_OK;
}

int ref_show(struct cli *c, const struct ref_kind *kind, struct words *w,
	     int (*fn)(struct cli *c, int fd, void *arg))
{
	bool one = w->n && (is_prefix(*w->at, "id") || is_prefix(*w->at, "pinned"));
	cJSON *only;
	int r;

	if (c->json)
		c->answer = cJSON_CreateArray();
	r = ref_each(c, kind, w, fn, NULL);
	if (!r && c->json && one) {
		only = cJSON_DetachItemFromArray(c->answer, 0);
		cJSON_Delete(c->answer);
		c->answer = only;
	}
	return r;
}

int ref_pin(struct cli *c, const struct ref_kind *kind, struct words *w)
{
	_cleanup_(close_fd_p) int fd = -1;
	const char *path;
	int r = ref_one(c, kind, w, &fd);

	if (r)
		return r;
	path = words_take(c, w, "the path");
	if (!path || words_end(c, w))
		return CLI_USAGE;
	return bpf_obj_pin(fd, path) ? session_fail(c, errno, "cannot pin at %s", path) : CLI_OK;
}
