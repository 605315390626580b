import { Server } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import { useMay } from '../app/roles.js';
import { count } from '../lib/format.js';
import { ago, calendarTime, useNow } from '../lib/time.js';
import { useFeed } from '../live/use-feed.js';
import { Button } from '../ui/button.js';
import { ConfirmButton } from '../ui/confirm-button.js';
import { Empty, Panel } from '../ui/panel.js';
import { useBeginning } from '../ui/show-more.js';
import { Notice, Status } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { ApproveAgentMutation, type EnrolAgent, RevokeAgentMutation } from './enrol.documents.js';

/** Lets a pending agent in. */
export function ApproveButton({
  agent,
  onApproved,
}: {
  agent: EnrolAgent;
  onApproved: () => void;
}): ReactNode {
  const [{ fetching, error }, approve] = useMutation(ApproveAgentMutation);
  const mayChange = useMay('agents:write');
  return (
    <span className="inline-flex items-center gap-2">
      {error && (
        <span role="alert" className="text-xs text-bad">
          {errorMessage(error)}
        </span>
      )}
      <Button
        variant="primary"
        small
        busy={fetching}
        disabled={!mayChange}
        aria-label={`Approve ${agent.hostname}`}
        onClick={() => {
          void approve({ id: agent.id }).then(({ data }) => {
            if (data) onApproved();
          });
        }}
      >
        Approve
      </Button>
    </span>
  );
}

function AgentStatus({ agent, online }: { agent: EnrolAgent; online: boolean }): ReactNode {
  if (agent.state === 'REVOKED') return <Status tone="neutral">Revoked</Status>;
  if (agent.state === 'PENDING') return <Status tone="warn">Waits for approval</Status>;
  if (agent.outcome === 'REJECTED') return <Status tone="bad">Rejects its state</Status>;
  if (agent.outcome === 'REVERTED') return <Status tone="bad">Went back to its last good state</Status>;
  return online ? <Status tone="good">Online</Status> : <Status tone="bad">Offline</Status>;
}

function AgentRow({
  agent,
  online,
  nowMs,
  onRevoke,
}: {
  agent: EnrolAgent;
  online: boolean;
  nowMs: number;
  onRevoke: () => void;
}): ReactNode {
  const mayChange = useMay('agents:write');
  return (
    <tr>
      <Td>
        <span className="font-medium whitespace-nowrap">{agent.hostname}</span>
        {agent.version !== null && <span className="block text-xs text-ink-3">version {agent.version}</span>}
      </Td>
      <Td>{agent.site.name}</Td>
      <Td>
        <AgentStatus agent={agent} online={online} />
        {agent.error !== null && <span className="block max-w-72 text-xs text-bad">{agent.error}</span>}
      </Td>
      <Td className="num whitespace-nowrap text-ink-2" title={calendarTime(new Date(agent.enrolledAt))}>
        {ago(new Date(agent.enrolledAt), nowMs)}
      </Td>
      <Td className="num whitespace-nowrap text-ink-2">
        {agent.lastSeenAt === null ? 'never' : ago(new Date(agent.lastSeenAt), nowMs)}
      </Td>
      <Td right>
        {agent.state === 'REVOKED' ? null : (
          <ConfirmButton
            label="Revoke"
            what={agent.hostname}
            disabled={!mayChange}
            title={`Revoke ${agent.hostname}?`}
            onConfirm={onRevoke}
          >
            Its connection to the controller ends within seconds and its peers forget it. Traffic of its site
            then goes straight. To bring the machine back it has to be enrolled again.
          </ConfirmButton>
        )}
      </Td>
    </tr>
  );
}

/** Rows at first; a fleet may have thousands. */
const FIRST_ROWS = 50;

/** Agents with what can be done to them. */
export function AgentsPanel({
  id,
  title,
  agents,
  onChanged,
}: {
  id: string;
  title: string;
  agents: readonly EnrolAgent[];
  onChanged: () => void;
}): ReactNode {
  const nowMs = useNow();
  const { shown, more } = useBeginning(agents, FIRST_ROWS, `Show more of ${count(agents.length, 'agent')}`);
  const { frame } = useFeed();
  const [error, setError] = useState<string>();
  const [, revoke] = useMutation(RevokeAgentMutation);
  const live = new Map(frame?.agents.map(({ agentId, online }) => [agentId, online]));
  const onRevoke = (agentId: string): void => {
    void revoke({ id: agentId }).then((result) => {
      setError(result.error && errorMessage(result.error));
      onChanged();
    });
  };
  if (agents.length === 0) {
    return (
      <Panel id={id} title={title}>
        <Empty icon={<Server className="size-5" />} title="No agent yet">
          Create a command above and run it on the machine at the site.
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel id={id} title={title} flush>
      {error !== undefined && (
        <div className="p-3">
          <Notice tone="bad" title="Not revoked">
            {error}
          </Notice>
        </div>
      )}
      <Table
        label={title}
        head={
          <>
            <Th>Agent</Th>
            <Th>Site</Th>
            <Th>State</Th>
            <Th>Enrolled</Th>
            <Th>Last seen</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </>
        }
      >
        {shown.map((agent) =>
          agent.state === 'PENDING' ? (
            <tr key={agent.id}>
              <Td className="font-medium">{agent.hostname}</Td>
              <Td>{agent.site.name}</Td>
              <Td>
                <AgentStatus agent={agent} online={false} />
              </Td>
              <Td className="num text-ink-2">{ago(new Date(agent.enrolledAt), nowMs)}</Td>
              <Td className="num text-ink-2">
                {agent.lastSeenAt === null ? 'never' : ago(new Date(agent.lastSeenAt), nowMs)}
              </Td>
              <Td right>
                <ApproveButton agent={agent} onApproved={onChanged} />
              </Td>
            </tr>
          ) : (
            <AgentRow
              key={agent.id}
              agent={agent}
              online={live.get(agent.id) ?? agent.online}
              nowMs={nowMs}
              onRevoke={() => {
                onRevoke(agent.id);
              }}
            />
          ),
        )}
      </Table>
      {more}
    </Panel>
  );
}
