import type { DescriptorLayout } from '../binding.js';

/** The records of src/addon/addon.h; a spec compares the two. */
export const descriptorLayout: DescriptorLayout = {
  receiveStride: 16,
  sendStride: 20,
  sendFlagMtuProbe: 1,
  receive: {
    offset: 0,
    length: 1,
    familyPort: 2,
    address: 3,
    ecn: 7,
    headerLength: 8,
    keyId: 9,
    packetNumberLow: 10,
    packetNumberHigh: 11,
    result: 12,
    waitedUs: 13,
  },
  send: {
    headerOffset: 0,
    headerLength: 1,
    prefixLength: 2,
    piece1Offset: 3,
    piece1Length: 4,
    piece2Offset: 5,
    piece2Length: 6,
    keyId: 7,
    packetNumberLow: 8,
    packetNumberHigh: 9,
    familyPort: 10,
    address: 11,
    flags: 15,
    tos: 16,
  },
};

export const { receive: Receive, send: Send, receiveStride, sendStride, sendFlagMtuProbe } = descriptorLayout;
