import { auditHead, auditLine } from './audit-lines.js';
import type { AuditEvent } from './operations.js';

const event: AuditEvent = {
  id: '1',
  at: '2026-11-25T08:00:00.000Z',
  actorKind: 'user',
  actorId: '2',
  actorName: 'admin@example.com',
  origin: '192.0.2.7',
  sessionId: null,
  action: 'site.update',
  targetId: '3',
  before: '{"name":"Paris, \\"old\\""}',
  after: null,
};

test('a line of NDJSON holds what changed as it was', () => {
  expect(JSON.parse(auditLine(event, 'ndjson'))).toMatchObject({
    action: 'site.update',
    before: { name: 'Paris, "old"' },
    after: null,
  });
  expect(auditHead('ndjson')).toBeUndefined();
});

test('a line of CSV has as many cells as the head, quoted where needed', () => {
  expect(auditHead('csv')?.split(',')).toHaveLength(11);
  expect(auditLine(event, 'csv')).toBe(
    '2026-11-25T08:00:00.000Z,site.update,user,admin@example.com,2,192.0.2.7,,3,"{""name"":""Paris, \\""old\\""""}",,1',
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)'])('%s is no formula for a spreadsheet', (actorName) => {
  expect(auditLine({ ...event, actorName }, 'csv')).toContain(`,'${actorName},`);
});
