import type { PolicyDocument, PolicyRule } from '../api/schema.js';
import type { PolicyNames } from './describe.js';
import { type Draft, draftReducer, emptyDraft } from './draft.js';

/** A stored rule of the given id, its place in the document as its priority. */
export function storedRule(id: string, priority: number, change: Partial<PolicyRule> = {}): PolicyRule {
  const any = { siteIds: [], labels: [], prefixes: [] };
  return {
    id,
    name: `Rule ${id}`,
    priority,
    enabled: true,
    source: any,
    destination: any,
    application: null,
    ports: [],
    action: 'ACCELERATE',
    compression: 'AUTO',
    class: 'BULK',
    weight: 10,
    whenPeerDown: 'PASS',
    rateLimitMbps: null,
    ...change,
  };
}

export const storedDocument = (...ids: string[]): PolicyDocument => ({
  rules: ids.map((id, index) => storedRule(id, (index + 1) * 10)),
});

export const draftOf = (document: PolicyDocument, revision = 1): Draft =>
  draftReducer(emptyDraft(), { type: 'load', revision, document });

export const NAMES: PolicyNames = {
  sites: [
    { id: 'ny', name: 'New York', labels: ['dc'] },
    { id: 'sin', name: 'Singapore', labels: [] },
  ],
  applications: [{ name: 'smb', title: 'Windows file sharing', ports: [{ from: 445, to: 445 }] }],
};
