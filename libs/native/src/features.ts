import { addon, type DescriptorLayout } from './addon.js';

export interface NativeFeatures {
  /** The kernel cuts one send call into packets (UDP_SEGMENT). */
  readonly gso: boolean;
  /** The kernel hands over runs of received packets as one (UDP_GRO). */
  readonly gro: boolean;
  readonly opensslVersion: string;
  readonly lz4Version: string;
  readonly zstdVersion: string;
}

/** What this machine offers, found by trying when the addon was loaded. */
export const features: NativeFeatures = Object.freeze({
  gso: addon.gso,
  gro: addon.gro,
  opensslVersion: addon.opensslVersion,
  lz4Version: addon.lz4Version,
  zstdVersion: addon.zstdVersion,
});

/** Field positions in descriptor records, for comparing with those of whoever writes them. */
export const descriptorLayout: DescriptorLayout = addon.descriptorLayout;
