/* Shared by the parts of the addon: argument checks, instance data, handles on the event loop. */
#ifndef LONGHAUL_ADDON_H
#define LONGHAUL_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Ints per record; TypeScript names the fields (src/descriptors.ts). */
#define RECEIVE_STRIDE 16
#define SEND_STRIDE 20

enum receive_field {
  RECEIVE_OFFSET = 0,
  RECEIVE_LENGTH = 1,
  RECEIVE_FAMILY_PORT = 2,
  RECEIVE_ADDRESS = 3,
  RECEIVE_HEADER_LENGTH = 8,
  RECEIVE_KEY = 9,
  RECEIVE_NUMBER_LOW = 10,
  RECEIVE_NUMBER_HIGH = 11,
  RECEIVE_RESULT = 12,
};

enum send_field {
  SEND_OFFSET = 0,
  SEND_HEADER_LENGTH = 1,
  SEND_PREFIX_LENGTH = 2,
  SEND_PIECE1_OFFSET = 3,
  SEND_PIECE1_LENGTH = 4,
  SEND_PIECE2_OFFSET = 5,
  SEND_PIECE2_LENGTH = 6,
  SEND_KEY = 7,
  SEND_NUMBER_LOW = 8,
  SEND_NUMBER_HIGH = 9,
  SEND_FAMILY_PORT = 10,
  SEND_ADDRESS = 11,
  SEND_FLAGS = 15,
  SEND_TOS = 16,
};

#define SEND_FLAG_MTU_PROBE 1
#define TAG_LENGTH 16
#define IV_LENGTH 12

/* Something on the event loop that has to be closed before the environment goes. */
struct loop_handle {
  struct loop_handle *next, *previous;
  uv_poll_t poll;
  int fd;
  bool owns_fd;
  bool closing;
  struct environment *environment;
  void (*on_event)(struct loop_handle *handle, int status, int events);
  void (*on_closed)(struct loop_handle *handle);
};

/* One for each thread that has loaded the addon. */
struct environment {
  napi_env env;
  uv_loop_t *loop;
  struct loop_handle *handles;
  napi_async_cleanup_hook_handle cleanup;
  bool leaving;
};

struct environment *environment_of(napi_env env);

/* Starts to poll `handle->fd`; `on_event` runs on this thread. */
int loop_handle_start(struct environment *environment, struct loop_handle *handle, int events);
/* Stops polling and calls `on_closed` later, from which the memory may be freed. Idempotent. */
void loop_handle_close(struct loop_handle *handle);
/* Calls a JavaScript function from the event loop. Exceptions of it go to 'uncaughtException'. */
void call_back(napi_env env, napi_ref function, size_t count, napi_value *arguments);

/* A typed array's memory. */
struct bytes {
  uint8_t *data;
  size_t length;
};

struct ints {
  int32_t *data;
  size_t length;
};

/* Argument readers: on failure a TypeError or RangeError that names the argument is pending, and false comes back. */
bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
bool read_bytes(napi_env env, napi_value value, const char *name, struct bytes *out);
bool read_ints(napi_env env, napi_value value, const char *name, struct ints *out);
bool read_integer(napi_env env, napi_value value, const char *name, int64_t least, int64_t most, int64_t *out);
bool read_boolean(napi_env env, napi_value value, const char *name, bool *out);
bool read_string(napi_env env, napi_value value, const char *name, char *out, size_t capacity);
bool read_external(napi_env env, napi_value value, const char *name, void **out);
bool in_range(napi_env env, const char *what, int64_t offset, int64_t length, size_t available);
napi_value throw_errno(napi_env env, int error, const char *what);
napi_value make_errno(napi_env env, int error, const char *what);
napi_value throw_range(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));

napi_value number_value(napi_env env, double value);
void set_number(napi_env env, napi_value object, const char *name, double value);
void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);

/* Packet protection, also used where packets are sent. */
struct aead;
/* Writes the sealed packet of a send record to `out`; its length, or -1 with an exception pending. */
int64_t seal_record(napi_env env, struct aead *aead, struct bytes memory, const int32_t *record, uint8_t *out, size_t capacity);
/* Length that seal_record will write. False with an exception pending when the record points outside `memory`. */
bool sealed_length(napi_env env, struct bytes memory, const int32_t *record, size_t *out);

void register_aead(napi_env env, napi_value exports);
void register_udp(napi_env env, napi_value exports);
void register_tcp(napi_env env, napi_value exports);
void register_timer(napi_env env, napi_value exports);
void register_compress(napi_env env, napi_value exports);

#endif
