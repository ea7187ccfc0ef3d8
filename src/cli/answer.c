/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer.c - how commands answer: errors, JSON, bytes.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>

static void say(struct cli *c, const char *fmt, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	if (c->json) {
		/* The first cause is the one to tell. */
		if (!c->error)
			c->error = TAKE_PTR(text);
	} else {
		fflush(stdout);
		fprintf(stderr, "Error: %s\n", text);
	}
	free(text);
}

int cli_fail(struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, fmt, args);
	va_end(args);
	return CLI_FAILED;
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, fmt, args);
	va_end(args);
	return CLI_USAGE;
}

int cli_diag(struct cli *c, const struct skep_diag *d)
{
	char text[512];

	diag_format(d, text, sizeof(text));
	return cli_fail(c, "%s", text);
}

int cli_oom(struct cli *c)
{
	return cli_fail(c, "out of memory");
}

void cli_flush(struct cli *c, FILE *out)
{
	cJSON *error = NULL;
	char *text;

	if (c->error) {
		error = cJSON_CreateObject();
		cJSON_AddStringToObject(error, "error", c->error);
	}
	if (c->json && (error || c->answer)) {
		text = c->pretty ? cJSON_Print(error ? error : c->answer)
				 : cJSON_PrintUnformatted(error ? error : c->answer);
		if (text)
			fprintf(out, "%s\n", text);
		cJSON_free(text);
	}
	cJSON_Delete(error);
	cJSON_Delete(TAKE_PTR(c->answer));
	free(TAKE_PTR(c->error));
}

cJSON *json_number_u64(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return cJSON_CreateRaw(text);
}

cJSON *json_number_s64(int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	return cJSON_CreateRaw(text);
}

void json_u64(cJSON *object, const char *name, uint64_t v)
{
	cJSON_AddItemToObject(object, name, json_number_u64(v));
}

void json_s64(cJSON *object, const char *name, int64_t v)
{
	cJSON_AddItemToObject(object, name, json_number_s64(v));
}

void json_string(cJSON *object, const char *name, const char *s)
{
	cJSON_AddStringToObject(object, name, s);
}

void json_bool(cJSON *object, const char *name, bool v)
{
	cJSON_AddBoolToObject(object, name, v);
}

cJSON *json_bytes(const void *data, size_t n)
{
	cJSON *array = cJSON_CreateArray();
	const uint8_t *p = data;
	char text[8];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "0x%02x", p[i]);
		cJSON_AddItemToArray(array, cJSON_CreateString(text));
	}
	return array;
}

void print_bytes(FILE *out, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%02x", !i ? "" : i % 16 ? " " : "\n", p[i]);
}
