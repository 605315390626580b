import { setTimeout as sleep } from 'node:timers/promises';
import type { LabNetwork, Place } from '../network/lab-network.js';
import { STRETCHED_LAN } from '../network/stretched-lan.js';
import { GUEST_MEMORY_PORT, memoryReportSchema, type MemoryReport } from './guest-memory.js';
import { monotonicMs } from './monotonic-clock.js';

const PROBE_TIMEOUT_MS = 60_000;
/** Time for a handshake over the longest link, with a lost SYN sent again. */
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_POLL_MS = 50;

/** Asks the guest, from the client's place, to compare its memory; `busybox` brings the HTTP client. */
export async function askGuestMemory(network: LabNetwork, busybox: string): Promise<MemoryReport> {
  const url = `http://${STRETCHED_LAN.guest}:${GUEST_MEMORY_PORT}/`;
  const text = await outputOf(network, 'client', [busybox, 'wget', '-q', '-O', '-', url]);
  return memoryReportSchema.parse(JSON.parse(text));
}

/** The congestion control of site a's connection to that address and port, as its kernel has it once it is established. */
export async function readCongestionControl(network: LabNetwork, destination: string): Promise<string> {
  const deadline = monotonicMs() + CONNECT_TIMEOUT_MS;
  do {
    const text = await outputOf(network, 'a', ['ss', '-Htin', 'state', 'established', 'dst', destination]);
    const [, name] = /(\S+) wscale:/.exec(text) ?? [];
    if (name !== undefined) return name;
    await sleep(CONNECT_POLL_MS);
  } while (monotonicMs() < deadline);
  throw new Error(`there is no connection from site a to ${destination}`);
}

function outputOf(network: LabNetwork, place: Place, argv: readonly string[]): Promise<string> {
  const child = network.exec(place, argv);
  let [output, errors] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (output += part));
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (errors += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${argv.join(' ')} ended with ${code ?? 'a signal'}: ${errors.trim()}`));
    });
  });
}
