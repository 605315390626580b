import { type ReactNode, useMemo } from 'react';
import { useQuery } from 'urql';
import { delay, percent, text } from '../lib/format.js';
import { Table, Td, Th } from '../ui/table.js';
import { WorstLinksQuery } from './fleet.documents.js';
import { type HistoryRange, useHistoryStart } from './history-range.js';

/** The ten links that lost most, where there are several. */
export function WorstLinks({ range }: { range: HistoryRange }): ReactNode {
  const from = useHistoryStart(range);
  const variables = useMemo(() => ({ from }), [from]);
  const [{ data }] = useQuery({ query: WorstLinksQuery, variables, requestPolicy: 'cache-and-network' });
  if (data === undefined || data.worstLinks.length < 2) return null;
  return (
    <div className="mt-5">
      <h3 className="mb-1.5 text-sm font-semibold">Links that lost most</h3>
      <Table
        label="Links that lost most"
        head={
          <>
            <Th>Link</Th>
            <Th right>Lost</Th>
            <Th right>Sent again</Th>
            <Th right>Round trip</Th>
          </>
        }
      >
        {data.worstLinks.map(({ link, lossPct, retransmitPct, rttMs }) => (
          <tr key={link.id}>
            <Td>
              {link.siteA.name} – {link.siteB.name}
            </Td>
            <Td right>{text(percent(lossPct))}</Td>
            <Td right>{text(percent(retransmitPct))}</Td>
            <Td right>{text(rttMs === null ? undefined : delay(rttMs))}</Td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
