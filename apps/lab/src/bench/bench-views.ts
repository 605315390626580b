import type { BenchDocument, SectionName } from './bench-document.js';
import { connectionsView } from './connections.js';
import { directView } from './direct.js';
import { memoryView } from './memory.js';
import { pingView } from './ping.js';
import { requestsView } from './requests.js';
import type { SectionView } from './section-view.js';
import { sharingView } from './sharing.js';
import { queueView, randomView, vmView } from './transfers-view.js';

/** What each section that was run has to show, in the order of a report. */
export function viewsOf(document: BenchDocument): SectionView[] {
  const runsOf = (workload: string): BenchDocument['runs'] =>
    document.runs.filter((run) => run.workload === workload);
  const views: Readonly<Record<SectionName, () => SectionView>> = {
    random: () => randomView(runsOf('random')),
    queue: () => queueView(runsOf('random'), (link) => document.links[link]?.rttMs ?? Number.NaN),
    vm: () => vmView(runsOf('vm')),
    direct: () => directView(document.direct),
    sharing: () => sharingView(document.sharing),
    ping: () => pingView(document.ping),
    connections: () => connectionsView(document.crowds, document.interactive),
    requests: () => requestsView(document.requests),
    memory: () => memoryView(document.memory),
  };
  return document.sections.map((section) => views[section]());
}
