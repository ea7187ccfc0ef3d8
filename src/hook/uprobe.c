/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uprobe.c - uprobes and uretprobes: programs at places in files, in the members that have those
 * files mapped.
 *
 *	struct uprobe --- one row of `uprobes` for each attachment
 *	struct process -- one for each member that ever knocked
 *	   struct place - one for each of its instructions that ever was probed: the jump is there
 *			  while somebody runs, and the list of who runs is in meta
 *
 * One lock: processes are stopped one after the other.  A member that is new, or another program
 * than it was, gets all attachments when it says hello; children of fork() have them with their
 * memory.
 */
#include "agent/agent.h"
#include "base/alloc.h"
#include "core/probe.h"
#include "hook/hook.h"
#include "hook/process.h"

#include <libelf.h>
#include <gelf.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct uprobe {
	struct uprobe *next;
	struct probe_spec spec;
	struct image_file file;	 /* spec.path, as it was */
	struct hive_probe probe; /* who runs */
	uint64_t func_off,
		func_size; /* of the function around it, in the file; size 0: not known */
};

static struct {
	pthread_mutex_t lock; /* of all of it */
	struct space *space;
	struct skep_kernel *k;
	struct process *processes;
	struct uprobe *uprobes;
} h = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- where ------------------------------------------------------------------------------------ */

/* Where in the file the address of a symbol is; false: in no part of it that is loaded. */
static bool file_offset(Elf *elf, uint64_t addr, uint64_t *ret)
{
	size_t n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD ||
		    addr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*ret = addr - ph.p_vaddr + ph.p_offset;
		return true;
	}
	return false;
}

/* Looks through one table of symbols for the function that the probe is in. */
static void search_table(Elf *elf, Elf_Scn *scn, struct uprobe *u)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr sh;
	GElf_Sym sym;
	uint64_t off;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize ||
	    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
		return;
	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    !file_offset(elf, sym.st_value, &off) || u->spec.off - off >= sym.st_size)
			continue;
		u->func_off = off;
		u->func_size = sym.st_size;
	}
}

static void find_function(struct uprobe *u)
{
	_cleanup_(close_fd_p) int fd = open(u->spec.path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd >= 0 && elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL)
								 : NULL;

	for (Elf_Scn *scn = NULL; elf && !u->func_size && (scn = elf_nextscn(elf, scn));)
		search_table(elf, scn, u);
	elf_end(elf);
}

#define UNKNOWN_SIZE 64 /* bytes that are looked at where no symbol says how long a function is */

#define PADDING	     16 /* bytes behind a function that may be its own */

/* Text of the process as it is without probes: 0 or -EFAULT. */
static int read_text(const struct process *p, struct tracee *t, uint64_t at, uint8_t *to, size_t n)
{
	if (tracee_read(t, at, to, n))
		return -EFAULT;
	vec_foreach (i, &p->patches) {
		const struct patch *patch = *i;
		const struct site *s = &patch->site;

		for (size_t b = 0; patch->on && b < s->size; b++)
			if (s->patch + b - at < n)
				to[s->patch + b - at] = s->text[b];
	}
	return 0;
}

/* The sites of u where its instruction is at address `at`. */
static int find_sites(const struct uprobe *u, const struct process *p, struct tracee *t,
		      uint64_t at, struct sites *ret, struct skep_diag *diag)
{
	const uint64_t lead = u->func_size ? u->spec.off - u->func_off : 0;
	const size_t size = u->func_size ? u->func_size : UNKNOWN_SIZE;
	_cleanup_(skep_free_p) uint8_t *text = skep_alloc(size + PADDING);
	struct func f = { .at = at - lead, .text = text, .size = size, .room = size };
	struct site *one;

	if (!text)
		return -ENOMEM;
	if (read_text(p, t, f.at, text, size))
		return diag_set(diag, -EFAULT, SKEP_AT_NONE, 0, "no text at 0x%llx",
				(unsigned long long)f.at);
	if (u->func_size && !read_text(p, t, f.at + size, text + size, PADDING))
		f.room += PADDING;
	if (u->spec.returns)
		return site_returns(&f, ret, diag);
	one = vec_push(ret);
	return one ? site_at(&f, lead, one, diag) : -ENOMEM;
}

/* --- who runs at a place ---------------------------------------------------------------------- */

/* Shows the agents the list of pl, and frees the one before when no run can see it. */
static int publish(struct place *pl)
{
	const size_t bytes = pl->probes.n * sizeof(struct hive_probe);
	const struct hive_probes *old = atomic_load(&pl->site->probes);
	struct hive_probes *new = NULL;

	if (bytes) {
		new = space_alloc(h.space, HIVE_META, sizeof(*new) + bytes);
		if (!new)
			return -ENOMEM;
		new->n = (uint32_t)pl->probes.n;
		memcpy(new->probe, pl->probes.at, bytes);
	}
	atomic_store(&pl->site->probes, new);
	if (!old)
		return 0;
	vcpus_synchronize(core_vcpus(h.k));
	space_give(h.space, HIVE_META, (void *)old,
		   sizeof(*old) + old->n * sizeof(struct hive_probe));
	return 0;
}

/* The place of that address, made where there was none; NULL: out of memory. */
static struct place *place_of(struct process *p, uint64_t at)
{
	struct place *pl, **row;

	vec_foreach (i, &p->places)
		if ((*i)->at == at)
			return *i;
	pl = skep_alloc(sizeof(*pl));
	if (!pl)
		return NULL;
	pl->at = at;
	pl->site = space_alloc(h.space, HIVE_META, sizeof(*pl->site));
	row = pl->site ? vec_push(&p->places) : NULL;
	if (!row) {
		space_give(h.space, HIVE_META, pl->site, sizeof(*pl->site));
		skep_free(pl);
		return NULL;
	}
	return *row = pl;
}

/* The probe runs at that site too: 0 or -errno. */
static int add(struct process *p, struct tracee *t, const struct site *site,
	       const struct hive_probe *probe, struct skep_diag *diag)
{
	const struct agent_door *door =
		(const struct agent_door *)(uintptr_t)space_meta(h.space)->door;
	struct place *pl = place_of(p, site->at);
	struct hive_probe *row = pl ? vec_push(&pl->probes) : NULL;
	int err;

	if (!row)
		return -ENOMEM;
	*row = *probe;
	err = publish(pl);
	if (!err && (!pl->patch || !pl->patch->on))
		err = patch_put(&p->patches, t, site, (uintptr_t)door->probe, (uintptr_t)pl->site,
				&pl->patch, diag);
	if (err) {
		pl->probes.n--;
		publish(pl);
	}
	return err;
}

/* --- processes -------------------------------------------------------------------------------- */

/* Attaches u to the process, which stands still; *ret_n: how many sites it has there. */
static int attach_stopped(struct process *p, struct tracee *t, const struct uprobe *u,
			  uint32_t *ret_n, struct skep_diag *diag)
{
	struct images images = { 0 };
	struct sites sites = { 0 };
	uint64_t at = 0;
	int err = images_read(&images, p->pid, diag);

	while (!err && images_next(&images, &u->file, u->spec.off, &at))
		err = find_sites(u, p, t, at, &sites, diag);
	vec_foreach (s, &sites)
		err = err ? err : add(p, t, s, &u->probe, diag);
	*ret_n = (uint32_t)sites.n;
	vec_free(&sites);
	images_fini(&images);
	return err;
}

/* Takes the probe from all places of the process; it stands still where t is not NULL. */
static void remove_probe(struct process *p, struct tracee *t, const struct hive_probe *probe)
{
	vec_foreach (i, &p->places) {
		struct place *pl = *i;
		size_t n = 0;

		for (size_t k = 0; k < pl->probes.n; k++)
			if (pl->probes.at[k].prog != probe->prog ||
			    pl->probes.at[k].cookie != probe->cookie)
				pl->probes.at[n++] = pl->probes.at[k];
		if (n == pl->probes.n)
			continue;
		pl->probes.n = n;
		publish(pl);
		if (!n && t && pl->patch && pl->patch->on)
			patch_undo(t, pl->patch, NULL);
	}
}

static bool concerns(const struct uprobe *u, const struct process *p)
{
	return u->spec.pid == -1 || u->spec.pid == p->pid;
}

/* All processes that u concerns, or as far as it goes: 0 or the first error. */
static int attach_all(struct uprobe *u, struct skep_diag *diag)
{
	uint32_t n;
	int err = 0;

	for (struct process *p = h.processes; p && !err; p = p->next) {
		struct tracee t;

		if (!concerns(u, p))
			continue;
		err = process_stop(p, h.space, &t, diag);
		if (err == -ESRCH) { /* it has ended */
			err = 0;
			continue;
		}
		if (!err) {
			err = attach_stopped(p, &t, u, &n, diag);
			tracee_go(&t);
		}
	}
	return err;
}

static void detach_all(const struct uprobe *u)
{
	for (struct process *p = h.processes; p; p = p->next) {
		struct tracee t;
		int err;

		if (!concerns(u, p) || !p->places.n)
			continue;
		err = process_stop(p, h.space, &t, NULL);
		remove_probe(p, err ? NULL : &t, &u->probe);
		if (!err)
			tracee_go(&t);
	}
}

/* The process of that id: known, or new where it lives; NULL. */
static struct process *process_of(pid_t pid)
{
	struct process *p = h.processes;

	while (p && p->pid != pid)
		p = p->next;
	if (p)
		return p;
	p = skep_alloc(sizeof(*p));
	if (p) {
		p->pid = pid;
		p->next = h.processes;
		h.processes = p;
	}
	return p;
}

/* --- the door --------------------------------------------------------------------------------- */

static int attach(const struct probe_spec *spec, struct skep_prog *prog, uint64_t cookie,
		  void **ret, struct skep_diag *diag)
{
	struct uprobe *u = skep_alloc(sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->spec = *spec;
	u->probe = (struct hive_probe){ .prog = prog, .cookie = cookie };
	err = image_file(spec->path, &u->file, diag);
	if (!err) {
		find_function(u);
		pthread_mutex_lock(&h.lock);
		if (spec->pid > 0)
			err = process_of(spec->pid) ? 0 : -ENOMEM;
		if (!err)
			err = attach_all(u, diag);
		if (err)
			detach_all(u);
		u->next = h.uprobes;
		if (!err)
			h.uprobes = u;
		pthread_mutex_unlock(&h.lock);
	}
	if (err)
		skep_free(u);
	else
		*ret = u;
	return err;
}

static void detach(void *hooked)
{
	struct uprobe *u = hooked, **at = &h.uprobes;

	pthread_mutex_lock(&h.lock);
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	detach_all(u);
	pthread_mutex_unlock(&h.lock);
	skep_free(u);
}

void hook_member(pid_t pid)
{
	struct process *p;
	struct tracee t;
	uint32_t n;

	pthread_mutex_lock(&h.lock);
	p = process_of(pid);
	if (p)
		process_forget(p, h.space); /* it is another program than it was */
	for (struct uprobe *u = h.uprobes; p && u; u = u->next) {
		if (!concerns(u, p) || process_stop(p, h.space, &t, NULL))
			continue;
		/* What cannot be probed there goes on unprobed. */
		attach_stopped(p, &t, u, &n, NULL);
		tracee_go(&t);
	}
	pthread_mutex_unlock(&h.lock);
}

void hook_start(struct space *s, struct skep_kernel *k)
{
	static const struct core_hooks hooks = { .attach = attach, .detach = detach };

	h.space = s;
	h.k = k;
	core_set_hooks(k, &hooks);
}
