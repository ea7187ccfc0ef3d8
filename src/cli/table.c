/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - a map as a table: a column for each member of key and value, a row an element.
 */
#include "cli/table.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "cli/value.h"

#define COLUMNS_MAX 32
#define CELL_MAX    64 /* bytes of text that a cell shows */

struct column {
	struct value_cell cell; /* where its data is */
	bool of_key;		/* in the key, else in the value */
	bool right;		/* numbers stand on the right */
	int width;		/* characters */
};

struct row {
	uint8_t *data; /* key, then the value of CPU 0 or the sums; owned */
	uint64_t rank; /* its first number, or index of an array turned around */
};

struct table {
	struct mapio *m;
	struct column column[COLUMNS_MAX];
	int columns;
	struct {
		VEC(struct row);
	} rows;
};

static const uint8_t *row_part(const struct table *t, const struct row *r, bool of_key)
{
	return of_key ? r->data : r->data + t->m->info.key_size;
}

/* Columns of one side: its members, or the whole as one where there are no types. */
static void add_columns(struct table *t, uint32_t type, const char *name, bool of_key,
			uint32_t size)
{
	struct value_cell cells[COLUMNS_MAX];
	const char *top = name;
	int n = -EINVAL, room = COLUMNS_MAX - t->columns;

	if (t->m->btf && type) {
		const struct btf_type *bt = btf__type_by_id(t->m->btf, type);

		/* The members of a struct are names enough. */
		if (bt && btf_is_struct(bt))
			top = "";
		n = value_cells(t->m->btf, type, top, cells, room);
	}
	if (n < 0) {
		cells[0] = (struct value_cell){ .size = size };
		snprintf(cells[0].name, sizeof(cells[0].name), "%s", name);
		n = MIN(1, room);
	}
	for (int i = 0; i < n; i++)
		t->column[t->columns++] = (struct column){
			.cell = cells[i],
			.of_key = of_key,
			.width = (int)strlen(cells[i].name),
		};
}

static bool is_array(const struct bpf_map_info *i)
{
	return i->type == BPF_MAP_TYPE_ARRAY || i->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Adds what the other CPUs hold to the numbers of CPU 0. */
static void sum_cpus(const struct table *t, uint8_t *value)
{
	for (int i = 0; i < t->columns; i++) {
		const struct value_cell *cell = &t->column[i].cell;
		uint64_t v, sum = 0;

		if (t->column[i].of_key || cell->bit_size)
			continue;
		for (uint32_t cpu = 0; cpu < t->m->cpus; cpu++) {
			if (!value_number(t->m->btf, cell, t->m->value + (size_t)cpu * t->m->stride,
					  &v))
				break;
			sum += v;
			memcpy(value + cell->off, &sum, MIN(cell->size, 8u));
		}
	}
}

static uint64_t rank(const struct table *t, const struct row *r)
{
	uint64_t v;
	uint32_t index;

	if (is_array(&t->m->info)) {
		memcpy(&index, r->data, sizeof(index));
		return UINT64_MAX - index;
	}
	for (int i = 0; i < t->columns; i++)
		if (!t->column[i].of_key &&
		    value_number(t->m->btf, &t->column[i].cell, row_part(t, r, false), &v))
			return v;
	return 0;
}

static int read_rows(struct table *t)
{
	const struct bpf_map_info *i = &t->m->info;
	struct row *r;
	int err;

	while (mapio_next(t->m, &err)) {
		if (err ||
		    (is_array(i) && bytes_zero(t->m->value, (size_t)t->m->cpus * t->m->stride)))
			continue;
		r = vec_push(&t->rows);
		if (r)
			r->data = skep_alloc(i->key_size + MAX(i->value_size, 4u));
		if (!r || !r->data)
			return -ENOMEM;
		memcpy(r->data, t->m->key, i->key_size);
		memcpy(r->data + i->key_size, t->m->value, i->value_size);
		if (t->m->cpus > 1)
			sum_cpus(t, r->data + i->key_size);
		r->rank = rank(t, r);
	}
	return 0;
}

static int by_rank(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->rank, y = ((const struct row *)b)->rank;

	return x > y ? -1 : x < y;
}

static bool cell_text(const struct table *t, const struct column *col, const struct row *r,
		      char *buf)
{
	return value_text(t->m->btf, &col->cell, row_part(t, r, col->of_key), buf, CELL_MAX);
}

static void print_rows(struct table *t, uint32_t max)
{
	uint32_t n = (uint32_t)MIN(t->rows.n, (size_t)max);
	char text[CELL_MAX];

	for (int i = 0; i < t->columns; i++) {
		struct column *col = &t->column[i];

		for (uint32_t row = 0; row < n; row++) {
			col->right = cell_text(t, col, &t->rows.at[row], text);
			col->width = MAX(col->width, (int)strlen(text));
		}
	}
	for (int i = 0; n && i < t->columns; i++)
		printf("  %*s", t->column[i].right ? t->column[i].width : -t->column[i].width,
		       t->column[i].cell.name);
	printf(n ? "\n" : "");
	for (uint32_t row = 0; row < n; row++) {
		for (int i = 0; i < t->columns; i++) {
			const struct column *col = &t->column[i];

			cell_text(t, col, &t->rows.at[row], text);
			printf("  %*s", col->right ? col->width : -col->width, text);
		}
		printf("\n");
	}
	if (n < t->rows.n)
		printf("  ... and %zu more\n", t->rows.n - n);
}

int table_print(struct cli *c, struct mapio *m, const char *name, uint32_t rows)
{
	struct table t = { .m = m };
	int r;

	add_columns(&t, m->info.btf_key_type_id, "key", true, m->info.key_size);
	add_columns(&t, m->info.btf_value_type_id, "value", false, m->info.value_size);
	r = read_rows(&t) ? cli_oom(c) : CLI_OK;
	if (!r) {
		printf("\nmap %u: %s %s, %zu of %u%s%s\n", m->info.id, map_type_word(m->info.type),
		       name, t.rows.n, m->info.max_entries, is_array(&m->info) ? " not zero" : "",
		       m->cpus > 1 ? ", summed over CPUs" : "");
		if (t.rows.n)
			qsort(t.rows.at, t.rows.n, sizeof(struct row), by_rank);
		print_rows(&t, rows);
	}
	vec_foreach (row, &t.rows)
		skep_free(row->data);
	vec_free(&t.rows);
	return r;
}
