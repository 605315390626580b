/*
 * UDP in batches. The kernel hands over runs of equal datagrams as one (GRO), and takes them so (GSO); JavaScript sees
 * single packets as records of an Int32Array.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
/* The most that one datagram, and one run of them, can hold: 65,535 less the headers of IPv6 and UDP. */
#define MAX_PAYLOAD (65535 - 40 - 8)
/* Linux before 6.9 takes 64 in one call; GRO never joins more. */
#define MAX_SEGMENTS 64
/* What one received message may fill. */
#define SLOT_BYTES 65536
#define MAX_MESSAGES 64
#define SLAB_BYTES 65536
#define ECN_MASK 3
/* Kinds of datagrams that steering tells apart. */
#define MAX_STEERED_FIELDS 16
/* A datagram cannot have waited longer than this: the clock was set. */
#define MAX_WAITED_US 10000000

/* Datagrams in a row that go to one destination in one call, equally long but for the last. */
struct run {
  const int32_t *destination; /* familyPort and address words of its first record */
  int32_t tos;
  size_t offset, bytes, segment, segments;
  bool complete;
};

struct udp_statistics {
  uint64_t send_calls, packets_sent, send_errors, receive_calls, packets_received, receive_drops;
};

struct udp {
  struct loop_handle handle;
  sa_family_t family;
  bool gso;
  int last_error;
  struct udp_statistics statistics;
  size_t used, count;
  struct run runs[MAX_MESSAGES];
  uint8_t slab[SLAB_BYTES];
};

/* Room for what a datagram is sent or received with. */
union control {
  struct cmsghdr header;
  uint8_t space[2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
};

/* Opening */

static void set_int(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

/* Nothing is ever fragmented, and the kernel's own idea of the path's MTU does not count: the protocol finds it. */
static void set_packet_options(int fd, sa_family_t family) {
  set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
  set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  if (family != AF_INET6) return;
  set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
}

static int bind_udp(int fd, const union address *address, socklen_t length, int64_t mark, bool reuse_port) {
  int error = set_dual_stack(fd, address);
  if (error == 0) error = set_mark(fd, mark);
  if (error != 0) return error;
  if (reuse_port) set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return bind(fd, &address->any, length) == 0 ? 0 : errno;
}

static void on_udp_event(struct loop_handle *handle, int status, int events) {
  (void)events;
  if (status < 0) { /* libuv stops polling at a socket error; reading the error clears it */
    int error;
    socklen_t length = sizeof error;
    getsockopt(handle->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    loop_handle_poll(handle, UV_READABLE);
    return;
  }
  loop_handle_call(handle, 0, NULL);
}

/* address, port, receiveBufferBytes, sendBufferBytes, mark, reusePort, gso, gro, onReadable */
static napi_value udp_open(napi_env env, napi_callback_info info) {
  napi_value arguments[9];
  union address address;
  socklen_t length;
  int64_t receive_bytes, send_bytes, mark;
  bool reuse_port, gso, gro;
  if (!read_arguments(env, info, 9, arguments)) return NULL;
  if (!read_address(env, arguments[0], arguments[1], "address", &address, &length)) return NULL;
  if (!read_integer(env, arguments[2], "receiveBufferBytes", 0, INT32_MAX, &receive_bytes)) return NULL;
  if (!read_integer(env, arguments[3], "sendBufferBytes", 0, INT32_MAX, &send_bytes)) return NULL;
  if (!read_integer(env, arguments[4], "mark", 0, UINT32_MAX, &mark)) return NULL;
  if (!read_boolean(env, arguments[5], "reusePort", &reuse_port)) return NULL;
  if (!read_boolean(env, arguments[6], "gso", &gso) || !read_boolean(env, arguments[7], "gro", &gro)) return NULL;
  if (!read_function(env, arguments[8], "onReadable")) return NULL;
  int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, errno, "no UDP socket could be made");
  int error = bind_udp(fd, &address, length, mark, reuse_port);
  struct udp *udp = error == 0 ? calloc(1, sizeof *udp) : NULL;
  if (udp == NULL) {
    close(fd);
    return throw_errno(env, error == 0 ? ENOMEM : error, "the UDP socket could not be bound");
  }
  set_packet_options(fd, address.any.sa_family);
  set_buffer_sizes(fd, receive_bytes, send_bytes);
  if (gro) set_int(fd, IPPROTO_UDP, UDP_GRO, 1);
  udp->handle.kind = KIND_UDP;
  udp->handle.fd = fd;
  udp->handle.on_event = on_udp_event;
  udp->family = address.any.sa_family;
  udp->gso = gso;
  napi_value result = loop_handle_create(env, &udp->handle, arguments[8]);
  if (result != NULL) loop_handle_poll(&udp->handle, UV_READABLE);
  return result;
}

/* Steering */

/* Sockets of a group that share datagrams: `count` of them, in the order of binding, from `first`. */
struct span {
  uint32_t first, count;
};

/* Which socket takes what: those that name none, and those whose number has the top bit clear or set. */
struct steering {
  uint32_t door;
  struct span halves[2];
};

#define STEERING_INTS 5
#define TOP_BIT 0x80000000u

static size_t choose_in(const struct span *span, struct sock_filter *code) {
  code[0] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, span->count);
  code[1] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, span->first);
  code[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
  return 3;
}

/*
 * A classic BPF program over the UDP payload, whose result is the number of a socket in the order of binding (socket(7),
 * SO_ATTACH_REUSEPORT_CBPF). A load beyond the datagram's end ends the program with 0.
 */
static int steer(int fd, const struct steering *steering, const int32_t *fields, size_t count) {
  struct sock_filter code[1 + 3 * MAX_STEERED_FIELDS + 1 + 1 + 6];
  size_t length = 0, choice = 1 + count + 1 + 2 * count;
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0);
  for (size_t i = 0; i < count; i++) {
    size_t load = 1 + count + 1 + 2 * i;
    uint8_t skip = (uint8_t)(load - length - 1);
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)fields[2 * i], skip, 0);
  }
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, steering->door);
  for (size_t i = 0; i < count; i++) {
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)fields[2 * i + 1]);
    code[length] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(choice - length - 1));
    length++;
  }
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TOP_BIT, 3, 0);
  for (size_t half = 0; half < 2; half++) length += choose_in(&steering->halves[half], code + length);
  return attach_steering(fd, code, length);
}

static bool read_steering(napi_env env, napi_value value, struct steering *out) {
  struct ints plan;
  if (!read_ints(env, value, "plan", &plan)) return false;
  if (plan.length != STEERING_INTS) return throw_range(env, "plan: five numbers"), false;
  for (size_t i = 0; i < STEERING_INTS; i++) {
    int32_t least = i == 2 || i == 4 ? 1 : 0;
    if (plan.data[i] < least || plan.data[i] > MAX_STEERED_SOCKETS) return throw_range(env, "plan: number %zu is out of range", i), false;
  }
  out->door = (uint32_t)plan.data[0];
  for (size_t half = 0; half < 2; half++) {
    out->halves[half] = (struct span){(uint32_t)plan.data[1 + 2 * half], (uint32_t)plan.data[2 + 2 * half]};
  }
  return true;
}

/* udp, plan: door, first and count of each half; fields: pairs of a first byte and the offset of a number */
static napi_value udp_steer(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct udp *udp;
  struct ints fields;
  struct steering steering;
  if (!read_arguments(env, info, 3, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  if (!read_steering(env, arguments[1], &steering)) return NULL;
  if (!read_ints(env, arguments[2], "fields", &fields)) return NULL;
  size_t count = fields.length / 2;
  if (fields.length % 2 != 0 || count > MAX_STEERED_FIELDS) return throw_range(env, "fields: at most %d pairs", MAX_STEERED_FIELDS);
  for (size_t i = 0; i < count; i++) {
    int32_t byte = fields.data[2 * i], offset = fields.data[2 * i + 1];
    if (byte < 0 || byte > 255 || offset < 0 || offset > MAX_PAYLOAD) return throw_range(env, "fields: pair %zu is out of range", i);
  }
  if (udp->handle.state != HANDLE_OPEN) return throw_errno(env, EBADF, "the UDP socket is closed");
  int error = steer(udp->handle.fd, &steering, fields.data, count);
  return error == 0 ? NULL : throw_errno(env, error, "datagrams cannot be steered");
}

/* Receiving */

struct inbox {
  struct mmsghdr messages[MAX_MESSAGES];
  struct iovec spans[MAX_MESSAGES];
  union address sources[MAX_MESSAGES];
  union control controls[MAX_MESSAGES];
};

struct region {
  uint8_t *memory;
  size_t offset, end;
  int32_t *descriptors;
  size_t count, capacity;
};

static void prepare_inbox(struct inbox *inbox, const struct region *region, size_t slots) {
  for (size_t i = 0; i < slots; i++) {
    inbox->spans[i] = (struct iovec){region->memory + region->offset + i * SLOT_BYTES, SLOT_BYTES};
    inbox->messages[i].msg_hdr = (struct msghdr){
        .msg_name = &inbox->sources[i],
        .msg_namelen = sizeof inbox->sources[i],
        .msg_iov = &inbox->spans[i],
        .msg_iovlen = 1,
        .msg_control = &inbox->controls[i],
        .msg_controllen = sizeof inbox->controls[i],
    };
  }
}

/* Microseconds since the kernel received what arrived at `arrival`. */
static int32_t waited_since(const struct timespec *arrival, const struct timespec *now) {
  int64_t waited = (int64_t)(now->tv_sec - arrival->tv_sec) * 1000000 + (now->tv_nsec - arrival->tv_nsec) / 1000;
  return waited < 0 || waited > MAX_WAITED_US ? 0 : (int32_t)waited;
}

/* What the kernel tells of a message besides its bytes. */
struct facts {
  size_t segment;
  int32_t ecn, waited;
};

static void read_controls(struct msghdr *message, const struct timespec *now, struct facts *facts) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
    int value = 0;
    if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec arrival;
      memcpy(&arrival, CMSG_DATA(control), sizeof arrival);
      facts->waited = waited_since(&arrival, now);
      continue;
    }
    memcpy(&value, CMSG_DATA(control), control->cmsg_len == CMSG_LEN(1) ? 1 : sizeof value);
    if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO && value > 0) facts->segment = (size_t)value;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) facts->ecn = value & ECN_MASK;
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) facts->ecn = value & ECN_MASK;
  }
}

static void write_source(const union address *source, int32_t *record) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
  uint32_t words[4] = {0};
  int32_t family = 4;
  if (source->any.sa_family == AF_INET) words[0] = v4->sin_addr.s_addr;
  else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) memcpy(words, &v6->sin6_addr.s6_addr[12], 4);
  else {
    memcpy(words, &v6->sin6_addr, sizeof words);
    family = 6;
  }
  record[RECEIVE_FAMILY_PORT] = family << 16 | ntohs(v4->sin_port);
  for (int i = 0; i < 4; i++) record[RECEIVE_ADDRESS + i] = (int32_t)ntohl(words[i]);
}

/* Writes a record for each datagram of a message whose bytes lie at `at`. */
static void split_message(struct udp *udp, struct region *region, struct mmsghdr *message, size_t at, const struct timespec *now) {
  size_t length = message->msg_len;
  struct facts facts = {.segment = length};
  if ((message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    udp->statistics.receive_drops++;
    return;
  }
  read_controls(&message->msg_hdr, now, &facts);
  size_t segment = facts.segment;
  for (size_t done = 0; done < length; done += segment) {
    if (region->count == region->capacity) {
      udp->statistics.receive_drops += (length - done + segment - 1) / segment;
      return;
    }
    int32_t *record = region->descriptors + region->count++ * RECEIVE_STRIDE;
    record[RECEIVE_OFFSET] = (int32_t)(at + done);
    record[RECEIVE_LENGTH] = (int32_t)(length - done < segment ? length - done : segment);
    record[RECEIVE_ECN] = facts.ecn;
    record[RECEIVE_WAITED] = facts.waited;
    write_source(message->msg_hdr.msg_name, record);
  }
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/*
 * One call to the kernel. True when it is worth another: all slots came back, so sparsely filled that the messages were
 * moved together to make room for more.
 */
static bool receive_once(struct udp *udp, struct region *region) {
  struct inbox inbox;
  size_t slots = smaller((region->end - region->offset) / SLOT_BYTES, (region->capacity - region->count) / MAX_SEGMENTS);
  slots = smaller(slots, MAX_MESSAGES);
  if (slots == 0) return false;
  prepare_inbox(&inbox, region, slots);
  int received = recvmmsg(udp->handle.fd, inbox.messages, (unsigned)slots, MSG_DONTWAIT, NULL);
  udp->statistics.receive_calls++;
  if (received <= 0) return false;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now); /* the clock of SO_TIMESTAMPNS */
  size_t bytes = 0, start = region->offset, before = region->count;
  for (int i = 0; i < received; i++) bytes += inbox.messages[i].msg_len;
  bool sparse = (size_t)received == slots && bytes < slots * SLOT_BYTES / 2;
  for (int i = 0; i < received; i++) {
    size_t at = start + (size_t)i * SLOT_BYTES;
    if (sparse) {
      memmove(region->memory + region->offset, region->memory + at, inbox.messages[i].msg_len);
      at = region->offset;
      region->offset += inbox.messages[i].msg_len;
    }
    split_message(udp, region, &inbox.messages[i], at, &now);
  }
  udp->statistics.packets_received += region->count - before;
  return sparse;
}

/* udp, memory, regionOffset, regionLength, descriptors, capacity */
static napi_value udp_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  struct udp *udp;
  struct bytes memory;
  struct ints descriptors;
  int64_t offset, length, capacity;
  if (!read_arguments(env, info, 6, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  if (!read_bytes(env, arguments[1], "memory", &memory)) return NULL;
  if (!read_integer(env, arguments[2], "regionOffset", 0, INT32_MAX, &offset)) return NULL;
  if (!read_integer(env, arguments[3], "regionLength", SLOT_BYTES, INT32_MAX, &length)) return NULL;
  if (!in_range(env, "region", offset, length, memory.length)) return NULL;
  if (!read_ints(env, arguments[4], "descriptors", &descriptors)) return NULL;
  if (!read_integer(env, arguments[5], "capacity", MAX_SEGMENTS, (int64_t)descriptors.length / RECEIVE_STRIDE, &capacity)) return NULL;
  struct region region = {memory.data, (size_t)offset, (size_t)(offset + length), descriptors.data, 0, (size_t)capacity};
  if (udp->handle.state == HANDLE_OPEN) {
    while (receive_once(udp, &region)) continue;
  }
  return number_value(env, (double)region.count);
}

/* Sending */

/* False when a socket of this family cannot reach it. */
static bool read_destination(const struct udp *udp, const int32_t *words, union address *out, socklen_t *length) {
  int32_t family = words[0] >> 16;
  uint16_t port = htons((uint16_t)(words[0] & 0xffff));
  uint32_t address[4];
  for (int i = 0; i < 4; i++) address[i] = htonl((uint32_t)words[1 + i]);
  memset(out, 0, sizeof *out);
  if (udp->family == AF_INET) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = address[0]};
    *length = sizeof *v4;
    return family == 4;
  }
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = port;
  *length = sizeof *v6;
  if (family == 6) {
    memcpy(&v6->sin6_addr, address, sizeof address);
    return true;
  }
  v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
  memcpy(&v6->sin6_addr.s6_addr[12], address, 4);
  return family == 4;
}

static void add_control(struct msghdr *message, union control *control, int level, int type, const void *value, size_t size) {
  struct cmsghdr *header = (struct cmsghdr *)(control->space + message->msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(header), value, size);
  message->msg_control = control;
  message->msg_controllen += CMSG_SPACE(size);
}

struct outbox {
  struct mmsghdr messages[MAX_MESSAGES];
  struct iovec spans[MAX_MESSAGES];
  union address destinations[MAX_MESSAGES];
  union control controls[MAX_MESSAGES];
};

static void count_failure(struct udp *udp, int error, size_t packets) {
  udp->last_error = error;
  udp->statistics.send_errors += packets;
}

/* False when the run can go nowhere. */
static bool prepare_run(struct udp *udp, const struct run *run, struct outbox *outbox, size_t at) {
  struct msghdr *message = &outbox->messages[at].msg_hdr;
  memset(message, 0, sizeof *message);
  memset(&outbox->controls[at], 0, sizeof outbox->controls[at]);
  outbox->spans[at] = (struct iovec){udp->slab + run->offset, run->bytes};
  message->msg_name = &outbox->destinations[at];
  message->msg_iov = &outbox->spans[at];
  message->msg_iovlen = 1;
  if (!read_destination(udp, run->destination, &outbox->destinations[at], &message->msg_namelen)) return false;
  uint16_t segment = (uint16_t)run->segment;
  if (run->segments > 1) add_control(message, &outbox->controls[at], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
  if (run->tos == 0) return true;
  bool v6 = run->destination[0] >> 16 == 6;
  add_control(message, &outbox->controls[at], v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &run->tos, sizeof run->tos);
  return true;
}

/* For a kernel or device that refuses the run as a whole. The message's control messages go without UDP_SEGMENT. */
static void send_singly(struct udp *udp, const struct run *run, struct outbox *outbox, size_t at) {
  struct run one = *run;
  one.segments = 1;
  for (size_t done = 0; done < run->bytes; done += run->segment) {
    one.offset = run->offset + done;
    one.bytes = smaller(run->bytes - done, run->segment);
    prepare_run(udp, &one, outbox, at);
    udp->statistics.send_calls++;
    if (sendmsg(udp->handle.fd, &outbox->messages[at].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) count_failure(udp, errno, 1);
    else udp->statistics.packets_sent++;
  }
}

static void send_failed(struct udp *udp, const struct run *run, struct outbox *outbox, size_t at, int error) {
  bool refuses_gso = run->segments > 1 && (error == EIO || error == EINVAL);
  if (!refuses_gso) {
    count_failure(udp, error, run->segments);
    return;
  }
  if (error == EIO) udp->gso = false; /* the device has no checksum offload */
  send_singly(udp, run, outbox, at);
}

/* Sends what the slab holds and empties it. What the kernel refuses is dropped and counted. */
static void flush(struct udp *udp) {
  struct outbox outbox;
  struct run *which[MAX_MESSAGES];
  size_t ready = 0, sent = 0;
  for (size_t i = 0; i < udp->count; i++) {
    which[ready] = &udp->runs[i];
    if (prepare_run(udp, which[ready], &outbox, ready)) ready++;
    else count_failure(udp, EAFNOSUPPORT, udp->runs[i].segments);
  }
  while (sent < ready) {
    int taken = sendmmsg(udp->handle.fd, outbox.messages + sent, (unsigned)(ready - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
    udp->statistics.send_calls++;
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) {
      send_failed(udp, which[sent], &outbox, sent, errno);
      taken = 1;
    } else {
      for (int i = 0; i < taken; i++) udp->statistics.packets_sent += which[sent + (size_t)i]->segments;
    }
    sent += (size_t)taken;
  }
  udp->used = 0;
  udp->count = 0;
}

static bool fits_run(const struct udp *udp, const struct run *run, const int32_t *record, size_t length) {
  return udp->gso && !run->complete && length > 0 && length <= run->segment && run->segments < MAX_SEGMENTS &&
         run->bytes + length <= MAX_PAYLOAD && run->tos == record[SEND_TOS] &&
         memcmp(run->destination, record + SEND_FAMILY_PORT, 5 * sizeof *record) == 0;
}

/* The run that the packet of a record joins or begins; the slab has room for it afterwards. */
static struct run *place_packet(struct udp *udp, const int32_t *record, size_t length) {
  bool probe = (record[SEND_FLAGS] & SEND_FLAG_MTU_PROBE) != 0;
  if (udp->used + length > SLAB_BYTES) flush(udp);
  struct run *last = udp->count > 0 ? &udp->runs[udp->count - 1] : NULL;
  if (last != NULL && !probe && fits_run(udp, last, record, length)) return last;
  if (udp->count == MAX_MESSAGES) flush(udp);
  struct run *run = &udp->runs[udp->count++];
  *run = (struct run){record + SEND_FAMILY_PORT, record[SEND_TOS], udp->used, 0, length, 0, probe};
  return run;
}

static bool add_packet(napi_env env, struct udp *udp, struct aead *aead, struct bytes memory, const int32_t *record) {
  size_t length;
  if (!sealed_length(env, memory, record, &length)) return false;
  if (length > MAX_PAYLOAD) {
    throw_range(env, "descriptors: a packet of %zu bytes is longer than a datagram can be", length);
    return false;
  }
  struct run *run = place_packet(udp, record, length);
  bool sealed = seal_record(env, aead, memory, record, udp->slab + udp->used, length) >= 0;
  if (!sealed) {
    if (run->segments == 0) udp->count--;
    return false;
  }
  run->segments++;
  run->bytes += length;
  run->complete = run->complete || length < run->segment;
  udp->used += length;
  return true;
}

/* udp, memory, descriptors, count, aead */
static napi_value udp_send(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  struct udp *udp;
  struct aead *aead;
  struct bytes memory;
  struct ints descriptors;
  int64_t count;
  if (!read_arguments(env, info, 5, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  if (!read_bytes(env, arguments[1], "memory", &memory) || !read_ints(env, arguments[2], "descriptors", &descriptors)) return NULL;
  if (!read_integer(env, arguments[3], "count", 0, (int64_t)descriptors.length / SEND_STRIDE, &count)) return NULL;
  if (!read_external(env, arguments[4], KIND_AEAD, "crypto", (void **)&aead)) return NULL;
  if (udp->handle.state != HANDLE_OPEN) return NULL;
  for (int64_t i = 0; i < count; i++) {
    if (!add_packet(env, udp, aead, memory, descriptors.data + i * SEND_STRIDE)) break;
  }
  flush(udp);
  return NULL;
}

/* The rest */

static napi_value udp_port(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct udp *udp;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  return number_value(env, bound_port(udp->handle.fd));
}

static napi_value udp_statistics(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  struct udp *udp;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  const struct udp_statistics *statistics = &udp->statistics;
  napi_create_object(env, &result);
  set_number(env, result, "sendCalls", (double)statistics->send_calls);
  set_number(env, result, "packetsSent", (double)statistics->packets_sent);
  set_number(env, result, "sendErrors", (double)statistics->send_errors);
  set_number(env, result, "receiveCalls", (double)statistics->receive_calls);
  set_number(env, result, "packetsReceived", (double)statistics->packets_received);
  set_number(env, result, "receiveDrops", (double)statistics->receive_drops);
  if (udp->last_error != 0) set_property(env, result, "lastSendError", string_value(env, uv_err_name(-udp->last_error)));
  return result;
}

static napi_value udp_close(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct udp *udp;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_UDP, "udp", (void **)&udp)) return NULL;
  loop_handle_close(&udp->handle);
  return NULL;
}

/* By trying: headers tell what the compiler knew, not what this kernel does. */
static bool kernel_takes(int option, int value) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool taken = setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value) == 0;
  close(fd);
  return taken;
}

/* Whether several sockets of one port can be steered: by trying. */
static bool kernel_steers(void) {
  union address address = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
  *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int32_t field[2] = {0, 0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const struct steering steering = {0, {{0, 2}, {0, 2}}};
  bool steers = bind_udp(fd, &address, sizeof *v4, 0, true) == 0 && steer(fd, &steering, field, 1) == 0;
  close(fd);
  return steers;
}

void register_udp(napi_env env, napi_value exports) {
  export_function(env, exports, "udpOpen", udp_open);
  export_function(env, exports, "udpPort", udp_port);
  export_function(env, exports, "udpSteer", udp_steer);
  export_function(env, exports, "udpReceive", udp_receive);
  export_function(env, exports, "udpSend", udp_send);
  export_function(env, exports, "udpStatistics", udp_statistics);
  export_function(env, exports, "udpClose", udp_close);
  set_property(env, exports, "gso", boolean_value(env, kernel_takes(UDP_SEGMENT, 1200)));
  set_property(env, exports, "gro", boolean_value(env, kernel_takes(UDP_GRO, 1)));
  set_property(env, exports, "steering", boolean_value(env, kernel_steers()));
}
