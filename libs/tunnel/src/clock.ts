/** The time of the call that is being worked on, in microseconds on the driver's monotonic clock. */
export interface Clock {
  readonly nowUs: number;
  /** When the packet that is being taken arrived in this host, on the same clock. */
  readonly arrivedUs: number;
}
