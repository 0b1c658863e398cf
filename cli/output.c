/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include <output.h>

#define OUTPUT_CHUNK ((size_t)128 << 10)
#define OUTPUT_LEVEL 12 /* of zstd: recordings are written once and read often */

static bool output_ends(const char *path, const char *ending)
{
	size_t len = strlen(path), n = strlen(ending);

	return len > n && strcmp(path + len - n, ending) == 0;
}

void output_open_memory(struct output *o, struct strbuf *memory)
{
	memset(o, 0, sizeof(*o));
	o->path = "memory";
	o->memory = memory;
}

int output_open(struct output *o, const char *path)
{
	int err;

	memset(o, 0, sizeof(*o));
	o->path = path;
	if (strcmp(path, "-") == 0) {
		o->path = "(standard output)";
		o->file = stdout;
		return 0;
	}
	err = newfile_open(&o->place, path);
	if (err != 0)
		return err;
	o->file = fdopen(o->place.fd, "wb");
	if (o->file == NULL) {
		err = errno;
		close(o->place.fd);
		newfile_drop(&o->place);
		return err;
	}
	if (output_ends(path, ".zst")) {
		o->zstd = ZSTD_createCCtx();
		o->packed = xmalloc(OUTPUT_CHUNK);
		ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, OUTPUT_LEVEL);
		ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
	}
	return 0;
}

static void output_raw(struct output *o, const void *data, size_t len)
{
	if (o->error != 0 || len == 0)
		return;
	if (o->memory != NULL)
		strbuf_add(o->memory, data, len);
	else if (fwrite(data, 1, len, o->file) != len)
		o->error = errno != 0 ? errno : EIO;
}

/* Pack @len bytes; @end: and all that zstd still holds. */
static void output_pack(struct output *o, const void *data, size_t len, bool end)
{
	ZSTD_inBuffer in = {data, len, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {o->packed, OUTPUT_CHUNK, 0};

		left = ZSTD_compressStream2(o->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left)) {
			o->error = ENOMEM;
			return;
		}
		output_raw(o, o->packed, out.pos);
	} while (o->error == 0 && (in.pos < in.size || (end && left > 0)));
}

void output_write(struct output *o, const void *data, size_t len)
{
	o->written += len;
	if (o->error != 0)
		return;
	if (o->zstd != NULL)
		output_pack(o, data, len, false);
	else
		output_raw(o, data, len);
}

void output_printf(struct output *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < sizeof(text)) {
		output_write(o, text, (size_t)len);
	} else {
		struct strbuf b = {0};

		va_start(ap, fmt);
		strbuf_vaddf(&b, fmt, ap);
		va_end(ap);
		output_write(o, b.s, b.len);
		strbuf_free(&b);
	}
}

static void output_close(struct output *o)
{
	ZSTD_freeCCtx(o->zstd);
	free(o->packed);
	o->zstd = NULL;
	o->packed = NULL;
	o->file = NULL;
}

int output_finish(struct output *o)
{
	int err;

	if (o->zstd != NULL && o->error == 0)
		output_pack(o, NULL, 0, true);
	err = o->error;
	if (o->file != NULL && o->file != stdout) {
		if (fclose(o->file) != 0 && err == 0)
			err = errno;
		if (err == 0)
			err = newfile_keep(&o->place);
		else
			newfile_drop(&o->place);
	} else if (o->file != NULL && fflush(o->file) != 0 && err == 0) {
		err = errno;
	}
	output_close(o);
	return err;
}

void output_abandon(struct output *o)
{
	if (o->file != NULL && o->file != stdout) {
		fclose(o->file);
		newfile_drop(&o->place);
	}
	output_close(o);
}
