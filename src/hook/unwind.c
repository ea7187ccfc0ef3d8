/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.c - see unwind.h: a table for each file, and for each process what it has mapped.
 *
 * A table goes when nobody walks stacks any more, when its file is another one by then, and when
 * there is no room for a new one: the one that no process asked for longest.  Only while all
 * processes go on, as runs of the moment must end before its memory is another's.
 */
#include "hook/unwind.h"
#include "base/file.h"
#include "hook/cfi.h"
#include "prog/prog.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLES	   1024
#define BYTES_MAX  (UINT64_C(64) << 20) /* of all tables */
#define PART_SHIFT 8			/* of a file, which most have four rows for */

/* A file, or the vDSO, and its table. */
struct known {
	struct image_file file; /* zeroes: the vDSO */
	struct timespec changed;
	uint64_t asked; /* when a process last had it, by the clock below */
};

static struct {
	struct space *space;
	struct vcpus *vcpus;
	uint32_t wanted;	     /* programs that are attached and walk stacks */
	struct unwind_table *tables; /* [TABLES], in meta; NULL: there never was one */
	struct known known[TABLES];  /* whose each is */
	uint32_t serial;	     /* of the last table */
	uint64_t bytes;		     /* of all rows */
	uint64_t clock;		     /* counts processes that were looked at */
} u;

/* --- who walks -------------------------------------------------------------------------------- */

/* Itself, or whom it may call. */
static bool walks(const struct skep_prog *prog)
{
	for (uint32_t i = 0; i < prog->image.insn_cnt; i++) {
		const struct bpf_insn *in = &prog->image.insns[i];

		if (in->code == (BPF_JMP | BPF_CALL) && !in->src_reg &&
		    (in->imm == BPF_FUNC_get_stackid || in->imm == BPF_FUNC_get_stack ||
		     in->imm == BPF_FUNC_tail_call))
			return true;
	}
	return false;
}

/* --- tables ----------------------------------------------------------------------------------- */

static uint32_t serial_of(const struct unwind_table *t)
{
	return atomic_load_explicit(&t->serial, memory_order_relaxed);
}

/* Of its rows, and of what leads to them behind them; none where it has no row. */
static size_t bytes_of(const struct unwind_table *t)
{
	return t->n ? t->n * sizeof(*t->rows) + (t->parts + 1) * sizeof(*t->before) : 0;
}

/* Those that `goes` says of go. */
static void drop(bool (*goes)(uint32_t i, uint64_t arg), uint64_t arg)
{
	bool going[TABLES] = { 0 }, any = false;

	for (uint32_t i = 0; i < TABLES; i++) {
		if (!serial_of(&u.tables[i]) || !goes(i, arg))
			continue;
		any = going[i] = true;
		atomic_store(&u.tables[i].serial, 0);
	}
	if (any)
		vcpus_synchronize(u.vcpus);
	for (uint32_t i = 0; i < TABLES; i++) {
		struct unwind_table *t = &u.tables[i];

		if (!going[i])
			continue;
		u.bytes -= bytes_of(t);
		space_give(u.space, HIVE_META, (void *)t->rows, bytes_of(t));
		t->rows = NULL;
		t->n = 0;
	}
}

static bool goes_always(uint32_t i, uint64_t arg)
{
	return true;
}

static bool goes_alone(uint32_t i, uint64_t arg)
{
	return i == arg;
}

static bool goes_unasked(uint32_t i, uint64_t since)
{
	return u.known[i].asked < since;
}

/* The table's number; TABLES: there is none. */
static uint32_t find(const struct image_file *file)
{
	uint32_t i = 0;

	while (i < TABLES && (!serial_of(&u.tables[i]) || u.known[i].file.ino != file->ino ||
			      u.known[i].file.dev != file->dev))
		i++;
	return i;
}

static uint32_t find_free(void)
{
	uint32_t i = 0;

	while (i < TABLES && serial_of(&u.tables[i]))
		i++;
	return i;
}

static uint64_t oldest(void)
{
	uint64_t ret = UINT64_MAX;

	for (uint32_t i = 0; i < TABLES; i++)
		if (serial_of(&u.tables[i]))
			ret = MIN(ret, u.known[i].asked);
	return ret;
}

/* Room for a table of that many bytes: a free number, TABLES where there is none. */
static uint32_t make_room(size_t bytes, bool may_drop)
{
	uint32_t i = find_free();

	while (may_drop && (i == TABLES || u.bytes + bytes > BYTES_MAX) && oldest() < u.clock) {
		drop(goes_unasked, oldest() + 1);
		i = find_free();
	}
	return u.bytes + bytes > BYTES_MAX ? TABLES : i;
}

/* A part has a few rows, and there are not more of them than rows. */
static struct unwind_table shape_of(const struct cfi *cfi)
{
	struct unwind_table t = { .n = (uint32_t)cfi->n, .shift = PART_SHIFT };
	const uint32_t first = cfi->n ? cfi->at[0].off : 0;
	const uint32_t last = cfi->n ? cfi->at[cfi->n - 1].off : 0;

	while (((last >> t.shift) - (first >> t.shift)) > t.n)
		t.shift++;
	t.parts = (last >> t.shift) - (first >> t.shift) + 1;
	return t;
}

static void fill(const struct unwind_table *t, const struct cfi *cfi, struct unwind_row *rows,
		 uint32_t *before)
{
	const uint32_t first = cfi->at[0].off >> t->shift;
	uint32_t part = 0;

	memcpy(rows, cfi->at, t->n * sizeof(*rows));
	for (uint32_t i = 0; i < t->n; i++)
		while (part <= (rows[i].off >> t->shift) - first)
			before[part++] = i;
	before[part] = t->n;
}

static uint32_t add(const struct cfi *cfi, const struct known *of, bool may_drop)
{
	const struct unwind_table shape = shape_of(cfi);
	const size_t bytes = bytes_of(&shape);
	const uint32_t i = make_room(bytes, may_drop);
	struct unwind_table *t = &u.tables[i];
	struct unwind_row *rows = NULL;

	if (i < TABLES && bytes)
		rows = space_alloc(u.space, HIVE_META, bytes);
	if (i == TABLES || (bytes && !rows))
		return TABLES;
	*t = shape;
	if (bytes)
		fill(t, cfi, rows, (uint32_t *)(rows + shape.n));
	t->rows = rows;
	t->before = rows ? (const uint32_t *)(rows + shape.n) : NULL;
	t->build_id_size = (uint32_t)MIN(cfi->build_id.size, sizeof(t->build_id));
	if (t->build_id_size)
		memcpy(t->build_id, cfi->build_id.data, t->build_id_size);
	u.bytes += bytes;
	u.known[i] = *of;
	atomic_store(&t->serial, ++u.serial ? u.serial : ++u.serial);
	return i;
}

static uint32_t read_table(struct bytes file, const struct known *of, bool may_drop)
{
	struct cfi cfi = { 0 };
	uint32_t i = TABLES;

	if (!cfi_read(file, &cfi))
		i = add(&cfi, of, may_drop);
	vec_free(&cfi);
	return i;
}

static uint32_t read_file(const char *path, const struct known *of, bool may_drop)
{
	_cleanup_(close_fd_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(file_free) struct bytes file = { 0 };

	return fd < 0 || file_read(fd, &file) ? TABLES : read_table(file, of, may_drop);
}

/* It is this process's as it is all others'; section headers are the end of it. */
static uint32_t read_vdso(bool may_drop)
{
	const struct known of = { .asked = u.clock };
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);

	if (!head)
		return TABLES;
	return read_table(
		(struct bytes){ (const uint8_t *)head,
				head->e_shoff + (size_t)head->e_shentsize * head->e_shnum },
		&of, may_drop);
}

static bool is_same(const struct known *k, const struct stat *st)
{
	return k->changed.tv_sec == st->st_mtim.tv_sec && k->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* The table of what is mapped there; TABLES: there is none, as it cannot be read, or no room. */
static uint32_t table_of(const struct image *image, pid_t pid, bool may_drop)
{
	struct known of = { .file = image->file, .asked = u.clock };
	uint32_t i = find(&image->file);
	char path[PATH_MAX];
	struct stat st;

	if (!image->file.ino)
		return i < TABLES ? i : read_vdso(may_drop);
	if (!image_path(pid, image->start, path) || stat(path, &st) || !S_ISREG(st.st_mode))
		return TABLES;
	if (i < TABLES && is_same(&u.known[i], &st))
		return i;
	if (i < TABLES && !may_drop)
		return TABLES;
	if (i < TABLES)
		drop(goes_alone, i);
	of.changed = st.st_mtim;
	return read_file(path, &of, may_drop);
}

/* --- processes -------------------------------------------------------------------------------- */

static bool has_text(const struct image *i)
{
	const uint64_t hive = space_base(u.space);

	return i->exec && i->start - hive >= HIVE_RANGE &&
	       (i->file.ino || !strcmp(i->name, "[vdso]"));
}

/* What the process was told of it, where that is still so; NULL. */
static const struct unwind_map *told_of(const struct process *p, const struct image *i)
{
	vec_foreach (m, &p->unwind) {
		const struct known *k = m->table ? &u.known[m->table - u.tables] : NULL;

		if (m->start == i->start && m->off == i->off && k &&
		    serial_of(m->table) == m->serial && k->file.ino == i->file.ino &&
		    k->file.dev == i->file.dev)
			return m;
	}
	return NULL;
}

/* What is to be said of an image; false: nothing. */
static bool map_of(const struct process *p, const struct image *i, bool may_drop,
		   struct unwind_map *ret)
{
	const struct unwind_map *told = told_of(p, i);
	const uint32_t row =
		told ? (uint32_t)(told->table - u.tables) : table_of(i, p->pid, may_drop);

	if (row == TABLES)
		return false;
	u.known[row].asked = u.clock;
	*ret = (struct unwind_map){ .start = i->start,
				    .end = i->end,
				    .off = i->off,
				    .table = &u.tables[row],
				    .serial = serial_of(&u.tables[row]) };
	return true;
}

static bool begin(void)
{
	if (!u.wanted)
		return false;
	if (!u.tables)
		u.tables = space_alloc(u.space, HIVE_META, TABLES * sizeof(*u.tables));
	u.clock++;
	return u.tables;
}

void unwind_prepare(const struct process *p)
{
	struct images images = { 0 };
	struct unwind_map map;

	if (!begin() || images_read(&images, p->pid, NULL))
		return;
	vec_foreach (i, &images)
		if (has_text(i))
			map_of(p, i, true, &map);
	images_fini(&images);
}

/* All of it anew: the process may have it from whom it was forked from. */
static void tell(struct still *s)
{
	const uint64_t at = (uintptr_t)agent_of(s->space)->unwind;
	struct unwind_maps head;

	if (tracee_read(&s->t, at, &head, offsetof(struct unwind_maps, at)))
		return;
	atomic_fetch_add(&head.version, 1);
	atomic_store(&head.n, (uint32_t)s->p->unwind.n);
	if (s->p->unwind.n)
		tracee_write(&s->t, at + offsetof(struct unwind_maps, at), s->p->unwind.at,
			     s->p->unwind.n * sizeof(*s->p->unwind.at));
	tracee_write(&s->t, at, &head, offsetof(struct unwind_maps, at));
}

void unwind_put(struct still *s)
{
	struct unwind_maps_list maps = { 0 };
	struct unwind_map map, *to;

	if (!begin())
		return;
	vec_foreach (i, &s->images) {
		if (!has_text(i) || maps.n == UNWIND_MAPS || !map_of(s->p, i, false, &map))
			continue;
		to = vec_push(&maps);
		if (to)
			*to = map;
	}
	if (maps.n == s->p->unwind.n &&
	    (!maps.n || !memcmp(maps.at, s->p->unwind.at, maps.n * sizeof(map)))) {
		vec_free(&maps);
		return;
	}
	vec_free(&s->p->unwind);
	s->p->unwind = maps;
	tell(s);
}

/* --- what is attached ------------------------------------------------------------------------- */

void unwind_attached(const struct skep_prog *prog)
{
	u.wanted += walks(prog);
}

void unwind_detached(const struct skep_prog *prog)
{
	u.wanted -= walks(prog);
	if (!u.wanted && u.tables)
		drop(goes_always, 0);
}

void unwind_start(struct space *space, struct vcpus *vcpus)
{
	u.space = space;
	u.vcpus = vcpus;
}
