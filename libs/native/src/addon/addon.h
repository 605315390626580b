/* Shared by the parts of the addon: argument checks, instance data, handles on the event loop. */
#ifndef LONGHAUL_ADDON_H
#define LONGHAUL_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

/* Ints per record; TypeScript reads the layout from the addon (`descriptorLayout`). */
#define RECEIVE_STRIDE 16
#define SEND_STRIDE 20

enum receive_field {
  RECEIVE_OFFSET = 0,
  RECEIVE_LENGTH = 1,
  RECEIVE_FAMILY_PORT = 2,
  RECEIVE_ADDRESS = 3,
  RECEIVE_ECN = 7,
  RECEIVE_HEADER_LENGTH = 8,
  RECEIVE_KEY = 9,
  RECEIVE_NUMBER_LOW = 10,
  RECEIVE_NUMBER_HIGH = 11,
  RECEIVE_RESULT = 12,
  RECEIVE_WAITED = 13,
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

/* First member of everything that JavaScript holds, so that one kind is never taken for another. */
enum kind {
  KIND_AEAD = 0x4c480001,
  KIND_TIMER,
  KIND_UDP,
  KIND_TCP_LISTENER,
  KIND_TCP_SOCKET,
};

enum handle_state { HANDLE_OPEN, HANDLE_CLOSING, HANDLE_CLOSED };

/*
 * A file descriptor on the event loop, with the JavaScript function that is told of its events. It is allocated with
 * calloc as the first member of a larger struct, and freed when it is closed and JavaScript has let go of it; letting go
 * alone closes nothing.
 */
struct loop_handle {
  enum kind kind;
  enum handle_state state;
  bool collected;
  int fd;
  napi_ref callback;
  uv_poll_t poll;
  struct environment *environment;
  struct loop_handle *next, *previous;
  void (*on_event)(struct loop_handle *handle, int status, int events);
};

/* Memory that the compressors keep from call to call. */
struct compressors {
  void *lz4, *zstd_encoder, *zstd_decoder;
};

/* One for each thread that has loaded the addon. */
struct environment {
  napi_env env;
  uv_loop_t *loop;
  struct loop_handle *handles;
  struct compressors compressors;
  napi_async_cleanup_hook_handle cleanup;
  bool leaving;
};

struct environment *environment_of(napi_env env);

/*
 * Takes over the open descriptor `handle->fd` and the memory of `handle`. The external for JavaScript, or NULL with an
 * exception pending and everything released.
 */
napi_value loop_handle_create(napi_env env, struct loop_handle *handle, napi_value callback);
/* Changes what is polled for; 0 for nothing. */
void loop_handle_poll(struct loop_handle *handle, int events);
/* Closes the descriptor now and forgets the callback. Idempotent. */
void loop_handle_close(struct loop_handle *handle);
/* Calls the handle's function from the event loop. What it throws goes to 'uncaughtException'. */
void loop_handle_call(struct loop_handle *handle, size_t count, napi_value *arguments);

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
bool read_function(napi_env env, napi_value value, const char *name);
bool read_external(napi_env env, napi_value value, enum kind kind, const char *name, void **out);
bool in_range(napi_env env, const char *what, int64_t offset, int64_t length, size_t available);
napi_value throw_errno(napi_env env, int error, const char *what);
napi_value throw_range(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));

napi_value number_value(napi_env env, double value);
napi_value string_value(napi_env env, const char *text);
napi_value boolean_value(napi_env env, bool value);
napi_value undefined_value(napi_env env);
void set_property(napi_env env, napi_value object, const char *name, napi_value value);
void set_number(napi_env env, napi_value object, const char *name, double value);
void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);

/* What sockets of both kinds share (sockets.c). */
union address {
  struct sockaddr_storage storage;
  struct sockaddr any;
};

/* A literal IPv4 or IPv6 address and a port. */
bool read_address(napi_env env, napi_value address, napi_value port, const char *name, union address *out, socklen_t *length);
/* `{ address, port }`; IPv4-mapped addresses come out as IPv4. */
napi_value address_value(napi_env env, const union address *address);
uint16_t bound_port(int fd);
/* Beyond the system's limit where this process may (CAP_NET_ADMIN), else as far as it goes. 0 leaves it alone. */
void set_buffer_sizes(int fd, int64_t receive_bytes, int64_t send_bytes);
/* 0 or an errno. A mark of 0 is none. */
int set_mark(int fd, int64_t mark);
int set_dual_stack(int fd, const union address *address);
/* Sockets that may share a port. */
#define MAX_STEERED_SOCKETS 1024
/* Lets a program choose among the sockets that share the port of `fd` (SO_REUSEPORT). 0 or an errno. */
struct sock_filter;
int attach_steering(int fd, struct sock_filter *code, size_t length);

/* Packet protection, also used where packets are sent. */
struct aead;
/* Writes the sealed packet of a send record to `out`; its length, or -1 with an exception pending. */
int64_t seal_record(napi_env env, struct aead *aead, struct bytes memory, const int32_t *record, uint8_t *out, size_t capacity);
/* Length that seal_record will write. False with an exception pending when the record points outside `memory`. */
bool sealed_length(napi_env env, struct bytes memory, const int32_t *record, size_t *out);

/* Frees what compress.c keeps. */
void release_compressors(struct compressors *compressors);

void register_aead(napi_env env, napi_value exports);
void register_udp(napi_env env, napi_value exports);
void register_tcp(napi_env env, napi_value exports);
void register_timer(napi_env env, napi_value exports);
void register_compress(napi_env env, napi_value exports);

#endif
