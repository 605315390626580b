/* LZ4 and zstd from one caller's buffer into another, with working memory that lasts as long as the thread. */
#include "addon.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#define STRONGEST_LEVEL 19
#define LZ4_ACCELERATION 1

struct job {
  struct bytes from, to;
  int64_t level;
};

void release_compressors(struct compressors *compressors) {
  free(compressors->lz4);
  ZSTD_freeCCtx(compressors->zstd_encoder);
  ZSTD_freeDCtx(compressors->zstd_decoder);
}

static bool read_span(napi_env env, napi_value *arguments, const char *name, struct bytes *span) {
  int64_t offset, length;
  struct bytes whole;
  if (!read_bytes(env, arguments[0], name, &whole)) return false;
  if (!read_integer(env, arguments[1], "offset", 0, INT32_MAX, &offset)) return false;
  if (!read_integer(env, arguments[2], "length", 0, INT32_MAX, &length)) return false;
  if (!in_range(env, name, offset, length, whole.length)) return false;
  *span = (struct bytes){whole.data + offset, (size_t)length};
  return true;
}

static bool read_job(napi_env env, napi_callback_info info, bool with_level, struct job *job) {
  napi_value arguments[7];
  return read_arguments(env, info, with_level ? 7 : 6, arguments) &&
         read_span(env, arguments, "source", &job->from) && read_span(env, arguments + 3, "destination", &job->to) &&
         (!with_level || read_integer(env, arguments[6], "level", 1, STRONGEST_LEVEL, &job->level));
}

static napi_value lz4_compress(napi_env env, napi_callback_info info) {
  struct job job;
  struct compressors *kept = &environment_of(env)->compressors;
  if (!read_job(env, info, false, &job)) return NULL;
  if (kept->lz4 == NULL) kept->lz4 = malloc((size_t)LZ4_sizeofState());
  if (kept->lz4 == NULL) return throw_errno(env, ENOMEM, "no memory for LZ4");
  int written = LZ4_compress_fast_extState(kept->lz4, (const char *)job.from.data, (char *)job.to.data,
                                           (int)job.from.length, (int)job.to.length, LZ4_ACCELERATION);
  return number_value(env, written);
}

static napi_value lz4_decompress(napi_env env, napi_callback_info info) {
  struct job job;
  if (!read_job(env, info, false, &job)) return NULL;
  int written = LZ4_decompress_safe((const char *)job.from.data, (char *)job.to.data, (int)job.from.length, (int)job.to.length);
  return number_value(env, written < 0 ? -1 : written);
}

static napi_value zstd_compress(napi_env env, napi_callback_info info) {
  struct job job;
  struct compressors *kept = &environment_of(env)->compressors;
  if (!read_job(env, info, true, &job)) return NULL;
  if (kept->zstd_encoder == NULL) kept->zstd_encoder = ZSTD_createCCtx();
  if (kept->zstd_encoder == NULL) return throw_errno(env, ENOMEM, "no memory for zstd");
  size_t written = ZSTD_compressCCtx(kept->zstd_encoder, job.to.data, job.to.length, job.from.data, job.from.length, (int)job.level);
  /* Short of a destination too small, the only failure is memory; the block goes uncompressed either way. */
  return number_value(env, ZSTD_isError(written) ? 0 : (double)written);
}

static napi_value zstd_decompress(napi_env env, napi_callback_info info) {
  struct job job;
  struct compressors *kept = &environment_of(env)->compressors;
  if (!read_job(env, info, false, &job)) return NULL;
  if (kept->zstd_decoder == NULL) kept->zstd_decoder = ZSTD_createDCtx();
  if (kept->zstd_decoder == NULL) return throw_errno(env, ENOMEM, "no memory for zstd");
  size_t written = ZSTD_decompressDCtx(kept->zstd_decoder, job.to.data, job.to.length, job.from.data, job.from.length);
  return number_value(env, ZSTD_isError(written) ? -1 : (double)written);
}

void register_compress(napi_env env, napi_value exports) {
  export_function(env, exports, "lz4Compress", lz4_compress);
  export_function(env, exports, "lz4Decompress", lz4_decompress);
  export_function(env, exports, "zstdCompress", zstd_compress);
  export_function(env, exports, "zstdDecompress", zstd_decompress);
  set_property(env, exports, "lz4Version", string_value(env, LZ4_versionString()));
  set_property(env, exports, "zstdVersion", string_value(env, ZSTD_versionString()));
}
