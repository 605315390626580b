import { isIPv6 } from 'node:net';

export interface RateLimitOptions {
  /** Requests per second that one client may go on making. */
  readonly perSecond: number;
  /** Requests that it may make at once after a rest. */
  readonly burst: number;
  /** Clients that are remembered; beyond that, those who rest longest are forgotten. */
  readonly maxClients?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket per client address (IPv6: per /64, which is one subscriber). */
export class RateLimit {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly options: RateLimitOptions,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Takes one request from the client's bucket. Zero if it may go on, else the seconds after which to try again. */
  take(address: string): number {
    const key = clientOf(address);
    const bucket = this.refill(key);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.options.perSecond);
    bucket.tokens -= 1;
    return 0;
  }

  private refill(key: string): Bucket {
    const now = this.nowMs();
    const { perSecond, burst, maxClients = 20_000 } = this.options;
    const old = this.buckets.get(key) ?? { tokens: burst, atMs: now };
    const bucket = { tokens: Math.min(burst, old.tokens + ((now - old.atMs) / 1000) * perSecond), atMs: now };
    // Maps keep the order of insertion: the first is whoever came least recently.
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > maxClients) this.buckets.delete(this.buckets.keys().next().value ?? key);
    return bucket;
  }
}

/** Whom an address stands for. */
export const clientOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  return `${expandIpv6(address).slice(0, 4).join(':')}::/64`;
};

const expandIpv6 = (address: string): string[] => {
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  return [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right].map(
    (group) => group.replace(/^0+(?=.)/, ''),
  );
};
