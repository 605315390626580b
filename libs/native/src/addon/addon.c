#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct environment *environment_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

/* Handles on the event loop */

static void finish_leaving(struct environment *environment) {
  if (!environment->leaving || environment->handles != NULL) return;
  release_compressors(&environment->compressors);
  napi_remove_async_cleanup_hook(environment->cleanup);
  free(environment);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct loop_handle *handle = poll->data;
  if (handle->state != HANDLE_OPEN || handle->environment->leaving) return;
  napi_env env = handle->environment->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  handle->on_event(handle, status, events);
  napi_close_handle_scope(env, scope);
}

static void link_handle(struct environment *environment, struct loop_handle *handle) {
  handle->environment = environment;
  handle->next = environment->handles;
  if (handle->next != NULL) handle->next->previous = handle;
  environment->handles = handle;
}

static void unlink_handle(struct loop_handle *handle) {
  if (handle->previous != NULL) handle->previous->next = handle->next;
  else handle->environment->handles = handle->next;
  if (handle->next != NULL) handle->next->previous = handle->previous;
}

static void on_handle_closed(uv_handle_t *poll) {
  struct loop_handle *handle = poll->data;
  struct environment *environment = handle->environment;
  unlink_handle(handle);
  handle->state = HANDLE_CLOSED;
  if (handle->collected) free(handle);
  finish_leaving(environment);
}

/* JavaScript has let go. When that is because its environment ends, `handle->environment` has been freed already. */
static void collect_handle(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct loop_handle *handle = data;
  handle->collected = true;
  if (handle->state == HANDLE_CLOSED) free(handle);
}

napi_value loop_handle_create(napi_env env, struct loop_handle *handle, napi_value callback) {
  struct environment *environment = environment_of(env);
  int error = uv_poll_init(environment->loop, &handle->poll, handle->fd);
  if (error != 0) {
    close(handle->fd);
    free(handle);
    return throw_errno(env, -error, "the descriptor could not be watched");
  }
  handle->poll.data = handle;
  handle->state = HANDLE_OPEN;
  link_handle(environment, handle);
  napi_value result;
  if (napi_create_reference(env, callback, 1, &handle->callback) != napi_ok ||
      napi_create_external(env, handle, collect_handle, NULL, &result) != napi_ok) {
    handle->collected = true;
    loop_handle_close(handle);
    return throw_errno(env, ENOMEM, "no memory for a handle");
  }
  return result;
}

void loop_handle_poll(struct loop_handle *handle, int events) {
  if (handle->state != HANDLE_OPEN) return;
  if (events == 0) uv_poll_stop(&handle->poll);
  else uv_poll_start(&handle->poll, events, on_poll);
}

void loop_handle_close(struct loop_handle *handle) {
  if (handle->state != HANDLE_OPEN) return;
  handle->state = HANDLE_CLOSING;
  uv_poll_stop(&handle->poll);
  uv_close((uv_handle_t *)&handle->poll, on_handle_closed);
  close(handle->fd);
  handle->fd = -1;
  if (handle->callback != NULL) napi_delete_reference(handle->environment->env, handle->callback);
  handle->callback = NULL;
}

static void leave(napi_async_cleanup_hook_handle hook, void *argument) {
  (void)hook;
  struct environment *environment = argument;
  environment->leaving = true;
  for (struct loop_handle *handle = environment->handles; handle != NULL; handle = handle->next) loop_handle_close(handle);
  finish_leaving(environment);
}

void loop_handle_call(struct loop_handle *handle, size_t count, napi_value *arguments) {
  if (handle->state != HANDLE_OPEN || handle->environment->leaving) return;
  napi_env env = handle->environment->env;
  napi_value callee, receiver, exception;
  napi_get_reference_value(env, handle->callback, &callee);
  napi_get_global(env, &receiver);
  if (napi_make_callback(env, NULL, receiver, callee, count, arguments, NULL) != napi_pending_exception) return;
  napi_get_and_clear_last_exception(env, &exception);
  napi_fatal_exception(env, exception);
}

/* Arguments */

bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t given = count;
  napi_get_cb_info(env, info, &given, arguments, NULL, NULL);
  if (given >= count) return true;
  napi_throw_type_error(env, NULL, "too few arguments");
  return false;
}

static bool read_typed(napi_env env, napi_value value, const char *name, napi_typedarray_type wanted, void **data, size_t *length) {
  bool typed = false;
  napi_typedarray_type type;
  napi_is_typedarray(env, value, &typed);
  if (typed) napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL);
  if (typed && type == wanted) return true;
  char text[128];
  snprintf(text, sizeof text, "%s has to be %s", name, wanted == napi_int32_array ? "an Int32Array" : "a Uint8Array");
  napi_throw_type_error(env, NULL, text);
  return false;
}

bool read_bytes(napi_env env, napi_value value, const char *name, struct bytes *out) {
  return read_typed(env, value, name, napi_uint8_array, (void **)&out->data, &out->length);
}

bool read_ints(napi_env env, napi_value value, const char *name, struct ints *out) {
  return read_typed(env, value, name, napi_int32_array, (void **)&out->data, &out->length);
}

bool read_integer(napi_env env, napi_value value, const char *name, int64_t least, int64_t most, int64_t *out) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    char text[128];
    snprintf(text, sizeof text, "%s has to be a number", name);
    napi_throw_type_error(env, NULL, text);
    return false;
  }
  if (!(number >= (double)least && number <= (double)most) || number != (double)(int64_t)number) {
    throw_range(env, "%s has to be a whole number from %lld to %lld", name, (long long)least, (long long)most);
    return false;
  }
  *out = (int64_t)number;
  return true;
}

bool read_boolean(napi_env env, napi_value value, const char *name, bool *out) {
  if (napi_get_value_bool(env, value, out) == napi_ok) return true;
  char text[128];
  snprintf(text, sizeof text, "%s has to be true or false", name);
  napi_throw_type_error(env, NULL, text);
  return false;
}

bool read_string(napi_env env, napi_value value, const char *name, char *out, size_t capacity) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length < capacity) {
    napi_get_value_string_utf8(env, value, out, capacity, &length);
    return true;
  }
  char text[128];
  snprintf(text, sizeof text, "%s has to be a string of fewer than %zu bytes", name, capacity);
  napi_throw_type_error(env, NULL, text);
  return false;
}

bool read_function(napi_env env, napi_value value, const char *name) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_function) return true;
  char text[128];
  snprintf(text, sizeof text, "%s has to be a function", name);
  napi_throw_type_error(env, NULL, text);
  return false;
}

bool read_external(napi_env env, napi_value value, enum kind kind, const char *name, void **out) {
  if (napi_get_value_external(env, value, out) == napi_ok && *out != NULL && *(enum kind *)*out == kind) return true;
  char text[128];
  snprintf(text, sizeof text, "%s is not a handle of this addon", name);
  napi_throw_type_error(env, NULL, text);
  return false;
}

bool in_range(napi_env env, const char *what, int64_t offset, int64_t length, size_t available) {
  if (offset >= 0 && length >= 0 && offset <= (int64_t)available && length <= (int64_t)available - offset) return true;
  throw_range(env, "%s: %lld bytes at %lld do not lie within %zu", what, (long long)length, (long long)offset, available);
  return false;
}

napi_value throw_errno(napi_env env, int error, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%s: %s", what, strerror(error));
  napi_throw_error(env, uv_err_name(-error), text);
  return NULL;
}

napi_value throw_range(napi_env env, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  napi_throw_range_error(env, NULL, text);
  return NULL;
}

napi_value number_value(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value string_value(napi_env env, const char *text) {
  napi_value result;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value boolean_value(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value undefined_value(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

void set_property(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void set_number(napi_env env, napi_value object, const char *name, double value) {
  set_property(env, object, name, number_value(env, value));
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value);
  napi_set_named_property(env, exports, name, value);
}

/* Memory and time */

static void unmap(napi_env env, void *data, void *hint) {
  (void)env;
  munmap(data, (size_t)(uintptr_t)hint);
}

static napi_value allocate_slab(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  int64_t length;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_integer(env, arguments[0], "bytes", 4096, INT32_MAX, &length)) return NULL;
  void *data = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return throw_errno(env, errno, "no address space for the slab");
  /* One page fault for 2 MiB instead of 512. A kernel without huge pages does it the other way. */
  madvise(data, (size_t)length, MADV_HUGEPAGE);
  if (napi_create_external_arraybuffer(env, data, (size_t)length, unmap, (void *)(uintptr_t)length, &result) != napi_ok) {
    munmap(data, (size_t)length);
    return throw_errno(env, ENOTSUP, "this Node.js allows no external memory");
  }
  return result;
}

static napi_value now_microseconds(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return number_value(env, (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3);
}

/* What libs that write descriptors have to agree with, under the names that they use. */
static void export_layout(napi_env env, napi_value exports) {
  napi_value layout, receive, send;
  napi_create_object(env, &layout);
  napi_create_object(env, &receive);
  napi_create_object(env, &send);
  set_number(env, layout, "receiveStride", RECEIVE_STRIDE);
  set_number(env, layout, "sendStride", SEND_STRIDE);
  set_number(env, layout, "sendFlagMtuProbe", SEND_FLAG_MTU_PROBE);
  set_number(env, receive, "offset", RECEIVE_OFFSET);
  set_number(env, receive, "length", RECEIVE_LENGTH);
  set_number(env, receive, "familyPort", RECEIVE_FAMILY_PORT);
  set_number(env, receive, "address", RECEIVE_ADDRESS);
  set_number(env, receive, "ecn", RECEIVE_ECN);
  set_number(env, receive, "headerLength", RECEIVE_HEADER_LENGTH);
  set_number(env, receive, "keyId", RECEIVE_KEY);
  set_number(env, receive, "packetNumberLow", RECEIVE_NUMBER_LOW);
  set_number(env, receive, "packetNumberHigh", RECEIVE_NUMBER_HIGH);
  set_number(env, receive, "result", RECEIVE_RESULT);
  set_number(env, receive, "waitedUs", RECEIVE_WAITED);
  set_number(env, send, "headerOffset", SEND_OFFSET);
  set_number(env, send, "headerLength", SEND_HEADER_LENGTH);
  set_number(env, send, "prefixLength", SEND_PREFIX_LENGTH);
  set_number(env, send, "piece1Offset", SEND_PIECE1_OFFSET);
  set_number(env, send, "piece1Length", SEND_PIECE1_LENGTH);
  set_number(env, send, "piece2Offset", SEND_PIECE2_OFFSET);
  set_number(env, send, "piece2Length", SEND_PIECE2_LENGTH);
  set_number(env, send, "keyId", SEND_KEY);
  set_number(env, send, "packetNumberLow", SEND_NUMBER_LOW);
  set_number(env, send, "packetNumberHigh", SEND_NUMBER_HIGH);
  set_number(env, send, "familyPort", SEND_FAMILY_PORT);
  set_number(env, send, "address", SEND_ADDRESS);
  set_number(env, send, "flags", SEND_FLAGS);
  set_number(env, send, "tos", SEND_TOS);
  set_property(env, layout, "receive", receive);
  set_property(env, layout, "send", send);
  set_property(env, exports, "descriptorLayout", layout);
}

static napi_value initialise(napi_env env, napi_value exports) {
  struct environment *environment = calloc(1, sizeof *environment);
  if (environment == NULL) return throw_errno(env, ENOMEM, "no memory for the addon");
  environment->env = env;
  napi_get_uv_event_loop(env, &environment->loop);
  napi_set_instance_data(env, environment, NULL, NULL);
  napi_add_async_cleanup_hook(env, leave, environment, &environment->cleanup);
  export_function(env, exports, "allocateSlab", allocate_slab);
  export_function(env, exports, "nowMicroseconds", now_microseconds);
  export_layout(env, exports);
  register_aead(env, exports);
  register_udp(env, exports);
  register_tcp(env, exports);
  register_timer(env, exports);
  register_compress(env, exports);
  return exports;
}

NAPI_MODULE(longhaul_native, initialise)
