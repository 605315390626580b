import { KeyRound } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { errorMessage } from '../api/client.js';
import type { EnrollmentToken } from '../api/schema.js';
import { useMay } from '../app/roles.js';
import { count } from '../lib/format.js';
import { ago, calendarTime, relative, useNow } from '../lib/time.js';
import type { Tone } from '../ui/classes.js';
import { ConfirmButton } from '../ui/confirm-button.js';
import { Empty, Panel } from '../ui/panel.js';
import { useBeginning } from '../ui/show-more.js';
import { Badge, Notice } from '../ui/status.js';
import { Table, Td, Th } from '../ui/table.js';
import { RevokeTokenMutation } from './enrol.documents.js';
import { isUsable, tokenStatus } from './token-status.js';

const TONES: Record<string, Tone> = { usable: 'good', revoked: 'bad' };

function TokenRow({
  token,
  nowMs,
  onRevoke,
}: {
  token: EnrollmentToken;
  nowMs: number;
  onRevoke: () => void;
}): ReactNode {
  const mayChange = useMay('agents:write');
  const status = tokenStatus(token, nowMs);
  return (
    <tr>
      <Td>
        <span className="font-medium">{token.name}</span>
        <span className="block text-xs text-ink-3">
          made {ago(new Date(token.createdAt), nowMs)}
          {token.needsApproval && ', needs approval'}
        </span>
      </Td>
      <Td>{token.site.name}</Td>
      <Td>
        <Badge tone={TONES[status] ?? 'neutral'}>{status}</Badge>
      </Td>
      <Td className="num whitespace-nowrap">
        {token.uses} <span className="text-ink-3">of {token.maxUses} times</span>
      </Td>
      <Td className="num whitespace-nowrap text-ink-2" title={calendarTime(new Date(token.expiresAt))}>
        {relative(new Date(token.expiresAt), nowMs)}
      </Td>
      <Td className="num whitespace-nowrap text-ink-2">
        {token.lastUsedAt === null ? 'never' : ago(new Date(token.lastUsedAt), nowMs)}
      </Td>
      <Td right>
        {isUsable(token, nowMs) && (
          <ConfirmButton
            label="Revoke"
            what={token.name}
            title="Revoke this token?"
            disabled={!mayChange}
            onConfirm={onRevoke}
          >
            No agent can enrol with it any more. Agents that it enrolled stay.
          </ConfirmButton>
        )}
      </Td>
    </tr>
  );
}

/** Rows at first; a fleet may have thousands. */
const FIRST_ROWS = 50;

/** Every enrolment token, what it may still do, and its revocation. */
export function TokensPanel({
  tokens,
  onChanged,
}: {
  tokens: readonly EnrollmentToken[];
  onChanged: () => void;
}): ReactNode {
  const nowMs = useNow();
  const { shown, more } = useBeginning(tokens, FIRST_ROWS, `Show more of ${count(tokens.length, 'token')}`);
  const [error, setError] = useState<string>();
  const [, revoke] = useMutation(RevokeTokenMutation);
  const onRevoke = (id: string): void => {
    void revoke({ id }).then((result) => {
      setError(result.error && errorMessage(result.error));
      onChanged();
    });
  };
  return (
    <Panel id="tokens" title="Enrolment tokens" flush>
      {error !== undefined && (
        <div className="p-3">
          <Notice tone="bad" title="Not revoked">
            {error}
          </Notice>
        </div>
      )}
      {tokens.length === 0 ? (
        <Empty icon={<KeyRound className="size-5" />} title="No token yet">
          Choose a site above and create a command; the token in it shows here.
        </Empty>
      ) : (
        <Table
          label="Enrolment tokens"
          head={
            <>
              <Th>Token</Th>
              <Th>Site</Th>
              <Th>Status</Th>
              <Th>Used</Th>
              <Th>Ends</Th>
              <Th>Last used</Th>
              <Th>
                <span className="sr-only">Actions</span>
              </Th>
            </>
          }
        >
          {shown.map((token) => (
            <TokenRow
              key={token.id}
              token={token}
              nowMs={nowMs}
              onRevoke={() => {
                onRevoke(token.id);
              }}
            />
          ))}
        </Table>
      )}
      {more}
    </Panel>
  );
}
