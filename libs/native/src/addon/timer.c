/* Timers of microseconds: libuv's own are no finer than a millisecond. */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MOST_MICROSECONDS 1e15

struct timer {
  struct loop_handle handle;
};

/* Only a timer that is set keeps the process alive. */
static void set_alive(struct timer *timer, bool alive) {
  if (alive) uv_ref((uv_handle_t *)&timer->handle.poll);
  else uv_unref((uv_handle_t *)&timer->handle.poll);
}

static void on_fire(struct loop_handle *handle, int status, int events) {
  (void)status;
  (void)events;
  uint64_t expirations;
  if (read(handle->fd, &expirations, sizeof expirations) != sizeof expirations) return;
  set_alive((struct timer *)handle, false);
  loop_handle_call(handle, 0, NULL);
}

static napi_value timer_open(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_function(env, arguments[0], "onFire")) return NULL;
  struct timer *timer = calloc(1, sizeof *timer);
  if (timer == NULL) return throw_errno(env, ENOMEM, "no memory for a timer");
  timer->handle.kind = KIND_TIMER;
  timer->handle.on_event = on_fire;
  timer->handle.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer->handle.fd < 0) {
    free(timer);
    return throw_errno(env, errno, "no timer could be made");
  }
  result = loop_handle_create(env, &timer->handle, arguments[0]);
  if (result == NULL) return NULL;
  loop_handle_poll(&timer->handle, UV_READABLE);
  set_alive(timer, false);
  return result;
}

/* Negative clears; zero, which the kernel takes for that, fires at once. */
static napi_value timer_set(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct timer *timer;
  double microseconds;
  if (!read_arguments(env, info, 2, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_TIMER, "timer", (void **)&timer)) return NULL;
  if (napi_get_value_double(env, arguments[1], &microseconds) != napi_ok || !(microseconds <= MOST_MICROSECONDS)) {
    return throw_range(env, "microseconds has to be a number up to %g", MOST_MICROSECONDS);
  }
  if (timer->handle.state != HANDLE_OPEN) return NULL;
  int64_t nanoseconds = microseconds < 0 ? 0 : (int64_t)(microseconds * 1000) + 1;
  struct itimerspec when = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
  timerfd_settime(timer->handle.fd, 0, &when, NULL);
  set_alive(timer, nanoseconds > 0);
  return NULL;
}

static napi_value timer_close(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct timer *timer;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_TIMER, "timer", (void **)&timer)) return NULL;
  loop_handle_close(&timer->handle);
  return NULL;
}

void register_timer(napi_env env, napi_value exports) {
  export_function(env, exports, "timerOpen", timer_open);
  export_function(env, exports, "timerSet", timer_set);
  export_function(env, exports, "timerClose", timer_close);
}
