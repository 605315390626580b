import type { AckSample, CongestionController } from './controller.js';

/** A path that a controller can be tried on without packets: bytes flow, a queue grows and overflows. */
export interface FluidPath {
  /** Bytes per microsecond. */
  readonly capacity: number;
  readonly rttUs: number;
  readonly queueBytes: number;
  /** Share lost at random, 0 to 1. */
  readonly loss: number;
}

interface Flight {
  readonly bytes: number;
  readonly lost: number;
  readonly sentUs: number;
  readonly arrivesUs: number;
  readonly deliveredBefore: number;
  readonly deliveredBeforeUs: number;
  readonly lostBefore: number;
  readonly inFlight: number;
}

const TICK_US = 500;

/** Drives a controller over a {@link FluidPath} in ticks of half a millisecond, with a source that never runs dry. */
export class FluidRun {
  nowUs = 0;
  delivered = 0;
  queued = 0;
  lost = 0;
  private inFlight = 0;
  private deliveredUs = 0;
  private readonly flights: Flight[] = [];

  constructor(
    readonly controller: CongestionController,
    public path: FluidPath,
  ) {}

  run(durationUs: number): this {
    for (const untilUs = this.nowUs + durationUs; this.nowUs < untilUs;) this.tick();
    return this;
  }

  /** Bytes per microsecond delivered over the next `durationUs`. */
  rateOver(durationUs: number): number {
    const before = this.delivered;
    this.run(durationUs);
    return (this.delivered - before) / durationUs;
  }

  private tick(): void {
    this.nowUs += TICK_US;
    this.queued = Math.max(0, this.queued - this.path.capacity * TICK_US);
    this.send();
    while (this.flights.length > 0 && this.flights[0].arrivesUs <= this.nowUs)
      this.acknowledge(this.flights[0]);
  }

  private send(): void {
    const { controller, path } = this;
    const room = controller.congestionWindow - this.inFlight;
    if (room < controller.pacingRate * TICK_US) controller.onWindowLimited();
    const bytes = Math.min(controller.pacingRate * TICK_US, room);
    if (bytes <= 0) return;
    if (this.inFlight === 0) {
      controller.onRestartFromIdle(this.nowUs);
      this.deliveredUs = this.nowUs;
    }
    const taken = Math.min(bytes, Math.max(0, path.queueBytes + path.capacity * TICK_US - this.queued));
    const lost = bytes - taken * (1 - path.loss);
    this.queued += taken;
    this.inFlight += bytes;
    this.flights.push({
      bytes,
      lost,
      sentUs: this.nowUs,
      arrivesUs: this.nowUs + path.rttUs + this.queued / path.capacity,
      deliveredBefore: this.delivered,
      deliveredBeforeUs: this.deliveredUs,
      lostBefore: this.lost,
      inFlight: this.inFlight,
    });
  }

  private acknowledge(flight: Flight): void {
    this.flights.shift();
    this.inFlight -= flight.bytes;
    this.delivered += flight.bytes - flight.lost;
    this.lost += flight.lost;
    this.deliveredUs = this.nowUs;
    const sample: AckSample = {
      nowUs: this.nowUs,
      rttUs: this.nowUs - flight.sentUs,
      hostDelayUs: 0,
      acknowledgedBytes: flight.bytes - flight.lost,
      lostBytes: flight.lost,
      spuriousBytes: 0,
      inFlight: this.inFlight,
      delivered: this.delivered,
      sampleDelivered: this.delivered - flight.deliveredBefore,
      sampleIntervalUs: this.nowUs - flight.deliveredBeforeUs,
      priorDelivered: flight.deliveredBefore,
      sampleLost: this.lost - flight.lostBefore,
      sampleInFlight: flight.inFlight,
      appLimited: false,
    };
    this.controller.onAck(sample);
  }
}
