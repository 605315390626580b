import type { Binding, NativeHandle } from '../binding.js';
import { hostileNumber, hostileText, hostileThing, hostileView } from './hostile-values.js';
import type { Random } from './random.js';

const SUITES = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305', 'aes-128-cbc'];
/** Nothing else: what is sent must not leave the machine. */
const LOOPBACK = ['127.0.0.1', '127.0.0.1', '127.0.0.7', '::1'];
const ANY = ['127.0.0.1', '127.0.0.1', '::1', '0.0.0.0', '::'];
const CONGESTION = ['cubic', 'reno', 'no-such', ''];
/** The chance in a hundred that an argument is not what it should be. */
const HOSTILE_PERCENT = 5;
const MOST_HANDLES = 12;
const ARENA_BYTES = 4096;
const MOST_PORTS = 10;
/** Behind memory that libraries write to, which are compiled without a sanitizer. */
const GUARD_BYTES = 64;
const GUARD = 0xa5;
/** How often a call is made beside the others' once. */
const WEIGHTS: Partial<Record<string, number>> = {
  aeadAddKey: 3,
  aeadOpen: 3,
  aeadSealInto: 3,
  udpSend: 4,
  udpReceive: 3,
  tcpConnect: 4,
  tcpWant: 3,
  tcpRead: 6,
  tcpWrite: 6,
  lz4Decompress: 3,
  zstdDecompress: 3,
};
/** Calls that end something are skipped so many times of a hundred. */
const SPARE_PERCENT = 85;
const ENDINGS = /Close$|RemoveKey$|ShutdownWrite$/;
const SLAB_BYTES = 140_000;

type Kind = 'aead' | 'timer' | 'udp' | 'listener' | 'tcp';
type Maker = () => unknown;

/** A failure that the addon may tell of: a check's, or the system's with its code. */
function isExpected(error: unknown): boolean {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return (
    name === 'TypeError' || name === 'RangeError' || (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code))
  );
}

/** Calls the functions of an addon as one seed decides, with handles and bytes that earlier calls gave. */
export class AddonFuzzer {
  private readonly handles: Record<Kind, NativeHandle[]> = {
    aead: [],
    timer: [],
    udp: [],
    listener: [],
    tcp: [],
  };
  private readonly ports: number[] = [9];
  private readonly blocks: Uint8Array[] = [];
  private readonly calls: Record<string, Maker[]>;
  private readonly names: string[];
  private readonly guarded = new Set<Uint8Array>();
  private suite = '';
  private readonly arena = new ArrayBuffer(ARENA_BYTES);

  constructor(
    private readonly addon: Binding,
    private readonly random: Random,
  ) {
    this.calls = this.describeCalls();
    this.names = Object.keys(this.calls).flatMap((name) => new Array<string>(WEIGHTS[name] ?? 1).fill(name));
    const missing = Object.entries(addon).filter(
      ([name, value]) => typeof value === 'function' && !(name in this.calls),
    );
    if (missing.length > 0) throw new Error(`not fuzzed: ${missing.map(([name]) => name).join(', ')}`);
  }

  /** One call. @throws Error for what the addon should not have done */
  step(): void {
    const { random } = this;
    const name = random.pick(this.names);
    if (ENDINGS.test(name) && random.percent(SPARE_PERCENT)) return;
    const values = (this.calls[name] ?? []).map((make) => make());
    if (random.percent(2)) values.length = random.between(0, values.length);
    const target = (this.addon as unknown as Record<string, (...values: unknown[]) => unknown>)[name];
    try {
      this.keep(name, target?.(...values), values);
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
    this.checkGuards(name);
  }

  private checkGuards(name: string): void {
    for (const whole of this.guarded) {
      if (whole.subarray(-GUARD_BYTES).some((byte) => byte !== GUARD))
        throw new Error(`${name} wrote past its bounds`);
    }
    this.guarded.clear();
  }

  /** A view of memory that ends in bytes which nothing may change. */
  private guardedBytes(length: number): Uint8Array {
    const whole = new Uint8Array(new ArrayBuffer(length + GUARD_BYTES));
    whole.fill(GUARD, length);
    this.guarded.add(whole);
    return whole.subarray(0, length);
  }

  /** Closes what is open, some of it twice. */
  close(): void {
    const { addon, handles } = this;
    for (const timer of handles.timer) addon.timerClose(timer);
    for (const udp of [...handles.udp, ...handles.udp]) addon.udpClose(udp);
    for (const listener of handles.listener) addon.listenerClose(listener);
    for (const tcp of [...handles.tcp, ...handles.tcp]) addon.tcpClose(tcp, this.random.percent(50));
  }

  private keep(name: string, result: unknown, values: unknown[]): void {
    const opened: Partial<Record<string, Kind>> = {
      aeadCreate: 'aead',
      timerOpen: 'timer',
      udpOpen: 'udp',
      listenerOpen: 'listener',
      listenerAccept: 'tcp',
      tcpConnect: 'tcp',
    };
    const kind = opened[name];
    if (kind !== undefined && result !== undefined) this.keepHandle(kind, result as NativeHandle);
    if (name.endsWith('Compress') && typeof result === 'number') this.keepBlock(result, values);
    if (typeof result === 'number' && Number.isNaN(result)) throw new Error(`${name} gave NaN`);
  }

  private keepHandle(kind: Kind, handle: NativeHandle): void {
    const handles = this.handles[kind];
    handles.push(handle);
    if (kind === 'udp') this.keepPort(this.addon.udpPort(handle));
    if (kind === 'listener') this.keepPort(this.addon.listenerPort(handle));
    if (handles.length <= MOST_HANDLES) return;
    const [oldest] = handles.splice(0, 1);
    // Some are closed, others forgotten while they are open.
    if (oldest === undefined || this.random.percent(2)) return;
    if (kind === 'timer') this.addon.timerClose(oldest);
    if (kind === 'udp') this.addon.udpClose(oldest);
    if (kind === 'listener') this.addon.listenerClose(oldest);
    if (kind === 'tcp') this.addon.tcpClose(oldest, false);
  }

  private keepPort(port: number): void {
    this.ports.push(port);
    if (this.ports.length > MOST_PORTS) this.ports.shift();
  }

  private keepBlock(length: number, [, , , destination, offset]: unknown[]): void {
    if (length === 0) return;
    this.blocks.push((destination as Uint8Array).slice(offset as number, (offset as number) + length));
    if (this.blocks.length > 20) this.blocks.shift();
  }

  // What a function takes

  private readonly number = (least: number, most: number) => () =>
    this.random.percent(HOSTILE_PERCENT) ? hostileNumber(this.random) : this.random.between(least, most);

  private readonly flag = (): unknown =>
    this.random.percent(HOSTILE_PERCENT) ? hostileThing(this.random) : this.random.percent(50);

  private readonly handle = (kind: Kind) => (): unknown => {
    const { random, handles } = this;
    if (random.percent(5)) return hostileThing(random);
    const from = random.percent(4) ? handles[random.pick(Object.keys(handles) as Kind[])] : handles[kind];
    return from.length === 0 ? undefined : random.pick(from);
  };

  private readonly keyText = (): unknown => (this.suite = this.random.pick(SUITES));

  private readonly text = (values: readonly string[]) => () =>
    this.random.percent(HOSTILE_PERCENT) ? hostileText(this.random) : this.random.pick(values);

  private readonly view = (make: () => Uint8Array | Int32Array) => (): unknown => {
    if (this.random.percent(HOSTILE_PERCENT / 2)) return hostileView(this.random);
    return this.random.percent(HOSTILE_PERCENT) ? this.overlapping(make()) : make();
  };

  /** The same content in memory that the other arguments of a call may lie in too. */
  private overlapping(view: Uint8Array | Int32Array): Uint8Array | Int32Array {
    if (view.byteLength > ARENA_BYTES) return view;
    const at = 4 * this.random.between(0, Math.min(8, (ARENA_BYTES - view.byteLength) >> 2));
    const other =
      view instanceof Int32Array
        ? new Int32Array(this.arena, at, view.length)
        : new Uint8Array(this.arena, at, view.length);
    other.set(view);
    return other;
  }

  private readonly bytes = this.view(() => this.random.bytes(this.random.between(0, 3000)));
  private readonly key = this.view(() =>
    this.random.bytes(
      this.random.percent(90) ? (this.suite === 'aes-128-gcm' ? 16 : 32) : this.random.pick([0, 12, 33]),
    ),
  );
  private readonly iv = this.view(() => this.random.bytes(this.random.percent(90) ? 12 : 5));
  private readonly slab = this.view(() => new Uint8Array(new ArrayBuffer(SLAB_BYTES)));
  private readonly outLengths = this.view(
    () => new Int32Array(new ArrayBuffer(4 * this.random.between(0, 8))),
  );
  private readonly port = () =>
    this.random.percent(60) ? this.random.pick(this.ports) : this.number(0, 0)();

  private readonly callback = (): unknown => {
    const { random } = this;
    if (random.percent(HOSTILE_PERCENT / 2)) return hostileThing(random);
    // Within a callback the addon is called again, and the callback's own handle may be closed.
    return () => {
      for (let i = random.between(0, 2); i > 0; i--) this.step();
      if (random.percent(5)) throw new Error('meant');
    };
  };

  /** Of a listener: takes what there is. */
  private readonly accepting = (): unknown => {
    const { random, handles } = this;
    if (random.percent(20)) return this.callback();
    return () => {
      for (const listener of handles.listener) this.acceptFrom(listener);
    };
  };

  private acceptFrom(listener: NativeHandle): void {
    try {
      const socket = this.addon.listenerAccept(listener, () => undefined);
      if (socket !== undefined) this.keepHandle('tcp', socket);
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  /** Records whose fields mostly lie in memory. */
  private readonly records = (stride: number, write: (record: Int32Array) => void) =>
    this.view(() => {
      const count = this.random.between(0, 4);
      const records = new Int32Array(new ArrayBuffer(4 * stride * count + 4 * this.random.between(0, 3)));
      for (let i = 0; i < count; i++) {
        const record = records.subarray(i * stride, (i + 1) * stride);
        write(record);
        if (this.random.percent(20)) {
          record[this.random.between(0, 9)] = this.random.percent(50)
            ? this.random.next()
            : (this.random.pick([-1, -(2 ** 31), 2 ** 31 - 1, 65_488, 3000]) ?? 0);
        }
      }
      return records;
    });

  private readonly sendRecords = this.records(20, (record) => {
    const { random } = this;
    const length = (): number => random.between(0, 400);
    const key = random.between(-1, 2);
    record.set([
      random.between(0, 500),
      length(),
      length(),
      600,
      length(),
      1200,
      length(),
      key,
      random.next(),
      0,
    ]);
    const v6 = random.percent(30);
    const port = Number(random.pick(this.ports)) & 0xffff;
    record.set([((v6 ? 6 : random.pick([4, 4, 4, 0, 5])) << 16) | port], 10);
    record.set(v6 ? [0, 0, 0, 1] : [0x7f000001, 0, 0, 0], 11);
    record[15] = random.percent(10) ? 1 : 0;
    record[16] = random.percent(20) ? random.next() & 0xff : 0;
  });

  private readonly receiveRecords = this.records(16, (record) => {
    const { random } = this;
    record.set([random.between(0, 500), random.between(0, 1500)]);
    record.set([random.between(0, 40), random.between(-1, 2), random.next(), random.next()], 8);
  });

  private readonly freshRecords = this.view(
    () => new Int32Array(new ArrayBuffer(4 * 16 * this.random.pick([64, 65, 200]))),
  );

  private readonly steeringPlan = this.view(() =>
    Int32Array.from({ length: this.random.percent(95) ? 5 : 4 }, () => this.random.between(0, 3)),
  );

  private readonly steeredFields = this.view(() =>
    Int32Array.from({ length: this.random.between(0, 9) }, () => this.random.between(0, 280)),
  );

  /** A block that was compressed before, with a few bytes of it changed, or cut short; or noise. */
  private readonly block = this.view(() => {
    const { random, blocks } = this;
    if (blocks.length === 0 || random.percent(10)) return random.bytes(random.between(0, 300));
    const block = random.pick(blocks).slice();
    for (let i = random.between(0, 3); i > 0; i--) block[random.between(0, block.length - 1)] = random.next();
    return random.percent(30) ? block.slice(0, random.between(0, block.length)) : block;
  });

  /** Bytes that repeat themselves. */
  private readonly repetitive = this.view(() => {
    const { random } = this;
    const bytes = random.bytes(random.between(1, 20_000));
    const period = random.between(1, 50);
    for (let i = period; i < bytes.length; i++) if (!random.percent(1)) bytes[i] = bytes[i - period] ?? 0;
    return bytes;
  });

  private describeCalls(): Record<string, Maker[]> {
    const { number, flag, handle, text, callback, bytes, port } = this;
    const aead = handle('aead');
    const udp = handle('udp');
    const listener = handle('listener');
    const tcp = handle('tcp');
    const few = number(0, 20);
    /** A view, an offset and a length that mostly lie in one another. */
    const span = (view: Maker): Maker[] => {
      let length = 0;
      let offset = 0;
      return [
        () => {
          const made = view();
          length = made instanceof Uint8Array ? made.length : 100;
          return made;
        },
        () =>
          this.random.percent(HOSTILE_PERCENT)
            ? few()
            : (offset = this.random.between(0, Math.min(20, length))),
        () => this.number(0, Math.max(0, length - offset))(),
      ];
    };
    const mark = (): unknown => (this.random.percent(85) ? 0 : number(0, 5)());
    const kernelBytes = number(0, 100_000);
    const decoded = span(this.view(() => this.guardedBytes(this.random.between(0, 20_000))));
    return {
      allocateSlab: [number(4096, 1_000_000)],
      nowMicroseconds: [],
      aeadCreate: [],
      aeadAddKey: [aead, this.keyText, this.key, this.iv],
      aeadRemoveKey: [aead, number(0, 3)],
      aeadOpen: [aead, bytes, this.receiveRecords, number(0, 4)],
      aeadSealInto: [aead, bytes, this.sendRecords, number(0, 4), bytes, this.outLengths],
      timerOpen: [callback],
      timerSet: [handle('timer'), number(-1, 2000)],
      timerClose: [handle('timer')],
      udpOpen: [text(ANY), port, kernelBytes, kernelBytes, mark, flag, flag, flag, callback],
      udpPort: [udp],
      udpSteer: [udp, this.steeringPlan, this.steeredFields],
      udpReceive: [udp, this.slab, few, number(65_536, 139_000), this.freshRecords, number(64, 200)],
      udpSend: [udp, bytes, this.sendRecords, number(0, 4), aead],
      udpStatistics: [udp],
      udpClose: [udp],
      listenerOpen: [
        ...[text(ANY), port, number(1, 10), flag, flag, mark],
        ...[kernelBytes, kernelBytes, number(0, 9000), this.accepting],
      ],
      listenerAccept: [listener, callback],
      listenerPoll: [listener, flag],
      listenerSteer: [listener, number(0, 8)],
      listenerPort: [listener],
      listenerClose: [listener],
      tcpConnect: [text(LOOPBACK), port, text(['', '', '127.0.0.9']), number(0, 0), mark, flag, callback],
      tcpWant: [tcp, number(0, 3)],
      tcpRead: [tcp, ...span(bytes)],
      tcpWrite: [tcp, ...span(bytes)],
      tcpShutdownWrite: [tcp],
      tcpClose: [tcp, flag],
      tcpAddresses: [tcp],
      tcpOriginalDestination: [tcp],
      tcpCongestion: [tcp],
      tcpSetCongestion: [tcp, text(CONGESTION)],
      tcpUnsent: [tcp],
      tcpSetNoDelay: [tcp, flag],
      tcpSetKeepAlive: [tcp, number(0, 100)],
      tcpSetUserTimeout: [tcp, number(0, 1000)],
      tcpSetUnsentLowWater: [tcp, number(1, 10_000)],
      tcpSetBuffers: [tcp, kernelBytes, kernelBytes],
      lz4Compress: [...span(this.repetitive), ...decoded],
      lz4Decompress: [...span(this.block), ...decoded],
      zstdCompress: [...span(this.repetitive), ...decoded, number(1, 9)],
      zstdDecompress: [...span(this.block), ...decoded],
    };
  }
}
