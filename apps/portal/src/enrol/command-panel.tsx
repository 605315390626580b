import { Link } from '@tanstack/react-router';
import { Check, CircleDashed, LoaderCircle, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { calendarTime } from '../lib/time.js';
import { Button } from '../ui/button.js';
import { classes } from '../ui/classes.js';
import { CopyButton } from '../ui/copy-button.js';
import { Panel } from '../ui/panel.js';
import { ApproveButton } from './agents-panel.js';
import type { CreatedToken, EnrolAgent } from './enrol.documents.js';
import { type Arrival, arrivals, type Step } from './progress.js';

/** The way of an agent, in the order in which it goes. */
const STEPS = [
  { step: 'waiting', label: 'The command is run' },
  { step: 'approved', label: 'The agent is enrolled' },
  { step: 'online', label: 'It is connected' },
  { step: 'running', label: 'It runs its desired state' },
] as const satisfies { step: Step; label: string }[];

/** How many of {@link STEPS} are behind an agent. */
const DONE: Record<Step, number> = { waiting: 0, pending: 1, approved: 2, online: 3, running: 4, failed: 1 };

function StepIcon({ state }: { state: 'done' | 'now' | 'later' }): ReactNode {
  if (state === 'done') return <Check aria-label="done" className="size-4 text-good" />;
  if (state === 'now')
    return <LoaderCircle aria-label="waiting" className="size-4 animate-spin text-accent" />;
  return <CircleDashed aria-label="later" className="size-4 text-ink-3" />;
}

function Steps({ step }: { step: Step }): ReactNode {
  const done = DONE[step];
  return (
    <ol className="flex flex-wrap gap-x-6 gap-y-2">
      {STEPS.map(({ step: each, label }, index) => {
        const state = index < done ? 'done' : index === done ? 'now' : 'later';
        return (
          <li
            key={each}
            className={classes('flex items-center gap-2 text-sm', state === 'later' && 'text-ink-3')}
          >
            <StepIcon state={state} />
            {label}
          </li>
        );
      })}
    </ol>
  );
}

function ArrivalRow({
  arrival: { agent, step },
  onApproved,
}: {
  arrival: Arrival;
  onApproved: () => void;
}): ReactNode {
  return (
    <li
      className={classes(
        'arrive rounded-md border p-3.5 transition-colors duration-500',
        step === 'running' ? 'border-good bg-good-soft' : 'border-line',
      )}
    >
      <div className="mb-2.5 flex flex-wrap items-center gap-3">
        <p className={classes('text-sm font-semibold', step === 'running' && 'text-good')}>
          {step === 'running' ? `${agent.hostname} is up` : agent.hostname}
        </p>
        {agent.version !== null && <span className="text-xs text-ink-3">version {agent.version}</span>}
        {step === 'pending' && (
          <span className="ml-auto">
            <ApproveButton agent={agent} onApproved={onApproved} />
          </span>
        )}
      </div>
      {step === 'failed' ? (
        <p className="flex items-start gap-2 text-sm text-bad">
          <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          {agent.error ?? 'This agent was revoked.'}
        </p>
      ) : (
        <Steps step={step} />
      )}
    </li>
  );
}

function Arrivals({ found, onApproved }: { found: readonly Arrival[]; onApproved: () => void }): ReactNode {
  if (found.length === 0) {
    return (
      <div className="rounded-md border border-dashed border-line-strong p-3.5">
        <Steps step="waiting" />
      </div>
    );
  }
  return (
    <ul className="space-y-3">
      {found.map((arrival) => (
        <ArrivalRow key={arrival.agent.id} arrival={arrival} onApproved={onApproved} />
      ))}
    </ul>
  );
}

/** The one command, shown once, and the agents that come of it. */
export function CommandPanel({
  created,
  knownBefore,
  agents,
  onApproved,
  onAnother,
}: {
  created: CreatedToken;
  knownBefore: ReadonlySet<string>;
  agents: readonly EnrolAgent[];
  onApproved: () => void;
  onAnother: () => void;
}): ReactNode {
  const { enrollmentToken: token, command } = created;
  const found = arrivals(agents, { siteId: token.site.id, createdAt: token.createdAt }, knownBefore);
  const up = found.some(({ step }) => step === 'running');
  return (
    <Panel
      id="command"
      title={up ? `${token.site.name} is up` : `Run this on the machine at ${token.site.name}`}
      hint={up ? undefined : `until ${calendarTime(new Date(token.expiresAt))}`}
      className={classes('transition-colors duration-500', up && '!border-good')}
      actions={
        <Button small onClick={onAnother}>
          Enrol another
        </Button>
      }
    >
      <div className="space-y-4">
        {!up && (
          <>
            <pre
              tabIndex={0}
              aria-label="The command"
              className="overflow-x-auto rounded-md border border-line bg-sunken p-3.5 font-mono text-xs leading-5 break-all whitespace-pre-wrap select-all"
            >
              {command}
            </pre>
            <div className="flex flex-wrap items-center gap-3">
              <CopyButton text={command} label="Copy the command" />
              <p className="text-xs text-ink-3">
                It holds a secret and is shown this once. If it is lost, revoke it below and make another.
              </p>
            </div>
          </>
        )}
        <div aria-live="polite">
          <Arrivals found={found} onApproved={onApproved} />
        </div>
        {up && (
          <p className="flex flex-wrap gap-x-5 gap-y-1 text-sm">
            <Link to="/fleet" className="font-medium text-accent underline underline-offset-2">
              See it in Fleet
            </Link>
            <Link to="/policy" className="font-medium text-accent underline underline-offset-2">
              Say in the policy what it accelerates
            </Link>
          </p>
        )}
      </div>
    </Panel>
  );
}
