/* Timers of microseconds: libuv's own are no finer than a millisecond. */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct timer {
  struct loop_handle handle;
  napi_ref callback;
  bool collected;
};

static void free_if_done(struct timer *timer) {
  if (timer->collected && timer->handle.fd < 0) free(timer);
}

static void on_timer_closed(struct loop_handle *handle) {
  struct timer *timer = (struct timer *)handle;
  timer->handle.fd = -1;
  free_if_done(timer);
}

static void drop_callback(struct timer *timer) {
  if (timer->callback != NULL) napi_delete_reference(timer->handle.environment->env, timer->callback);
  timer->callback = NULL;
}

static void on_fire(struct loop_handle *handle, int status, int events) {
  (void)status;
  (void)events;
  struct timer *timer = (struct timer *)handle;
  napi_env env = handle->environment->env;
  uint64_t expirations;
  if (read(handle->fd, &expirations, sizeof expirations) != sizeof expirations || timer->callback == NULL) return;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  call_back(env, timer->callback, 0, NULL);
  napi_close_handle_scope(env, scope);
}

static void collect(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct timer *timer = data;
  timer->collected = true;
  if (timer->handle.fd >= 0) loop_handle_close(&timer->handle);
  free_if_done(timer);
}

static napi_value timer_create_(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  struct timer *timer = calloc(1, sizeof *timer);
  if (timer == NULL) return throw_errno(env, ENOMEM, "no memory for a timer");
  timer->handle.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  timer->handle.owns_fd = true;
  timer->handle.on_event = on_fire;
  timer->handle.on_closed = on_timer_closed;
  int error = timer->handle.fd < 0 ? -errno : loop_handle_start(environment_of(env), &timer->handle, UV_READABLE);
  if (error != 0) {
    free(timer);
    return throw_errno(env, -error, "no timer could be made");
  }
  napi_create_reference(env, arguments[0], 1, &timer->callback);
  napi_create_external(env, timer, collect, NULL, &result);
  return result;
}

static napi_value timer_set(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct timer *timer;
  double microseconds;
  if (!read_arguments(env, info, 2, arguments)) return NULL;
  if (!read_external(env, arguments[0], "timer", (void **)&timer)) return NULL;
  if (napi_get_value_double(env, arguments[1], &microseconds) != napi_ok || !(microseconds <= 1e15)) {
    return throw_range(env, "microseconds has to be a number up to 1e15");
  }
  if (timer->handle.fd < 0 || timer->handle.closing) return NULL;
  /* Negative clears; zero would clear too, and is to fire at once. */
  int64_t nanoseconds = microseconds < 0 ? 0 : (int64_t)(microseconds * 1000) + 1;
  struct itimerspec when = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
  timerfd_settime(timer->handle.fd, 0, &when, NULL);
  return NULL;
}

static napi_value timer_close(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct timer *timer;
  if (!read_arguments(env, info, 1, arguments)) return NULL;
  if (!read_external(env, arguments[0], "timer", (void **)&timer)) return NULL;
  drop_callback(timer);
  if (timer->handle.fd >= 0) loop_handle_close(&timer->handle);
  return NULL;
}

void register_timer(napi_env env, napi_value exports) {
  export_function(env, exports, "timerCreate", timer_create_);
  export_function(env, exports, "timerSet", timer_set);
  export_function(env, exports, "timerClose", timer_close);
}
