/* Addresses and options that UDP and TCP sockets share. */
#define _GNU_SOURCE
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif

bool read_address(napi_env env, napi_value address, napi_value port, const char *name, union address *out, socklen_t *length) {
  char text[INET6_ADDRSTRLEN];
  int64_t number;
  if (!read_string(env, address, name, text, sizeof text)) return false;
  if (!read_integer(env, port, "port", 0, 65535, &number)) return false;
  memset(out, 0, sizeof *out);
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)number);
    *length = sizeof *v4;
    return true;
  }
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)number);
    *length = sizeof *v6;
    return true;
  }
  throw_range(env, "%s has to be a literal IPv4 or IPv6 address, not %s", name, text);
  return false;
}

napi_value address_value(napi_env env, const union address *address) {
  char text[INET6_ADDRSTRLEN] = "";
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
  if (address->any.sa_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
  else inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  napi_value result;
  napi_create_object(env, &result);
  set_property(env, result, "address", string_value(env, text));
  set_number(env, result, "port", ntohs(v4->sin_port));
  return result;
}

uint16_t bound_port(int fd) {
  union address address = {0};
  socklen_t length = sizeof address;
  getsockname(fd, &address.any, &length);
  return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void set_buffer_size(int fd, int forced, int plain, int64_t bytes) {
  int size = (int)bytes;
  if (bytes == 0 || setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) == 0) return;
  setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

void set_buffer_sizes(int fd, int64_t receive_bytes, int64_t send_bytes) {
  set_buffer_size(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes);
  set_buffer_size(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_bytes);
}

int set_mark(int fd, int64_t mark) {
  uint32_t value = (uint32_t)mark;
  if (mark == 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof value) == 0) return 0;
  return errno;
}

int set_dual_stack(int fd, const union address *address) {
  int only = 0;
  if (address->any.sa_family != AF_INET6) return 0;
  return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0 ? 0 : errno;
}

int attach_steering(int fd, struct sock_filter *code, size_t length) {
  struct sock_fprog program = {.len = (unsigned short)length, .filter = code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0 ? 0 : errno;
}
