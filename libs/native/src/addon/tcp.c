/* TCP without hidden buffers: what the kernel has not taken, the caller still has. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef SO_ORIGINAL_DST
#define SO_ORIGINAL_DST 80
#endif
#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif
#define CONGESTION_NAME_BYTES 16
#define KEEP_ALIVE_PROBES 4

/* What JavaScript is told; the same numbers are in src/addon.ts. */
#define EVENT_READABLE 1
#define EVENT_WRITABLE 2
#define EVENT_CONNECTED 4
#define EVENT_FAILED 8

struct tcp_listener {
  struct loop_handle handle;
};

struct tcp_socket {
  struct loop_handle handle;
  bool connecting;
  /* Polls for nothing but the errors that the kernel reports anyway, as a reset. */
  bool watches_errors;
  /* The first error that the kernel reported; it stays. */
  int failure;
  /* UV_READABLE, UV_WRITABLE: asked for, and polled for now. */
  int wanted, armed;
  union address local, remote;
};

static int set_int(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : errno;
}

static int set_transparent(int fd, sa_family_t family) {
  int error = set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
  return error == 0 && family == AF_INET6 ? set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : error;
}

/* Events of a socket */

static void update_poll(struct tcp_socket *socket, bool again) {
  int mask = socket->connecting ? UV_WRITABLE : socket->wanted | (socket->watches_errors ? UV_PRIORITIZED : 0);
  if (!again && (mask & ~socket->armed) == 0) return; /* polling for too much costs less than changing it each time */
  socket->armed = mask;
  loop_handle_poll(&socket->handle, mask);
}

static int take_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

static void tell(struct tcp_socket *socket, int events, int error) {
  napi_env env = socket->handle.environment->env;
  napi_value arguments[2];
  arguments[0] = number_value(env, events);
  arguments[1] = error == 0 ? undefined_value(env) : string_value(env, uv_err_name(-error));
  loop_handle_call(&socket->handle, 2, arguments);
}

static void learn_addresses(struct tcp_socket *socket) {
  socklen_t length = sizeof socket->local;
  getsockname(socket->handle.fd, &socket->local.any, &length);
  length = sizeof socket->remote;
  getpeername(socket->handle.fd, &socket->remote.any, &length);
}

static void finish_connect(struct tcp_socket *socket) {
  if (socket->failure == 0) socket->failure = take_error(socket->handle.fd);
  socket->connecting = false;
  socket->watches_errors = socket->failure == 0;
  if (socket->failure == 0) learn_addresses(socket);
  update_poll(socket, true);
  tell(socket, EVENT_CONNECTED, socket->failure);
}

/* True for a failure that was not known before. */
static bool find_failure(struct tcp_socket *socket) {
  int error = take_error(socket->handle.fd);
  socket->watches_errors = false; /* or an end of stream both ways would be told again and again */
  if (error == 0 || socket->failure != 0) return false;
  socket->failure = error;
  return true;
}

static void on_socket_event(struct loop_handle *handle, int status, int events) {
  struct tcp_socket *socket = (struct tcp_socket *)handle;
  if (socket->connecting) {
    finish_connect(socket);
    return;
  }
  /* libuv reports a socket's error as a negative status and stops polling. */
  bool failed = (status < 0 || (events & UV_PRIORITIZED) != 0) && find_failure(socket);
  if (status < 0 || (events & ~socket->wanted) != 0) update_poll(socket, true);
  int told = (events & socket->wanted & UV_READABLE ? EVENT_READABLE : 0) | (events & socket->wanted & UV_WRITABLE ? EVENT_WRITABLE : 0);
  /* A reader reads what came before the failure and then meets it; anyone else has to be told. */
  if (failed && (socket->wanted & UV_READABLE) == 0) told |= EVENT_FAILED;
  if (told != 0) tell(socket, told, told & EVENT_FAILED ? socket->failure : 0);
}

/* Takes over `fd`. The external, or NULL with an exception pending. */
static napi_value create_socket(napi_env env, int fd, napi_value callback, struct tcp_socket **out) {
  struct tcp_socket *socket = calloc(1, sizeof *socket);
  if (socket == NULL) {
    close(fd);
    return throw_errno(env, ENOMEM, "no memory for a socket");
  }
  set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
  socket->handle.kind = KIND_TCP_SOCKET;
  socket->handle.fd = fd;
  socket->handle.on_event = on_socket_event;
  *out = socket;
  return loop_handle_create(env, &socket->handle, callback);
}

/* Listening */

static void on_listener_event(struct loop_handle *handle, int status, int events) {
  (void)status;
  (void)events;
  loop_handle_call(handle, 0, NULL);
}

static int start_listening(int fd, const union address *address, socklen_t length, int64_t backlog) {
  if (bind(fd, &address->any, length) != 0) return errno;
  return listen(fd, (int)backlog) == 0 ? 0 : errno;
}

/* address, port, backlog, reusePort, transparent, mark, receiveBufferBytes, sendBufferBytes, maxSegmentBytes, onReadable */
static napi_value listener_open(napi_env env, napi_callback_info info) {
  napi_value arguments[10];
  union address address;
  socklen_t length;
  int64_t backlog, mark, receive_bytes, send_bytes, segment_bytes;
  bool reuse_port, transparent;
  if (!read_arguments(env, info, 10, arguments)) return NULL;
  if (!read_address(env, arguments[0], arguments[1], "address", &address, &length)) return NULL;
  if (!read_integer(env, arguments[2], "backlog", 1, INT32_MAX, &backlog)) return NULL;
  if (!read_boolean(env, arguments[3], "reusePort", &reuse_port)) return NULL;
  if (!read_boolean(env, arguments[4], "transparent", &transparent)) return NULL;
  if (!read_integer(env, arguments[5], "mark", 0, UINT32_MAX, &mark)) return NULL;
  if (!read_integer(env, arguments[6], "receiveBufferBytes", 0, INT32_MAX, &receive_bytes)) return NULL;
  if (!read_integer(env, arguments[7], "sendBufferBytes", 0, INT32_MAX, &send_bytes)) return NULL;
  if (!read_integer(env, arguments[8], "maxSegmentBytes", 0, INT16_MAX, &segment_bytes)) return NULL;
  if (!read_function(env, arguments[9], "onReadable")) return NULL;
  int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, errno, "no TCP socket could be made");
  set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (reuse_port) set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  set_buffer_sizes(fd, receive_bytes, send_bytes);
  int error = segment_bytes == 0 ? 0 : set_int(fd, IPPROTO_TCP, TCP_MAXSEG, (int)segment_bytes);
  if (error == 0) error = set_dual_stack(fd, &address);
  if (error == 0) error = set_mark(fd, mark);
  if (error == 0 && transparent) error = set_transparent(fd, address.any.sa_family);
  if (error == 0) error = start_listening(fd, &address, length, backlog);
  struct tcp_listener *listener = error == 0 ? calloc(1, sizeof *listener) : NULL;
  if (listener == NULL) {
    close(fd);
    return throw_errno(env, error == 0 ? ENOMEM : error, "the address cannot be listened on");
  }
  listener->handle.kind = KIND_TCP_LISTENER;
  listener->handle.fd = fd;
  listener->handle.on_event = on_listener_event;
  napi_value result = loop_handle_create(env, &listener->handle, arguments[9]);
  if (result != NULL) loop_handle_poll(&listener->handle, UV_READABLE);
  return result;
}

static bool read_listener(napi_env env, napi_value value, struct tcp_listener **out) {
  return read_external(env, value, KIND_TCP_LISTENER, "listener", (void **)out);
}

static int accept_one(int fd) {
  int accepted;
  do accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  while (accepted < 0 && (errno == EINTR || errno == ECONNABORTED));
  return accepted;
}

/* listener, onEvent. The next connection, undefined when there is none, or an exception when the process has no descriptor left. */
static napi_value listener_accept(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_listener *listener;
  struct tcp_socket *socket;
  if (!read_arguments(env, info, 2, arguments)) return NULL;
  if (!read_listener(env, arguments[0], &listener) || !read_function(env, arguments[1], "onEvent")) return NULL;
  if (listener->handle.state != HANDLE_OPEN) return NULL;
  int fd = accept_one(listener->handle.fd);
  if (fd < 0) return errno == EAGAIN ? NULL : throw_errno(env, errno, "no connection could be accepted");
  napi_value result = create_socket(env, fd, arguments[1], &socket);
  if (result == NULL) return NULL;
  learn_addresses(socket);
  socket->watches_errors = true;
  update_poll(socket, true);
  return result;
}

/* listener, on: whether to be told of connections. */
static napi_value listener_poll(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_listener *listener;
  bool on;
  if (!read_arguments(env, info, 2, arguments)) return NULL;
  if (!read_listener(env, arguments[0], &listener) || !read_boolean(env, arguments[1], "on", &on)) return NULL;
  loop_handle_poll(&listener->handle, on ? UV_READABLE : 0);
  return NULL;
}

/* listener, socket: the number, in the order of binding, of the socket that all new connections go to. */
static napi_value listener_steer(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_listener *listener;
  int64_t socket;
  if (!read_arguments(env, info, 2, arguments) || !read_listener(env, arguments[0], &listener)) return NULL;
  if (!read_integer(env, arguments[1], "socket", 0, MAX_STEERED_SOCKETS, &socket)) return NULL;
  if (listener->handle.state != HANDLE_OPEN) return throw_errno(env, EBADF, "the listener is closed");
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, (uint32_t)socket)};
  int error = attach_steering(listener->handle.fd, code, 1);
  return error == 0 ? NULL : throw_errno(env, error, "connections cannot be steered");
}

static napi_value listener_port(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_listener *listener;
  if (!read_arguments(env, info, 1, arguments) || !read_listener(env, arguments[0], &listener)) return NULL;
  return number_value(env, bound_port(listener->handle.fd));
}

static napi_value listener_close(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_listener *listener;
  if (!read_arguments(env, info, 1, arguments) || !read_listener(env, arguments[0], &listener)) return NULL;
  loop_handle_close(&listener->handle);
  return NULL;
}

/* Connecting */

struct connect_options {
  union address remote, local;
  socklen_t remote_length, local_length;
  bool from_local, transparent;
  int64_t mark;
};

/* remoteAddress, remotePort, localAddress ('' for none), localPort, mark, transparent, onEvent */
static bool read_connect_options(napi_env env, napi_value *arguments, struct connect_options *options) {
  char local[INET6_ADDRSTRLEN];
  if (!read_address(env, arguments[0], arguments[1], "address", &options->remote, &options->remote_length)) return false;
  if (!read_string(env, arguments[2], "localAddress", local, sizeof local)) return false;
  options->from_local = local[0] != '\0';
  if (options->from_local && !read_address(env, arguments[2], arguments[3], "localAddress", &options->local, &options->local_length)) {
    return false;
  }
  return read_integer(env, arguments[4], "mark", 0, UINT32_MAX, &options->mark) &&
         read_boolean(env, arguments[5], "transparent", &options->transparent) && read_function(env, arguments[6], "onEvent");
}

static int bind_local(int fd, const struct connect_options *options) {
  if (!options->from_local) return 0;
  set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (((const struct sockaddr_in *)&options->local)->sin_port == 0) set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(fd, &options->local.any, options->local_length) == 0 ? 0 : errno;
}

static int start_connect(int fd, const struct connect_options *options) {
  int error = set_mark(fd, options->mark);
  if (error == 0 && options->transparent) error = set_transparent(fd, options->remote.any.sa_family);
  if (error == 0) error = bind_local(fd, options);
  if (error != 0) return error;
  return connect(fd, &options->remote.any, options->remote_length) == 0 || errno == EINPROGRESS ? 0 : errno;
}

static napi_value socket_connect(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  struct connect_options options = {0};
  struct tcp_socket *created;
  if (!read_arguments(env, info, 7, arguments) || !read_connect_options(env, arguments, &options)) return NULL;
  int fd = socket(options.remote.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, errno, "no TCP socket could be made");
  /* A failure at once is told as one that comes later: a socket that is not connecting polls as hung up. */
  int failure = start_connect(fd, &options);
  napi_value result = create_socket(env, fd, arguments[6], &created);
  if (result == NULL) return NULL;
  created->failure = failure;
  created->connecting = true;
  created->remote = options.remote;
  update_poll(created, true);
  return result;
}

/* Using */

static bool read_socket(napi_env env, napi_callback_info info, size_t count, napi_value *arguments, struct tcp_socket **out) {
  return read_arguments(env, info, count, arguments) &&
         read_external(env, arguments[0], KIND_TCP_SOCKET, "socket", (void **)out);
}

static bool is_open(const struct tcp_socket *socket) {
  return socket->handle.state == HANDLE_OPEN;
}

/* socket, wanted: EVENT_READABLE and EVENT_WRITABLE */
static napi_value socket_want(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  int64_t wanted;
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_integer(env, arguments[1], "wanted", 0, EVENT_READABLE | EVENT_WRITABLE, &wanted)) return NULL;
  socket->wanted = (wanted & EVENT_READABLE ? UV_READABLE : 0) | (wanted & EVENT_WRITABLE ? UV_WRITABLE : 0);
  if (is_open(socket) && !socket->connecting) update_poll(socket, false);
  return NULL;
}

/* socket, memory, offset, length */
static bool read_transfer(napi_env env, napi_callback_info info, int64_t least, struct tcp_socket **socket, struct bytes *span) {
  napi_value arguments[4];
  struct bytes memory;
  int64_t offset, length;
  if (!read_socket(env, info, 4, arguments, socket) || !read_bytes(env, arguments[1], "memory", &memory)) return false;
  if (!read_integer(env, arguments[2], "offset", 0, INT32_MAX, &offset)) return false;
  if (!read_integer(env, arguments[3], "length", least, INT32_MAX, &length)) return false;
  if (!in_range(env, "memory", offset, length, memory.length)) return false;
  *span = (struct bytes){memory.data + offset, (size_t)length};
  return true;
}

static napi_value socket_failed(napi_env env, struct tcp_socket *socket, int error, const char *what) {
  if (error != 0 && socket->failure == 0) socket->failure = error;
  return throw_errno(env, socket->failure, what);
}

static napi_value socket_read(napi_env env, napi_callback_info info) {
  struct tcp_socket *socket;
  struct bytes span;
  if (!read_transfer(env, info, 1, &socket, &span)) return NULL;
  if (!is_open(socket)) return throw_errno(env, EBADF, "the socket is closed");
  ssize_t got = recv(socket->handle.fd, span.data, span.length, MSG_DONTWAIT);
  if (got > 0) return number_value(env, (double)got);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return number_value(env, -1);
  if (got == 0 && socket->failure == 0) return number_value(env, 0);
  return socket_failed(env, socket, got < 0 ? errno : 0, "the connection failed while reading");
}

static napi_value socket_write(napi_env env, napi_callback_info info) {
  struct tcp_socket *socket;
  struct bytes span;
  if (!read_transfer(env, info, 0, &socket, &span)) return NULL;
  if (!is_open(socket)) return throw_errno(env, EBADF, "the socket is closed");
  ssize_t taken = send(socket->handle.fd, span.data, span.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (taken >= 0) return number_value(env, (double)taken);
  if (errno == EAGAIN || errno == EINTR) return number_value(env, 0);
  /* EPIPE after an own FIN is the caller's mistake and no failure of the connection: reading goes on. */
  if (errno == EPIPE && socket->failure == 0) return throw_errno(env, EPIPE, "the connection takes no more data");
  return socket_failed(env, socket, errno, "the connection failed while writing");
}

static napi_value socket_shutdown_write(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_socket *socket;
  if (!read_socket(env, info, 1, arguments, &socket) || !is_open(socket)) return NULL;
  shutdown(socket->handle.fd, SHUT_WR); /* fails only when the connection is gone, which reading tells */
  return NULL;
}

/* socket, withReset */
static napi_value socket_close(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  bool with_reset;
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_boolean(env, arguments[1], "withReset", &with_reset)) return NULL;
  struct linger at_once = {1, 0};
  if (with_reset && is_open(socket)) setsockopt(socket->handle.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  loop_handle_close(&socket->handle);
  return NULL;
}

static napi_value socket_addresses(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  struct tcp_socket *socket;
  if (!read_socket(env, info, 1, arguments, &socket)) return NULL;
  napi_create_object(env, &result);
  if (socket->local.any.sa_family != 0) set_property(env, result, "local", address_value(env, &socket->local));
  set_property(env, result, "remote", address_value(env, &socket->remote));
  return result;
}

/* Before a firewall redirected the connection. undefined when none is known. */
static napi_value socket_original_destination(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_socket *socket;
  if (!read_socket(env, info, 1, arguments, &socket) || !is_open(socket)) return NULL;
  union address original = {0};
  socklen_t length = sizeof original;
  const struct sockaddr_in6 *local = (const struct sockaddr_in6 *)&socket->local;
  bool v6 = socket->local.any.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&local->sin6_addr);
  if (getsockopt(socket->handle.fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, SO_ORIGINAL_DST, &original, &length) != 0) return NULL;
  return address_value(env, &original);
}

static napi_value socket_congestion(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_socket *socket;
  char name[CONGESTION_NAME_BYTES + 1] = "";
  socklen_t length = CONGESTION_NAME_BYTES;
  if (!read_socket(env, info, 1, arguments, &socket)) return NULL;
  if (getsockopt(socket->handle.fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) != 0) {
    return throw_errno(env, errno, "the congestion control could not be read");
  }
  return string_value(env, name);
}

static napi_value socket_set_congestion(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  char name[CONGESTION_NAME_BYTES];
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_string(env, arguments[1], "name", name, sizeof name)) return NULL;
  if (setsockopt(socket->handle.fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) != 0) {
    return throw_errno(env, errno, "this congestion control is not to be had");
  }
  return NULL;
}

static napi_value socket_unsent(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct tcp_socket *socket;
  int bytes = 0;
  if (!read_socket(env, info, 1, arguments, &socket)) return NULL;
  if (is_open(socket)) ioctl(socket->handle.fd, SIOCOUTQ, &bytes);
  return number_value(env, bytes);
}

static napi_value socket_set_no_delay(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  bool on;
  if (!read_socket(env, info, 2, arguments, &socket) || !read_boolean(env, arguments[1], "noDelay", &on)) return NULL;
  set_int(socket->handle.fd, IPPROTO_TCP, TCP_NODELAY, on);
  return NULL;
}

/* socket, seconds without traffic after which the kernel asks; 0 for never */
static napi_value socket_set_keep_alive(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  int64_t seconds;
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_integer(env, arguments[1], "keepAliveSeconds", 0, INT16_MAX, &seconds)) return NULL;
  int fd = socket->handle.fd;
  set_int(fd, SOL_SOCKET, SO_KEEPALIVE, seconds > 0);
  if (seconds == 0) return NULL;
  set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)seconds);
  set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)(seconds + KEEP_ALIVE_PROBES - 1) / KEEP_ALIVE_PROBES);
  set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_PROBES);
  return NULL;
}

static napi_value socket_set_user_timeout(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  int64_t milliseconds;
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_integer(env, arguments[1], "userTimeoutMs", 0, INT32_MAX, &milliseconds)) return NULL;
  set_int(socket->handle.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)milliseconds);
  return NULL;
}

/* socket, bytes not yet sent below which it is told as writable */
static napi_value socket_set_unsent_low_water(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct tcp_socket *socket;
  int64_t bytes;
  if (!read_socket(env, info, 2, arguments, &socket)) return NULL;
  if (!read_integer(env, arguments[1], "unsentLowWaterBytes", 1, INT32_MAX, &bytes)) return NULL;
  set_int(socket->handle.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)bytes);
  return NULL;
}

/* socket, receiveBufferBytes, sendBufferBytes; 0 leaves one alone */
static napi_value socket_set_buffers(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct tcp_socket *socket;
  int64_t receive_bytes, send_bytes;
  if (!read_socket(env, info, 3, arguments, &socket)) return NULL;
  if (!read_integer(env, arguments[1], "receiveBufferBytes", 0, INT32_MAX, &receive_bytes)) return NULL;
  if (!read_integer(env, arguments[2], "sendBufferBytes", 0, INT32_MAX, &send_bytes)) return NULL;
  if (is_open(socket)) set_buffer_sizes(socket->handle.fd, receive_bytes, send_bytes);
  return NULL;
}

void register_tcp(napi_env env, napi_value exports) {
  export_function(env, exports, "listenerOpen", listener_open);
  export_function(env, exports, "listenerSteer", listener_steer);
  export_function(env, exports, "listenerAccept", listener_accept);
  export_function(env, exports, "listenerPoll", listener_poll);
  export_function(env, exports, "listenerPort", listener_port);
  export_function(env, exports, "listenerClose", listener_close);
  export_function(env, exports, "tcpConnect", socket_connect);
  export_function(env, exports, "tcpWant", socket_want);
  export_function(env, exports, "tcpRead", socket_read);
  export_function(env, exports, "tcpWrite", socket_write);
  export_function(env, exports, "tcpShutdownWrite", socket_shutdown_write);
  export_function(env, exports, "tcpClose", socket_close);
  export_function(env, exports, "tcpAddresses", socket_addresses);
  export_function(env, exports, "tcpOriginalDestination", socket_original_destination);
  export_function(env, exports, "tcpCongestion", socket_congestion);
  export_function(env, exports, "tcpSetCongestion", socket_set_congestion);
  export_function(env, exports, "tcpUnsent", socket_unsent);
  export_function(env, exports, "tcpSetNoDelay", socket_set_no_delay);
  export_function(env, exports, "tcpSetKeepAlive", socket_set_keep_alive);
  export_function(env, exports, "tcpSetUserTimeout", socket_set_user_timeout);
  export_function(env, exports, "tcpSetUnsentLowWater", socket_set_unsent_low_water);
  export_function(env, exports, "tcpSetBuffers", socket_set_buffers);
}
