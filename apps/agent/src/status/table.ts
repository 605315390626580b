import type { AgentReport, TunnelReport } from './report.js';

const COLUMNS: readonly { readonly head: string; readonly cell: (tunnel: TunnelReport) => string }[] = [
  { head: 'PEER', cell: ({ peerName }) => peerName },
  { head: 'STATE', cell: ({ state }) => state },
  { head: 'SENT Mbit/s', cell: ({ sentMbps, encodedSentMbps }) => rate(sentMbps, encodedSentMbps) },
  {
    head: 'RECEIVED Mbit/s',
    cell: ({ receivedMbps, encodedReceivedMbps }) => rate(receivedMbps, encodedReceivedMbps),
  },
  {
    head: 'RTT min/now ms',
    cell: ({ minRttMs, smoothedRttMs }) => `${milliseconds(minRttMs)}/${milliseconds(smoothedRttMs)}`,
  },
  { head: 'LOSS %', cell: ({ lossPct }) => lossPct.toFixed(2) },
  { head: 'RESENT %', cell: ({ retransmitPct }) => retransmitPct.toFixed(2) },
  { head: 'STREAMS', cell: ({ openStreams }) => String(openStreams) },
  { head: 'MTU', cell: ({ mtu }) => String(mtu) },
];

/** The report as a person reads it. Rates are before compression, then after. */
export function formatReport(report: AgentReport): string {
  const { name, version, pid, tunnelPort, interception, activeFlows, source, dataPlaneWorkers } = report;
  const origin = Object.entries(source)
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => `${key} ${String(value)}`);
  const lines = [
    `agent ${name} ${version}, pid ${pid}, up ${duration(Date.now() - report.startedAtMs)}, ${origin.join(', ')}`,
    `${dataPlaneWorkers} data-plane ${dataPlaneWorkers === 1 ? 'worker' : 'workers'}, UDP port ${tunnelPort}, interception ${interception}, ${activeFlows} open connections`,
    '',
    ...table(report.tunnels),
  ];
  return lines.join('\n');
}

function table(tunnels: readonly TunnelReport[]): string[] {
  if (tunnels.length === 0) return ['no peers'];
  const rows = [
    COLUMNS.map(({ head }) => head),
    ...tunnels.map((tunnel) => COLUMNS.map(({ cell }) => cell(tunnel))),
  ];
  const widths = COLUMNS.map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  return rows.map((row) =>
    row
      .map((cell, index) => (index < 2 ? cell.padEnd(widths[index]) : cell.padStart(widths[index])))
      .join('  ')
      .trimEnd(),
  );
}

function rate(before: number, after: number): string {
  return `${before.toFixed(1)} > ${after.toFixed(1)}`;
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : value.toFixed(1);
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
