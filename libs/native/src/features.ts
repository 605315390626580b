import type { Capabilities, DescriptorLayout } from './binding.js';
import { binding, implementation } from './implementation.js';

export interface NativeFeatures extends Capabilities {
  /** The addon in C, or its fallback on Node.js alone. */
  readonly implementation: 'addon' | 'fallback';
  /** The kernel cuts one send call into packets (UDP_SEGMENT). */
  readonly gso: boolean;
  /** The kernel hands over runs of received packets as one (UDP_GRO). */
  readonly gro: boolean;
  /** The kernel chooses among the sockets of one port by what is in a datagram (SO_ATTACH_REUSEPORT_CBPF). */
  readonly steering: boolean;
  readonly opensslVersion: string;
  readonly lz4Version: string;
  readonly zstdVersion: string;
}

/** What this machine offers, found by trying when the implementation was loaded. */
export const features: NativeFeatures = Object.freeze({
  ...binding.capabilities,
  implementation: implementation.name,
  gso: binding.gso,
  gro: binding.gro,
  steering: binding.steering,
  opensslVersion: binding.opensslVersion,
  lz4Version: binding.lz4Version,
  zstdVersion: binding.zstdVersion,
});

/** Field positions in descriptor records, for comparing with those of whoever writes them. */
export const descriptorLayout: DescriptorLayout = binding.descriptorLayout;
