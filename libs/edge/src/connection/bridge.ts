import { BlockEncoder, BlockFormatError, type ChooseCodec } from '@longhaul/block-codec';
import type { TcpSocket } from '@longhaul/native';
import type { Stream } from '@longhaul/tunnel';
import { encoderMode } from '../codec-choice.js';
import type { Compression } from '../policy/state.js';
import { Gate, type ConnectionLimit } from '../rate-limit/rate-limits.js';
import { systemErrorCode } from '../system-error.js';
import { AbortCode, endingOfPeerAbort, type Ending } from './abort-code.js';
import type { Flow } from './flow.js';
import { SocketToStream } from './socket-to-stream.js';
import { StreamToSocket } from './stream-to-socket.js';
import type { WorkSpace } from './work-space.js';

/** What a bridge needs of the data plane. */
export interface BridgeHost {
  readonly space: WorkSpace;
  /** Packets may be ready to leave. */
  wake(): void;
  /** The bridge is over, its socket closed. */
  bridgeClosed(bridge: Bridge): void;
}

/** One TCP connection and the stream that carries it: bytes, half-closes and resets, each as it is, both ways. */
export class Bridge {
  private upload: SocketToStream | undefined;
  private download: StreamToSocket | undefined;
  private socket: TcpSocket | undefined;
  private streamClosed = false;
  private aborted = false;

  constructor(
    private readonly host: BridgeHost,
    readonly stream: Stream,
    readonly flow: Flow,
    private readonly compression: Compression,
    private readonly chooseCodec: ChooseCodec,
    private readonly limit: ConnectionLimit,
  ) {
    stream.userData = this;
  }

  get over(): boolean {
    return this.aborted || (this.socketDone && this.streamClosed);
  }

  private get socketDone(): boolean {
    return this.upload?.ended === true && this.download?.ended === true;
  }

  /** From now on bytes go between the stream and `socket`, which is connected. */
  attach(socket: TcpSocket): void {
    const { host, stream, flow } = this;
    this.socket = socket;
    const encoder = new BlockEncoder(host.space.compressor, {
      mode: encoderMode(this.compression),
      chooseCodec: this.chooseCodec,
    });
    const { up, down } = this.limit;
    const upGate = new Gate(up, () => {
      this.runUpload();
    });
    const downGate = new Gate(down, () => {
      this.runDownload();
    });
    this.upload = new SocketToStream(socket, stream, encoder, host.space, flow, upGate);
    this.download = new StreamToSocket(socket, stream, host.space, flow, downGate);
    socket.setEvents({
      onReadable: () => {
        this.runUpload();
      },
      onWritable: () => {
        this.runDownload();
      },
      onError: (code) => {
        this.abort(AbortCode.connectionReset, { ended: 'reset', reason: `the connection failed: ${code}` });
      },
    });
    this.runUpload();
    this.runDownload();
  }

  /** Moves bytes from the socket into the stream. */
  runUpload(): void {
    this.run(this.upload);
  }

  /** Moves bytes from the stream into the socket. */
  runDownload(): void {
    this.run(this.download);
  }

  private run(direction: SocketToStream | StreamToSocket | undefined): void {
    if (this.over || direction === undefined) return;
    try {
      direction.run();
      this.closeIfDone();
    } catch (error) {
      this.fail(error);
    }
    this.host.wake();
  }

  private fail(error: unknown): void {
    if (error instanceof BlockFormatError) {
      this.abort(AbortCode.malformedBlocks, { ended: 'reset', reason: error.message });
      return;
    }
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    this.abort(AbortCode.connectionReset, {
      ended: 'reset',
      reason: `the connection at this side was reset (${code})`,
    });
  }

  private closeIfDone(): void {
    if (!this.socketDone || this.socket === undefined) return;
    this.socket.close();
    this.socket = undefined;
    this.settle();
  }

  /** Lets the peer run ahead by `bytes` at most while the socket is what holds the bytes up, and freely otherwise. */
  boundReadAhead(bytes: number): void {
    const { download } = this;
    if (download === undefined) return;
    this.stream.setReadAhead(download.checkBlocked() ? bytes : Infinity);
  }

  /** The stream is over at both agents: all that we sent was received. */
  onStreamClosed(): void {
    this.streamClosed = true;
    this.settle();
  }

  private settle(): void {
    if (!this.over) return;
    this.flow.finish('closed', null);
    this.host.bridgeClosed(this);
  }

  /** The peer gave its direction up, or asks us to give up ours: to TCP both are a reset. */
  onPeerAbort(code: number): void {
    this.abort(code, endingOfPeerAbort(code));
  }

  /** Ends both directions at once: a reset for the application here, and one with `code` for the peer. */
  abort(code: number, { ended, reason }: Ending): void {
    if (this.over) return;
    this.aborted = true;
    this.socket?.reset();
    this.socket = undefined;
    this.stream.reset(code);
    this.stream.stopSending(code);
    this.flow.finish(ended, reason);
    this.host.bridgeClosed(this);
    this.host.wake();
  }
}
